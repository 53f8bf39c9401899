"""diffusers as a program that stays: its pipeline is built once, and then asked for pictures."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.peers import packages
from bench.world import PROMPT

if TYPE_CHECKING:
    from types import TracebackType

    from bench.world import World

WORKER = Path(__file__).with_name("diffusers_worker.py")
MODELS = ("sdxl", "sd15")
"""Those whose pipelines it builds."""


class Diffusers(AbstractContextManager["Diffusers"]):
    """A worker for one model.

    Args:
        world: whose picture it makes: model, size, steps and CFG.
        model: one of ``MODELS``.
        compile_mode: of ``torch.compile``; empty for none.

    Raises:
        packages.Unavailable: diffusers is not there.
        RuntimeError: it ended; the message has what it said.
    """

    def __init__(self, world: World, model: str, compile_mode: str = "") -> None:
        request = world.ask(world.picture(model, world.folder / "x.png", "--dry-run"))["request"]
        settings: dict[str, Any] = {
            **{name: request[name] for name in ("width", "height", "steps", "cfg")},
            "model": model,
            "prompt": PROMPT,
            "compile": compile_mode,
            "device": "cpu" if world.cpu else "cuda",
            "dtype": "float32" if world.cpu else "float16",
            "tokenizers": str(world.engine.comfyui_dir / "comfy" / "sd1_tokenizer"),
        }
        self._world = world
        self._log = world.folder / "diffusers.log"
        python = world.options.diffusers_python or world.engine.python
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(python), str(WORKER), json.dumps(settings)],
                env={**os.environ, **_import_path(world, python)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.versions = self._answer()

    def picture(self) -> float:
        """Seconds of one picture, by the worker's own clock."""
        assert self._process.stdin is not None
        wanted = {"seed": int(self._world.fresh()), "path": str(self._world.folder / "diffusers.png")}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return float(self._answer()["picture"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise RuntimeError(f"diffusers ended: {self._log.read_text(errors='replace')[-800:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _import_path(world: World, python: Path) -> dict[str, str]:
    """The variable that has the worker find diffusers, where its Python does not by itself."""
    path = world.options.diffusers_path
    if path is None:
        found = subprocess.run([str(python), "-c", "import diffusers"], capture_output=True, check=False)
        if found.returncode == 0:
            return {}
        path = packages.diffusers_path()
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{path.resolve()}{os.pathsep + before if before else ''}"}
