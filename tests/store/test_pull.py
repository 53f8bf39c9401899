"""``models pull``, and the pictures that download their model first, with their JSON output."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.host.main import main
from tests.contract.answers import check_lines
from tests.store.conftest import NAME, TOKEN, Call, MakeHub, left_over, use

if TYPE_CHECKING:
    from tests.store.hub_server import Hub


def test_pull(call: Call, mine: Hub, folder: Path) -> None:
    assert call("models", "show", "mine")[1]["data"]["model"]["status"] == "missing"
    code, answer = call("models", "pull", "mine")
    assert code == 0
    (pulled,) = answer["data"]["pulled"]
    assert pulled["files"] == [
        {"file": NAME, "path": str(folder / "checkpoints" / NAME), "bytes": len(mine.data), "downloaded": True}
    ]
    again = call("models", "pull", "mine")[1]["data"]["pulled"][0]["files"][0]
    assert again["downloaded"] is False
    assert len(mine.asked) == 1
    shown = call("models", "show", "mine")[1]["data"]["model"]
    assert (shown["status"], shown["files"][0]["verified"]) == ("present", True)


def test_pull_as_events(mine: Hub, capfd: pytest.CaptureFixture[str], keep_signals: None) -> None:
    assert main(["models", "pull", "mine", "--jsonl"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    check_lines(lines)
    *events, _ = lines
    assert [event["event"] for event in events if event["event"] != "pull_progress"] == [
        "pull_planned", "pull_source", "pull_done",
    ]  # fmt: skip
    assert events[-2]["value"] == events[-2]["all_max"] == len(mine.data)


def test_the_size_is_told_first(mine: Hub, capfd: pytest.CaptureFixture[str], keep_signals: None) -> None:
    assert main(["models", "pull", "mine"]) == 0
    said = capfd.readouterr()
    first = said.err.splitlines()[0]
    assert f"downloading {len(mine.data) / 1e9:.2f} GB to " in first
    assert "(MIT)" in first
    assert said.out.splitlines() == [str(Path(os.environ["HAL_MODELS_DIR"]) / "checkpoints" / NAME)]


def test_a_partial_download_is_shown(call: Call, mine: Hub, folder: Path) -> None:
    part = folder / "checkpoints" / f".{NAME}.{mine.sha256[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(mine.data[:1000])
    model = call("models", "show", "mine")[1]["data"]["model"]
    assert (model["status"], model["files"][0]["partial_bytes"]) == ("partial", 1000)


def test_gated_says_which_page_and_which_other_model(
    call: Call, make_hub: MakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub(b"x" * 1000, token=TOKEN)
    use(hub, tmp_path, monkeypatch, gated=True)
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"]) == (4, "model_gated")
    for word in ("https://huggingface.co/who/what", "HF_TOKEN", "sd15"):
        assert word in answer["error"]["hint"]
    token_file = tmp_path / "hf" / "token"
    token_file.parent.mkdir()
    token_file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert call("models", "pull", "mine")[0] == 0
    assert hub.asked[-1].authorization == f"Bearer {TOKEN}"


def test_hf_hub_offline(call: Call, mine: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"], mine.asked) == (4, "hub_offline", [])


@pytest.mark.parametrize("option", ["--offline", "--no-download", "--dry-run"])
def test_a_picture_without_a_download(call: Call, mine: Hub, option: str) -> None:
    code, answer = call("-p", "x", "-m", "mine", "-o", "x.png", option)
    assert (code, answer["error"]["code"], mine.asked) == (4, "model_missing", [])
    assert "models pull mine" in answer["error"]["hint"]


def test_the_first_picture_downloads_its_model(
    call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HAL_ENGINE_PYTHON", str(tmp_path / "none"))  # the engine is not of interest here
    _, answer = call("-p", "x", "-m", "mine", "-o", str(tmp_path / "x.png"))
    assert answer["error"]["code"] == "engine_python_invalid"
    assert (folder / "checkpoints" / NAME).read_bytes() == mine.data
    assert answer["data"]["model"]["files"][0]["verified"] is True


def test_a_time_limit_ends_a_download_whose_bytes_stay(call: Call, mine: Hub, folder: Path) -> None:
    mine.pause_s = 0.05
    code, answer = call("models", "pull", "mine", "--timeout", "1")
    assert (code, answer["error"]["code"]) == (5, "timeout")
    (part,) = left_over(folder)
    assert (folder / "checkpoints" / part).stat().st_size > 0
