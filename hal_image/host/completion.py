"""What may come next on a command line that is being typed: asked of the parsers themselves, so it is never outdated.

Nothing is installed, started or downloaded for it, and an unfinished line is no error.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hal_image import about
from hal_image.errors import HalError
from hal_image.host.argument_values import OneOf
from hal_image.host.arguments import generate_parser
from hal_image.host.command_arguments import COMMANDS, command_parser
from hal_image.host.upscale_arguments import LANCZOS, SCALES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from hal_image.models.types import ExtraKind

FILES = ":files"
FOLDERS = ":folders"
"""In place of a word: the shell completes names of files or folders, which it does better."""

_BY_METAVAR = {"FILE": FILES, "DIR": FOLDERS, "IMAGE": FILES}
_NAMES_OF = {"show": "entry", "pull": "entry", "verify": "entry", "rm": "entry", "add": FILES, "import": FOLDERS}
"""What the names are that an action of ``models`` takes."""


class Word(NamedTuple):
    """A word that may come next, and what it means, in a line."""

    text: str
    about: str = ""


def following(words: Sequence[str]) -> list[Word]:
    """What may stand in place of the last of ``words``.

    Args:
        words: the command line without the program, up to the cursor; the last is the one that is being typed, and
            may be empty. As bash has it, ``--option=value`` may be three words.
    """
    *before, current = words or [""]
    before = [word for word in before if word != "="]
    current = "" if current == "=" else current
    if not before and not current.startswith("-"):
        return _fitting((Word(name, text) for name, text in COMMANDS.items()), current)
    if not before or before[0].startswith("-"):
        return _of_parser(generate_parser(about.PROGRAM), before, current)
    if before[0] in COMMANDS:
        return _of_parser(command_parser(before[0], about.PROGRAM), before[1:], current)
    return []


def _of_parser(parser: argparse.ArgumentParser, before: Sequence[str], current: str) -> list[Word]:
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to ask for them
    options = {name: action for action in actions for name in action.option_strings}
    waiting, given = _read(before, options)
    name, equals, value = current.partition("=")
    if waiting is None and equals and name in options:
        found = _fitting(_values(options[name], given), value)
        return [word._replace(text=f"{name}={word.text}") for word in found if not word.text.startswith(":")]
    if waiting is None and current.startswith("-"):
        return _fitting((Word(name, _told(action)) for name, action in options.items()), current)
    if waiting is None:
        places = [action for action in actions if not action.option_strings]
        waiting = places[min(len(given), len(places) - 1)] if places else None
    return [] if waiting is None else _fitting(_values(waiting, given), current)


def _read(words: Sequence[str], options: dict[str, argparse.Action]) -> tuple[argparse.Action | None, list[str]]:
    """The option that still waits for its value, and the words that belong to no option."""
    waiting: argparse.Action | None = None
    given = []
    for word in words:
        if waiting is not None:
            waiting = None
        elif word in options:
            waiting = None if options[word].nargs == 0 else options[word]
        elif not word.startswith("-"):
            given.append(word)
    return waiting, given


def _values(action: argparse.Action, given: Sequence[str]) -> Iterable[Word]:
    if action.choices is not None:
        return [Word(str(choice)) for choice in action.choices]
    if isinstance(action.type, OneOf):
        return [Word(name) for name in action.type.names]
    metavar = str(action.metavar or action.dest.upper())
    kind = _NAMES_OF.get(given[0]) if action.dest == "names" and given else action.dest
    if kind in _KNOWN:
        return _KNOWN[kind]()
    kind = kind if kind in {FILES, FOLDERS} else _BY_METAVAR.get(metavar)
    return [] if kind is None else [Word(kind)]


def _models(*, everything: bool) -> list[Word]:
    """The models, or everything that the registry has."""
    try:
        from hal_image.host import registry  # noqa: PLC0415 - only for names

        known = registry.load()
        entries = known.entries if everything else known.models
        return [Word(entry.name, entry.description) for entry in entries.values()]
    except (HalError, ImportError):  # a registry that is wrong, or nothing is installed yet to read it with
        return []


def _extras(kind: ExtraKind) -> list[Word]:
    try:
        from hal_image import paths  # noqa: PLC0415 - likewise
        from hal_image.host import registry  # noqa: PLC0415 - likewise
        from hal_image.models import extras  # noqa: PLC0415 - likewise

        return [Word(name) for name in extras.names(kind, registry.load(), paths.models_dir())]
    except (HalError, ImportError):
        return []


def _presets() -> list[Word]:
    try:
        from hal_image.host import presets  # noqa: PLC0415 - only for names

        return [Word(preset.name, preset.description) for preset in presets.load().values()]
    except (HalError, ImportError):  # as for models
        return []


def _enlarging(option: str) -> list[Word]:
    """By how much, with what, or both."""
    scales = [Word(str(scale)) for scale in SCALES]
    if option == "scale":
        return scales
    names = [*_extras("upscaler"), Word(LANCZOS)]
    if option == "upscaler":
        return names
    return [*scales, *(Word(f"{scale.text}:{name.text}") for scale in scales for name in names)]


_KNOWN: dict[str | None, Callable[[], list[Word]]] = {
    "model": partial(_models, everything=False),
    "entry": partial(_models, everything=True),
    "lora": partial(_extras, "lora"),
    "preset": _presets,
    **{option: partial(_enlarging, option) for option in ("upscaler", "upscale", "scale")},
}
"""What an option of that name takes, where it depends on what there is."""


def _fitting(words: Iterable[Word], current: str) -> list[Word]:
    return [word for word in words if word.text.startswith((current, ":"))]


def _told(action: argparse.Action) -> str:
    return (action.help or "").replace("%(prog)s", about.PROGRAM).replace("%%", "%")
