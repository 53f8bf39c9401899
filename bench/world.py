"""Folders, environment and commands of one benchmark: the command line as a user calls it, in a place of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.runs import wall
from bench.weights.checkpoints import FULL_SIZE, write
from tests.synthetic.__main__ import FAMILIES

if TYPE_CHECKING:
    from bench.options import Options
    from hal_image.install.engine_env import EnginePaths

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "hal_generate_image.py"
PROMPT = "a red cube on a table"
SMALL = {"sd35-medium": "sd3"}
"""Models whose small checkpoint has another name in ``tests.synthetic``."""


class World:
    """What the parts share.

    Attributes:
        folder: temporary, of this benchmark alone.
        models_dir: the models folder.
        script, python: the command line that is measured, and what runs it.
        engine: the Python and the ComfyUI of it.
        cpu: whether pictures are made on the processor.
        env: of every command that is measured.
    """

    def __init__(self, folder: Path, options: Options, engine: EnginePaths, *, cpu: bool) -> None:
        self.folder = folder
        self.options = options
        self.script = SCRIPT
        self.python = options.python
        self.engine = engine
        self.cpu = cpu
        self.models_dir = (options.models_dir or options.weights_dir or folder / "models").resolve()
        # What this Python was told to import from is for our own command only if it runs in no venv of its own.
        hidden = () if os.environ.get("HAL_NO_VENV", "0") != "0" else ("PYTHON",)
        kept = (
            {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
            if hidden
            else {**os.environ}
        )
        self.env = {
            **kept,
            "HAL_MODELS_DIR": str(self.models_dir),
            "HAL_ENGINE_PYTHON": str(engine.python),
            "HAL_COMFYUI_DIR": str(engine.comfyui_dir),
            "HAL_ENGINE": "local",
        }
        self._count = 0

    @property
    def full_size(self) -> bool:
        """Whether models are as large as the published ones."""
        return self.options.models_dir is not None or self.options.weights == "full"

    def models(self) -> tuple[str, ...]:
        """The models to measure; those that are not in a folder of the user's are written."""
        if self.options.models_dir is not None:
            listed = self.answer("models", "list")["models"]
            there = tuple(model["name"] for model in listed if model["status"] in {"present", "included"})
            return tuple(name for name in self.options.models or there if name in there)
        models = self.options.models or (("sd15",) if self.cpu else ("sdxl",))
        for model in models:
            if self.full_size:
                write(model, self.models_dir)
            else:
                FAMILIES[SMALL.get(model, model)](self.models_dir)
        return models

    def hal(self, *arguments: str) -> list[str]:
        """The command line as a user calls it."""
        return [self.python, str(SCRIPT), *arguments]

    def picture(self, model: str, target: Path | str, *more: str, seed: str | None = None) -> list[str]:
        """The command that makes a new picture: a repeated one would run nothing."""
        size = () if self.full_size and not self.options.size else ("--size", self.options.size or "64")
        steps = self.options.steps or (None if self.full_size else 1)
        return self.hal(
            *("-p", PROMPT, "--model", model, "--seed", seed or self.fresh(), "-o", str(target), "--no-download"),
            *(*size, *(("--steps", str(steps)) if steps else ()), *self.device(), *more),
        )

    def device(self) -> tuple[str, ...]:
        """The option for the processor where there is no GPU, for ComfyUI and for us."""
        return ("--cpu",) if self.cpu else ()

    def fresh(self, count: int = 1) -> str:
        """A seed that no call before has used; with ``count`` the first of so many."""
        self._count += count
        return str(self._count - count + 1)

    def answer(self, *arguments: str) -> dict[str, Any]:
        """What a command of ours says with ``--json``."""
        return self.ask(self.hal(*arguments))

    def ask(self, command: list[str]) -> dict[str, Any]:
        """``data`` of what a command says with ``--json``.

        Raises:
            RuntimeError: it failed; the message has its own.
        """
        done = subprocess.run([*command, "--json"], env=self.env, cwd=self.folder, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError((done.stdout + done.stderr).decode(errors="replace")[-800:])
        data: dict[str, Any] = json.loads(done.stdout)["data"]
        return data

    def graph(self, model: str) -> dict[str, Any]:
        """The nodes that ComfyUI gets for a picture, with a seed that was not used."""
        found: dict[str, Any] = self.ask(self.picture(model, self.folder / "x.png", "--dry-run"))["graph"]
        return found

    def engine_folder(self, kind: str = "local") -> Path:
        """The folder of the engine that runs for this benchmark's models."""
        engines = self.answer("ps")["engines"]
        return Path(next(e["folder"] for e in engines if (e["models_dir"], e["kind"]) == (str(self.models_dir), kind)))

    def stop(self) -> None:
        """Ends this benchmark's engine."""
        wall(self.hal("stop", "--models-dir", str(self.models_dir), "--force"), self.env)


def executed(log: Path) -> float:
    """Seconds that the last picture took, as ComfyUI says in its log."""
    return float(re.findall(r"Prompt executed in ([\d.]+)", log.read_text(errors="replace"))[-1])


def is_gpu() -> bool:
    """Whether there is a GPU to measure on."""
    return shutil.which("nvidia-smi") is not None


def weights_known(models: tuple[str, ...], *, full: bool) -> list[str]:
    """Those of the names for which there are no weights to be written."""
    known = set(FULL_SIZE) if full else {*FAMILIES, *SMALL} - {"flux-parts", "upscaler", "sd3"}
    return [model for model in models if model not in known]
