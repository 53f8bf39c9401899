"""Changes members of objects in the text of a JSON document, and leaves every other character as it is.

Python's own decoder finds where a value ends; only the objects on the way to a member are walked here. New text follows
the style around it: line breaks, indentation, blanks after colons.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)  # numbers of any length, not looked at
_BLANKS = re.compile(r"[ \t\r\n]*")
_BOM = "\ufeff"
DEFAULT_INDENT = "  "


class Member(NamedTuple):
    """A member of an object, by offsets into the text: its key begins at ``start``, its value is ``[value:end]``."""

    key: str
    start: int
    value: int
    end: int


class Object(NamedTuple):
    """An object in a text: its braces are at ``start`` and ``end - 1``."""

    start: int
    end: int
    members: tuple[Member, ...]


class Style(NamedTuple):
    """How members are written.

    Attributes:
        gap: what stands before a key: a line break and the indentation, or a blank or nothing.
        indent: what an inner object is indented by.
        colon: what stands between key and value.
    """

    gap: str
    indent: str
    colon: str

    @property
    def on_lines(self) -> bool:
        """Whether each member has a line of its own."""
        return "\n" in self.gap

    @property
    def inner(self) -> Style:
        """The style of an object that is a member."""
        return self._replace(gap=self.gap + self.indent) if self.on_lines else self

    @property
    def outer_gap(self) -> str:
        """What stands before the closing brace."""
        return self.gap.removesuffix(self.indent)


def find(text: str, path: Sequence[str] = ()) -> Object | None:
    """The object at ``path``, keys from the document's own object on; ``None`` when there is none.

    Raises:
        ValueError: the text is no JSON document, the document is no object, a key of the path stands twice in its
            object, or what the path leads through is no object. The message says which, and where.
    """
    found = _document(text)
    for depth, key in enumerate(path):
        known = member(found, key)
        if known is None:
            return None
        if text[known.value] != "{":
            raise ValueError(f"{'.'.join(path[: depth + 1])} is no object ({_place(text, known.value)})")
        found = _object(text, known.value)
    return found


def member(parent: Object, key: str) -> Member | None:
    """The member ``key``.

    Raises:
        ValueError: it is there twice.
    """
    known = [one for one in parent.members if one.key == key]
    if len(known) > 1:
        raise ValueError(f'"{key}" is there {len(known)} times in one object')
    return known[0] if known else None


def paths_to(text: str, key: str) -> list[tuple[str, ...]]:
    """Every object of the document that has a member ``key``, objects in lists left out.

    Raises:
        ValueError: as for ``find``.
    """
    found: list[tuple[str, ...]] = []
    open_: list[tuple[tuple[str, ...], Object]] = [((), _document(text))]
    while open_:
        path, parent = open_.pop(0)
        for one in parent.members:
            if one.key == key:
                found.append(path)
            elif text[one.value] == "{":
                open_.append(((*path, one.key), _object(text, one.value)))
    return found


def source(text: str, path: Sequence[str], key: str) -> str | None:
    """The text of the value of ``key`` in the object at ``path``, as it stands there; ``None`` when it is not there.

    Raises:
        ValueError: as for ``find``.
    """
    parent = find(text, path)
    known = None if parent is None else member(parent, key)
    return None if known is None else text[known.value : known.end]


def value(text: str, path: Sequence[str], key: str) -> Any:
    """The value of ``key`` in the object at ``path``, ``None`` when it is not there.

    Raises:
        ValueError: as for ``find``.
    """
    written = source(text, path, key)
    return None if written is None else json.loads(written)


def blanks_inside(text: str, path: Sequence[str]) -> str | None:
    """What stands between the braces of an object without members; ``None`` when it has some, or is not there.

    Raises:
        ValueError: as for ``find``.
    """
    parent = find(text, path)
    if parent is None or parent.members:
        return None
    return text[parent.start + 1 : parent.end - 1]


def with_member(text: str, path: Sequence[str], key: str, value: object) -> str:
    """The text with ``key`` set to ``value`` in the object at ``path``; a new member becomes the last one.

    A value that is equal already is left as it is written.

    Raises:
        ValueError: as for ``find``.
        KeyError: there is no object at ``path``.
    """
    parent = _existing(text, path)
    known = member(parent, key)
    style = _style(text, path)
    if known is not None:
        if _equal(text[known.value : known.end], value):
            return text
        return text[: known.value] + _written(value, style.inner) + text[known.end :]
    new = f"{json.dumps(key)}{style.colon}{_written(value, style.inner)}"
    if parent.members:
        last = parent.members[-1].end
        return f"{text[:last]},{style.gap}{new}{text[last:]}"
    if style.on_lines:
        inside = text[parent.start + 1 : parent.end - 1]
        new = style.gap + new + (inside if "\n" in inside else style.outer_gap)
    return text[: parent.start + 1] + new + text[parent.end - 1 :]


def with_source(text: str, path: Sequence[str], key: str, value: str) -> str:
    """The text with the value of a member that is there replaced by the text ``value``.

    Raises:
        ValueError: as for ``find``; ``value`` is no JSON.
        KeyError: there is no such member.
    """
    known = member(_existing(text, path), key)
    if known is None:
        raise KeyError(key)
    json.loads(value)
    return text[: known.value] + value + text[known.end :]


def without_member(text: str, path: Sequence[str], key: str, inside: str = "") -> str:
    """The text without a member, and without the comma and the blanks that came with it; unchanged if it is not there.

    Args:
        text: the document.
        path: where the object is.
        key: what goes.
        inside: what is to stand between the braces when no member is left.

    Raises:
        ValueError: as for ``find``.
    """
    parent = find(text, path)
    known = None if parent is None else member(parent, key)
    if parent is None or known is None:
        return text
    if len(parent.members) == 1:
        return text[: parent.start + 1] + inside + text[parent.end - 1 :]
    at = parent.members.index(known)
    if at > 0:
        return text[: parent.members[at - 1].end] + text[known.end :]
    return text[: known.start] + text[parent.members[1].start :]


def _existing(text: str, path: Sequence[str]) -> Object:
    found = find(text, path)
    if found is None:
        raise KeyError(".".join(path))
    return found


def _document(text: str) -> Object:
    start = _skip(text, len(_BOM) if text.startswith(_BOM) else 0)
    try:
        _, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} ({_place(text, error.pos)})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _skip(text, end) != len(text):
        raise ValueError(f"it is no JSON: something follows the end ({_place(text, _skip(text, end))})")
    if text[start] != "{":
        raise ValueError("it is no JSON object")
    return _object(text, start)


def _object(text: str, start: int) -> Object:
    """Walks over an object of a document that is known to be JSON."""
    members = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, colon = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, colon) + 1)
        _, end = _DECODER.raw_decode(text, value)
        members.append(Member(key, at, value, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Object(start, at + 1, tuple(members))


def _skip(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return at if blanks is None else blanks.end()


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def _equal(written: str, value: object) -> bool:
    try:
        known = json.loads(written)
    except (ValueError, RecursionError):  # a number too long to be read is none of ours
        return False
    return json.dumps(known, sort_keys=True) == json.dumps(value, sort_keys=True)  # where 1 is not true


def _style(text: str, path: Sequence[str]) -> Style:
    """How members of the object at ``path`` are written, or would be: as its last one, else as those around it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    style = Style(newline, DEFAULT_INDENT, ": ")
    for depth in range(len(path) + 1):
        found = _existing(text, path[:depth])
        if not found.members:
            style = style.inner
            continue
        last = found.members[-1]
        blanks = _blanks_before(text, last.start)
        _, key_end = _DECODER.raw_decode(text, last.start)
        colon = text[key_end : last.value]
        if "\n" in colon:
            colon = ": "
        if "\n" not in blanks:
            style = Style(" " if colon.endswith(" ") else "", "", colon)
            continue
        indentation = blanks.rpartition("\n")[2]
        indent = indentation if depth == 0 and indentation else style.indent or DEFAULT_INDENT
        style = Style(newline + indentation, indent, colon)
    return style


def _blanks_before(text: str, at: int) -> str:
    start = at
    while text[start - 1] in " \t\r\n":
        start -= 1
    return text[start:at]


def _written(value: Any, style: Style) -> str:
    """A value of ours; ``style`` is that of members inside it."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    parts = [f"{json.dumps(key)}{style.colon}{_written(one, style.inner)}" for key, one in value.items()]
    joined = f",{style.gap}".join(parts)
    return f"{{{style.gap}{joined}{style.outer_gap}}}" if style.on_lines else f"{{{joined}}}"
