"""A Python in which a module is another one as soon as it is imported: for faults and limits that no machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMIZE = """
import importlib.abc, importlib.machinery, sys

{code}


class Loader(importlib.abc.Loader):
    def __init__(self, real):
        self.real = real

    def create_module(self, spec):
        return self.real.create_module(spec)

    def exec_module(self, module):
        self.real.exec_module(module)
        patch(module)


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname != "{module}":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        spec.loader = Loader(spec.loader)
        return spec


if is_wanted():
    sys.meta_path.insert(0, Finder())
"""


def write(folder: Path, python: Path | str, module: str, code: str) -> Path:
    """A program that is ``python``, but for what ``code`` does to ``module``.

    Args:
        folder: where it is written; it has nothing else in it.
        python: the program.
        module: full name of the module.
        code: defines ``is_wanted()``, asked at the start, and ``patch(module)``.
    """
    (folder / "sitecustomize.py").write_text(CUSTOMIZE.format(code=code.strip(), module=module), encoding="utf-8")
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {python} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program
