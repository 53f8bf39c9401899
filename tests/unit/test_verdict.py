from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

import hal_image
from hal_image.verdict import Verdict, of_error


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("cancelled", "interrupted"),
        ("interrupted", "interrupted"),
        ("timeout", "timed_out"),
        ("prepare_timeout", "timed_out"),
        ("engine_lost", "lost"),
        ("job_lost", "lost"),
        ("comfyui_crashed", "crashed"),
        ("out_of_memory", "failed"),
        ("a code of the future", "failed"),
        (None, "failed"),
    ],
)
def test_every_error_has_a_verdict(code: object, verdict: str) -> None:
    assert of_error(code) == verdict


def test_the_words_are_those_of_the_schema() -> None:
    schema = Path(hal_image.__file__).parent / "schemas" / "result.schema.json"
    assert json.loads(schema.read_text(encoding="utf-8"))["$defs"]["verdict"]["enum"] == list(get_args(Verdict))
