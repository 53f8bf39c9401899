"""What is told before anything is prepared, and how a part that fails is told."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from bench import cli
from bench.options import parse
from bench.record import Record
from bench.session import Session


def test_weights_that_cannot_be_made_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "prepare_engine", lambda *_: pytest.fail("something was prepared"))
    assert cli.main(["warm", "--cpu", "--models", "flux-dev-fp16"]) == 2
    assert "'flux-dev-fp16'; use it with --models-dir" in capsys.readouterr().err


def test_a_part_that_fails_is_noted_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def broken(_: Session) -> None:
        raise RuntimeError("it broke")

    for name, measure in (("cli", broken), ("boot", lambda _: ran.append("boot"))):
        module: Any = ModuleType(name)
        module.measure = measure
        monkeypatch.setitem(sys.modules, f"bench.parts.{name}", module)
    given = parse(["cli", "boot"], gpu=False)
    nothing: Any = None
    session = Session(nothing, Record({}), given, ("sd15",))
    cli.measure(session)
    assert ran == ["boot"]
    assert session.record.failed
    assert session.record.data["notes"] == ["cli failed: it broke"]
