"""What a picture that is no PNG carries about itself, in its EXIF: the same texts as a PNG's, by the same keywords.

The only module that writes EXIF. Where each text stands is where others look for it:

=================  ===============  ==============================================================================
``parameters``      UserComment      UTF-16, big-endian, as A1111 and its kin write it
``prompt``          Model            ``prompt:`` and the graph, as ComfyUI writes it into its own WebP files
``hal8000``         Make             ``hal8000:`` and our JSON; ComfyUI has ``workflow:`` there, and reads any keyword
=================  ===============  ==============================================================================

Tags: CIPA DC-008 (EXIF 2.32), 4.6. The byte order is big-endian, so that a reader which takes UserComment's for that of
the file and one which takes it for big-endian agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

DESCRIPTION = 0x010E
MAKE = 0x010F
MODEL = 0x0110
EXIF_IFD = 0x8769
USER_COMMENT = 0x9286
UNICODE = b"UNICODE\0"
ASCII = b"ASCII\0\0\0"
CODE_BYTES = 8
"""The beginning of UserComment, which names the encoding of the rest."""
TAGS = {"hal8000": MAKE, "prompt": MODEL, "postprocessing": DESCRIPTION}
IMPORTANCE = ("hal8000", "parameters", "postprocessing", "prompt")
"""What is kept first where there is not room for all: ours has all that is needed to make the picture again."""


class Packed(NamedTuple):
    """EXIF ready to be written, and the keywords of what did not fit."""

    raw: bytes
    left_out: tuple[str, ...]


def pack(texts: Mapping[str, str], limit: int | None) -> Packed:
    """The EXIF with ``texts``, of which the least important are left out until it has at most ``limit`` bytes."""
    kept = [name for name in IMPORTANCE if name in texts]
    left_out: list[str] = []
    while True:
        raw = _packed({name: texts[name] for name in kept})
        if limit is None or len(raw) <= limit or not kept:
            return Packed(raw, tuple(left_out))
        left_out.append(kept.pop())


def _packed(texts: Mapping[str, str]) -> bytes:
    from PIL import Image  # noqa: PLC0415 - only for what is no PNG

    exif = Image.Exif()
    exif.endian = ">"
    for name, tag in TAGS.items():
        if name in texts:
            exif[tag] = f"{name}:{texts[name]}"
    if "parameters" in texts:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = UNICODE + texts["parameters"].encode("utf-16-be", "surrogatepass")
    return exif.tobytes()


def unpack(exif: Image.Exif) -> dict[str, str]:
    """The texts by keyword; of others' pictures, too. What cannot be read is left out."""
    texts: dict[str, str] = {}
    for value in exif.values():
        name, colon, text = _text(value).partition(":")
        if colon and name.isidentifier():
            texts.setdefault(name, text)
    comment = exif.get_ifd(EXIF_IFD).get(USER_COMMENT)
    if isinstance(comment, bytes):
        parameters = _comment(comment)
        if parameters:
            texts["parameters"] = parameters
    return texts


def _text(value: Any) -> str:
    """An ASCII tag, in which others write UTF-8, and which Pillow reads as Latin-1."""
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _comment(raw: bytes) -> str:
    code, rest = raw[:CODE_BYTES], raw[CODE_BYTES:]
    if code == UNICODE:
        big, little = (rest.decode(f"utf-16-{order}", "replace") for order in ("be", "le"))
        # Some write it in the order of the file. English and JSON are full of blanks, which tell the two apart.
        text = little if little.count(" ") > big.count(" ") else big
    elif code in {ASCII, bytes(CODE_BYTES)}:
        text = rest.decode("utf-8", "replace")
    else:
        text = raw.decode("utf-8", "replace")
    return text.rstrip("\0")
