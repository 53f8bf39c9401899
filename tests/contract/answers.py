"""What holds for every answer of the tool, whichever test has asked for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hal_image.error_catalogue import ERRORS, WARNINGS
from tests.contract import error_reference, schemas

if TYPE_CHECKING:
    import jsonschema


@lru_cache
def _published() -> jsonschema.Draft202012Validator:
    return schemas.validator("result")


@lru_cache
def _strict() -> jsonschema.Draft202012Validator:
    return schemas.strict("result")


def check_answer(answer: dict[str, Any]) -> None:
    """Holds an answer against the schema, as it is published and with no field unnamed, and against the catalogue."""
    _published().validate(answer)
    _strict().validate(answer)
    for warning in answer["warnings"]:
        known = WARNINGS[warning["code"]]
        assert warning.get("details", {}).keys() <= known.details.keys(), warning
    error = answer["error"]
    if error is None:
        return
    entry = ERRORS[error["code"]]
    exit_code = error_reference.exit_code_of(entry)
    assert error["exit_code"] == exit_code or error["exit_code"] > exit_code == 128, error
    assert entry.retry == "depends" or error["retryable"] is (entry.retry == "yes"), error
    assert error["details"].keys() <= entry.details.keys(), error
    assert bool(error["hint"]) is not bool(entry.without_hint), error
    assert "\n" not in error["message"] + error["hint"], error
