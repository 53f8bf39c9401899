"""Passes the tests on a fresh machine: ``python3 -m tests [PART …] [-- PYTEST OPTIONS]``.

Parts: ``lint`` (ruff, mypy, import-linter), ``unit``, ``contract``, ``fuzz`` (inputs that nobody would write;
``HAL_FUZZ=20`` makes twenty times as many), ``store`` (the models folder, with hubs that misbehave), ``install``,
``engine``, ``faults`` (kill, stop, cut, fill, corrupt), and ``docker``. Without one, all of them. ``engine`` and
``faults`` are for the local engine, and with ``docker`` beside them for both kinds. ``docker`` is skipped, and the
reason told, where no image can be built; ``HAL_TESTS_REQUIRE_DOCKER=1`` makes that a failure.
Only the standard library is needed: the tools go into a venv of their own in the state directory, the engine is
installed as the first picture would install it. Nothing but a package index is reached.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hal_image.errors import HalError  # noqa: E402 - needs the path above
from hal_image.install import venvs  # noqa: E402

DEV_BYTES = 500_000_000
PARTS = ("lint", "unit", "contract", "fuzz", "store", "install", "engine", "faults", "docker")
MOST_PROCESSES = 4
"""More would wait for those that take longest."""
BYTES_EACH = 10_000_000_000
"""Memory for a process of the tests: with the stand-ins of FLUX its ComfyUI takes six of them, and files are cached."""
LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("import_linter",),
)


def say(text: str) -> None:
    """A line of our own between those of the tools."""
    sys.stderr.write(f"tests: {text}\n")
    sys.stderr.flush()


def dev_python() -> Path:
    """The Python of the tools' venv, made if it is not there; ends the program when that cannot be done."""
    try:
        return venvs.ensure_venv(venvs.standard_plan("dev", "the test tools", DEV_BYTES), say)
    except HalError as error:
        say(f"{error.message}\nhint: {error.hint}")
        raise SystemExit(error.exit_code) from error


def main(arguments: list[str]) -> int:
    """Runs the parts; returns the first exit code that is not 0."""
    options = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    parts = arguments[: arguments.index("--")] if "--" in arguments else arguments
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        say(f"there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
        return 2
    python = dev_python()
    started = time.monotonic()
    chosen = parts or list(PARTS)
    if "lint" in chosen:
        for linter in LINTERS:
            code = run_linter(python, linter)
            if code != 0:
                say(f"{linter[0]} complains")
                return code
    environment = {**({"OMP_NUM_THREADS": "1"} if processes() else {}), **os.environ}  # a ComfyUI each, a core each
    for run in runs(chosen):
        say(f"running {' '.join(run)}")
        command = [str(python), "-m", "pytest", "--durations=15", *in_parallel(), *run, *options]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        say(f"done in {(time.monotonic() - started) / 60:.1f} minutes")
        if code != 0:
            return code
    return 0


def in_parallel() -> list[str]:
    """Has several processes run the tests, each with engines of its own; ``-- -n 0`` is for one, e.g. with a debugger.

    ``tests/conftest.py`` says what stays together, and in which order it begins.
    """
    return ["-n", str(processes()), "--dist", "loadscope", "--no-loadscope-reorder"]


def processes() -> int:
    """How many run the tests; 0 for one that does all itself."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = min(os.cpu_count() or 1, MOST_PROCESSES, memory // BYTES_EACH)
    return most if most > 1 else 0


def runs(chosen: list[str]) -> list[list[str]]:
    """What pytest is given, a list a run. ``engine`` and ``faults`` are for both kinds of engine, told by a mark."""
    folders = [f"tests/{part}" for part in PARTS if part in chosen and part not in {"lint", "docker"}]
    if "docker" not in chosen:
        return [[*folders, "-m", "not docker"]] if folders else []
    if {"engine", "faults"} & set(chosen):
        return [[*folders, "tests/docker"]]
    return [*([folders] if folders else []), ["tests/docker"], ["tests/engine", "-m", "docker"]]


def run_linter(python: Path, linter: tuple[str, ...]) -> int:
    """Runs one linter on the whole project; returns its exit code."""
    say(" ".join(linter))
    command = [str(python), "-m", *linter]
    if linter[0] == "import_linter":  # has no module to run
        command = [str(python.with_name("lint-imports"))]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
