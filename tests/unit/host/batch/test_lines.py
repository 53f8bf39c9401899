from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host.arguments import generate_parser, parse
from hal_image.host.batch.lines import FIELDS, FLAGS, NOT_IN_A_BATCH, OF_THE_CALL, Line, understand
from hal_image.host.batch.source import RawLine

if TYPE_CHECKING:
    from pathlib import Path


def line(raw: bytes | str | dict[str, Any], *call: str) -> Line:
    data = raw if isinstance(raw, bytes) else (json.dumps(raw) if isinstance(raw, dict) else raw).encode()
    return understand(RawLine(3, data, too_long=False), parse(["batch", "-", *call], "hal"))


def options(raw: str | dict[str, Any], *call: str) -> dict[str, Any]:
    found = line(raw, *call)
    assert found.error is None, found.error
    return vars(found.options)


def complaint(raw: bytes | str | dict[str, Any]) -> str:
    found = line(raw)
    assert found.options is None
    assert found.error is not None
    assert found.error.hint
    return found.error.message


@pytest.mark.parametrize(
    "text", ["a red cube", "# no comment", "  two  blanks ", '"quoted"', "[x]", "a\0b \x1b[31m", "-"]
)
def test_a_line_is_a_prompt_as_it_stands(text: str) -> None:
    found = line(text, "--steps", "3")
    assert (found.prompt, found.error, found.number) == (text, None, 3)
    assert found.options is not None
    assert found.options.steps == 3


def test_every_option_of_a_picture_is_a_field_or_has_a_reason_not_to_be() -> None:
    of_a_picture = {action.dest for action in generate_parser("hal")._actions} - {"help", "version"}
    assert of_a_picture | {"resume"} == {*FIELDS, *OF_THE_CALL, *NOT_IN_A_BATCH}
    assert not NOT_IN_A_BATCH.keys() & vars(parse(["batch", "-"], "hal")).keys()
    assert not set(FIELDS) & OF_THE_CALL.keys()
    flags = {action.dest for action in generate_parser("hal")._actions if action.nargs == 0}
    assert flags & set(FIELDS) == set(FLAGS)
    assert set(FIELDS) - {"prompt", "prompt_file"} <= vars(parse(["batch", "-"], "hal")).keys()


def test_a_line_can_have_a_workflow_with_settings_and_no_prompt() -> None:
    said = {"workflow": "a.json", "set": {"3.steps": 20, "6.text": {"a": [1, {"b": 2}]}}}
    found = line(said, "--set", "3.cfg=2")
    assert (found.prompt, found.error) == (None, None)
    assert found.options is not None
    assert [(one.target, one.value) for one in found.options.set] == [
        ("3.cfg", 2), ("3.steps", 20), ("6.text", {"a": [1, {"b": 2}]}),
    ]  # fmt: skip
    assert line({"workflow": "a.json", "prompt": ""}).prompt == ""
    assert line("a red cube", "--workflow", "a.json").prompt == "a red cube"


@pytest.mark.parametrize("value", [3, "3.steps=4", [], ["3.steps=4"], {"steps": 4}, {".steps": 4}, {"3.": 4}, True])
def test_settings_of_a_line_are_an_object(value: object) -> None:
    assert complaint({"workflow": "a.json", "set": value}).startswith("set: ")


