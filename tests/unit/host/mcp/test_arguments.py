"""The arguments of the tools against the options of the command line."""

from __future__ import annotations

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import generate_parser
from hal_image.host.mcp import arguments
from hal_image.host.mcp.arguments import ARGUMENTS, LEFT_OUT, Argument


def test_every_option_is_an_argument_or_left_out_for_a_reason() -> None:
    options = {action.dest for action in generate_parser("mcp")._actions} - {"help", "version"}
    named = [argument.name for argument in ARGUMENTS]
    assert sorted([*named, *LEFT_OUT]) == sorted(options), "a line in ARGUMENTS, or a reason in LEFT_OUT"
    assert all(LEFT_OUT.values())


def test_flags_are_flags_and_the_others_are_not() -> None:
    flags = {action.dest for action in generate_parser("mcp")._actions if action.nargs == 0}
    assert {argument.name for argument in ARGUMENTS if argument.kind == "boolean"} == flags - LEFT_OUT.keys() - {
        "help",
        "version",
    }


def test_what_nobody_describes_anew_is_as_in_help() -> None:
    properties = arguments.schema()
    assert properties["steps"] == {"type": "integer", "description": "sampling steps"}
    assert all(value["description"] and "%" not in value["description"] for value in properties.values())


def test_options_are_written_so_that_the_command_line_reads_them() -> None:
    given = {
        "prompt": "--help",
        "output": "-x.png",
        "steps": 20.0,
        "cfg": 6.5,
        "seed": 2**63,
        "no_clobber": True,
        "download": True,
        "model": None,
        "wait_s": 3,
    }
    written = arguments.command_line(given)
    options = generate_parser("mcp").parse_args(written)
    assert (options.prompt, options.output, options.steps, options.cfg) == ("-", "-x.png", 20, 6.5)
    assert (options.seed, options.no_clobber, options.no_download, options.model) == (2**63, True, False, None)
    assert generate_parser("mcp").parse_args(arguments.command_line({"no_clobber": False})).no_download is True


def test_an_option_that_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "ARGUMENTS", (Argument("sampler", "strings", "which"),))
    assert arguments.schema()["sampler"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "which",
    }
    assert arguments.command_line({"sampler": ["a", "b:0.5"]})[1:] == ["--sampler=a", "--sampler=b:0.5"]
    assert arguments.command_line({"sampler": "a"})[1:] == ["--sampler=a"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": ["x"]}, "model: it is neither a text nor a number"),
        ({"steps": True}, "steps: it is neither a text nor a number"),
        ({"model": "a\0b"}, "model: it has characters that no text has"),
        ({"model": "\ud800"}, "model: it has characters that no text has"),
        ({"no_clobber": "yes"}, "no_clobber: it is neither true nor false"),
        ({"download": 1}, "download: it is neither true nor false"),
    ],
)
def test_what_is_no_value_is_told(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        arguments.command_line(given)
    assert caught.value.message == said
    assert caught.value.hint


def test_names_are_checked() -> None:
    arguments.check_names({"job": "x"}, {"job": {}})
    with pytest.raises(UsageError) as caught:
        arguments.check_names({"id": "x"}, {"job": {}})
    assert caught.value.hint == "the arguments are: job"
    with pytest.raises(UsageError) as caught:
        arguments.check_names({"id": "x"}, {})
    assert caught.value.hint == "the arguments are: none"
