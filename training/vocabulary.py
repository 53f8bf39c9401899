"""From captions to rows of the text encoder: the tokens of CLIP that the model knows, and no others.

``vocabulary.json`` holds for every piece of text that a caption can contain the ids that CLIP's tokenizer gives it. It
is written with ``python -m training vocabulary COMFYUI_DIR`` from the vocabulary inside ComfyUI, which needs the
``transformers`` package; training itself needs neither.
"""

from __future__ import annotations

import argparse
import json
import re
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("vocabulary.json")
PIECE = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")
"""How CLIP cuts lower-case English into pieces before it looks for tokens in each."""

BOS, EOS = 49406, 49407
LENGTH = 77
"""Tokens of one chunk, with BOS and EOS; shorter captions are filled up with EOS, as ComfyUI does for CLIP-L."""

MARKS = frozenset({",", ".", "&", "!", "?", "-", ":", ";"})
"""Punctuation that prompts hold."""

NOTHING, START, END, NULL = 0, 1, 2, 3
"""Rows: of unknown tokens (all zeros), of BOS, of EOS, and of the caption that guidance compares with, which exists in
training only."""


@cache
def table() -> dict[str, list[int]]:
    """Token ids of every known piece."""
    return {piece: list(ids) for piece, ids in json.loads(FILE.read_text()).items()}


@cache
def rows() -> dict[int, int]:
    """Row of every known token id, BOS and EOS included."""
    ids = sorted({token for ids in table().values() for token in ids})
    return {BOS: START, EOS: END, **{token: row for row, token in enumerate(ids, start=NULL + 1)}}


def count() -> int:
    """Number of rows of the embedding."""
    return max(rows().values()) + 1


def tokens(caption: str) -> list[int]:
    """Rows of a caption's tokens, without BOS, EOS and filling."""
    found: list[int] = []
    for piece in PIECE.findall(caption):
        found += [rows()[token] for token in table()[piece]] if piece in table() else [NOTHING]
    return found


def encode(caption: str) -> list[int]:
    """``LENGTH`` rows: BOS, the caption, EOS, filled with EOS. What does not fit is cut off."""
    found = tokens(caption)[: LENGTH - 2]
    return [START, *found, END] + [END] * (LENGTH - 2 - len(found))


def encode_long(caption: str, chunks: int = 2) -> list[list[int]]:
    """``chunks`` times ``LENGTH`` rows, as ComfyUI cuts a prompt that does not fit into one."""
    found = tokens(caption)[: chunks * (LENGTH - 2)]
    size = LENGTH - 2
    parts = [found[i * size : (i + 1) * size] for i in range(chunks)]
    return [[START, *part, END] + [END] * (size - len(part)) for part in parts]


def main(arguments: list[str] | None = None) -> None:
    """The command ``vocabulary``: writes ``vocabulary.json``."""
    parser = argparse.ArgumentParser(prog="python -m training vocabulary", description="Write vocabulary.json.")
    parser.add_argument("comfyui", type=Path, help="folder of ComfyUI")
    options = parser.parse_args(arguments)
    from transformers import CLIPTokenizer  # type: ignore[import-not-found]  # noqa: PLC0415  only here

    from training import lexicon  # noqa: PLC0415  only here: it needs the drawing program

    tokenizer = CLIPTokenizer.from_pretrained(options.comfyui / "comfy" / "sd1_tokenizer")
    drawn, filler = lexicon.words()
    pieces = sorted({piece for word in drawn | filler for piece in PIECE.findall(word)} | MARKS)
    found = {piece: tokenizer(piece)["input_ids"][1:-1] for piece in pieces}
    lines = ",\n".join(f"{json.dumps(piece)}: {json.dumps(ids)}" for piece, ids in found.items())
    FILE.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
