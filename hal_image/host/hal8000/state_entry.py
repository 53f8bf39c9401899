"""The entry ``image-generation`` in the text of a project's ``.claude/state.json``.

The entry itself remembers that the project is registered and what each of its members was before, in ``undo``.
So it goes where the project goes, and is taken back by whoever has the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.host.hal8000 import json_text
from hal_image.host.hal8000.release import Release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject

KEY = "image-generation"
PLACE = "tools"
"""Object of state.json that a new entry goes into, where there is one; else into the document's own."""
UNDO = "undo"


class Registration(NamedTuple):
    """How the entry is taken back.

    Attributes:
        before: the text of each of our members that was in the entry before; ``None`` when there was no entry.
        inside: what was between the braces of the object that the first new member was put into, if it had no members.
        made: files and folders that were made, by their paths from the project on.
        release: the version that was made with it, if one was.
    """

    before: Mapping[str, str] | None
    inside: str
    made: tuple[str, ...]
    release: Release | None

    def to_json(self) -> JsonObject:
        """As it stands in the entry."""
        return {
            "before": None if self.before is None else dict(self.before),
            "inside": self.inside,
            "made": list(self.made),
            "release": None if self.release is None else self.release._asdict(),
        }


class Entry(NamedTuple):
    """The entry as it was found: the keys that lead to it, and its members."""

    path: tuple[str, ...]
    members: JsonObject
    registration: Registration | None


def find(text: str) -> Entry | None:
    """The entry, wherever in the document it is; ``None`` when there is none.

    Raises:
        ValueError: the text is no JSON object, the entry is none or is there twice, or ``undo`` was changed.
    """
    entries = [_entry(text, (*path, KEY)) for path in json_text.paths_to(text, KEY)]
    ours = [entry for entry in entries if entry.registration is not None] or entries
    if len(ours) > 1:
        raise ValueError(f'"{KEY}" is there {len(ours)} times: ' + ", ".join(".".join(one.path) for one in ours))
    return ours[0] if ours else None


def with_entry(text: str, fields: JsonObject, made: tuple[str, ...], release: Release | None) -> str:
    """The text with ``fields`` in the entry, which is made if it is not there.

    Args:
        text: state.json.
        fields: members of the entry, in this order where they are new.
        made: files and folders that this registration makes, unless it is an old one.
        release: a version that is made now; what an old registration has made stays known.

    Raises:
        ValueError: as for ``find``.
    """
    entry = find(text)
    if entry is None:
        place = (PLACE,) if _is_object(text, PLACE) else ()
        registration = Registration(None, json_text.blanks_inside(text, place) or "", made, release)
        return json_text.with_member(text, place, KEY, {**fields, UNDO: registration.to_json()})
    registration = entry.registration or Registration(
        {key: source for key in (*fields, UNDO) if (source := json_text.source(text, entry.path, key))},
        json_text.blanks_inside(text, entry.path) or "",
        made,
        None,
    )
    registration = registration._replace(release=registration.release or release)
    return updated(text, entry, {**fields, UNDO: registration.to_json()})


def updated(text: str, entry: Entry, fields: JsonObject) -> str:
    """The text with these members of the entry set, the others as they are."""
    for key, value in fields.items():
        text = json_text.with_member(text, entry.path, key, value)
    return text


def without_entry(text: str, fields: tuple[str, ...]) -> str:
    """The text as it was before it was registered, with what others have changed since.

    Args:
        text: state.json.
        fields: names of the members that are ours.

    Raises:
        ValueError: as for ``find``.
    """
    entry = find(text)
    if entry is None or entry.registration is None:
        return text
    before = entry.registration.before
    inside = entry.registration.inside
    for key in reversed((*fields, UNDO)):
        if key not in entry.members:
            continue
        if before is not None and key in before:
            text = json_text.with_source(text, entry.path, key, before[key])
        else:
            text = json_text.without_member(text, entry.path, key, inside if before is not None else "")
    if before is None and json_text.blanks_inside(text, entry.path) is not None:
        text = json_text.without_member(text, entry.path[:-1], KEY, inside)
    return text


def _is_object(text: str, key: str) -> bool:
    source = json_text.source(text, (), key)
    return source is not None and source.startswith("{")


def _entry(text: str, path: tuple[str, ...]) -> Entry:
    json_text.find(text, path)  # that it is an object
    members = json_text.value(text, path[:-1], KEY)
    return Entry(path, members, _registration(members[UNDO]) if UNDO in members else None)


def _registration(value: Any) -> Registration:
    try:
        before, release = value["before"], value["release"]
        known = Registration(
            None if before is None else {str(key): str(source) for key, source in before.items()},
            str(value["inside"]),
            tuple(str(name) for name in value["made"]),
            None if release is None else Release(**release),
        )
    except (TypeError, KeyError, AttributeError):
        raise ValueError(f'"{UNDO}" in "{KEY}" was changed by hand') from None
    return known
