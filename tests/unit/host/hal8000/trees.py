"""Projects for the tests of ``hal8000``, and what a folder holds, to the byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = """\
# HAL8000

A personal assistant that lives in this repository. Läuft zuhause — 24 Stunden.

## Tools

| tool | what it does |
|---|---|
| browser | reads the web |

```sh
python3 .claude/tools/browser/browse.py --url example
```

## Rules

- Never delete memory.
"""
STATE = """\
{
    "name": "HAL8000",
    "version": "2.4.1",
    "motto": "Ich höre zu — immer",
    "bios": {"tools": [ "browser","speech" ],   "checked": 1.50E+3},

    "tools": {
        "browser": {
            "status": "operational",
            "bios_documented": true
        },
        "image-generation": {
            "status": "in progress",
            "notes": "ComfyUI läuft; \\u00dcbersicht fehlt",
            "models_cached": ["sdxl",
                              "flux"],
            "bios_documented": false
        }
    },
    "id": 123456789012345678901234567890
}
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

- Nothing yet.

## [2.4.1] - 2025-11-02

### Fixed

- Speech.
"""


def write(root: Path, files: dict[str, bytes]) -> Path:
    """A project of these files."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    root.mkdir(parents=True, exist_ok=True)
    return root


def realistic(root: Path) -> Path:
    """A project as HAL8000 is: with an entry that was written by hand."""
    files = {"CLAUDE.md": GUIDE, ".claude/state.json": STATE, "CHANGELOG.md": CHANGELOG, "VERSION": "2.4.1\n"}
    write(root, {name: text.encode() for name, text in files.items()})
    return write(root, {".claude/memory/notes.md": b"a\r\nb", "data/.keep": b""})


def tree(root: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, every folder without."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))
    }


def entry(root: Path) -> dict[str, object]:
    """The entry in a project's state.json, where a new one goes or one was."""
    state = json.loads((root / ".claude" / "state.json").read_text(encoding="utf-8-sig"))
    found: dict[str, object] = state.get("tools", state).get("image-generation")
    return found