def test_fields_are_options_as_a_person_writes_them() -> None:
    said = {
        "prompt": "--x", "negative-prompt": "", "model": "sd15", "size": "768×512", "steps": "30", "cfg": 7.5,
        "guidance": 3, "sampler": "euler", "scheduler": "karras", "seed": 2**64 - 1, "count": 2, "output": "-x.png",
        "no_clobber": True, "low-vram": False,
    }  # fmt: skip
    found = options(said, "--low-vram")
    expected = {
        "prompt": "--x", "negative_prompt": "", "model": "sd15", "size": (768, 512), "steps": 30, "cfg": 7.5,
        "guidance": 3.0, "sampler": "euler", "scheduler": "karras", "seed": 2**64 - 1, "count": 2, "output": "-x.png",
        "no_clobber": True, "low_vram": False,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_a_line_goes_over_the_call_and_null_says_nothing() -> None:
    assert options({"prompt": "x", "steps": None}, "--steps", "4")["steps"] == 4
    assert options({"prompt": "x", "steps": 5}, "--steps", "4")["steps"] == 5
    assert options({"prompt": "x"}, "--no-clobber", "-n", "ugly")["negative_prompt"] == "ugly"


def test_a_size_of_the_line_replaces_sides_of_the_call_and_the_other_way_round() -> None:
    found = options({"prompt": "x", "size": 64}, "-W", "128", "-H", "256")
    assert (found["size"], found["width"], found["height"]) == ((64, 64), None, None)
    found = options({"prompt": "x", "width": 128}, "--size", "64")
    assert (found["size"], found["width"], found["height"]) == (None, 128, None)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ('{"prompt": "x", "steps": "many"}', "steps: 'many' is no whole number; give 1 to 10000"),
        ('{"prompt": "x", "steps": 1.5}', "steps: '1.5' is no whole number"),
        ('{"prompt": "x", "width": 1}', "width: 1 is out of range"),
        ('{"prompt": "x", "steps": true}', "steps: true is no value for it"),
        ('{"prompt": "x", "steps": [1]}', "steps: a list is no value for it"),
        ('{"prompt": {"a": 1}}', "prompt: an object is no value for it"),
        ('{"prompt": "x", "cfg": NaN}', "NaN is no value in JSON"),
        ('{"prompt": "x", "seed": 1' + "0" * 5000 + "}", "begins as JSON and is none"),
        ('{"prompt": "x", "no_clobber": "yes"}', "no_clobber: yes is neither true nor false"),
        ('{"prompt": "x", "stepz": 1}', "stepz: there is no such field"),
        ('{"prompt": "x", "' + "y" * 999 + '": 1}', "y" * 40 + "…: there is no such field"),
        ('{"prompt": "x", "engine": "local"}', "engine: a line cannot have it: one engine makes the whole batch"),
        ('{"prompt": "x", "vary": "steps=1,2"}', "vary: a line cannot have it: a grid is one call of its own"),
        ('{"prompt": "x", "keep-alive": 0}', "keep_alive: a line cannot have it"),
        ('{"prompt": "x", "negative_prompt": "a", "negative-prompt": "b"}', "negative_prompt is given twice"),
        ('{"prompt": "x", "prompt": "y"}', "prompt is given twice"),
        ('{"prompt": "x", "id": [1]}', "id: it is a text"),
        ('{"prompt": "x", "id": "' + "y" * 201 + '"}', "id: it is a text of at most 200 characters"),
        ('{"prompt": "x", "output": "a\\u0000b"}', "output: it has characters"),
        ('{"prompt": "x\\ud800"}', "prompt: it has characters"),
        ('{"prompt": "x", "prompt_file": "y"}', "exclude each other"),
        ('{"prompt_file": "/nothing/there"}', "cannot read the prompt file"),
        ("{}", "no prompt was given"),
        ('{"prompt": "x"', "begins as JSON and is none: Expecting ',' delimiter, at character 15"),
        ('{"prompt": "x"} {"prompt": "y"}', "begins as JSON and is none: Extra data"),
        ("{red|blue} cube", "begins as JSON and is none"),
        ('{"prompt": ' + "[" * 100_000, "begins as JSON and is none"),
        (b"gr\xfcn", "the line is not UTF-8 (its byte 2)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_said(raw: str | bytes, says: str) -> None:
    assert says in complaint(raw)


def test_a_line_that_is_too_long_is_said() -> None:
    found = understand(RawLine(1, b"x" * 10, too_long=True), parse(["batch", "-"], "hal"))
    assert found.error is not None
    assert "longer than 1 MB" in found.error.message


def test_a_bad_line_keeps_its_name() -> None:
    assert line('{"id": "seven", "steps": 0, "prompt": "x"}').id == "seven"
    assert line('{"id": 7, "prompt": "x"}').id == 7
    assert line('{"id": null, "prompt": "x"}').id is None


def test_a_line_is_known_again_by_what_it_says(tmp_path: Path) -> None:
    assert line("a cube").digest == line("a cube").digest != line("a cubf").digest
    file = tmp_path / "prompt.txt"
    file.write_text("a cube")
    first = line({"prompt_file": str(file)})
    file.write_text("a ball")
    assert line({"prompt_file": str(file)}).digest != first.digest


def test_what_may_be_given_several_times_is_a_text_or_a_list_and_replaces_that_of_the_call() -> None:
    call = ("--lora", "ink")
    assert options("a cube", *call)["lora"] == [("ink", 1.0, 1.0)]
    assert options({"prompt": "x"}, *call)["lora"] == [("ink", 1.0, 1.0)]
    assert options({"prompt": "x", "lora": "fog:0.5"}, *call)["lora"] == [("fog", 0.5, 0.5)]
    assert options({"prompt": "x", "lora": ["fog", "-a:0.5:1"]}, *call)["lora"] == [
        ("fog", 1.0, 1.0),
        ("-a", 0.5, 1.0),
    ]
    assert options({"prompt": "x", "lora": []}, *call)["lora"] is None
    assert options({"prompt": "x", "control": ["canny:a.png:0.5"]})["control"][0][:4] == ("canny", None, "a.png", 0.5)
    assert complaint({"prompt": "x", "lora": {"name": "ink"}}).startswith("lora: an object")
    assert complaint({"prompt": "x", "lora": [["ink"]]}).startswith("lora: a list")
    assert complaint({"prompt": "x", "lora": "ink:20"}).startswith("lora: 20 is out of range")
