"""Which words of a prompt a model does not know, for a model that says which words it knows.

A small model knows a few hundred words and draws without the others. A prompt is read the way its text encoder reads
it (ComfyUI's weights and embeddings first, then CLIP's pieces), but what is told is told in words as people know them:
``cat's`` is ``cat``, ``ice-cream`` is ``ice cream``, and punctuation is nothing to talk about.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from hal_image.models import bundled_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.models.types import Model

SCHEMA_VERSION = 1
"""Version of ``words.json``."""

_EMBEDDING = r"(?<![^\s(])embedding:[^\s()]*"
"""A textual inversion, which ComfyUI looks up by its file's name, or leaves out."""
_WEIGHT = r":\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*(?=\))"
"""What stands before the closing parenthesis in ComfyUI's ``(red:1.2)``."""
_PARENTHESIS = r"(?<!\\)[()]"
"""ComfyUI's own ones; those after a backslash belong to the text."""
_NOT_READ = re.compile(f"{_EMBEDDING}|{_WEIGHT}|{_PARENTHESIS}")
_WORD = re.compile(r"(?:\b[^\W\d_]-)?[^\W_]+(?:'[^\W\d_]+)*|[\u2600-\u27bf\U0001f000-\U0001faff]")
"""Letters and digits, with what follows an apostrophe, and with a single letter before a hyphen (``t-shirt``); or a
pictograph, which the text encoder reads, too."""
_PIECE = re.compile(r"[^\W\d_]+|\d")
"""What CLIP's tokenizer takes for a word: letters, or one digit."""
_ENDINGS = {"s", "t", "re", "ve", "m", "ll", "d"}
"""What it cuts off after an apostrophe."""


class Words(NamedTuple):
    """What a model knows, in lower case; an entry of several words has one blank between them.

    Attributes:
        drawn: what it was taught to draw.
        filler: what means nothing to it and may stand between.
    """

    drawn: frozenset[str]
    filler: frozenset[str]


def of_model(model: Model) -> Words | None:
    """The words that ``model`` knows; ``None`` for a model that does not say, as all do that are downloaded.

    Raises:
        ModelError: ``bundled_model_damaged``.
    """
    name = next((file.bundled for file in model.files if file.bundled is not None), None)
    return None if name is None else read(bundled_models.words(name))


def read(path: Path) -> Words | None:
    """The words in a ``words.json``; ``None`` when there is no such file.

    Raises:
        ModelError: ``bundled_model_damaged``.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {content['schema_version']}")
        words = Words(frozenset(content["drawn"]), frozenset(content["filler"]))
        if {*map(type, words.drawn | words.filler)} - {str}:
            raise TypeError("a word is not text")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"its list of words makes no sense ({type(error).__name__}: {error})"
        raise bundled_models.damaged(path, what) from error
    return words


def unknown(prompt: str, words: Words) -> list[str]:
    """The words of ``prompt`` that are not among ``words``: in lower case, in their order, each once."""
    entries = words.drawn | words.filler
    known = entries | {entry.replace("-", " ") for entry in entries if "-" in entry}
    longest = max((entry.count(" ") + 1 for entry in known), default=1)
    found: dict[str, None] = {}
    for phrase in _phrases(prompt):
        index = 0
        while index < len(phrase):
            count = min(longest, len(phrase) - index)
            while count > 1 and _stem(" ".join(phrase[index : index + count])) not in known:
                count -= 1
            if count == 1 and not _is_known(phrase[index], known):
                found[phrase[index].removesuffix("'s")] = None
            index += count
    return list(found)


def _phrases(prompt: str) -> Iterator[list[str]]:
    """The words of a prompt, cut where something stands between them that is neither blank nor hyphen."""
    text = _NOT_READ.sub(" ", prompt).lower()
    if not text.isascii():
        import unicodedata  # noqa: PLC0415 - most prompts are ASCII

        text = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    phrase: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        if text[end : match.start()].strip(" \t\r\n-"):
            yield phrase
            phrase = []
        phrase.append(match[0])
        end = match.end()
    yield phrase


def _stem(word: str) -> str:
    stem, apostrophe, ending = word.rpartition("'")
    return stem if apostrophe and ending in _ENDINGS else word


def _is_known(word: str, known: frozenset[str]) -> bool:
    if word in known or (word := _stem(word)) in known:
        return True
    letter, hyphen, rest = word.partition("-")
    if hyphen and (f"{letter} {rest}" in known or rest in known):
        return True
    pieces = _PIECE.findall(word)
    return len(pieces) > 1 and "'" not in word and known.issuperset(pieces)
