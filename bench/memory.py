"""``python3 -m bench.memory [--vram 24]``: how the models that are there run on a card of so much memory.

On a GPU with more than that: ComfyUI is told of so much and gets no more. Each model makes a picture of its own size,
in four steps at most; told are its plan (``models show NAME --vram``), the memory that was used at most, and what
had to be done. At the end, two pictures for which there is too little: one that is too large to be decoded as a whole,
and one beside a program that takes all but 6 GB, which ComfyUI does not know of. Models with random weights do.

``HAL_MODELS_DIR`` says where they are, and ``HAL_ENGINE_PYTHON`` and ``HAL_COMFYUI_DIR`` what runs them, as usual.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.limited import Limit, environment, peak

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "hal_generate_image.py"
GIB = 2**30
MOST_STEPS = 4
LEFT_BY_OTHERS_GIB = 6.0
TOO_LARGE = 3072
"""Pixels of a side: 10 GB for every 1536x1536 that is decoded as a whole."""


class Case(NamedTuple):
    """A picture to make.

    Attributes:
        name: what it is called.
        model: what draws.
        limit: the memory.
        options: further options.
    """

    name: str
    model: str
    limit: Limit
    options: tuple[str, ...] = ()


class Machine:
    """The command line with an engine that has so much memory, for as long as that stays the same."""

    def __init__(self, folder: Path, python: str) -> None:
        self._folder = folder
        self._python = python
        self._limit: Limit | None = None
        self._home = folder
        self.env = {**os.environ, "HAL_ENGINE": "local"}

    def make(self, case: Case) -> dict[str, Any]:
        """Makes a picture, and measures it."""
        if case.limit != self._limit:
            self.stop()
            self._limit = case.limit
            self._home = self._folder / f"{case.limit.real:g}-of-{case.limit.told:g}"
            self.env |= environment(self._home, self._python, case.limit)
        since = time.time()
        words = ("-p", "a red cube", "-m", case.model, "--seed", "1", "--no-download", "--low-vram", "--json")
        answer = self.call(*words, *case.options, "-o", str(self._folder / "picture.png"))
        reserved, used = peak(self._home, since)
        data = answer.get("data", {})
        return {
            "name": case.name,
            "limit_gib": case.limit.real,
            "told_gib": case.limit.told,
            "ok": answer["ok"],
            "seconds": round(time.time() - since, 1),
            "execution_s": data.get("timings", {}).get("execution_s"),
            "torch_gib": round(reserved / GIB, 2),
            "gpu_gib": round(used / GIB, 2),
            "warnings": [one["code"] for one in answer["warnings"] if one["code"] not in QUIET],
            "error": answer["error"] and answer["error"]["message"][:160],
        }

    def call(self, *words: str) -> dict[str, Any]:
        """One command's JSON answer."""
        done = subprocess.run([sys.executable, str(SCRIPT), *words], env=self.env, capture_output=True, check=False)
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise SystemExit(done.stderr.decode(errors="replace")[-2000:]) from None
        return answer

    def stop(self) -> None:
        """Ends the engine, if there is one."""
        subprocess.run([sys.executable, str(SCRIPT), "stop", "--force"], env=self.env, capture_output=True, check=False)


QUIET = {"model_size_differs", "model_digest_differs", "picture_single_colour"}
"""Of random weights."""


def main(argv: list[str] | None = None) -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="python3 -m bench.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vram", type=float, default=24.0, metavar="GB", help="of the card that is played")
    parser.add_argument("--model", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--models-only", action="store_true", help="without the pictures for which there is too little")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    options = parser.parse_args(argv)
    python = os.environ.get("HAL_ENGINE_PYTHON") or _prepared()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), python)
        try:
            results = _run(machine, options.model, options.vram, extremes=not options.models_only)
        finally:
            machine.stop()
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0 if all(one["ok"] for one in results) else 1


def _run(machine: Machine, wanted: list[str] | None, vram: float, *, extremes: bool) -> list[dict[str, Any]]:
    known = machine.call("models", "list", "--json")["data"]["models"]
    there = [one for one in known if one["status"] == "present" and (one["name"] in wanted if wanted else True)]
    print(f"\nA card of {vram:g} GB\n  {'':34} {'plan':12} {'seconds':>8} {'torch':>10} {'GPU':>10}")
    limit = Limit(vram, vram)
    cases = []
    for model in there:
        steps = ("--steps", str(min(MOST_STEPS, model["defaults"]["steps"])))
        cases.append(Case(model["name"], model["name"], limit, steps))
        if any(file["role"] == "diffusion_model" for file in model["files"]):
            cases.append(Case(f"{model['name']} --fp8", model["name"], limit, (*steps, "--fp8")))
    if there and extremes:
        light = next((one["name"] for one in there if one["name"] == "sdxl"), there[0]["name"])
        large = ("--steps", "1", "--size", str(TOO_LARGE))
        cases += [
            Case(f"{light} {TOO_LARGE}x{TOO_LARGE}", light, limit, large),
            Case("the same again", light, limit, large),
            Case(f"{light}, others take the rest", light, Limit(LEFT_BY_OTHERS_GIB, vram), ("--steps", "4")),
            Case("the same again", light, Limit(LEFT_BY_OTHERS_GIB, vram), ("--steps", "4")),
        ]
    plans = {one["name"]: _plan(machine, one["name"], vram) for one in there}
    return [_shown(machine.make(case), plans[case.model], fp8="--fp8" in case.options) for case in cases]


def _plan(machine: Machine, model: str, vram: float) -> dict[str, Any]:
    plan: dict[str, Any] = machine.call("models", "show", model, "--vram", f"{vram:g}", "--json")["data"]["memory"]
    return plan


def _shown(result: dict[str, Any], plan: dict[str, Any], *, fp8: bool) -> dict[str, Any]:
    how = (plan["fp8"] if fp8 else plan)["how"]
    memory = f"{result['torch_gib']:6.1f} GiB {result['gpu_gib']:6.1f} GiB"
    said = ", ".join(result["warnings"]) + (result["error"] or "")
    print(f"  {result['name']:34} {how:12} {result['seconds']:8.1f} {memory}  {said}", flush=True)
    return {**result, "plan": how}


def _prepared() -> str:
    """The engine's Python, where it is prepared already."""
    sys.path.insert(0, str(ROOT))
    from hal_image.install.engine_env import engine_ready  # noqa: PLC0415 - only without HAL_ENGINE_PYTHON

    ready = engine_ready()
    if ready is None:
        raise SystemExit("prepare the engine first: python3 hal_generate_image.py serve")
    return str(ready.python)


if __name__ == "__main__":
    raise SystemExit(main())
