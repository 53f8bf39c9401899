"""Every error and warning that the source makes, read without importing it: parts of it need what tests have not."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hal_image
from hal_image import errors
from hal_image.engine import notices

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(hal_image.__file__).parent.parent
SOURCES = [ROOT / "hal_generate_image.py", ROOT / "entrypoint.py", *sorted((ROOT / "hal_image").rglob("*.py"))]

REFUSE = "refuse"
"""Makes the errors of ``hal_generate_image.py``, which cannot import a class."""


class Raised(NamedTuple):
    """A place where an error is made.

    Attributes:
        where: ``file:line``.
        kind: the class in ``hal_image.errors`` that it is, or is derived from.
        code: ``None`` where it is not written there.
        hint: whether it has one.
        retryable: ``None`` where it is not written there.
        details: the fields that are written there.
    """

    where: str
    kind: str
    code: str | None
    hint: bool
    retryable: bool | None
    details: frozenset[str]


class Warned(NamedTuple):
    """A place where a warning is made; as for ``Raised``."""

    where: str
    code: str | None
    details: frozenset[str]


class ErrorClasses:
    """The error classes by name: what each is derived from, and its default code."""

    def __init__(self, trees: list[ast.Module]) -> None:
        self.bases = {"HalError": ""}
        self._own_codes: dict[str, str] = {}
        classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        for _ in classes:  # a class may stand before its base
            for node in classes:
                base = node.bases[0] if node.bases else None
                if isinstance(base, ast.Name) and base.id in self.bases:
                    self.bases[node.name] = base.id
        for node in classes:
            for name, value in _constants(node) if node.name in self.bases else ():
                if name == "default_code":
                    self._own_codes[node.name] = str(value)

    def code(self, name: str) -> str:
        """The code that an error of the class ``name`` has when it is given none."""
        return self._own_codes[name] if name in self._own_codes else self.code(self.bases[name])

    def kind(self, name: str) -> str:
        """The class itself, or the nearest of those that it is derived from, that is in ``hal_image.errors``."""
        return name if hasattr(errors, name) else self.kind(self.bases[name])


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, object]]:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if isinstance(targets[0], ast.Name) and isinstance(value, ast.Constant):
            yield targets[0].id, value.value


TREES = {source: ast.parse(source.read_text(encoding="utf-8")) for source in SOURCES}
CLASSES = ErrorClasses(list(TREES.values()))


def raised() -> Iterator[Raised]:
    """Every call of an error class."""
    for source, node, function in _calls():
        name = _name(node)
        if name == REFUSE and source.parent == ROOT:
            name = "EnvironmentError_"
        if name not in CLASSES.bases:
            continue
        given = {word.arg: word.value for word in node.keywords if word.arg is not None}
        codes = _texts(given["code"]) if "code" in given else [CLASSES.code(name)]
        hint = given.get("hint")
        for code in codes:
            yield Raised(
                _where(source, node),
                CLASSES.kind(name),
                code,
                hint is not None and not (isinstance(hint, ast.Constant) and not hint.value),
                _flag(given.get("retryable")),
                _fields(given.get("details"), function),
            )


def warned() -> Iterator[Warned]:
    """Every warning."""
    for source, node, function in _calls():
        if _name(node) in {"warn", "Warn"} and node.args and (source.name != "render.py"):
            details = node.args[2] if len(node.args) > 2 else None
            for code in _texts(node.args[0]):
                if code is None and source.name == "picture.py":
                    continue  # passes on what the engine noticed, below
                yield Warned(_where(source, node), code, _fields(details, function))
    for code in notices.TEXTS:  # made from a table, with the same details for each
        yield Warned("hal_image/engine/notices.py", code, frozenset({"node", "files", "count", "examples"}))


def _calls() -> Iterator[tuple[Path, ast.Call, ast.AST]]:
    """Every call, with the function or module that it stands in."""
    for source, tree in TREES.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inner = {id(node): function for function in functions for node in ast.walk(function)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield source, node, inner.get(id(node), tree)


def _name(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _where(source: Path, node: ast.Call) -> str:
    return f"{source.relative_to(ROOT)}:{node.lineno}"


def _texts(value: ast.expr) -> list[str | None]:
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body), *_texts(value.orelse)]
    return [value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None]


def _flag(value: ast.expr | None) -> bool | None:
    if value is None:
        return False
    return bool(value.value) if isinstance(value, ast.Constant) else None


def _fields(value: ast.expr | None, function: ast.AST) -> frozenset[str]:
    """The fields of ``details``: of a dictionary, or of the one that its name was given in the same function."""
    if isinstance(value, ast.Name):
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(targets[0], ast.Name) and targets[0].id == value.id:
                return _fields(getattr(node, "value", None), ast.Pass())
    if isinstance(value, ast.IfExp):
        return _fields(value.body, function) | _fields(value.orelse, function)
    if isinstance(value, ast.Dict):
        return frozenset(str(key.value) for key in value.keys if isinstance(key, ast.Constant))
    return frozenset()
