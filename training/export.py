"""Packs a run into the file that the tool ships: ``python -m training export RUN FOLDER``.

Beside the weights goes ``words.json``, and what models.yaml must say of the checkpoint is printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from hal_image.models.store import sha256_of
from hal_image.models.unpack import lay_out
from training import autoencoder, lexicon, transformer
from training.packing import Packer, pack_autoencoder, pack_text, pack_transformer


def pack(run: Path, stage: str) -> Packer:
    """A whole run."""
    packer = Packer()
    model = transformer.average_of(run, stage)
    pack_transformer(packer, model)
    pack_text(packer, model.text)
    pack_autoencoder(packer, autoencoder.load(run, "cpu"))
    return packer


def words() -> dict[str, Any]:
    """What ``words.json`` holds."""
    drawn, filler = lexicon.words()
    return {"schema_version": 1, "drawn": sorted(drawn), "filler": sorted(filler)}


def main(arguments: list[str] | None = None) -> None:
    """The command ``export``."""
    parser = argparse.ArgumentParser(prog="python -m training export", description="Pack a run for the tool.")
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path, help="such as hal_image/models/bundled/doodle")
    parser.add_argument("--stage", choices=("flow", "distilled"), default="distilled")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    packed = options.folder / "weights.safetensors"
    pack(options.run, options.stage).write(packed)
    text = json.dumps(words(), indent=1, ensure_ascii=False)
    (options.folder / "words.json").write_text(text + "\n", encoding="utf-8")
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        size = lay_out(packed, file.fileno())
        digest = sha256_of(Path(file.name))
    print(f"{packed}: {packed.stat().st_size:,} bytes")
    print(f'for models.yaml:\n        bytes: {size}\n        sha256: "{digest}"')


if __name__ == "__main__":
    main()
