"""What ``--vary`` and ``--preset`` tell: the plan, the order, and ends that a real engine cannot be brought to."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import png
from hal_image.errors import HalError
from hal_image.host import gpu_presence
from hal_image.host.main import main
from tests.contract import stand_in_engine
from tests.contract.answers import check_lines
from tests.contract.small_files import write_checkpoint
from tests.contract.stand_in_engine import drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.engine.job import Job

    Call = Callable[..., tuple[int, list[dict[str, Any]]]]

CHECKPOINTS = ("v1-5-pruned-emaonly-fp16.safetensors", "sd_xl_base_1.0.safetensors")
SMALL = ("--size", "64", "--steps", "1")


@pytest.fixture(autouse=True)
def _with_models_and_presets(own_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_PRESETS", str(tmp_path / "presets.yaml"))
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: True)
    for name in CHECKPOINTS:
        write_checkpoint(tmp_path / "models" / "checkpoints" / name)
    (tmp_path / "presets.yaml").write_text(
        "presets: {soft: {prompt_suffix: soft light, steps: 3, count: 4}, small: {size: 64, model: sd15}}\n"
    )
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs one call with an engine that does as told; returns the exit code and the lines of standard output."""

    def run(*argv: str, runs: stand_in_engine.Runs | None = None, form: str = "--json") -> Any:
        # a socket's path has a limit of its own, which pytest's folders may exceed
        with (
            tempfile.TemporaryDirectory() as folder,
            stand_in_engine.engine(runs or drawing(64, 64), Path(folder), monkeypatch),
        ):
            code = main(["-p", "a red cube", "--engine", "local", *argv, form])
        lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        check_lines(lines)
        return code, lines

    return run


def names(paths: list[str]) -> list[str]:
    return [Path(path).name for path in paths]


# -- the plan ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_the_grid(call: Call) -> None:
    grid = ("--vary", "steps=4,8", "--vary", "cfg=1,2.5", "-m", "sd15", "-o", "cat.png")
    code, (answer,) = call(*grid, "--seed", "7", "--dry-run")
    data = answer["data"]
    assert code == 0
    assert names(data["targets"]) == ["cat-1.png", "cat-2.png", "cat-3.png", "cat-4.png"]
    assert (names([data["sheet"]["path"]]), data["sheet"]["columns"], data["sheet"]["rows"]) == (["cat-grid.png"], 2, 2)
    assert data["cells"] == [
        {"steps": 4, "cfg": 1.0}, {"steps": 8, "cfg": 1.0}, {"steps": 4, "cfg": 2.5}, {"steps": 8, "cfg": 2.5},
    ]  # fmt: skip
    assert data["seeds"] == [7] * 4
    assert (data["request"]["count"], data["request"]["steps"]) == (4, 4)
    assert [warning["code"] for warning in answer["warnings"]] == ["model_size_differs"], "once for all of them"


def test_a_random_seed_is_the_same_for_all(call: Call) -> None:
    _, (answer,) = call("--vary", "steps=4,8", "-m", "sd15", "-o", "x.png", "--dry-run")
    assert len(set(answer["data"]["seeds"])) == 1
    _, (answer,) = call("--vary", "seed=x3", "-m", "sd15", "-o", "x.png", "--dry-run", "--seed", "9")
    assert answer["data"]["seeds"] == [9, 10, 11]


@pytest.mark.parametrize(
    ("output", "pictures", "sheet"),
    [
        ("a-{steps}-{cfg}.png", ["a-4-1.png", "a-8-1.png", "a-4-2.5.png", "a-8-2.5.png"], "a-grid.png"),
        ("{steps}_{cfg}_{model}", ["4_1_sd15", "8_1_sd15", "4_2.5_sd15", "8_2.5_sd15"], "sd15-grid.png"),
        ("{steps}.png", ["4-1.png", "8-2.png", "4-3.png", "8-4.png"], "grid.png"),
        ("a{{b}}-{index:02}.png", ["a{b}-01.png", "a{b}-02.png", "a{b}-03.png", "a{b}-04.png"], "a{b}-grid.png"),
        ("{seed}.png", ["5-1.png", "5-2.png", "5-3.png", "5-4.png"], "5-grid.png"),
        ("{cfg}/{steps}.png", ["4.png", "8.png", "4.png", "8.png"], "grid.png"),
        ("a/{cfg}/{steps}.png", ["4.png", "8.png", "4.png", "8.png"], "a/grid.png"),
        ("a-{cfg}/{steps}-b.png", ["4-b.png", "8-b.png", "4-b.png", "8-b.png"], "a/b-grid.png"),
    ],
)
def test_names(call: Call, output: str, pictures: list[str], sheet: str) -> None:
    grid = ("--vary", "steps=4,8", "--vary", "cfg=1,2.5", "-m", "sd15", "--seed", "5")
    _, (answer,) = call(*grid, "-o", output, "--dry-run")
    assert names(answer["data"]["targets"]) == pictures
    assert answer["data"]["sheet"]["path"] == str(Path.cwd() / sheet)


