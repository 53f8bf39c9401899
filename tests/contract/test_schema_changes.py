"""A schema may grow. Whatever else becomes of it needs a new version, which the kept copies of this one tell.

The copies in ``golden_schemas`` are what readers were promised. A field that is added need not be added there; a new
version gets copies of its own.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host import metadata
from hal_image.host.result import SCHEMA_VERSION
from tests.contract import schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN = Path(__file__).parent / "golden_schemas"
VERSIONS = {"result": SCHEMA_VERSION, "event": SCHEMA_VERSION, "picture": metadata.SCHEMA_VERSION}

Schema = dict[str, Any]


def kept(name: str) -> Schema:
    loaded: Schema = json.loads((GOLDEN / f"{name}.v{VERSIONS[name]}.schema.json").read_text(encoding="utf-8"))
    return loaded


def broken(old: Schema, new: Schema, place: str = "") -> Iterator[str]:
    """What a reader of ``old`` would miss or misread in what ``new`` describes, each as where and what."""
    if types(old) and not (types(new) and types(new) <= types(old)):
        yield f"{place}: another type"
    for word in ("const", "$ref", "pattern"):
        if word in old and old[word] != new.get(word):
            yield f"{place}: another {word}"
    for name in old.get("required", []):
        if name not in new.get("required", []):
            yield f"{place}.{name}: not always there any more"
    for part in ("properties", "$defs"):
        for name, field in old.get(part, {}).items():
            if name not in new.get(part, {}):
                yield f"{place}.{name}: gone"
            else:
                yield from broken(field, new[part][name], f"{place}.{name}")
    if "items" in old:
        yield from broken(old["items"], new.get("items", {}), f"{place}[]")


def types(schema: Schema) -> set[str]:
    """The JSON types that a value may have; an integer is a number, too. None where the schema does not say."""
    given = schema.get("type", [])
    named = {given} if isinstance(given, str) else set(given)
    return named | ({"integer"} if "number" in named else set())


@pytest.mark.parametrize("name", VERSIONS)
def test_what_readers_rely_on_is_still_so(name: str) -> None:
    assert list(broken(kept(name), schemas.load(name))) == [], (
        "add instead of changing, or raise the version and keep a copy of the new schema beside the others"
    )


def test_the_version_in_the_schema_is_that_of_the_code() -> None:
    for name in ("result", "picture"):
        assert schemas.load(name)["properties"]["schema_version"] == {"const": VERSIONS[name]}


def changed(change: Callable[[Schema], None]) -> list[str]:
    new = copy.deepcopy(kept("result"))
    change(new)
    return list(broken(kept("result"), new))


def test_a_change_is_found() -> None:
    def image(schema: Schema) -> Any:
        return schema["$defs"]["image"]

    changes: dict[str, Callable[[Schema], None]] = {
        ".image.path: gone": lambda schema: image(schema)["properties"].pop("path"),
        ".image.seed: not always there any more": lambda schema: image(schema)["required"].remove("seed"),
        ".image.width: another type": lambda schema: image(schema)["properties"]["width"].update(type="string"),
        ".image.bytes: another type": lambda schema: image(schema)["properties"]["bytes"].update(
            type=["integer", "null"]
        ),
        ".image: gone": lambda schema: schema["$defs"].pop("image"),
        ".warnings[]: another $ref": lambda schema: schema["properties"]["warnings"]["items"].update({"$ref": "#"}),
        ".schema_version: another const": lambda schema: schema["properties"]["schema_version"].update(const=2),
    }
    for found, change in changes.items():
        assert changed(change) == [found]


def test_an_addition_is_none() -> None:
    def add(schema: Schema) -> None:
        schema["$defs"]["image"]["properties"]["format"] = {"type": "string"}
        schema["$defs"]["image"]["required"].append("format")
        schema["$defs"]["batch_data"] = {"type": "object"}
        schema["$defs"]["request"]["properties"]["guidance"]["type"] = ["number"]

    assert changed(add) == []
