"""Everything from nothing to a finished run: ``python -m training all RUN``.

Drawing goes on in the background while the autoencoder and then the transformer are trained, on all GPUs of a machine.
Started again after an interruption it goes on where the last checkpoint was written.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from training.journal import curve
from training.transformer import TOKENS

SHARDS = 1100
"""About half a million pictures."""
WAITING_BYTES = 60e9
"""Most that drawn pictures may take up before they are read."""
SHARD_BYTES = 1.1e8


def _command(name: str, *arguments: object) -> list[str]:
    return ["training", name, *map(str, arguments)]


def _train(drawing: subprocess.Popen[bytes], name: str, *arguments: object) -> None:
    """Runs a command once a GPU, for as long as the drawing goes on or has come to its end.

    Raises:
        SystemExit: one of the two failed; it has said why.
    """
    count = max(1, torch.cuda.device_count())
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count // 2))}
    command = [*launcher, "-m", *_command(name, *arguments)]
    training = subprocess.Popen(command, env={**threads, **os.environ})
    try:
        while training.poll() is None:
            if drawing.poll():
                raise SystemExit("the drawing failed")
            time.sleep(0.5)
    finally:
        training.terminate()  # nothing to one that has ended
        training.wait()
    if training.returncode:
        raise SystemExit(f"{name} failed")


def _place() -> Path:
    """Where pictures wait: in memory if there is room, else on the disk."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    room = memory if memory.is_dir() and shutil.disk_usage(memory).free > 8e9 else Path(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="doodle-pictures-", dir=room))


def main(arguments: list[str] | None = None) -> None:
    """The command ``all``."""
    parser = argparse.ArgumentParser(prog="python -m training all", description="Train everything.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=45, help="for everything (default: 45, for one fast GPU)")
    parser.add_argument("--autoencoder-steps", type=int, default=5000)
    parser.add_argument(
        "--shards", type=int, default=SHARDS, help=f"of pictures to draw, each up to 512 (default: {SHARDS})"
    )
    parser.add_argument("--batch-tokens", type=int, default=TOKENS, help="less for a GPU with less memory than 40 GB")
    options = parser.parse_args(arguments)
    options.run.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the pictures are removed then, too
    began = time.monotonic()
    pictures = _place()
    waiting = int(min(WAITING_BYTES, 0.8 * shutil.disk_usage(pictures).free) / SHARD_BYTES)
    workers = max(1, (os.cpu_count() or 2) - 3)
    draw = _command("draw", pictures, "--shards", options.shards, "--waiting", waiting, "--workers", workers)
    # One thread each: numpy in 30 processes would otherwise start 30 threads in every one.
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    drawing = subprocess.Popen([sys.executable, "-m", *draw], env=quiet, start_new_session=True)
    try:
        if not (options.run / "autoencoder.pt").exists():
            batch = max(2, 96 * options.batch_tokens // TOKENS)
            some = ("--steps", options.autoencoder_steps, "--batch", batch, "--shards", min(64, options.shards))
            _train(drawing, "autoencoder", pictures, options.run, *some)
        left = options.minutes - (time.monotonic() - began) / 60 - 1.5  # compiling, and reading what was drawn
        budget = ("--steps", 10**9, "--minutes", f"{left * 0.8:.2f}")
        distil = ("--distil-steps", 10**9, "--distil-minutes", f"{left * 0.2:.2f}")
        size = ("--batch-tokens", options.batch_tokens, "--enough", min(60000, 100 * options.shards))
        _train(drawing, "transformer", pictures, options.run, *budget, *distil, *size)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(drawing.pid, signal.SIGKILL)  # its workers too
        drawing.wait()
        shutil.rmtree(pictures, ignore_errors=True)
    for stage in ("autoencoder", "flow", "distilled"):
        curve(options.run / f"{stage}.jsonl", "loss", options.run / f"{stage}-loss.png")
    subprocess.run([sys.executable, "-m", *_command("sheet", options.run, options.run / "sheet.png")], check=True)


if __name__ == "__main__":
    main()
