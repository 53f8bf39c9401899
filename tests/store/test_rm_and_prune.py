"""``models rm`` and ``models prune``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hal_image.host.engines import running
from hal_image.models import usage
from hal_image.models.pull_events import size
from tests.store.conftest import NAME, Call, left_over, place

if TYPE_CHECKING:
    import pytest

    from tests.store.hub_server import Hub


def removed(answer: dict[str, Any]) -> list[str]:
    return [Path(one["path"]).name for one in answer["data"]["removed"]]


def test_rm(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    code, answer = call("models", "rm", "mine")
    assert (code, answer["error"]["code"]) == (2, "confirmation_needed")
    _, answer = call("models", "rm", "mine", "--dry-run")
    assert (removed(answer), answer["data"]["freed_bytes"], path.exists()) == ([NAME], len(mine.data), True)
    _, answer = call("models", "rm", "mine", "--yes")
    assert (removed(answer), path.exists()) == ([NAME], False)
    assert call("models", "rm", "mine", "--yes")[1]["data"]["removed"] == []


def test_a_registered_project_knows_what_is_there(
    call: Call, mine: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    call("hal8000", "register", "--project", str(project))
    monkeypatch.chdir(project)
    whole = size(len(mine.data))

    def told() -> tuple[Any, Any]:
        entry = json.loads((project / ".claude" / "state.json").read_text())["image-generation"]
        return entry["models_cached"], entry["storage_used"]

    assert told() == ({}, "0.00 MB")
    call("models", "pull", "mine")
    assert told() == ({"mine": whole}, whole)
    call("models", "rm", "mine", "--yes")
    assert told() == ({}, "0.00 MB")
    place(folder, mine.data)
    call("models", "verify", "mine")
    assert told() == ({"mine": whole}, whole)
    call("models", "prune", "--max-size", "1MB", "--yes")
    assert told() == ({}, "0.00 MB")


def test_rm_of_a_link_leaves_what_it_leads_to(call: Call, mine: Hub, folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.safetensors"
    real.write_bytes(mine.data)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / NAME).symlink_to(real)
    call("models", "rm", "mine", "--yes")
    assert left_over(folder) == []
    assert real.exists()


def test_a_file_that_another_model_needs_is_kept(call: Call, mine: Hub, folder: Path) -> None:
    place(folder, mine.data)
    registry = Path(os.environ["HAL_REGISTRY"])
    content = yaml.safe_load(registry.read_text(encoding="utf-8"))
    content["models"]["twin"] = content["models"]["mine"]
    registry.write_text(json.dumps(content), encoding="utf-8")
    _, answer = call("models", "rm", "mine", "--yes")
    assert [kept["reason"] for kept in answer["data"]["kept"]] == ["twin needs it, too"]
    assert removed(call("models", "rm", "mine", "twin", "--yes")[1]) == [NAME]


def test_what_is_in_use_is_never_removed(call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(folder, mine.data)
    usage.touch([path])
    for action in (["rm", "mine"], ["prune", "--max-size", "0MB"]):
        _, answer = call("models", *action, "--yes")
        assert [kept["reason"] for kept in answer["data"]["kept"]] == ["it is in use"]
    (marker,) = (Path(os.environ["HAL_STATE_DIR"]) / "used").iterdir()
    an_hour_ago = time.time() - 3600
    os.utime(marker, (an_hour_ago, an_hour_ago))
    engine = running.RunningEngine("local", folder, str(folder), 1, None, None, {"uptime_s": 4000})
    monkeypatch.setattr(running, "running_engines", lambda: [engine])
    assert call("models", "rm", "mine", "--yes")[1]["data"]["removed"] == []
    monkeypatch.setattr(running, "running_engines", lambda: [engine._replace(status={"uptime_s": 60})])
    assert removed(call("models", "rm", "mine", "--yes")[1]) == [NAME]


def test_prune_takes_what_was_not_used_for_longest(call: Call, folder: Path) -> None:
    files = {}
    for age, (where, name) in enumerate(
        [
            ("checkpoints", "sd_xl_base_1.0.safetensors"),
            ("checkpoints", "v1-5-pruned-emaonly-fp16.safetensors"),
            ("vae", "ae.safetensors"),
        ]
    ):
        path = folder / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1_000_000)
        usage.touch([path])
        files[name] = path
        (marker,) = (m for m in (Path(os.environ["HAL_STATE_DIR"]) / "used").iterdir() if m.name.startswith(name))
        stamp = time.time() - 86400 * (age + 1)
        os.utime(marker, (stamp, stamp))
    own = folder / "checkpoints" / "my own.safetensors"
    own.write_bytes(b"x" * 9_000_000)
    part = folder / "vae" / ".ae.safetensors.0123456789ab.part"
    part.write_bytes(b"x" * 500_000)
    _, answer = call("models", "prune", "--max-size", "2MB", "--yes")
    assert removed(answer) == [part.name, "ae.safetensors"]
    assert own.exists(), "what no registry names is not ours to remove"
    assert removed(call("models", "prune", "--max-size", "2MB", "--yes")[1]) == []
    used = {one["name"]: one["last_used"] for one in call("models", "list")[1]["data"]["models"]}
    assert used["sdxl"] is not None
    assert used["flux"] is None
