"""Rules about the code that import-linter cannot state. The import rules themselves are in pyproject.toml."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "hal_image"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400
"""Lines. House style asks for about 300."""


def names_of(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Name):
            yield node.id


def modules_with(wanted: set[str]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in MODULES if wanted & set(names_of(path))}


def test_only_the_renderer_writes_to_standard_output() -> None:
    # start answers --version before anything is imported; main points the descriptor elsewhere when it is broken.
    # The engine is a program of its own, and what it says on standard output is not the host's. mcp looks whether there
    # is one, and leaves it to the protocol.
    allowed = {"host/render.py", "host/main.py", "host/commands/mcp.py", "start.py"}
    allowed |= {"engine/__main__.py", "engine/order.py"}
    assert modules_with({"sys.stdout", "sys.stdout.buffer", "print"}) == allowed


def test_one_module_runs_docker() -> None:
    # It starts it with posix_spawn, and knows which program it is; everybody else gives it arguments.
    runs = "host/docker/program.py"
    assert modules_with({"os.posix_spawn"}) == {runs, "host/verify_later.py"}  # the latter starts our own Python
    knows = {str(path.relative_to(PACKAGE)) for path in MODULES if re.search(r"\"HAL_DOCKER\"", path.read_text())}
    assert knows == {runs}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_a_readable_length_and_says_what_it_is(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text)), "no docstring"


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "common"])
def test_modules_are_named_after_what_they_know(word: str) -> None:
    assert not [path for path in MODULES if path.stem == word]
