"""Where things are inside the image. Plain strings: what runs on every call through ``docker exec`` reads them.

Host and engine agree on them here; the Dockerfile has them once more, and tests/unit/test_container.py compares.
"""

from __future__ import annotations

SPOOL = "/spool"
"""The engine's folder, mounted from the host: lock, card, logs, and the pictures on their way in ``output``."""
MODELS = "/models"
"""The models folder, mounted from the host; read-only except for ``pull``."""
HOT = "/hot"
"""The hot cache, a volume of Docker's; read-only except for ``hot``, which fills it."""
SOCKET = "/run/hal/engine.sock"
"""On a tmpfs, not in the spool: a socket on a mount of another system (Windows, macOS) does not work."""
HOME = "/opt/hal"
"""This code."""
SUBMIT = "/opt/hal/submit"
"""``docker exec -i NAME /opt/hal/submit`` is the line to the engine; see ``hal_image.engine.bridge``."""
PYTHON = "/opt/venv/bin/python"
COMFYUI = "/opt/comfyui"
