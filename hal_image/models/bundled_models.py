"""The models that come inside this package, each a folder ``bundled/NAME`` with its weights in packed form.

``weights.safetensors`` is a packed model (``packed``), ``words.json`` says what it can draw (``words``), and
``MODEL_CARD.md`` tells what it is. On first use the weights are written into the models folder as an ordinary
checkpoint; from then on it is a model like any other.
"""

from __future__ import annotations

import zlib
from os import fsencode
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.models import verified

if TYPE_CHECKING:
    from hal_image.locking import WaitCallback
    from hal_image.models.store import ResolvedFile, ResolvedModel

FOLDER = Path(__file__).with_name("bundled")


def names() -> list[str]:
    """The models that there are."""
    return sorted(weights.parent.name for weights in FOLDER.glob("*/weights.safetensors"))


def weights(name: str) -> Path:
    """The packed weights of the model ``name``."""
    return FOLDER / name / "weights.safetensors"


def words(name: str) -> Path:
    """The words that the model ``name`` knows; not every model has such a file."""
    return FOLDER / name / "words.json"


def lay_out(
    model: ResolvedModel, locks: Path, *, on_wait: WaitCallback | None = None, timeout: float | None = None
) -> ResolvedModel:
    """Write the files of ``model`` that are ``included``, so that all of them are there.

    Args:
        model: as ``store.resolve`` found it.
        locks: folder for a lock file: of several processes one writes, the others wait for that one.
        on_wait: called once before waiting, with the process id of the one that writes, if known.
        timeout: seconds to wait at most; ``None`` waits for ever.

    Returns:
        the same model with nothing left to be written. What was written here is ``verified``.

    Raises:
        ModelError, EnvironmentError_, TimeoutError_: as for ``unpack.unpack``.
    """
    from hal_image.models.unpack import unpack  # noqa: PLC0415 - needed once in the life of a models folder

    def written(found: ResolvedFile) -> ResolvedFile:
        name = found.file.bundled
        if not found.included or name is None:
            return found
        lock = locks / f"unpack-{zlib.crc32(fsencode(found.path)):08x}.lock"
        here = unpack(
            weights(name),
            found.path,
            size=found.file.bytes,
            sha256=found.file.sha256,
            lock=lock,
            on_wait=on_wait,
            timeout=timeout,
        )
        if here:
            verified.remember(found.path, found.file.sha256)
        return found._replace(included=False, verified=here)

    return model._replace(files=tuple(map(written, model.files)))


def damaged(path: Path, what: str) -> ModelError:
    """The error for a packed model that is not as it was shipped."""
    return ModelError(
        f"the model in {path} is damaged: {what}",
        code="bundled_model_damaged",
        hint="get this tool again: `git checkout -- hal_image/models/bundled` in a checkout, else install it once more",
        details={"path": str(path), "found": what},
    )
