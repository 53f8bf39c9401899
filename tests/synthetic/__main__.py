"""``python -m tests.synthetic DIR``: fill a models folder with checkpoints that need no download.

Try the tool with it: ``python hal_generate_image.py --models-dir DIR --model sd15 -W 128 -H 128 --steps 4 -p robot``.
The files look bigger than they are (``du`` tells): copy them with ``cp --sparse=always`` or make them anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.synthetic import write_flux_checkpoint, write_flux_parts, write_sd3, write_sd15, write_sdxl, write_upscaler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _one_file(write: Callable[[Path], None], name: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        path = folder / "checkpoints" / name
        write(path)
        return [path]

    return make


def _upscaler(folder: Path) -> list[Path]:
    path = folder / "upscale_models" / "RealESRGAN_x4plus.safetensors"
    write_upscaler(path)
    return [path]


FAMILIES: Mapping[str, Callable[[Path], list[Path]]] = {
    "sd15": _one_file(write_sd15, "v1-5-pruned-emaonly-fp16.safetensors"),
    "sdxl": _one_file(write_sdxl, "sd_xl_base_1.0.safetensors"),
    "sd3": _one_file(write_sd3, "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors"),
    "flux": _one_file(write_flux_checkpoint, "flux1-dev-fp8.safetensors"),
    "flux-schnell": _one_file(
        lambda path: write_flux_checkpoint(path, guidance=False), "flux1-schnell-fp8.safetensors"
    ),
    "flux-parts": lambda folder: list(write_flux_parts(folder).values()),
    "upscaler": _upscaler,
}
"""What can be made, and how: each takes a models folder and returns the files that it wrote there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, and name each on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.synthetic", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="models folder; made if it does not exist")
    parser.add_argument(
        "--family", action="append", choices=FAMILIES, metavar="NAME",
        help=f"only this one, can be repeated: {', '.join(FAMILIES)}; all without it",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    for family in arguments.family or FAMILIES:
        for path in FAMILIES[family](arguments.folder):
            sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
