from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import parse
from hal_image.host.request_builder import MAX_PROMPT, build, read_prompt
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.request import MAX_SEED, ImageRequest

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Model

MODELS = load_registry(default_registry_path()).models


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes, *, tty: bool = False) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: tty)
    monkeypatch.setattr(sys, "stdin", stdin)


def prompt_of(*arguments: str) -> str:
    return read_prompt(parse(list(arguments), "hal"))


def test_the_prompt_is_taken_as_it_is() -> None:
    assert prompt_of("-p", "  a robot\n") == "  a robot\n"
    assert prompt_of("-p", "") == ""


@pytest.mark.parametrize("arguments", [[], ["-p", "-"]])
def test_a_piped_prompt_loses_only_the_line_end_and_the_byte_order_mark(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    pipe(monkeypatch, b"\xef\xbb\xbf two\nlines \r\n")
    assert prompt_of(*arguments) == " two\nlines "


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\n"])
def test_an_empty_pipe_is_no_prompt(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    pipe(monkeypatch, data)
    with pytest.raises(UsageError, match="no prompt was given"):
        prompt_of()


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"never read", tty=True)
    with pytest.raises(UsageError, match="no prompt was given"):
        prompt_of()


def test_a_closed_standard_input_is_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="no prompt was given"):
        prompt_of()


def test_a_prompt_file(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("ein Würfel\n", encoding="utf-8")
    assert prompt_of("--prompt-file", str(tmp_path / "p.txt")) == "ein Würfel"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-p", "x", "--prompt-file", "y"], "prompt_twice"),
        (["--prompt-file", "/no/such/file"], "prompt_unreadable"),
        (["-p", "x" * 1_000_001], "prompt_too_long"),
        (["-p", "\udcff"], "prompt_unreadable"),
    ],
)
def test_bad_prompts(arguments: list[str], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompt_of(*arguments)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_a_file_or_a_pipe_may_have_as_many_characters_of_any_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    text = "\ufeff" + "\N{ROBOT FACE}" * MAX_PROMPT + end
    (tmp_path / "p.txt").write_bytes(text.encode())
    assert prompt_of("--prompt-file", str(tmp_path / "p.txt")) == text[1 : MAX_PROMPT + 1]
    pipe(monkeypatch, text.encode())
    assert len(prompt_of()) == MAX_PROMPT


@pytest.mark.parametrize("text", ["x" * (MAX_PROMPT + 1), "x" * (4 * MAX_PROMPT + 6), "é" * (2 * MAX_PROMPT + 10)])
def test_what_is_too_long_is_not_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "p.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="longer than 1000000 characters"):
        prompt_of("--prompt-file", str(tmp_path / "p.txt"))
    pipe(monkeypatch, text.encode())
    with pytest.raises(UsageError, match="longer than 1000000 characters"):
        prompt_of()


def test_a_pipe_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8"):
        prompt_of()


def requests(model: Model, *arguments: str) -> list[ImageRequest]:
    return build(parse(["-p", "x", *arguments], "hal"), "x", model)


def test_what_is_not_given_is_the_models_default() -> None:
    (request,) = requests(MODELS["flux"], "--seed", "3")
    defaults = MODELS["flux"].defaults
    assert request == ImageRequest(
        prompt="x", negative_prompt="", model="flux", width=defaults.width, height=defaults.height,
        steps=defaults.steps, cfg=defaults.cfg, guidance=defaults.guidance, sampler=defaults.sampler,
        scheduler=defaults.scheduler, seed=3,
    )  # fmt: skip


def test_zero_is_given() -> None:
    (request,) = requests(MODELS["flux"], "--cfg", "0", "--guidance", "0", "--seed", "0")
    assert (request.cfg, request.guidance, request.seed) == (0, 0, 0)


def test_guidance_goes_only_to_models_that_have_it() -> None:
    assert requests(MODELS["sdxl"], "--guidance", "3")[0].guidance is None


def test_seeds_count_up_and_wrap() -> None:
    assert [r.seed for r in requests(MODELS["sd15"], "--seed", str(MAX_SEED), "-b", "2")] == [MAX_SEED, 0]


def test_random_seeds_differ_and_are_short() -> None:
    seeds = {requests(MODELS["sd15"])[0].seed for _ in range(20)}
    assert len(seeds) > 1
    assert max(seeds) < 2**32


@pytest.mark.parametrize(
    ("model", "size", "hint"),
    [
        ("sd15", "513x512", "use 512 or 520"),
        ("sdxl", "512x100", "use 96 or 104"),
        ("flux", "1000x512", "use 992 or 1008"),
    ],
)
def test_a_size_that_the_family_cannot_make(model: str, size: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        requests(MODELS[model], "--size", size)
    assert caught.value.code == "size_invalid"
    assert caught.value.hint == hint


def test_size_and_width_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        requests(MODELS["sd15"], "--size", "512", "-W", "512")
