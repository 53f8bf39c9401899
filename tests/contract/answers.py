"""What holds for every answer of the tool, whichever test has asked for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hal_image.error_catalogue import ERRORS, OF_A_JOB, WARNINGS
from tests.contract import error_reference, schemas

if TYPE_CHECKING:
    import jsonschema

Call = Callable[..., tuple[int, dict[str, Any]]]
"""The fixture ``call``: runs the command line with ``--json``; returns the exit code and the object."""


@lru_cache
def _published(name: str) -> jsonschema.Draft202012Validator:
    return schemas.validator(name)


@lru_cache
def _strict(name: str, part: str | None = None) -> jsonschema.Draft202012Validator:
    return schemas.strict(name, part)


def check_lines(lines: list[dict[str, Any]]) -> None:
    """Holds the lines of ``--jsonl`` against their schemas: events, and at last the answer."""
    for event in lines[:-1]:
        check_event(event)
    check_answer(lines[-1])


def check_event(event: dict[str, Any]) -> None:
    """Holds an event against the schema, as it is published and with no field unnamed."""
    if event["event"] == "result":  # a line of a batch, which says what an answer says
        _strict("result", "batch_result").validate(event)
        return
    _published("event").validate(event)
    _strict("event", event["event"]).validate(event)


def check_answer(answer: dict[str, Any]) -> None:
    """Holds an answer against the schema, as it is published and with no field unnamed, and against the catalogue."""
    _published("result").validate(answer)
    _strict("result").validate(answer)
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
    assert error["details"].keys() <= entry.details.keys() | OF_A_JOB.keys(), error
    assert bool(error["hint"]) is not bool(entry.without_hint), error
    assert "\n" not in error["message"] + error["hint"], error


def check(answer: dict[str, Any], command: str, *, ok: bool = True) -> Any:
    """Holds an answer against all that is promised of one; returns its data."""
    check_answer(answer)
    assert answer["command"] == command
    assert answer["ok"] is ok
    return answer["data"]
