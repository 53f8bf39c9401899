"""The files that a picture can become: which one is meant by ``--output`` and the options beside it.

Nothing here encodes: ``hal_image.host.encoding`` does, and is loaded for what is no PNG.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from hal_image.errors import EnvironmentError_, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.request import ImageRequest

Format = Literal["png", "webp", "jpeg", "avif"]
FORMATS: tuple[Format, ...] = get_args(Format)
NAMES: dict[Format, str] = {"png": "PNG", "webp": "WebP", "jpeg": "JPEG", "avif": "AVIF"}
SUFFIXES: dict[str, Format] = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg", ".avif": "avif"}
"""Of file names, in lower case."""
MAX_SIDE: dict[Format, int] = {"png": 2**31 - 1, "webp": 16383, "jpeg": 65535, "avif": 65535}
"""Most pixels a side. WebP has 14 bits for each (its container specification, VP8X allows no larger frames), JPEG 16
(ITU-T T.81, B.2.2), AVIF 16 (the AV1 specification, 5.5.1)."""
LOSSLESS: frozenset[Format] = frozenset({"png", "webp"})
"""Formats that keep every pixel. AVIF could, but Pillow always writes it in another colour space, which rounds."""
DEFAULT_QUALITY = 90


class Encoding(NamedTuple):
    """How a picture is written.

    Attributes:
        format: one of ``FORMATS``.
        quality: 1..100 of a lossy one; ``None`` for ``DEFAULT_QUALITY``.
        lossless: keep every pixel, in a format that leaves the choice.
    """

    format: Format = "png"
    quality: int | None = None
    lossless: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a picture tells it of itself; as a job's record keeps it."""
        return self._asdict()


PNG = Encoding()


def suffix(asked: Format | None) -> str:
    """What a name that is made up ends with."""
    return f".{asked or 'png'}"


def known(name: str) -> Format | None:
    """The format that a file's suffix stands for."""
    return SUFFIXES.get(f".{name.rpartition('.')[2]}".lower()) if "." in name else None


def of_file(options: argparse.Namespace, file: Path | None) -> Encoding:
    """How the picture in ``file`` is written; ``None`` is standard output.

    Args:
        options: ``format``, ``quality`` and ``lossless`` are looked at.
        file: its target.

    Raises:
        UsageError: ``output_invalid``: the suffix says another format than ``--format``; ``lossless_impossible``.
        EnvironmentError_: ``format_unavailable``.
    """
    by_suffix = None if file is None else known(file.name)
    asked: Format | None = options.format
    if asked and by_suffix and asked != by_suffix:
        raise UsageError(
            f"--output {file}: the name says {NAMES[by_suffix]}, and --format {asked}",
            code="output_invalid",
            hint="leave one of them out, or name it " + str(file and file.with_suffix(suffix(asked))),
        )
    return checked(asked or by_suffix or "png", quality=options.quality, lossless=options.lossless)


def checked(name: Format, *, quality: int | None, lossless: bool) -> Encoding:
    """The encoding, if this machine can write it.

    Raises:
        UsageError: ``lossless_impossible``.
        EnvironmentError_: ``format_unavailable``.
    """
    if lossless and name not in LOSSLESS:
        raise UsageError(
            f"{NAMES[name]} cannot be written without loss",
            code="lossless_impossible",
            hint="use PNG or WebP, or leave out --lossless and give --quality 100",
        )
    if name == "avif" and not _pillow_has_avif():
        raise EnvironmentError_(
            "this machine's Pillow cannot write AVIF",
            code="format_unavailable",
            hint="use WebP, or install a Pillow that was built with libavif",
        )
    if name == "png":
        return PNG
    return Encoding(name, None if lossless else quality, lossless)


def _pillow_has_avif() -> bool:
    from PIL import features  # noqa: PLC0415 - only for AVIF

    return features.check("avif") or False


def check_pictures(
    encoding: Encoding, options: argparse.Namespace, requests: Iterable[ImageRequest], output: Output
) -> None:
    """Finds out before anything starts whether pictures can be written in that way.

    Raises:
        UsageError: ``picture_too_large``.
    """
    for request in requests:
        check_size(encoding.format, *request.final_size)
    if options.quality is not None and encoding.quality is None:
        why = "PNG keeps every pixel" if encoding.format == "png" else "--lossless keeps every pixel"
        output.warn("parameter_without_effect", f"quality: {why}")


def check_size(name: Format, width: int, height: int) -> None:
    """Refuses what the format has no room for.

    Raises:
        UsageError: ``picture_too_large``.
    """
    if max(width, height) > MAX_SIDE[name]:
        raise UsageError(
            f"the picture is {width}x{height}, and {NAMES[name]} has at most {MAX_SIDE[name]} pixels a side",
            code="picture_too_large",
            hint="write it as PNG",
        )
