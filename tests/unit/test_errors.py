"""Errors go over the wire and into the JSON output, and come back as what they were."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from hal_image import errors
from hal_image.errors import HalError, error_from_json

FACTS: dict[str, Any] = {"hint": "do this", "retryable": True, "details": {"log": "/x.log"}}


@pytest.mark.parametrize(
    "error",
    [
        errors.HalError("m", code="job_lost", **FACTS),
        errors.UsageError("m", code="prompt_missing", **FACTS),
        errors.RegistryError("m", **FACTS),
        errors.RegistryError("m", code="registry_unreadable"),
        errors.EnvironmentError_("m", code="disk_full"),
        errors.ModelError("m", code="model_missing"),
        errors.TimeoutError_("m", **FACTS),
        errors.PartialBatchError("m", details={"failed": [3]}),
        errors.InterruptedError_("m", signal_number=signal.SIGTERM, hint="again"),
        errors.InternalError("m", **FACTS),
        errors.InternalError("m", code="wire_version"),
    ],
    ids=lambda error: f"{type(error).__name__}-{error.code}",
)
def test_an_error_comes_back_as_it_was(error: HalError) -> None:
    back = error_from_json(error.to_json())
    assert type(back) is type(error)
    assert back.to_json() == error.to_json()


def test_a_code_of_a_newer_version_keeps_its_exit_code() -> None:
    back = error_from_json({"code": "not_thought_of_yet", "exit_code": 3, "message": "m"})
    assert (type(back), back.code, back.exit_code) == (errors.EnvironmentError_, "not_thought_of_yet", 3)


def test_an_error_without_anything_is_one_all_the_same() -> None:
    assert error_from_json({}).to_json() == HalError("failed").to_json()
