"""The benchmark's command line."""

from __future__ import annotations

import pytest

from bench.options import PARTS, parse


def test_defaults_on_a_processor_and_on_a_gpu() -> None:
    processor, gpu = parse([], gpu=False), parse([], gpu=True)
    assert processor.parts == tuple(part for part in PARTS if part != "docker")
    assert {"batch", "store"} & set(gpu.parts) == set()
    assert (processor.weights, gpu.weights) == ("small", "full")
    assert parse(["--cpu"], gpu=True).weights == "small"
    assert (processor.runs, processor.cold_runs) == (9, 3)


def test_parts_run_in_their_own_order_and_variants_are_beside_the_plain_call() -> None:
    given = parse(["warm", "cli", "--options=--turbo --cpu", "--models", "sd15,sdxl"], gpu=False)
    assert given.parts == ("cli", "warm")
    assert given.variants == ((), ("--turbo", "--cpu"))
    assert given.models == ("sd15", "sdxl")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrm"], "the parts are"),
        (["--peers", "nobody"], "bare, comfy-cli, diffusers"),
        (["--models-dir", "a", "--weights-dir", "b"], "--weights-dir is written to"),
        (["--runs", "0"], "at least one run"),
    ],
)
def test_a_wrong_call_is_told_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, gpu=False)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
