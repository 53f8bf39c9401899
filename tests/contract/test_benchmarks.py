"""The measurements in the documentation are those of the records that are kept, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from bench import report

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads((report.ROOT / "bench" / "results.schema.json").read_text(encoding="utf-8"))
FILES = sorted(report.RESULTS.glob("*.json"))


@pytest.mark.parametrize("page", report.PAGES, ids=lambda page: page.name)
def test_tables_are_made_from_the_records(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert report.END in text
    assert text == report.filled(text, report.load(report.RESULTS)), "make them anew: python3 -m bench report"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_record_is_as_its_schema_says(file: Path) -> None:
    record = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(record)
    for measurement in record["measurements"]:
        for row in measurement["rows"]:
            assert len(row["values"]) == len(row["load"])


def test_there_are_records() -> None:
    assert FILES
