"""models.yaml as a slip of the hand, or an enemy, would leave it: an error with its place, or models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hal_image.errors import RegistryError
from hal_image.models.registry import load_registry
from tests.fuzz.inputs import call, check, texts, times, values
from tests.unit.models.registry_documents import GOOD

if TYPE_CHECKING:
    import pytest

LINES = GOOD.splitlines(keepends=True)
junk = st.sampled_from(
    ["&a ", "*a", "<<: *a", "- ", "? ", "!!python/object:os.system ", "|", ">", "[", "{", "'", '"', "%", "\t", "..."]
)


def verdict(text: str | bytes) -> None:
    path = Path("m.yaml")
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        registry = load_registry(path)
    except RegistryError as error:
        assert error.code in {"registry_invalid", "registry_unreadable"}
        assert error.hint
        assert "m.yaml" in error.message
    else:
        assert registry.default in registry.models
    finally:
        path.unlink()


@times(1200)
@given(st.data())
def test_a_good_one_with_slips(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        place = data.draw(st.integers(0, len(line)))
        lines[number] = data.draw(
            st.sampled_from(["", line + line, line[:place], " " + line, line.lstrip()])
            | (texts | junk).map(lambda text, line=line, place=place: line[:place] + text + line[place:])  # type: ignore[misc]
            | texts.map(lambda text, line=line: line.partition(":")[0] + ": " + json.dumps(text) + "\n")  # type: ignore[misc]
        )
        if len(lines) < 2:
            break
    verdict("".join(lines))


@times(800)
@given(values.map(lambda value: yaml.safe_dump({"models": {"a": value}, "default": value}, allow_unicode=True)) | texts)
@example("[" * 5000)
@example("a: &a [" + "*a," * 9 + "]")
@example("&a [*a]")
@example("models: &m {x: *m}")
@example("default: !!binary x\nmodels: {}")
@example("models: !!timestamp 2001-99-99")
@example("a: !!int '9__'\n")
@example("models:\n  a: !!float '.'\n")
@example("\ud800")
@example("--- a\n--- b\n")
def test_any_document(text: str) -> None:
    verdict(text)


@times(400)
@given(st.binary(max_size=40))
@example(b"\xff\xfe\x00")
@example(b"\x00")
def test_any_bytes(raw: bytes) -> None:
    verdict(raw)


def test_billions_of_laughs() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    verdict("\n".join(lines))


@times(150)
@given(texts)
@example("\x1b]0;pwned\x07")
@example("\u202e\u2066")
def test_what_a_registry_says_is_shown_not_obeyed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    document = yaml.safe_load(GOOD)
    document["models"]["paint"]["description"] = text
    document["models"]["paint"]["files"][0]["licence"] = text
    path = Path("m.yaml").absolute()
    path.write_text(json.dumps(document))
    monkeypatch.setenv("HAL_REGISTRY", str(path))
    for argv in (["models", "list"], ["models", "show", "paint"], ["models", "list", "--json"], ["doctor"]):
        said = call(argv)
        check(said, argv)
        for line in said.out.decode("utf-8", "surrogateescape").split("\n"):
            assert all(c.isprintable() or "\udc80" <= c <= "\udcff" for c in line), (argv, line)
    path.unlink()
