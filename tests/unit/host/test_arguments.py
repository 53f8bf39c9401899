from __future__ import annotations

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import parse
from hal_image.host.command_arguments import COMMANDS
from hal_image.request import SAMPLERS, SCHEDULERS


def test_flags_alone_mean_generate() -> None:
    options = parse(["-p", "a robot", "--size", "768x512", "-b", "3"], "hal")
    assert options.command == "generate"
    assert (options.prompt, options.size, options.count) == ("a robot", (768, 512), 3)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_first_word_is_a_command(command: str) -> None:
    needed = {"batch": ["x"], "info": ["x.png"], "upscale": ["x.png"], "hal8000": ["status"], "completion": ["bash"]}
    assert parse([command, *needed.get(command, [])], "hal").command == command


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a robot"], "there is no command 'a robot'"),
        (["-p", "x", "a robot"], "unrecognized arguments: a robot"),
        (["--prom", "x"], "unrecognized arguments: --prom"),
        (["-p"], "expected one argument"),
        (["-p", "x", "--steps", "0"], "0 is out of range; give 1 to 10000"),
        (["-p", "x", "--steps", "1.5"], "'1.5' is no whole number"),
        (["-p", "x", "--steps", "many"], "'many' is no whole number"),
        (["-p", "x", "--cfg", "nan"], "nan is out of range; give 0 to 100"),
        (["-p", "x", "--cfg", "-1"], "-1 is out of range"),
        (["-p", "x", "--seed", "-1"], "-1 is out of range"),
        (["-p", "x", "--seed", str(2**64)], "is out of range"),
        (["-p", "x", "-W", "8"], "8 is out of range; give 16 to 16384"),
        (["-p", "x", "--size", "512x"], "'512x' is no size"),
        (["-p", "x", "--size", "bigxsmall"], "'bigxsmall' is no size"),
        (["-p", "x", "--count", "0"], "0 is out of range"),
        (["-p", "x", "--sampler", "Euler"], "give one of euler, "),
        (["-p", "x", "--scheduler", "fast"], "give one of simple, "),
        (["-p", "x", "--timeout", "0"], "'0' is no time limit"),
        (["-p", "x", "--timeout", "soon"], "'soon' is no duration"),
        (["-p", "x", "--keep-alive", "1x"], "'1x' is no duration"),
        (["-p", "x", "--engine", "cloud"], "invalid choice: 'cloud'"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments, "hal")
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_prompt_that_begins_with_a_dash_gets_the_way_to_write_it() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["--prompt", "-x"], "hal")
    assert '--prompt="-text"' in caught.value.hint
    assert parse(["--prompt=-x"], "hal").prompt == "-x"


@pytest.mark.parametrize(("text", "seconds"), [("-1", -1), ("0", 0), ("90", 90), ("10m", 600), ("1h30m", 5400)])
def test_keep_alive_is_written_as_people_write_it(text: str, seconds: float) -> None:
    assert parse(["-p", "x", "--keep-alive", text], "hal").keep_alive == seconds


def test_every_sampler_and_scheduler_is_taken() -> None:
    for name in SAMPLERS:
        assert parse(["-p", "x", "--sampler", name], "hal").sampler == name
    for name in SCHEDULERS:
        assert parse(["-p", "x", "--scheduler", name], "hal").scheduler == name


def test_one_number_is_a_square() -> None:
    assert parse(["-p", "x", "--size", "512"], "hal").size == (512, 512)


@pytest.mark.parametrize(("text", "expected"), [("0", "0"), ("all", "all"), ("01", "1"), ("10", "10")])
def test_a_gpu_is_a_number_or_all(text: str, expected: str) -> None:
    assert parse(["-p", "x", "--gpu", text], "hal").gpu == expected


@pytest.mark.parametrize("arguments", [("--gpu", "-1"), ("--gpu", "one"), ("--gpu", "²"), ("--gpu", "0", "--cpu")])
def test_no_gpu(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse(["-p", "x", *arguments], "hal")
