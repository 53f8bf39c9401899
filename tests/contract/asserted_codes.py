"""The error codes that tests assert, found in their source.

A code counts as tested where it is compared in an ``assert`` about a code, or where it is handed to such an assert:
as an argument of ``parametrize`` or a table that is one, or of a function or class of the tests, in a module that
has one. A code that is a plain word, as ``timeout``, counts only in the ``assert`` itself. So it does where it is
looked for in what a program printed: ``b'"timeout"' in out``. Making an error with a code tests nothing.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
OWN = {"test_error_catalogue.py", "test_docs.py"}
"""Tests of the catalogue and its page raise nothing."""


def asserted_codes(codes: set[str]) -> set[str]:
    """Those of ``codes`` that some test asserts."""
    found = set()
    for path in sorted(TESTS.rglob("*.py")):
        if path.name not in OWN:
            found |= in_module(path.read_text(encoding="utf-8"), codes)
    return found


def in_module(source: str, codes: set[str]) -> set[str]:
    """Those of ``codes`` that the test module ``source`` asserts."""
    tree = ast.parse(source)
    about_codes = [node for node in ast.walk(tree) if isinstance(node, ast.Assert) and _about_codes(node.test)]
    found = {text for node in about_codes for text in _texts(node.test)} & codes
    found |= {code for node in ast.walk(tree) if isinstance(node, ast.Assert) for code in _looked_for(node)} & codes
    if not about_codes:
        return found
    handed = {text for node in _handed_over(tree) for text in _texts(node)}
    return found | {code for code in handed & codes if "_" in code}


def _about_codes(test: ast.expr) -> bool:
    """Whether something is compared with a code: ``error.code``, ``answer["error"]["code"]``, ``code``."""
    return any(
        isinstance(node, ast.Compare) and any(_is_code(part) for part in ast.walk(node)) for node in ast.walk(test)
    )


def _is_code(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "code"
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "code"
    return False


def _looked_for(node: ast.Assert) -> Iterator[str]:
    for part in ast.walk(node.test):
        if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.In):
            for text in ast.walk(part.left):
                if isinstance(text, ast.Constant) and isinstance(text.value, (str, bytes)):
                    plain = text.value if isinstance(text.value, str) else text.value.decode("ascii", "replace")
                    yield plain.partition(":")[0].strip('"')


def _handed_over(tree: ast.Module) -> Iterator[ast.AST]:
    tables = _tables(tree)
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in own or name == "parametrize":
                yield node
            if name == "parametrize":
                yield from (
                    tables[part.id] for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in tables
                )


def _tables(tree: ast.Module) -> dict[str, ast.AST]:
    """What the module assigns to a name, by that name."""
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node for target in targets if isinstance(target, ast.Name)})
    return found


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
