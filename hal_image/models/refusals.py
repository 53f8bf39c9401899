"""The errors of a download, each with what helps. No token and no signed address is in any of them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hal_image.errors import EnvironmentError_, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import ModelFile, Source


def gated(file: ModelFile, source: Source, *, asked: bool) -> ModelError:
    """It is handed out to those who have accepted its licence; ``asked``: the server said so, now."""
    page = f"https://huggingface.co/{source.repo}" if source.repo else source.address
    said = "" if asked else ", and no access token is set"
    return ModelError(
        f"{file.name} is handed out only to those who have accepted its licence ({file.licence}){said}",
        code="model_gated",
        hint=f"accept it at {page}, make an access token at https://huggingface.co/settings/tokens, and set HF_TOKEN "
        "to it or put it into ~/.cache/huggingface/token",
        details=_details(file, source),
    )


def failed(file: ModelFile, source: Source, reason: str) -> ModelError:
    """There is no connection, or it breaks off again and again."""
    return ModelError(
        f"{file.name} cannot be downloaded from {urlsplit(source.address).hostname}: {reason}",
        code="download_failed",
        hint="run it again, it goes on where it ended; some networks need HTTPS_PROXY, REQUESTS_CA_BUNDLE, HF_ENDPOINT",
        retryable=True,
        details=_details(file, source),
    )


def refused(file: ModelFile, source: Source, reason: str) -> ModelError:
    """The server does not hand it out."""
    return ModelError(
        f"{file.name} cannot be had from {urlsplit(source.address).hostname}: {reason}",
        code="download_refused",
        hint=f"look at {source.address} with a browser",
        details=_details(file, source),
    )


def offline(file: ModelFile, source: Source) -> ModelError:
    """``HF_HUB_OFFLINE`` forbids to ask the hub."""
    return ModelError(
        f"{file.name} is on the hub, and HF_HUB_OFFLINE forbids to ask it",
        code="hub_offline",
        hint="unset HF_HUB_OFFLINE",
        details=_details(file, source),
    )


def elsewhere(file: ModelFile, source: Source) -> ModelError:
    """It was added from this machine, and nobody else has it."""
    return ModelError(
        f"{file.name} was added from {source.file}, and is to be downloaded from nowhere",
        code="download_refused",
        hint=f"put it there again, or add another: models add FILE --name NAME; it was {source.file}",
        details=_details(file, source),
    )


def damaged(file: ModelFile, source: Source) -> ModelError:
    """What comes is not the file that the registry names."""
    return ModelError(
        f"{urlsplit(source.address).hostname} has another {file.name} than the registry names",
        code="download_damaged",
        hint=f"look at {source.address} with a browser; a proxy or a mirror may hand out something else",
        details=_details(file, source),
    )


def no_space(models_dir: Path, need: int, free: int) -> EnvironmentError_:
    """What is missing does not fit on the disk."""
    return EnvironmentError_(
        f"not enough disk space in {models_dir}: {need / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free",
        code="disk_full",
        hint="free some, for example with `models prune`, or choose another models folder with HAL_MODELS_DIR",
        details={"path": str(models_dir), "need_bytes": need, "free_bytes": free},
    )


def cannot_write(models_dir: Path, error: OSError) -> EnvironmentError_:
    """The disk is full meanwhile, or may not be written to."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return EnvironmentError_(
        f"cannot write to {models_dir}: {error.strerror or error}",
        code="disk_full" if full else "models_dir_unwritable",
        hint="free some space" if full else "choose a models folder that you can write to with HAL_MODELS_DIR",
        details={"path": str(models_dir)},
    )


def _details(file: ModelFile, source: Source) -> dict[str, object]:
    return {"file": file.name, "source": source.address}
