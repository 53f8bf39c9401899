"""Large files that the hub keeps in Xet, its storage of chunks, come over several connections at once.

They are fetched by ``hf_xet``, the hub's own client, in a process of its own (``xet_child``): while its iterator waits
it holds the interpreter, so that in ours neither Ctrl-C nor a deadline would be heeded. The bytes come through a pipe,
in order, from whichever byte on they are wanted. So they are written, hashed and gone on with as those of any other
connection, and only one process has the file. What it cannot do, one plain connection does instead.
Why all that: docs/adr/0012.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from hal_image.models.hub import HUB, TOKENS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import IO, Protocol

    import requests

    from hal_image.models.hub import Hub
    from hal_image.models.types import ModelFile

    class _Child(Protocol):
        """A process whose pipes are there."""

        stdin: IO[bytes]
        stdout: IO[bytes]
        returncode: int

        def kill(self) -> None: ...
        def wait(self) -> int: ...


PIECE_BYTES = 16_000_000
"""Fetched over one connection at a time. Nothing of a piece counts before all of it is there."""
AHEAD_BYTES = 5 * PIECE_BYTES
"""Fetched at most while the next byte in order is missing: how many connections there are, and what a kill costs."""
FROM_BYTES = 2_000_000_000
"""Of a file. What a kill costs is 4 % of that; and a smaller one is soon here over one connection."""
STALLS = 10
"""Times the limit for a stall in which nothing comes in order; of a silent connection ``hf_xet`` knows sooner."""
TICK_S = 1.0
READ_BYTES = 1 << 20

_CHILD = Path(__file__).with_name("xet_child.py")
_WORDS = {
    "XetAuthenticationError": "it is not let in",
    "XetObjectNotFoundError": "it is not there",
    "TimeoutError": "it stalled",
    "ConnectionError": "no connection",
    "OSError": "it broke off",
}
"""Errors of the library, and what they mean; of others the name is told: their text has addresses that are signed."""


class Offer(NamedTuple):
    """What the hub says of a file that it keeps in Xet.

    Attributes:
        hash: of the file, as Xet names it.
        access: where on the hub the address of the storage and a token for it are had.
    """

    hash: str
    access: str


class XetFailed(Exception):
    """Nothing more comes this way. Its text says why, without any address."""


def wanted(file: ModelFile, had: int, hub: Hub) -> bool:
    """Whether the rest of ``file`` is worth it, and can be had this way."""
    worth = file.bytes >= FROM_BYTES and file.bytes - had >= AHEAD_BYTES
    return hub.xet and worth and find_spec("hf_xet") is not None


def offer(response: requests.Response, file: ModelFile, hub: Hub) -> Offer | None:
    """What an answer of the hub offers, as huggingface_hub reads it (its ``utils/_xet.py``), or ``None``.

    A file of another size is left to the plain connection, which says what is wrong. Access is asked of the hub alone,
    since the token goes there.
    """
    digest = response.headers.get("X-Xet-Hash", "")
    access = response.links.get("xet-auth", {}).get("url") or response.headers.get("X-Xet-Refresh-Route")
    same_size = response.headers.get("X-Linked-Size", str(file.bytes)) == str(file.bytes)
    if not response.ok or not access or not same_size or not re.fullmatch(r"[0-9a-f]{64}", digest):
        return None
    endpoint = hub.endpoint.rstrip("/")
    url = urljoin(f"{endpoint}/", access.replace(HUB, endpoint, 1) if access.startswith(HUB) else access)
    return Offer(digest, url) if urlsplit(url)[:2] == urlsplit(endpoint)[:2] else None


def stream(what: Offer, file: ModelFile, hub: Hub, begin: int, stall_s: float) -> Generator[bytes]:
    """The bytes of ``file`` from ``begin`` on, as they arrive; the process is gone when the generator is closed.

    An empty piece comes every second in which there is none, for who watches the time.

    Args:
        what: the offer of the hub.
        file: what is wanted.
        hub: how the hub is asked.
        begin: the first byte.
        stall_s: seconds without a byte after which a connection is given up.

    Raises:
        XetFailed: nothing more comes; what came is good.
    """
    order = {
        "hash": what.hash,
        "begin": begin,
        "end": file.bytes,
        "access": what.access,
        "headers": hub.headers(what.access),
        "settings": _settings(stall_s),
    }
    with tempfile.TemporaryDirectory(prefix="hal-xet-") as folder:
        said = Path(folder) / "said"
        process = _start(folder, said)
        try:
            with suppress(BrokenPipeError), process.stdin as pipe:  # if it has ended already, it has said why
                pipe.write(json.dumps(order).encode())
            yield from _pieces(process.stdout.fileno(), STALLS * stall_s)
            if process.wait() != 0:
                raise XetFailed(_reason(said, process.returncode))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _start(folder: str, said: Path) -> _Child:
    try:
        with said.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-I", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(folder),
                start_new_session=True,  # Ctrl-C is told to us, and we end it
            )
    except OSError as error:
        raise XetFailed(error.strerror or "no process") from error
    return cast("_Child", process)


def _pieces(pipe: int, patience_s: float) -> Iterator[bytes]:
    last = time.monotonic()
    while True:
        if not select.select([pipe], [], [], TICK_S)[0]:
            if time.monotonic() - last > patience_s:
                raise XetFailed("it stalled")
            yield b""
            continue
        data = os.read(pipe, READ_BYTES)
        if not data:
            return
        yield data
        last = time.monotonic()


def _reason(said: Path, code: int) -> str:
    lines = said.read_text(encoding="utf-8", errors="replace").splitlines()
    name = lines[-1].strip() if lines else ""
    return _WORDS.get(name, name) if re.fullmatch(r"\w+", name) else f"hf_xet ended with exit code {code}"


def _settings(stall_s: float) -> dict[str, object]:
    """Of hf_xet, by the names of its XetConfig. It keeps no chunks on the disk unless it is told to.

    Its own buffers are 2 GB, and its pieces, the parts of a file in one place of the storage, up to 64 MB.
    """
    return {
        "telemetry.enabled": False,
        "chunk_cache.size_bytes": 0,
        "reconstruction.min_reconstruction_fetch_size": PIECE_BYTES,
        "reconstruction.max_reconstruction_fetch_size": PIECE_BYTES,
        "reconstruction.download_buffer_size": AHEAD_BYTES,
        "reconstruction.download_buffer_perfile_size": AHEAD_BYTES,
        "reconstruction.download_buffer_limit": AHEAD_BYTES,
        "client.connect_timeout": "10s",
        "client.read_timeout": f"{max(1, round(stall_s * 1000))}ms",
        "client.retry_max_attempts": 2,
        "client.retry_base_delay": "1s",
    }


def _environment(folder: str) -> dict[str, str]:
    """The environment of the process: proxies as everywhere; no token, no log, nothing in the user's caches."""
    kept = {name: value for name, value in os.environ.items() if name not in {*TOKENS, "RUST_LOG"}}
    bundle = kept.get("REQUESTS_CA_BUNDLE") or kept.get("CURL_CA_BUNDLE")
    if bundle:  # where requests looks; the library knows this name
        kept.setdefault("SSL_CERT_FILE", bundle)
    return {**kept, "HF_XET_LOG_DEST": os.devnull, "HF_XET_CACHE": folder}
