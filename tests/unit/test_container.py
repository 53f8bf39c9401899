"""The Dockerfile says once more what Python knows: the two must agree."""

from __future__ import annotations

import re
from pathlib import Path

from hal_image import container

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_places() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert f"HAL_ENGINE_PYTHON={container.PYTHON} " in final
    assert f"HAL_COMFYUI_DIR={container.COMFYUI} " in final
    assert f"HAL_MODELS_DIR={container.MODELS} " in final
    assert f'ENTRYPOINT ["{container.PYTHON}", "-I", "{container.HOME}/entrypoint.py"]' in final
    assert f"CMD {container.SUBMIT} " in final
    assert f"mkdir -m 1777 {container.SPOOL} {Path(container.SOCKET).parent};" in DOCKERFILE
    assert f"RUN mkdir -m 1777 {container.HOT}\n" in final
    assert f"mkdir {container.MODELS}\n" in DOCKERFILE
    assert f'sys.path.insert(0, "{container.HOME}")' in (ROOT / "docker" / "submit").read_text()


def test_every_file_that_it_copies_is_let_through() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word.partition("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert {name.replace("[t]", "t") for name in copied} == allowed
