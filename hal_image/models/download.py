"""Downloads the files of a model: whole and with the digest that the registry names, or not at all.

The bytes go into a file beside the target and are hashed as they arrive; a download that was cut off goes on where it
ended. The access token goes to the hub itself and to no host that it sends us on to; it is in no message either.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from hal_image.errors import EnvironmentError_, ModelError
from hal_image.locking import file_lock
from hal_image.models.store import installed_files, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    import requests

    from hal_image.models.types import Model, ModelFile, Source

HUB = "https://huggingface.co"
LOCK = ".download.lock"
"""In the models folder: one process downloads at a time."""
CHUNK_BYTES = 1 << 16
"""What a connection that is cut off may cost at most."""
TIMEOUT_S = (10.0, 60.0)
"""Seconds to connect, and between two bytes."""
ATTEMPTS = 4
"""Times in a row that a source may bring nothing new before the next one is tried."""
MAX_REDIRECTS = 5
PAUSE_S = 1.0
"""Seconds before the second attempt; twice as long before each one after it."""
TELL_S = 5.0
"""Seconds between two lines of progress."""


class Cut(Exception):
    """The connection ended early, or there was none; the argument says how, without any address."""


class Hub(NamedTuple):
    """Where hub files come from.

    Attributes:
        endpoint: ``https://huggingface.co`` or a mirror of it (``HF_ENDPOINT``).
        token: access token, or ``None``.
    """

    endpoint: str = HUB
    token: str | None = None

    def address(self, source: Source) -> str:
        """The address of a file."""
        return source.address.replace(HUB, self.endpoint.rstrip("/"), 1) if source.repo else source.address

    def headers(self, url: str) -> dict[str, str]:
        """The headers for ``url``: the token for the hub, and for nobody else."""
        is_hub = urlsplit(url)[:2] == urlsplit(self.endpoint)[:2]  # scheme, host and port
        return {"Authorization": f"Bearer {self.token}"} if is_hub and self.token else {}


def download(model: Model, models_dir: Path, hub: Hub, report: Callable[[str], None]) -> list[Path]:
    """Download what is missing of ``model``.

    Args:
        model: what to download.
        models_dir: the models folder; made if it is not there.
        hub: where hub files come from.
        report: takes lines of progress.

    Returns:
        the files that were downloaded.

    Raises:
        ModelError: ``model_gated``, ``download_failed``, ``download_refused``, ``download_damaged``.
        EnvironmentError_: ``disk_full``, ``models_dir_unwritable``, ``lock_failed``.
    """

    def waiting(pid: int | None) -> None:
        report(f"waiting for {'another process' if pid is None else f'process {pid}'}, which is downloading")

    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with file_lock(models_dir / LOCK, waiting):
            missing = [file for file, path in installed_files(model, models_dir) if path is None and not file.bundled]
            _check_space(missing, models_dir)
            for file in missing:
                _download_file(file, target(file, models_dir), hub, report)
    except OSError as error:
        raise _cannot_write(models_dir, error) from error
    return [target(file, models_dir) for file in missing]


def part_of(path: Path) -> Path:
    """Where the bytes of a download go until they are all there."""
    return path.with_name(f".{path.name}.part")


def _check_space(files: list[ModelFile], models_dir: Path) -> None:
    parts = (part_of(target(file, models_dir)) for file in files)
    need = sum(file.bytes for file in files) - sum(part.stat().st_size for part in parts if part.exists())
    free = shutil.disk_usage(models_dir).free
    if need > free:
        raise EnvironmentError_(
            f"not enough disk space in {models_dir}: {need / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free",
            code="disk_full",
            hint="free some space, or choose another models folder with HAL_MODELS_DIR",
            details={"path": str(models_dir), "need_bytes": need, "free_bytes": free},
        )


def _download_file(file: ModelFile, path: Path, hub: Hub, report: Callable[[str], None]) -> None:
    """From the first source that has it; the failure of the last one is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(file.sources, start=1):
        try:
            _from_source(file, path, hub, source, report)
        except ModelError as error:
            if number == len(file.sources):
                raise
            report(f"{file.name}: {error.message}; trying the next source")
        else:
            return


def _from_source(file: ModelFile, path: Path, hub: Hub, source: Source, report: Callable[[str], None]) -> None:
    if source.gated and hub.token is None:
        raise _gated(file, source)
    report(f"{file.name}: {file.bytes / 1e9:.2f} GB from {urlsplit(hub.address(source)).hostname}")
    part = part_of(path)
    part.touch()
    with part.open("r+b") as sink:
        if _receive(file, hub, source, sink, report) != file.sha256:
            part.unlink()
            raise _damaged(file, source)
        os.fsync(sink.fileno())
    part.replace(path)
    _sync_folder(path.parent)
    report(f"{file.name}: done")


