from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal_image.host import session
from hal_image.host.command_arguments import COMMANDS
from tests.fuzz.inputs import call, check, texts, times

OPTIONS = (
    "-p", "--prompt", "--prompt-file", "-n", "--negative-prompt", "-m", "--model", "-W", "-H", "--size", "--steps",
    "--cfg", "--guidance", "--sampler", "--scheduler", "--seed", "-b", "--count", "-o", "--output", "--no-clobber",
    "--engine", "--models-dir", "--gpu", "--cpu", "--hot-cache", "--keep-alive", "--timeout", "--low-vram",
    "--no-download", "--offline", "--json", "--jsonl", "-q", "-v", "--help", "--version",
)  # fmt: skip
GOOD = {
    "--model": ("doodle", "sd15", "flux"), "--size": ("64", "768x512"), "--steps": ("1", "20"), "--cfg": ("1", "7.5"),
    "--sampler": ("euler",), "--scheduler": ("karras",), "--seed": ("0", "18446744073709551615"), "--count": ("3",),
    "--output": ("x.png", "new/", "{model}-{index:03}.png"), "--keep-alive": ("10m", "-1"), "--timeout": ("90",),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_name: str | None) -> None:
        raise AssertionError("an engine was asked for")

    monkeypatch.setattr(session, "choose", none)


pairs = st.tuples(st.sampled_from(OPTIONS), texts) | st.sampled_from(
    [(option, value) for option, values in GOOD.items() for value in values]
)
lines = st.lists(pairs.flatmap(lambda pair: st.sampled_from([pair, pair[:1], pair[1:], ("=".join(pair),)])), max_size=7)
few_lines = lines.filter(lambda parts: len(parts) < 2)
json_flag = st.sampled_from([[], ["--json"], ["--jsonl"]])


free = dict.fromkeys(("--output", "--negative-prompt", "--models-dir", "--model"), texts)
sound = st.fixed_dictionaries(
    {"--prompt": texts},
    optional={**{option: st.sampled_from(values) for option, values in GOOD.items()}, **free},
)


@times(2000)
@given(sound, json_flag)
@example({"--prompt": "a" * 5000}, ["--json"])
@example({"--prompt": "x", "--output": "nul\0.png"}, ["--json"])
@example({"--prompt": "x", "--output": "~nobody/x.png"}, [])
@example({"--prompt": "x", "--output": "a" * 300}, [])
@example({"--prompt": "x", "--output": "{seed:{model}}"}, [])
@example({"--prompt": "x", "--negative-prompt": "\ud800"}, ["--json"])
def test_a_call_that_is_well_formed(given_options: dict[str, str], flag: list[str]) -> None:
    options = {"--model": "doodle", **given_options}
    argv = [*(f"{option}={value}" for option, value in options.items()), *flag, "--dry-run"]
    said = call(argv)
    check(said, argv)
    assert list(Path().iterdir()) == []  # nothing is written, whatever a prompt says
    if flag == ["--json"]:
        answer = json.loads(said.out)
        if answer["ok"]:
            told = answer["data"]["request"]
            assert options["--prompt"].startswith(told["prompt"])
            assert options["--prompt"] == told["prompt"] or "prompt" in told["cut"]
            assert all("\n" not in target for target in answer["data"]["targets"])


@times(1200)
@given(lines, json_flag, st.binary(max_size=20))
@example([("--prompt-file", "~nobody")], [], b"")
def test_options_in_any_order(parts: list[tuple[str, ...]], flag: list[str], stdin: bytes) -> None:
    words = [word for part in parts for word in part]
    argv = ["--model", "doodle", *flag, "--dry-run", *words]
    said = call(argv, stdin)
    check(said, argv)
    assert list(Path().iterdir()) == []
    if flag == ["--json"] and not {"--help", "--version"} & set(words):
        assert said.out.startswith(b'{"schema_version"')


@times(800)
@given(st.sampled_from(["models", "info", "ps", "doctor", "stop"]), few_lines, st.lists(texts, max_size=3), json_flag)
@example("info", [], ["~nobody"], [])
@example("info", [], ["a" * 300], [])
@example("info", [], ["nul\0"], [])
@example("models", [], ["import", "a" * 300], [])
def test_the_other_commands(command: str, parts: list[tuple[str, ...]], names: list[str], flag: list[str]) -> None:
    words = [word for part in parts for word in part]
    actions = ["list", "show", "rm", "prune", "import"] if command == "models" else []
    if command == "models" and not {"list", "show", "rm", "prune", "import"} & set(names):
        names = [actions[len(words) % 5], *names]
    if "import" in names or "--timeout" in words or command in {"doctor", "stop"}:
        names = [name for name in names if not name.startswith(("/", ".", "~"))]  # it would look through the disk
    argv = [command, *names, *words, *flag]
    said = call(argv)
    check(said, argv)
    assert list(Path().iterdir()) == []


@times(500)
@given(st.lists(texts, max_size=5))
def test_any_words(words: list[str]) -> None:
    if words and words[0] in COMMANDS:
        return
    argv = [*words, "--dry-run"]
    check(call(argv), argv)


def test_an_endless_file_is_no_prompt() -> None:
    said = call(["--prompt-file", "/dev/zero", "--dry-run", "--model", "doodle", "--json"])
    assert json.loads(said.out)["error"]["code"] == "prompt_too_long"
