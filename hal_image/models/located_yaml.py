"""YAML whose every value knows its file, line and column, so that a complaint can point at it.

PyYAML's loaders build plain dicts: places are lost and a repeated key silently wins. Its composed nodes keep both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from hal_image.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import yaml

_TAG = "tag:yaml.org,2002:"
_KINDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "null": "nothing",
          "map": "a mapping", "seq": "a list", "timestamp": "a date", "merge": "the merge key"}  # fmt: skip
_QUOTABLE = ("int", "float", "bool", "timestamp")
"""What PyYAML makes of unquoted text that looks like something else: a hash of digits only, a model called ``no``."""


def did_you_mean(wrong: str, known: Collection[str]) -> str:
    """``"did you mean 'sdxl'?"``, or an empty string when nothing known looks like ``wrong``."""
    import difflib  # noqa: PLC0415 - needed only on the way to an error

    close = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def fail_at(file: str, line: int, column: int, message: str, hint: str) -> NoReturn:
    """Raise ``RegistryError`` with ``file:line:column: message``; line and column count from 1."""
    details = {"file": file, "line": line, "column": column}
    raise RegistryError(f"{file}:{line}:{column}: {message}", hint=hint, details=details)


@dataclass(frozen=True, slots=True)
class Located:
    """One YAML value and its place.

    Attributes:
        node: PyYAML's composed node.
        file: path as it is shown in messages.
        label: path of keys from the root, e.g. ``models.sdxl.files[0].bytes``; empty for the root.
        advice: how to write this value; the hint of every complaint that has no better one.
    """

    node: yaml.Node
    file: str
    label: str
    advice: str

    def fail(self, problem: str, hint: str = "") -> NoReturn:
        """Complain about this value.

        Raises:
            RegistryError: always.
        """
        mark = self.node.start_mark
        message = f"{self.label} {problem}".lstrip()
        fail_at(self.file, mark.line + 1, mark.column + 1, message, hint or self.advice)

    def mapping(self, required: Mapping[str, str], optional: Mapping[str, str] | None = None) -> dict[str, Located]:
        """The values of a mapping with known keys; ``required`` and ``optional`` map each key to its advice.

        Raises:
            RegistryError: not a mapping, an unknown key, a key given twice, or a required key missing.
        """
        known = {**required, **(optional or {})}
        found: dict[str, Located] = {}
        for key, value in self.entries():
            name = key.text()
            if name not in known:
                key.fail("is not a known key", did_you_mean(name, known) or f"the keys here are: {', '.join(known)}")
            found[name] = Located(value.node, self.file, value.label, known[name])
        for name, advice in required.items():
            if name not in found:
                self.fail(f"lacks the key {name!r}", f"add {name}: {advice}")
        return found

    def entries(self) -> list[tuple[Located, Located]]:
        """The (key, value) pairs of a mapping with free keys, in the order of the file.

        Raises:
            RegistryError: not a mapping, a key that is not text, or a key given twice.
        """
        self._expect("map")
        pairs: list[tuple[Located, Located]] = []
        first_line: dict[str, int] = {}
        for key_node, value_node in self.node.value:
            shown = key_node.value if key_node.id == "scalar" else "?"
            label = f"{self.label}.{shown}".lstrip(".")
            key = Located(key_node, self.file, label, "every key is plain text, written out")
            name = key.text()
            if name in first_line:
                key.fail(f"is given twice, first in line {first_line[name]}", "delete one of the two")
            first_line[name] = key_node.start_mark.line + 1
            pairs.append((key, Located(value_node, self.file, label, self.advice)))
        return pairs

    def items(self) -> list[Located]:
        """The entries of a list with at least one entry.

        Raises:
            RegistryError: not a list, or an empty one.
        """
        self._expect("seq")
        if not self.node.value:
            self.fail("is an empty list")
        return [
            Located(node, self.file, f"{self.label}[{index}]", self.advice)
            for index, node in enumerate(self.node.value)
        ]

    def text(self, pattern: str = "") -> str:
        """A string; with ``pattern`` one that matches it from end to end.

        Raises:
            RegistryError: not text (a bare number or ``no`` is not), or no match.
        """
        self._expect("str")
        value: str = self.node.value
        if pattern and not re.fullmatch(pattern, value):
            self.fail(f"cannot be {value!r}")
        return value

    def choice(self, values: Collection[str]) -> str:
        """One of ``values``.

        Raises:
            RegistryError: anything else; the hint lists what is valid.
        """
        value = self.text()
        if value not in values:
            hint = f"one of: {', '.join(values)}"
            self.fail(f"cannot be {value!r}", " ".join(filter(None, (did_you_mean(value, values), hint))))
        return value

    def integer(self, low: int, high: int) -> int:
        """A plain decimal whole number from ``low`` to ``high``.

        Raises:
            RegistryError: anything else. YAML 1.1's ``010`` (eight), ``0x10``, ``1_000`` and ``1:30`` (ninety) are
                refused too: an editor with YAML 1.2 reads them as something else.
        """
        self._expect("int")
        if not re.fullmatch("0|[1-9][0-9]*", self.node.value):
            self.fail(f"cannot be {self.node.value!r}", "write a plain decimal number, without signs or separators")
        value = int(self.node.value)
        if not low <= value <= high:
            self.fail(f"cannot be {value}", f"a whole number from {low} to {high}")
        return value

    def number(self, low: float, high: float) -> float:
        """A plain decimal number from ``low`` to ``high``.

        Raises:
            RegistryError: anything else.
        """
        self._expect("float", "int")
        if not re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*)?", self.node.value):
            self.fail(f"cannot be {self.node.value!r}", "write a plain decimal number, as in 3.5")
        value = float(self.node.value)
        if not low <= value <= high:
            self.fail(f"cannot be {self.node.value}", f"a number from {low:g} to {high:g}")
        return value

    def flag(self) -> bool:
        """``true`` or ``false``, nothing else (YAML 1.1's ``yes`` and ``off`` are text in YAML 1.2).

        Raises:
            RegistryError: anything else.
        """
        self._expect("bool")
        if self.node.value not in ("true", "false"):
            self.fail(f"cannot be {self.node.value!r}", "write true or false")
        return bool(self.node.value == "true")

    def _expect(self, *tags: str) -> None:
        if self.node.tag in [_TAG + tag for tag in tags]:
            return
        found = self.node.tag.removeprefix(_TAG)
        hint = "put it in quotes" if tags == ("str",) and found in _QUOTABLE else ""
        self.fail(f"must be {_KINDS[tags[0]]}, not {_KINDS.get(found, found)}", hint)


def compose(path: Path, advice: str) -> Located:
    """Read one YAML document; ``advice`` says what it should hold.

    Raises:
        RegistryError: the file cannot be read (code ``registry_unreadable``), is not UTF-8, is not YAML, or is empty.
    """
    import yaml  # noqa: PLC0415 - costs more than reading the file; a command that needs no model must not pay for it

    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RegistryError(
            f"{file}:1:1: cannot be read: {error.strerror}",
            code="registry_unreadable",
            hint="check the path and its rights",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        fail_at(file, line, 1, "is not UTF-8 text", "save the file as UTF-8")
    # libyaml is several times faster, but PyYAML can be built without it.
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context
        fail_at(
            file, line, column, f"not YAML: {problem}", "check indentation (spaces, no tabs), colons and quotes there"
        )
    except yaml.reader.ReaderError:
        bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, bad.start()) + 1 if bad else 1
        fail_at(file, line, 1, "has a control character", "delete that line and type it again")
    if root is None:
        fail_at(file, 1, 1, "is empty", advice)
    return Located(root, file, "", advice)
