"""Editors check models.yaml with the JSON Schema, we with the strict parser: both must say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import hal_image
from hal_image import request
from hal_image.models import registry_parser
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.types import EXTRA_ROLES, FOLDERS, SIZE_MULTIPLE
from tests.unit.models.registry_documents import BAD, GOOD, GOOD_EXTRAS, GOOD_SD3, Bad

PATH = Path(hal_image.__file__).parent / "schemas" / "models.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_our_models_are_valid(validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(yaml.safe_load(default_registry_path().read_text(encoding="utf-8")))


def test_the_example_of_the_documentation_is_valid(validator: jsonschema.Draft202012Validator, tmp_path: Path) -> None:
    page = (default_registry_path().parent / "docs" / "reference" / "models-yaml.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    validator.validate(yaml.safe_load(example))
    own = tmp_path / "own.yaml"
    own.write_text(example, encoding="utf-8")
    merged = load_registry(default_registry_path(), [own])
    assert merged.default == "my-paint"


def test_our_models_name_the_schema() -> None:
    path = default_registry_path()
    first, _ = path.read_text(encoding="utf-8").split("\n", 1)
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).samefile(PATH)


@pytest.mark.parametrize(
    "text",
    [GOOD, GOOD_SD3, GOOD_EXTRAS, "default: sdxl\n", "models: {}\n"],
    ids=["whole", "sd3", "extras", "default", "no models"],
)
def test_what_the_parser_takes_is_valid(validator: jsonschema.Draft202012Validator, text: str) -> None:
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.schema_refuses], ids=lambda bad: bad.name)
def test_what_the_parser_refuses_is_invalid(validator: jsonschema.Draft202012Validator, bad: Bad) -> None:
    # tests/unit/models/test_registry.py holds the parser to refusing every one of them
    assert not validator.is_valid(yaml.safe_load(bad.text))


@pytest.mark.parametrize("bad", [bad for bad in BAD if not bad.schema_refuses], ids=lambda bad: bad.name)
def test_what_only_the_parser_can_see(validator: jsonschema.Draft202012Validator, bad: Bad) -> None:
    try:
        document = yaml.safe_load(bad.text)
    except yaml.YAMLError:
        return  # the editor's YAML reader refuses it before any schema
    assert validator.is_valid(document), "the schema sees it: say so in BAD"


def test_words_patterns_and_limits_are_the_parsers(schema: dict[str, Any]) -> None:
    file, defaults, side = (schema["$defs"][name] for name in ("file", "defaults", "side"))
    model, source = schema["$defs"]["model"], schema["$defs"]["source"]
    assert schema["properties"]["models"]["propertyNames"]["pattern"] == registry_parser.MODEL_NAME
    assert schema["properties"]["default"]["pattern"] == registry_parser.MODEL_NAME
    assert schema["properties"]["default_without_gpu"]["pattern"] == registry_parser.MODEL_NAME
    assert model["properties"]["description"]["pattern"] == registry_parser.ONE_LINE
    assert model["properties"]["family"]["enum"] == list(registry_parser.FAMILIES)
    assert model["properties"]["min_vram_gb"]["maximum"] == registry_parser.MAX_VRAM_GB
    assert file["properties"]["role"]["enum"] == list(FOLDERS)
    assert file["properties"]["name"]["pattern"] == registry_parser.FILE_NAME
    assert file["properties"]["sha256"]["pattern"] == registry_parser.SHA256
    assert file["properties"]["licence"]["pattern"] == registry_parser.ONE_LINE
    assert file["properties"]["bytes"]["maximum"] == registry_parser.MAX_BYTES
    bundled, address, hub = source["then"], source["else"]["else"]["then"], source["else"]["else"]["else"]
    local = source["else"]["then"]
    assert local["properties"]["file"]["pattern"] == registry_parser.LOCAL_PATH
    assert hub["properties"]["repo"]["pattern"] == registry_parser.REPO
    assert hub["properties"]["path"]["pattern"] == registry_parser.REPO_PATH
    assert hub["properties"]["revision"]["pattern"] == registry_parser.REVISION
    assert address["properties"]["url"]["pattern"] == registry_parser.URL
    assert bundled["properties"]["bundled"]["pattern"] == registry_parser.MODEL_NAME
    extra = schema["$defs"]["extra"]
    assert extra["properties"]["description"]["pattern"] == registry_parser.ONE_LINE
    assert extra["properties"]["family"]["enum"] == list(registry_parser.FAMILIES)
    assert extra["properties"]["control"]["pattern"] == registry_parser.CONTROL
    assert extra["properties"]["kind"]["enum"] == list(EXTRA_ROLES)
    assert model["properties"]["kind"]["enum"] == ["checkpoint", *EXTRA_ROLES]
    assert defaults["properties"]["sampler"]["enum"] == list(request.SAMPLERS)
    assert defaults["properties"]["scheduler"]["enum"] == list(request.SCHEDULERS)
    assert defaults["properties"]["steps"]["maximum"] == request.MAX_STEPS
    assert defaults["properties"]["cfg"]["maximum"] == request.MAX_CFG
    assert defaults["properties"]["guidance"]["maximum"] == request.MAX_GUIDANCE
    assert (side["minimum"], side["maximum"]) == (request.MIN_SIDE, request.MAX_SIDE)


def test_roles_and_multiples_are_the_parsers(schema: dict[str, Any]) -> None:
    folders = {
        rule["if"]["properties"]["role"]["const"]: tuple(rule["then"]["properties"]["folder"]["enum"])
        for rule in schema["$defs"]["file"]["allOf"]
    }
    assert folders == FOLDERS
    roles = {
        rule["if"]["properties"]["kind"]["const"]: rule["then"]["properties"]["files"]["contains"]["properties"][
            "role"
        ]["const"]
        for rule in schema["$defs"]["extra"]["allOf"]
    }
    assert roles == EXTRA_ROLES
    multiples = {
        rule["if"]["properties"]["family"]["const"]: {
            rule["then"]["properties"]["defaults"]["properties"][side]["multipleOf"] for side in ("width", "height")
        }
        for rule in schema["$defs"]["model"]["allOf"]
    }
    assert multiples == {family: {multiple} for family, multiple in SIZE_MULTIPLE.items()}
