"""What an agent is told of the objects that calls end with."""

from __future__ import annotations

from hal_image.errors import HalError, JsonObject, ModelError, UsageError
from hal_image.host.mcp import answers
from hal_image.host.result import Warn, envelope


def failed(error: HalError, *warnings: Warn) -> JsonObject:
    told: JsonObject = answers.failed(envelope("generate", {}, warnings, error))["error"]
    return told


def test_an_error_has_what_an_agent_acts_on() -> None:
    error = HalError("it broke", code="node_failed", hint="do that", retryable=True, details={"node_id": "3"})
    told = answers.failed(envelope("generate", {}, [Warn("w", "mind it", {"much": 1})], error))
    assert told == {
        "error": {
            "code": "node_failed",
            "message": "it broke",
            "hint": "do that",
            "retryable": True,
            "details": {"node_id": "3"},
        },
        "warnings": [{"code": "w", "message": "mind it"}],
    }


def test_details_that_are_long_stay_away() -> None:
    assert "details" not in failed(HalError("x", details={"files": ["f" * 100] * 3}))
    assert "details" not in failed(HalError("x"))


def test_hints_are_for_those_without_a_shell() -> None:
    missing = [{"file": "a", "bytes": 2_000_000_000}, {"file": "b", "bytes": 1_500_000_000}]
    error: HalError = ModelError("x", code="model_missing", hint="models pull x", details={"missing": missing})
    assert "whether to download 3.5 GB" in failed(error)["hint"]
    error = HalError("x", code="job_lost", hint="make it anew: hal_generate_image.py -p x")
    assert failed(error)["hint"] == "call generate_image again"


def test_an_option_is_called_as_the_argument() -> None:
    error = UsageError("argument -n/--negative-prompt: expected one argument", hint="see --help")
    assert failed(error)["message"] == "negative_prompt: expected one argument"
    assert failed(error)["hint"] == "correct this argument"
    assert failed(UsageError("argument --steps: 0 is no"))["message"] == "steps: 0 is no"
    assert failed(UsageError("the model x is not there", hint="h"))["hint"] == "h"


def test_how_a_job_stands_that_was_taken_back() -> None:
    cancelled = envelope("generate", {}, [], HalError("x", code="interrupted"))
    assert answers.taken_back("j", cancelled) == {"job": "j", "state": "interrupted"}
    too_late = envelope("generate", {"images": []}, [], None)
    assert answers.taken_back("j", too_late) == {"job": "j", "state": "done"}
    by_id = envelope("jobs", {"jobs": [{"job": "j-1", "verdict": None, "state": "running"}]}, [], None)
    assert answers.taken_back("j", by_id) == {"job": "j-1", "state": "running"}
    unknown = envelope("jobs", {}, [], UsageError("no", code="job_unknown"))
    assert answers.taken_back("j", unknown)["error"]["code"] == "job_unknown"


def test_a_list_of_jobs_has_the_latest() -> None:
    facts = {"state": "running", "model": "m", "prompt": "p", "path": None, "seed": 1}
    jobs = [{**facts, "job": str(number), "verdict": "done" if number < 19 else None} for number in range(20)]
    told = answers.jobs(envelope("jobs", {"jobs": jobs}, [], None), [])["jobs"]
    assert len(told) == answers.MOST_JOBS
    assert told[-1] == {"job": "19", "state": "running", "model": "m", "prompt": "p", "path": None}
    assert {job["state"] for job in told[:-1]} == {"done"}
