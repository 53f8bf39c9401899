"""A bare ComfyUI as its users have it: a folder of its own, everything that its requirements name, ``python main.py``.

The flags are its defaults: with its web page, templates and embedded docs, API nodes, custom nodes (the one that comes
with it), the packs of ``comfy_extras`` and the database. Only the port is given, so that several run side by side, and
``--cpu`` where there is no GPU.

    bare = prepare(engine, folder, models_dir, say)
    with bare.booted("--cpu") as server:
        print(server.seconds, server.url)
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.engine.comfyui_process import free_port
from hal_image.install import process
from hal_image.models.folders import MODEL_FOLDERS
from hal_image.paths import make_state_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hal_image.install.engine_env import EnginePaths

OWN_PACKAGE = re.compile(r"^comfyui-\S+", re.MULTILINE)
"""What ComfyUI's requirements name of its own, and our engine does without."""
BOOT_LIMIT_S = 300.0
POLL_S = 0.01


@dataclass(frozen=True)
class Server:
    """A ComfyUI that answers.

    Attributes:
        url: its address.
        seconds: from the start of its process to its first answer at ``/system_stats``.
        pid: its process.
        log: what it printed.
    """

    url: str
    seconds: float
    pid: int
    log: Path


@dataclass(frozen=True)
class BareComfyUI:
    """A ComfyUI that is ready to be booted.

    Attributes:
        python: the Python that runs it, which is the engine's.
        folder: its source, with ``main.py``; also where it keeps its database, its pictures and its settings.
        packages: the packages that the engine does without.
        without: requirements of it that could not be installed. Then its boot is shorter than a user's.
    """

    python: Path
    folder: Path
    packages: Path
    without: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return "python main.py" + (f" (without {', '.join(self.without)})" if self.without else "")

    def environment(self, given: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment of its process: ours without what is meant for our own Python, with its packages."""
        kept = {name: value for name, value in given.items() if not name.startswith(("PYTHON", "HAL_"))}
        return {**kept, "PYTHONPATH": str(self.packages)}

    @contextmanager
    def booted(self, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
        """Boots it on a free port; it is killed in the end.

        Args:
            options: of its command line, beside the port.
            env: variables on top of ``environment()``.

        Raises:
            RuntimeError: it ended, or did not answer within ``BOOT_LIMIT_S``; the message has the end of its log.
        """
        port = free_port()
        log = self.folder / "bench.log"
        # Without its packages it does not start unless it is told of another page.
        page = ["--front-end-root", str(self.packages)] if self.without else []
        started = time.perf_counter()
        with log.open("wb") as output:
            child = subprocess.Popen(
                [str(self.python), "main.py", "--port", str(port), *page, *options],
                cwd=self.folder,
                env={**self.environment(), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while not answers(port):
                if child.poll() is not None or time.perf_counter() - started > BOOT_LIMIT_S:
                    raise RuntimeError(f"bare ComfyUI did not boot: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(POLL_S)
            yield Server(f"http://127.0.0.1:{port}", time.perf_counter() - started, child.pid, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def prepare(engine: EnginePaths, folder: Path, models_dir: Path, say: Callable[[str], None]) -> BareComfyUI:
    """Makes a bare ComfyUI of the engine's own source, Python and packages, so that nothing but the start differs.

    Args:
        engine: whose Python and ComfyUI are used; both stay as they are.
        folder: a new folder for it is made in here.
        models_dir: where it finds models, as by the file that ComfyUI's users write for that.
        say: takes lines of progress.
    """
    copy = folder / "ComfyUI"
    shutil.copytree(engine.comfyui_dir, copy, ignore=shutil.ignore_patterns(".git"))
    kinds = [f"  {kind}: |\n" + "".join(f"    {name}\n" for name in names) for kind, names in MODEL_FOLDERS.items()]
    paths = f"bench:\n  base_path: {models_dir.resolve()}\n" + "".join(kinds)
    (copy / "extra_model_paths.yaml").write_text(paths, encoding="utf-8")
    # Its second boot finds bytecode; nobody boots it once only.
    subprocess.run([str(engine.python), "-m", "compileall", "-q", "-j", "0", str(copy)], check=False)
    packages, without = own_packages(copy / "requirements.txt", say)
    return BareComfyUI(engine.python, copy, packages, without)


def own_packages(requirements: Path, say: Callable[[str], None]) -> tuple[Path, tuple[str, ...]]:
    """The folder with ComfyUI's own packages, which is made once and kept; and those that could not be had."""
    wanted = tuple(OWN_PACKAGE.findall(requirements.read_text(encoding="utf-8")))
    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:8]
    folder = Path(os.environ.get("HAL_BENCH_PACKAGES") or state_dir() / "bench" / f"comfyui-{name}")
    if folder.is_dir():
        return folder, ()
    if os.environ.get("HAL_NO_VENV", "0") != "0":
        say(f"nothing is installed, so the bare ComfyUI boots without {', '.join(wanted)}")
        return _page(requirements.parent), wanted
    make_state_dir("bench")
    making = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    say(f"installing {', '.join(wanted)} for the bare ComfyUI")
    try:
        # With the Python that runs us: they are made for any, and the engine's own may have no pip.
        command = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--target", str(making), *wanted]
        done = subprocess.run(command, env=process.clean_environment(), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            making.rename(folder)
            return folder, ()
    finally:
        shutil.rmtree(making, ignore_errors=True)
    say(f"they could not be installed, so the bare ComfyUI boots without them: {done.stderr.strip()[-300:]}")
    return _page(requirements.parent), wanted


def _page(folder: Path) -> Path:
    """An empty page, and nothing to import beside it."""
    empty = folder / "no-packages"
    empty.mkdir()
    (empty / "index.html").touch()
    return empty


def answers(port: int) -> bool:
    """Whether a ComfyUI server answers there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/system_stats", timeout=5):
            return True
    except OSError:
        return False


def boot_seconds(bare: BareComfyUI, *options: str) -> float:
    """One boot of it."""
    with bare.booted(*options) as server:
        return server.seconds
