"""Copies of the tool that differ in one thing: their limits, so that a test need not sit them out, or their version."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.world import ROOT, Hal, docker

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = {
    "hal_image/engine/watch.py": ("DEAF_LIMIT_S", "HUNG_LIMIT_S"),
    "hal_image/engine/comfyui_process.py": ("BOOT_QUIET_LIMIT_S",),
    "hal_image/host/engines/pulse.py": ("QUIET_S", "ANSWER_LIMIT_S"),
    "hal_image/host/engines/link.py": ("HELLO_LIMIT_S",),
}
"""The limits of silence, file by file. What they are in earnest is argued where they stand."""
SHORT_S = 4
"""What they are in a copy: longer than a busy machine keeps a sound process from answering."""


def copy(folder: Path) -> Path:
    """The tool as it is, at ``folder``; returns its program."""
    folder.mkdir(mode=0o755)
    for name in ("hal_generate_image.py", "entrypoint.py", "models.yaml", "VERSION", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "hal_image", folder / "hal_image", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "hal_generate_image.py"


def impatient(folder: Path) -> Path:
    """A copy with short limits; returns its program."""
    program = copy(folder)
    for name, limits in LIMITS.items():
        file = folder / name
        text = file.read_text(encoding="utf-8")
        for limit in limits:
            text, found = re.subn(rf"^{limit} = [\d.]+$", f"{limit} = {SHORT_S}.0", text, flags=re.MULTILINE)
            assert found == 1, f"{limit} is not in {name} any more"
        file.write_text(text, encoding="utf-8")
    client = folder / "hal_image/comfy/client.py"
    text = client.read_text(encoding="utf-8")
    assert "\nTIMEOUT_S = (5.0, 5.0)\n" in text
    client.write_text(text.replace("\nTIMEOUT_S = (5.0, 5.0)\n", "\nTIMEOUT_S = (1.0, 1.0)\n"), encoding="utf-8")
    return program


def image_from(folder: Path, image: str, tag: str) -> str:
    """The image with the package of a copy in the place of its own; returns its name."""
    (folder / "Dockerfile").write_text(
        f"FROM {image}\n"
        "COPY hal_image/engine /opt/hal/hal_image/engine\n"
        "COPY hal_image/comfy /opt/hal/hal_image/comfy\n"
        # what the image has compiled is used without a look at its source
        "USER 0\n"
        "RUN rm -r /opt/hal/hal_image/engine/__pycache__ /opt/hal/hal_image/comfy/__pycache__\n"
    )
    (folder / ".dockerignore").unlink(missing_ok=True)
    docker("build", "--quiet", "--network", "none", "--tag", tag, str(folder))
    return tag


def with_program(hal: Hal, program: Path, cwd: Path | None = None, **environment: str) -> Hal:
    """The same command line, run from a copy."""
    return Hal({**hal.environment, **environment}, cwd or hal.cwd, program, hal.prefix, hal.python)