def _receive(file: ModelFile, hub: Hub, source: Source, sink: BinaryIO, report: Callable[[str], None]) -> str:
    """Get all bytes into ``sink``, which may have some of them already; returns their SHA-256."""
    import requests  # noqa: PLC0415 - 0.1 s, and most that import this module download nothing

    digest = _digest_of_begin(sink, file.bytes)
    told = time.monotonic()
    failures = 0
    with requests.Session() as session:
        while (had := sink.tell()) < file.bytes:
            try:
                with _request(session, file, hub, source, had) as response:
                    _check(response, file, source, had)
                    if response.status_code != requests.codes.partial_content:  # it begins at the beginning
                        digest = hashlib.sha256()
                        had = sink.seek(0)
                        sink.truncate()
                    for chunk in response.iter_content(CHUNK_BYTES):
                        sink.write(chunk)
                        digest.update(chunk)
                        if time.monotonic() - told >= TELL_S:
                            told = time.monotonic()
                            report(f"{file.name}: {sink.tell() / file.bytes:.0%} of {file.bytes / 1e9:.2f} GB")
                        if sink.tell() > file.bytes:
                            raise _damaged(file, source)
                if sink.tell() < file.bytes:
                    raise Cut("it ended early")
            except (Cut, requests.RequestException) as cut:
                # the name of the class, since the text of such an error has addresses, and those can be signed
                reason = str(cut) if isinstance(cut, Cut) else type(cut).__name__
                failures = 1 if sink.tell() > had else failures + 1
                if failures == ATTEMPTS:
                    raise _failed(file, source, reason) from None
                report(f"{file.name}: {reason}; going on")
                time.sleep(PAUSE_S * 2 ** (failures - 1))
        sink.flush()
    return digest.hexdigest()


def _digest_of_begin(sink: BinaryIO, size: int) -> hashlib._Hash:
    """The digest of what is in ``sink`` already, whose place is its end then; what is too long is dropped."""
    digest = hashlib.sha256()
    if sink.seek(0, os.SEEK_END) > size:
        sink.truncate(0)
    sink.seek(0)
    while chunk := sink.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest


def _request(session: requests.Session, file: ModelFile, hub: Hub, source: Source, had: int) -> requests.Response:
    """Ask for the bytes from ``had`` on; a server that knows no ranges sends all.

    Redirections are followed here: where each one leads decides whether the token goes along.
    """
    url = hub.address(source)
    wanted = {"Accept-Encoding": "identity", **({"Range": f"bytes={had}-"} if had else {})}
    for _ in range(MAX_REDIRECTS):
        response = session.get(
            url,
            headers={**wanted, **hub.headers(url)},
            auth=lambda request: request,  # nothing of ~/.netrc
            stream=True,
            allow_redirects=False,
            timeout=TIMEOUT_S,
        )
        if not response.is_redirect:
            return response
        url = urljoin(url, response.headers["location"])
        response.close()
    raise _refused(file, source, "it redirects without end")


def _check(response: requests.Response, file: ModelFile, source: Source, had: int) -> None:
    """See that the answer is one to read on."""
    status = response.status_code
    if status in {401, 403}:
        raise _gated(file, source)
    if status == 429 or status >= 500:
        raise Cut(f"HTTP status {status}")
    length = response.headers.get("content-length")
    if status == 206 and not response.headers.get("content-range", "").startswith(f"bytes {had}-"):
        raise _refused(file, source, "it answers with other bytes than were asked for")
    if status not in {200, 206}:
        raise _refused(file, source, f"HTTP status {status}")
    if length is not None and int(length) != file.bytes - (had if status == 206 else 0):
        raise _damaged(file, source)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _details(file: ModelFile, source: Source) -> dict[str, object]:
    return {"file": file.name, "source": source.address}


def _gated(file: ModelFile, source: Source) -> ModelError:
    page = f"https://huggingface.co/{source.repo}" if source.repo else source.address
    return ModelError(
        f"{file.name} is handed out only to those who have accepted its licence ({file.licence})",
        code="model_gated",
        hint=f"accept it at {page}, make an access token there, and set HF_TOKEN to it",
        details=_details(file, source),
    )


def _failed(file: ModelFile, source: Source, reason: str) -> ModelError:
    return ModelError(
        f"{file.name} cannot be downloaded from {urlsplit(source.address).hostname}: {reason}",
        code="download_failed",
        hint="run it again, it goes on where it ended; some networks need HTTPS_PROXY, REQUESTS_CA_BUNDLE, HF_ENDPOINT",
        retryable=True,
        details=_details(file, source),
    )


def _refused(file: ModelFile, source: Source, reason: str) -> ModelError:
    return ModelError(
        f"{file.name} cannot be had from {urlsplit(source.address).hostname}: {reason}",
        code="download_refused",
        hint=f"look at {source.address} with a browser",
        details=_details(file, source),
    )


def _damaged(file: ModelFile, source: Source) -> ModelError:
    return ModelError(
        f"{urlsplit(source.address).hostname} has another {file.name} than the registry names",
        code="download_damaged",
        hint="its size or its SHA-256 differs: see whether a proxy or a mirror (HF_ENDPOINT) hands out something else",
        details=_details(file, source),
    )


def _cannot_write(models_dir: Path, error: OSError) -> EnvironmentError_:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return EnvironmentError_(
        f"cannot write to {models_dir}: {error.strerror or error}",
        code="disk_full" if full else "models_dir_unwritable",
        hint="free some space" if full else "choose a models folder that you can write to with HAL_MODELS_DIR",
        details={"path": str(models_dir)},
    )
