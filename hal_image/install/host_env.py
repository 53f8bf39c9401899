"""The venvs that the command line itself runs in, so that the caller's Python is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.install import venvs, where

if TYPE_CHECKING:
    from hal_image.install.process import Report

LABELS = {"host": "the command line", "mcp": "the MCP server"}
"""What its venvs are for, by their kind. That of ``mcp`` has the packages of ``host`` and the SDK."""
NEED_BYTES = {"host": 75_000_000, "mcp": 200_000_000}
"""Free disk space to ask for beforehand."""


def host_python() -> Path | None:
    """The host venv's interpreter when it is ready, else ``None``. Reads one small file and looks at two others."""
    found = where.ready_python(where.venv_dir("host"))
    return None if found is None else Path(found)


def prepare_host(report: Report, *, kind: str = "host", deadline: float | None = None, offline: bool = False) -> Path:
    """Make the host venv, or with ``kind`` that of ``mcp``, unless it is ready; return its interpreter.

    Other args, errors: as for ``venvs.ensure_venv``.
    """
    plan = venvs.standard_plan(kind, LABELS[kind], NEED_BYTES[kind])
    return venvs.ensure_venv(plan, report, deadline=deadline, offline=offline)