def test_a_sheet_never_takes_the_place_of_a_picture(call: Call) -> None:
    _, (answer,) = call("--vary", "seed=5", "-m", "sd15", "-o", "x-grid{steps}.png", "--dry-run", "--vary", "steps=1")
    assert names([*answer["data"]["targets"], answer["data"]["sheet"]["path"]]) == ["x-grid1.png", "x-grid-grid.png"]
    _, (answer,) = call("--vary", "steps=1", "-m", "sd15", "-o", "grid.png", "--dry-run")
    assert names([*answer["data"]["targets"], answer["data"]["sheet"]["path"]]) == ["grid.png", "grid-grid.png"]


def test_a_folder_gets_the_usual_names(call: Call) -> None:
    _, (answer,) = call("--vary", "steps=1,2", "-m", "sd15", "--seed", "5", "-o", "folder/", "--dry-run")
    stem = answer["data"]["targets"][0].removesuffix("-1.png")
    assert answer["data"]["targets"][1] == f"{stem}-2.png"
    assert answer["data"]["sheet"]["path"] == f"{stem}-grid.png"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--vary", "steps=1,2", "-o", "{cfg}.png"), "output_invalid"),
        (("--vary", "steps=1,2", "-o", "{steps:9}.png"), "output_invalid"),
        (("-o", "{steps}.png"), "output_invalid"),
        (("--vary", "steps=1,2", "-o", "-"), "output_invalid"),
        (("--vary", "size=64,100", "-o", "x.png"), "size_invalid"),
        (("--vary", "sampler=euler", "--vary", "model=sd15,sdx", "-o", "x.png"), "unknown_model"),
        (("--vary", "steps=1,2", "--steps", "3", "-o", "x.png"), "vary_conflict"),
        (("--vary", "seed=x1000", "--vary", "cfg=1,2", "-o", "x.png"), "vary_too_many"),
        (("--vary", "steps=1,2", "-o", "x.png", "--no-clobber"), "output_exists"),
        (("--preset", "sof", "-o", "x.png"), "unknown_preset"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_made(call: Call, argv: tuple[str, ...], code: str) -> None:
    Path("x-grid.png").touch()

    def never(_job: Job, _output: Path) -> list[str]:
        raise AssertionError("it was begun")

    model = () if any(one.startswith("model=") for one in argv) else ("-m", "sd15")
    exit_code, (answer,) = call(*argv, *model, runs=never)
    assert (exit_code, answer["error"]["code"], answer["data"]) == (2, code, {})
    assert [path.name for path in Path.cwd().glob("*.png")] == ["x-grid.png"]


# -- making it --------------------------------------------------------------------------------------------------------


def test_pictures_of_a_model_are_made_together_and_told_in_their_places(call: Call) -> None:
    loaded = []

    def run(job: Job, output: Path) -> list[str]:
        loaded.append(job.graph["1"]["inputs"]["ckpt_name"])
        return drawing(64, 64)(job, output)

    grid = ("--vary", "model=sd15,sdxl", "--vary", "seed=1,2", *SMALL, "-o", "{model}-{seed}.png")
    code, lines = call(*grid, runs=run, form="--jsonl")
    data = lines[-1]["data"]
    assert code == 0
    assert loaded == [CHECKPOINTS[0], CHECKPOINTS[0], CHECKPOINTS[1], CHECKPOINTS[1]]
    assert [line["index"] for line in lines if line.get("event") == "saved"] == [1, 3, 2, 4]
    assert [image["varied"] for image in data["images"]] == [
        {"model": "sd15", "seed": 1}, {"model": "sdxl", "seed": 1},
        {"model": "sd15", "seed": 2}, {"model": "sdxl", "seed": 2},
    ]  # fmt: skip
    assert names([image["path"] for image in data["images"]]) == [
        "sd15-1.png", "sdxl-1.png", "sd15-2.png", "sdxl-2.png",
    ]  # fmt: skip
    assert data["grid"]["axes"][0] == {"key": "model", "values": ["sd15", "sdxl"]}
    assert sorted(path.name for path in Path.cwd().glob("*.png")) == [
        "grid.png", "sd15-1.png", "sd15-2.png", "sdxl-1.png", "sdxl-2.png",
    ]  # fmt: skip


def test_a_first_failure_ends_it_without_a_sheet_and_what_is_done_stays(call: Call) -> None:
    made = []

    def run(job: Job, output: Path) -> list[str]:
        made.append(job)
        if len(made) == 3:
            raise HalError("too much", code="out_of_memory", hint="less", retryable=True)
        return drawing(64, 64)(job, output)

    code, (answer,) = call("--vary", "seed=1..4", "-m", "sd15", *SMALL, "-o", "{seed}.png", runs=run)
    assert (code, answer["error"]["code"]) == (1, "out_of_memory")
    assert [image["varied"] for image in answer["data"]["images"]] == [{"seed": 1}, {"seed": 2}]
    assert "sheet" not in answer["data"]
    assert sorted(path.name for path in Path.cwd().glob("*.png")) == ["1.png", "2.png"]


def test_a_picture_that_is_gone_before_the_sheet_is_told(call: Call) -> None:
    def run(job: Job, output: Path) -> list[str]:
        if job.seeds == (3,):
            while not Path("1.png").exists():
                time.sleep(0.01)
            Path("1.png").unlink()
        return drawing(64, 64)(job, output)

    code, (answer,) = call("--vary", "seed=1..3", "-m", "sd15", *SMALL, "-o", "{seed}.png", runs=run)
    assert (code, answer["error"]["code"]) == (1, "picture_gone")
    assert len(answer["data"]["images"]) == 3
    assert not Path("grid.png").exists()


def test_the_sheet_says_what_is_on_it(call: Call) -> None:
    # the models have sizes of their own, which come out as 64x64 all the same here
    code, (answer,) = call("--vary", "model=sd15,sdxl", "--vary", "steps=1,2", "-o", "x.png")
    assert code == 0
    raw = Path("x-grid.png").read_bytes()
    assert (len(raw), png.size(raw)) == (
        answer["data"]["sheet"]["bytes"],
        (answer["data"]["sheet"]["width"], answer["data"]["sheet"]["height"]),
    )
    told = json.loads(png.read_texts(raw)["hal8000-sheet"])
    assert "hal8000" not in png.read_texts(raw), "no picture that could be made again by itself"
    assert (told["columns"], told["rows"], told["axes"]) == (2, 2, answer["data"]["grid"]["axes"])
    assert not {"steps", "model", "width"} & told["request"].keys()
    for entry, image in zip(told["pictures"], answer["data"]["images"], strict=True):
        own = json.loads(png.read_texts(Path(image["path"]).read_bytes())["hal8000"])["request"]
        assert {**told["request"], **entry["request"]} == own
        assert (entry["name"], entry["sha256"]) == (Path(image["path"]).name, image["sha256"])
        assert entry["varied"] == image["varied"]


def test_info_shows_a_sheet(call: Call, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call("--vary", "seed=1,2", "-m", "sd15", *SMALL, "-o", "x.png")
    assert main(["info", "x-grid.png", "--json"]) == 0
    answer = json.loads(capfdbinary.readouterr().out)
    check_lines([answer])
    assert (answer["data"]["hal8000"], answer["data"]["sheet"]["request"]["prompt"]) == (None, "a red cube")
    assert main(["info", "x-grid.png"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert "picture    x-2.png {'seed': 2}" in lines


# -- presets ----------------------------------------------------------------------------------------------------------


def test_a_preset_may_give_what_is_varied(call: Call) -> None:
    both = ("--preset", "small", "--preset", "soft")
    _, (answer,) = call(*both, "--vary", "size=128,256", "--vary", "steps=5,6", "-o", "x.png", "--dry-run")
    assert len(answer["data"]["targets"]) == 4, "one of each: its count is no part of a grid"
    assert answer["data"]["request"]["width"] == 128
    assert answer["data"]["request"]["prompt"] == "a red cube, soft light"


def test_presets_are_told_and_in_the_picture(call: Call) -> None:
    both = ("--preset", "small", "--preset", "soft")
    _, (answer,) = call(*both, "--count", "1", "-o", "x.png")
    told = answer["data"]["request"]
    assert (told["presets"], told["steps"], told["width"], told["model"]) == (["small", "soft"], 3, 64, "sd15")
    own = json.loads(png.read_texts(Path("x.png").read_bytes())["hal8000"])["request"]
    assert own == {name: value for name, value in told.items() if name != "count"}
    _, (answer,) = call("-m", "sd15", *SMALL, "-o", "y.png")
    assert "presets" not in answer["data"]["request"]


def test_the_command_presets(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main(["presets", *argv, "--json"])
        answer = json.loads(capfdbinary.readouterr().out)
        check_lines([answer])
        return code, answer

    code, answer = run()
    assert code == 0
    assert [preset["name"] for preset in answer["data"]["presets"]] == ["soft", "small"]
    assert run("list")[1] == answer
    code, answer = run("show", "small")
    assert (code, answer["data"]["preset"]["options"]) == (0, {"size": "64x64", "model": "sd15"})
    for argv, error in (
        (("show", "smal"), "unknown_preset"),
        (("show",), "usage"),
        (("list", "small"), "usage"),
    ):
        code, answer = run(*argv)
        assert (code, answer["error"]["code"]) == (2, error)
    Path("presets.yaml").write_text("presets: {a: {steps: 0}}\n")
    code, answer = run()
    assert (code, answer["error"]["code"], answer["error"]["details"]["line"]) == (2, "presets_invalid", 1)
    Path("presets.yaml").unlink()
    code, answer = run()
    assert (code, answer["error"]["code"]) == (2, "presets_unreadable")


def test_presets_for_people(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["presets"]) == 0
    out = capfdbinary.readouterr().out.decode().splitlines()
    assert [line.split()[0] for line in out] == ["NAME", "soft", "small"]
    assert main(["presets", "show", "soft"]) == 0
    assert "prompt_suffix    'soft light'" in capfdbinary.readouterr().out.decode().splitlines()
    monkeypatch.setenv("HAL_PRESETS", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path.cwd() / "config"))
    assert main(["presets"]) == 0
    assert "presets.yaml" in capfdbinary.readouterr().out.decode()
