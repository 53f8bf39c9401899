from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host import completion, preset_files, presets
from hal_image.host.arguments import generate_parser, parse
from hal_image.host.batch.lines import FIELDS, Line, understand
from hal_image.host.batch.source import RawLine
from hal_image.host.materials import Materials

if TYPE_CHECKING:
    from pathlib import Path

PRESETS = """\
presets:
  portrait:
    description: Faces
    prompt_prefix: "portrait of "
    prompt_suffix: soft light
    negative_prompt: blurry
    model: sd15
    width: 512
    height: 768
    steps: 30
    low_vram: true
  draft:
    size: 256
    steps: 4
    cfg: 5
    count: 2
    negative_prompt: dark
  texts:
    prompt_suffix: ", on a table"
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.delenv("HAL_PRESETS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = paths.default_user_presets()
    found.parent.mkdir(parents=True)
    found.write_text(PRESETS)
    return found


def options(*argv: str) -> argparse.Namespace:
    return presets.applied(parse(["-p", "x", *argv], "hal"))


def texts(*argv: str, prompt: str = "a sailor") -> tuple[str | None, str | None]:
    """The negative prompt and the prompt."""
    found, worded = presets.reworded(options(*argv), prompt)
    return found.negative_prompt, worded


def line(said: dict[str, Any] | str, *call: str) -> Line:
    raw = said if isinstance(said, str) else json.dumps(said)
    applied = presets.applied(parse(["batch", "-", *call], "hal"))
    return understand(RawLine(1, raw.encode(), too_long=False), applied)


def line_options(said: dict[str, Any] | str, *call: str) -> argparse.Namespace:
    found = line(said, *call)
    assert found.options is not None, found.error
    return found.options


def code_of(error: pytest.ExceptionInfo[UsageError]) -> str:
    assert error.value.hint
    return error.value.code


def test_a_preset_gives_options_their_values() -> None:
    found = options("--preset", "portrait")
    assert (found.model, found.width, found.height, found.steps, found.low_vram) == ("sd15", 512, 768, 30, True)
    assert (found.size, found.cfg, found.count) == (None, None, 1)


def test_without_a_preset_no_file_is_read(file: Path) -> None:
    file.write_text("nonsense")
    assert options().steps is None


def test_the_later_preset_wins_and_what_was_typed_wins_over_both() -> None:
    found = options("--preset", "portrait", "--preset", "draft")
    assert (found.steps, found.size, found.width, found.height, found.model) == (4, (256, 256), None, None, "sd15")
    found = options("--preset", "draft", "--preset", "portrait")
    assert (found.steps, found.size, found.width) == (30, None, 512)
    assert options("--steps", "9", "--preset", "draft").steps == 9
    assert options("--count", "1", "--preset", "draft").count == 1, "typed, though it is the default"
    assert options("--preset", "draft", "-b", "1").count == 1
    assert options("--preset", "draft").count == 2


def test_a_size_that_was_typed_replaces_a_preset_s_however_that_was_said() -> None:
    found = options("--preset", "portrait", "--size", "64")
    assert (found.size, found.width, found.height) == ((64, 64), None, None)
    found = options("--preset", "draft", "-W", "64")
    assert (found.size, found.width, found.height) == (None, 64, None)


def test_texts_stand_around_the_prompt() -> None:
    assert texts("--preset", "portrait") == ("blurry", "portrait of a sailor, soft light")
    assert texts("--preset", "portrait", "--preset", "texts") == (
        "blurry",
        "portrait of a sailor, soft light, on a table",
    )
    assert texts("--preset", "texts", prompt="") == (None, ", on a table")
    assert texts() == (None, "a sailor")


def test_negative_prompts_add_up_unless_an_empty_one_was_given() -> None:
    both = ("--preset", "portrait", "--preset", "draft")
    assert texts(*both)[0] == "blurry, dark"
    assert texts(*both, "-n", "ugly")[0] == "ugly, blurry, dark"
    assert texts(*both, "--negative-prompt=")[0] == ""


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("a", "b"), "a, b"),
        (("a ", "b"), "a b"),
        (("a", " b"), "a b"),
        (("a,", "b"), "a, b"),
        (("a", ", b"), "a, b"),
        (("a.", "b"), "a. b"),
        (("", "b", ""), "b"),
        ((), ""),
    ],
)
def test_parts_are_joined_as_a_person_would(parts: tuple[str, ...], text: str) -> None:
    assert presets.joined(parts) == text


def test_a_preset_that_is_named_twice_counts_once() -> None:
    twice = options("--preset", "portrait", "--preset", "portrait")
    assert presets.reworded(twice, "x")[1] == "portrait of x, soft light"
    assert presets.gather(twice) == Materials(fields={"presets": ("portrait",)})
    assert presets.gather(options()) == Materials()


def test_options_that_can_be_given_several_times_add_up(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    parser = generate_parser("presets")
    parser.add_argument("--extra", action="append")
    monkeypatch.setattr(preset_files, "generate_parser", lambda _program: parser)
    monkeypatch.setattr(preset_files, "FIELDS", (*preset_files.FIELDS, "extra"))
    file.write_text("presets: {a: {extra: [one, two]}, b: {extra: three}}")
    read = presets.load()
    assert (read["a"].options, read["b"].options) == ({"extra": ["one", "two"]}, {"extra": ["three"]})
    typed = argparse.Namespace(preset=["a", "b"], extra=["four"], given=frozenset({"preset", "extra"}))
    assert presets.applied(typed).extra == ["one", "two", "three", "four"]
    assert presets.applied_over(argparse.Namespace(preset=None, extra=None, given=frozenset()), ["b"]).extra == [
        "three"
    ]


def test_a_batch_has_presets_for_all_its_lines() -> None:
    found = line("a sailor", "--preset", "portrait", "--steps", "7")
    assert found.prompt == "portrait of a sailor, soft light"
    chosen = line_options({"prompt": "x", "negative_prompt": "ugly"}, "--preset", "portrait", "--steps", "7")
    assert (chosen.steps, chosen.model, chosen.negative_prompt) == (7, "sd15", "ugly, blurry")
    assert line_options({"prompt": "x", "steps": 2}, "--preset", "portrait").steps == 2


@pytest.mark.parametrize("named", ["draft", ["draft"]])
def test_a_line_of_a_batch_has_presets_of_its_own(named: Any) -> None:
    said = {"prompt": "x", "preset": named}
    found = line_options(said, "--preset", "portrait", "--steps", "7")
    assert (found.steps, found.size, found.width, found.count, found.cfg) == (4, (256, 256), None, 2, 5)
    assert found.preset == ["portrait", "draft"]
    assert found.negative_prompt == "blurry, dark"
    assert line_options({**said, "steps": 3, "width": 64}).steps == 3
    assert line_options({**said, "width": 64}).size is None
    assert line(said, "--preset", "portrait").prompt == "portrait of x, soft light"


@pytest.mark.parametrize("named", [7, ["draft", 7], {"a": 1}, "\ud800"])
def test_what_is_no_name_in_a_line_is_said(named: Any) -> None:
    error = line({"prompt": "x", "preset": named}).error
    assert error is not None
    assert (error.code, "preset: it is the name" in error.message) == ("line_invalid", True)


def test_a_line_knows_that_its_preset_was_changed(file: Path) -> None:
    """``--resume`` goes on with what is the same."""
    said = {"prompt": "x", "preset": "draft"}
    before = line(said).digest
    assert line(said).digest == before
    file.write_text(PRESETS.replace("dark", "bright"))
    changed = line(said).digest
    file.write_text(PRESETS.replace("cfg: 5", "cfg: 6"))
    assert len({before, changed, line(said).digest}) == 3


def test_a_name_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        options("--preset", "portrat")
    assert code_of(error) == "unknown_preset"
    assert error.value.hint == "did you mean 'portrait'? the presets are: portrait, draft, texts"
    assert error.value.details == {"preset": "portrat", "presets": ["portrait", "draft", "texts"]}
    failed = line({"prompt": "x", "preset": "drft"}).error
    assert failed is not None
    assert failed.code == "unknown_preset"


def test_without_a_file_the_hint_says_where_to_write_one(file: Path) -> None:
    file.unlink()
    with pytest.raises(UsageError) as error:
        options("--preset", "portrait")
    assert code_of(error) == "unknown_preset"
    assert str(file) in error.value.hint


def test_a_model_that_there_is_not_is_told_with_the_preset(file: Path) -> None:
    file.write_text("presets: {a: {model: sd1}, b: {steps: 3}}")
    assert options("--preset", "b").steps == 3
    with pytest.raises(UsageError) as error:
        options("--preset", "a")
    assert code_of(error) == "unknown_model"
    assert error.value.message == f"preset 'a' in {file}: there is no model 'sd1'"


def test_later_files_replace_presets_of_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("presets: {draft: {steps: 2}, mine: {seed: 18446744073709551615}}")
    monkeypatch.setenv("HAL_PRESETS", f"{file}:{more}")
    found = presets.load()
    assert list(found) == ["portrait", "draft", "texts", "mine"]
    assert (found["draft"].options, found["draft"].file) == ({"steps": 2}, str(more))
    assert found["mine"].options == {"seed": 2**64 - 1}
    monkeypatch.setenv("HAL_PRESETS", str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError) as error:
        presets.load()
    assert code_of(error) == "presets_unreadable"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("presets: {a: {steps: 0}}", "1:22", "presets.a.steps is wrong: 0 is out of range; give 1 to 10000"),
        ("presets:\n  a:\n    sampler: eulr\n", "3:14", "presets.a.sampler is wrong: 'eulr' is not known"),
        ("presets: {a: {size: 12y}}", "1:21", "presets.a.size is wrong"),
        ("presets: {a: {stepz: 1}}", "1:15", "presets.a.stepz is not a known key"),
        ("presets: {a: {prompt: x}}", "1:15", "presets.a.prompt is not a known key"),
        ("presets: {a: {output: x}}", "1:15", "presets.a.output is not a known key"),
        ("presets: {a: {preset: b}}", "1:15", "presets.a.preset is not a known key"),
        ("presets: {a: {engine: local}}", "1:15", "presets.a.engine is not a known key"),
        ("presets: {a: {model: [sd15]}}", "1:22", "presets.a.model must be a text or a number"),
        ("presets: {a: {model: no}}", "1:22", "must be a text or a number, not 'no'"),
        ("presets: {a: {model: null}}", "1:22", "must be a text or a number, not 'null'"),
        ('presets: {a: {model: "\\0"}}', "1:22", "has characters that no text has"),
        ("presets: {a: {low_vram: 1}}", "1:25", "presets.a.low_vram must be true or false"),
        ("presets: {a: {prompt_prefix: 1}}", "1:30", "presets.a.prompt_prefix must be text"),
        ("presets: {a: {size: 64, width: 64}}", "1:32", "presets.a.width and size exclude each other"),
        ("presets: {a: {}, a: {}}", "1:18", "presets.a is given twice"),
        ('presets: {"a b": {}}', "1:11", "cannot be 'a b'"),
        ("presets: [a]", "1:10", "presets must be a mapping"),
        ("presetz: {}", "1:1", "presetz is not a known key"),
        ("presets: {", "2:1", "not YAML"),
        ("", "1:1", "is empty"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(text: str, place: str, says: str, file: Path) -> None:
    file.write_text(f"{text}\n" if text else "")
    with pytest.raises(UsageError) as error:
        presets.load()
    assert code_of(error) == "presets_invalid"
    assert error.value.message.startswith(f"{file}:{place}: ")
    assert says in error.value.message
    assert (error.value.details["file"], error.value.exit_code) == (str(file), 2)


def test_a_preset_can_have_every_option_of_a_picture_but_what_is_of_the_call() -> None:
    assert set(FIELDS) - set(preset_files.FIELDS) == {
        "prompt", "prompt_file", "negative_prompt", "output", "no_clobber", "preset",
    }  # fmt: skip


def test_what_is_told_of_a_preset_is_as_it_would_be_typed() -> None:
    told = presets.load()["draft"].to_json()
    assert told["options"] == {"size": "256x256", "steps": 4, "cfg": 5.0, "count": 2}
    assert json.dumps(told)


def test_completion_knows_them(file: Path) -> None:
    assert [word.text for word in completion.following(["--preset", ""])] == ["portrait", "draft", "texts"]
    assert [tuple(word) for word in completion.following(["presets", "show", "p"])] == [("portrait", "Faces")]
    assert [word.text for word in completion.following(["presets", ""])] == ["list", "show"]
    file.write_text("nonsense")
    assert completion.following(["--preset", ""]) == []
