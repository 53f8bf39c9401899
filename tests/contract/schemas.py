"""The JSON Schemas that come with the package, as tests need them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema

import hal_image

FOLDER = Path(hal_image.__file__).parent / "schemas"

Schema = dict[str, Any]


def load(name: str) -> Schema:
    """The schema in ``<name>.schema.json``."""
    loaded: Schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def validator(name: str) -> jsonschema.Draft202012Validator:
    """A validator for the schema as it is published."""
    return jsonschema.Draft202012Validator(load(name))


def strict(name: str, part: str | None = None) -> jsonschema.Draft202012Validator:
    """A validator that refuses what the schema does not name, so that no field goes undocumented.

    The schemas themselves allow more: adding a field is no change of version.

    Args:
        name: as for ``load``.
        part: a name in its ``$defs``; the whole schema without it.
    """
    closed = close(load(name))
    if part is not None:
        closed = {"$schema": closed["$schema"], "$ref": f"#/$defs/{part}", "$defs": closed["$defs"]}
    return jsonschema.Draft202012Validator(closed)


def close(schema: Any) -> Any:
    """A copy in which objects have no other properties than those that are named."""
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return copy.deepcopy(schema)
    closed = {key: close(value) for key, value in schema.items()}
    # Only where "type" stands beside "properties" does the schema describe an object; elsewhere it adds a condition.
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and "required" in schema:
        closed.setdefault("additionalProperties", False)
    return closed
