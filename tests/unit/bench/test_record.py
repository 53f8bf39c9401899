"""Runs take turns, and each of them is in the file at once, whatever ends the benchmark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.record import Record, ratios, table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_measures_take_turns_and_the_first_round_is_not_counted() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    record = Record({})
    record.compare("part", "what", {"a": lambda: measure("a"), "b": lambda: measure("b")}, 2, base="a")
    assert order == ["a", "b"] * 3
    rows = record.measurements[0]["rows"]
    assert [(row["name"], row["values"]) for row in rows] == [("a", [3, 5]), ("b", [4, 6])]
    assert all(len(row["load"]) == 2 for row in rows)
    assert ratios(record.measurements[0]) == {"a": 1, "b": 5 / 4}


def test_the_file_has_every_run_as_soon_as_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "below" / "record.json"
    seen: list[int] = []

    def measure() -> float:
        found = read(path)["measurements"]
        seen.append(len(found[0]["rows"][0]["values"]) if found else 0)
        return 1.0

    record = Record({"machine": {}}, path)
    record.compare("part", "what", {"a": measure}, 3, warm_up=0)
    assert seen == [0, 1, 2]
    assert read(path)["finished"] is False
    record.finish()
    assert read(path)["finished"] is True
    assert list(tmp_path.rglob("*")) == [path.parent, path]


def test_one_run_may_give_several_numbers_each_with_a_base_of_its_own() -> None:
    record = Record({})
    measures = {"a": lambda: {"wall": 2.0, "beside": 1.0}, "b": lambda: {"wall": 4.0}}
    record.compare("part", "ignored", measures, 1, base={"wall": "b", "beside": None})
    assert [(m["what"], m["base"], len(m["rows"])) for m in record.measurements] == [
        ("wall", "b", 2),
        ("beside", None, 1),
    ]


def test_what_fails_is_noted_and_left_out_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def broken() -> float:
        calls.append(1)
        raise RuntimeError("no such\nthing")

    record = Record({})
    record.compare("part", "what", {"broken": broken, "whole": lambda: 1.0}, 3, base="broken")
    assert len(calls) == 1
    assert record.failed
    assert record.data["notes"] == ["part, broken failed: no such thing"]
    assert [row["name"] for row in record.measurements[0]["rows"]] == ["whole"]
    assert ratios(record.measurements[0]) == {}
    assert "whole" in capsys.readouterr().out


def test_no_run_begins_after_the_time_limit() -> None:
    record = Record({}, time_limit=0)
    record.compare("part", "what", {"a": lambda: 1.0}, 3)
    assert record.measurements == []
    assert "time limit" in record.data["notes"][0]
    assert not record.failed


def test_the_table_has_medians_and_ratios() -> None:
    rows = [{"name": "a", "values": [1.0, 2.0, 9.0]}, {"name": "b", "values": [4.0]}]
    text = table({"what": "what", "model": "sdxl", "unit": "s", "base": "a", "rows": rows})
    assert "what, sdxl, s" in text
    assert text.splitlines()[-1].split() == ["b", "4.000", "4.000", "4.000", "2.00"]
