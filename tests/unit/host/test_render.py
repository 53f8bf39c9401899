from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hal_image.errors import EnvironmentError_, HalError, UsageError
from hal_image.host.render import Output, fail, printable
from hal_image.host.result import Result

ERROR = UsageError("no \x1b[31mred\x1b[0m\nline", code="x", hint="fix\tit")


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert Output("generate").failure(ERROR) == 2
    assert capsys.readouterr().err == "error: no \\x1b[31mred\\x1b[0m\\nline\nhint: fix\\tit\n"
    assert printable("Würfel 立方体 🤖") == "Würfel 立方体 🤖"


def test_a_failure_is_json_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output = Output("generate", as_json=True)
    output.warn("w", "careful")
    output.partial_data = {"images": []}
    assert output.failure(ERROR) == 2
    answer = json.loads(capfdbinary.readouterr().out)
    assert (answer["ok"], answer["error"]["code"], answer["data"]) == (False, "x", {"images": []})
    assert answer["warnings"] == [{"code": "w", "message": "careful"}]


def test_a_warning_may_have_details_for_programs(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output = Output("ps", as_json=True)
    output.warn("w", "careful", {"of": ["dogs"]})
    output.result(Result("ps", {}))
    captured = capfdbinary.readouterr()
    assert json.loads(captured.out)["warnings"] == [{"code": "w", "message": "careful", "details": {"of": ["dogs"]}}]
    assert captured.err == b"warning: careful\n"


def test_lines_only_without_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    result = Result("ps", {"engines": []}, ("none",))
    assert Output("ps").result(result) == 0
    assert capfdbinary.readouterr().out == b"none\n"
    Output("ps", as_json=True).result(result)
    assert json.loads(capfdbinary.readouterr().out)["data"] == {"engines": []}


def test_a_result_with_an_error_shows_both(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    result = Result("doctor", {"failed": ["x"]}, ("fail  x",), error=EnvironmentError_("not in order: x"))
    assert Output("doctor").result(result) == 3
    captured = capfdbinary.readouterr()
    assert captured.out == b"fail  x\n"
    assert captured.err == b"error: not in order: x\n"
    assert Output("doctor", as_json=True).result(result) == 3
    assert json.loads(capfdbinary.readouterr().out)["data"] == {"failed": ["x"]}


@pytest.mark.parametrize(
    ("argv", "command"), [(["--json", "-p"], "generate"), (["models", "--json"], "models"), (["--json"], "generate")]
)
def test_before_the_arguments_are_read(
    capfdbinary: pytest.CaptureFixture[bytes], argv: list[str], command: str
) -> None:
    assert fail(ERROR, argv) == 2
    assert json.loads(capfdbinary.readouterr().out)["command"] == command


def test_a_path_that_is_no_utf8_leaves_as_it_came(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Output("generate").path("/tmp/caf\udce9.png")
    assert capfdbinary.readouterr().out == b"/tmp/caf\xe9.png\n"


@pytest.mark.parametrize("closed", [True, False])
def test_standard_output_that_takes_nothing(monkeypatch: pytest.MonkeyPatch, *, closed: bool) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stdout", None if closed else SimpleNamespace(buffer=full, isatty=lambda: False))
        with pytest.raises(HalError) as caught:
            Output("generate").path("/x.png")
    assert caught.value.code == "stdout_failed"
    assert ("it is closed" if closed else "No space left") in caught.value.message
