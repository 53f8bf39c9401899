"""Gets the bytes of one file from one source: goes on where it was cut off, waits when it is told to, gives up in time.

A server is believed nothing: how many bytes there are and what their digest is, the registry says. The access token
goes to the hub itself and to no host that it sends us on to; addresses, which can be signed, are in no message.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from hal_image.models import refusals
from hal_image.models.growing_digest import GrowingDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from hal_image.models.hub import Hub
    from hal_image.models.types import ModelFile, Source

CHUNK_BYTES = 1 << 20
"""Read at once at most; what has arrived is taken as soon as it is there."""
CONNECT_S = 10.0
"""Seconds for a connection to be made."""
STALL_S = 60.0
"""Seconds without a byte after which a connection counts as dead, unless it is said otherwise."""
SLOWEST = 1024
"""Bytes a second, over that time: less is as good as nothing."""
WORTH_BYTES = 1 << 16
"""A connection that brought this much has got us on; one that brought less counts as a failure."""
ATTEMPTS = 4
"""Failures in a row before the next source is tried."""
PAUSE_S = 1.0
"""Seconds after the first failure; twice as long after each one that follows it."""
LONGEST_PAUSE_S = 60.0
"""Of the seconds that a server may ask for with Retry-After."""
MOST_ANEW = 3
"""Times that a server without ranges may begin at the beginning again; each time costs everything that was there."""
MAX_REDIRECTS = 5


_WORDS = {
    "ReadTimeout": "it stalled",
    "ReadTimeoutError": "it stalled",
    "ConnectTimeout": "it does not answer",
    "ProtocolError": "it ended early",
    "IncompleteRead": "it ended early",
}
"""Errors of the libraries, and what they mean; of others the name is told."""


class Cut(Exception):
    """The connection ended early, or there was none.

    Args:
        reason: how, without any address.
        pause_s: seconds that the server asks to wait.
    """

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause_s = pause_s


class Watch(NamedTuple):
    """What is called while bytes arrive; what it raises ends the transfer, whose bytes stay.

    Attributes:
        arrived: with the bytes that are there; often.
        retry: with the reason and the seconds until the next attempt.
    """

    arrived: Callable[[int], None]
    retry: Callable[[str, float], None]


def receive(file: ModelFile, source: Source, hub: Hub, descriptor: int, watch: Watch, stall_s: float) -> str:
    """Get all bytes of ``file`` into an open file, which may have some of them already.

    Args:
        file: what is wanted.
        source: where it comes from.
        hub: how hub files are asked for.
        descriptor: of the file that takes the bytes; readable and writable.
        watch: see there.
        stall_s: seconds without a byte after which a connection is given up.

    Returns:
        the SHA-256 of what is there now, which has the right size.

    Raises:
        ModelError: ``model_gated``, ``download_failed``, ``download_refused``, ``download_damaged``.
        OSError: the file cannot be written.
    """
    transfer = _Transfer(file, source, hub, descriptor, watch, stall_s)
    try:
        return transfer.run()
    finally:
        transfer.digest.close()


class _Transfer:
    """One file from one source."""

    def __init__(
        self, file: ModelFile, source: Source, hub: Hub, descriptor: int, watch: Watch, stall_s: float
    ) -> None:
        self._file = file
        self._source = source
        self._hub = hub
        self._descriptor = descriptor
        self._watch = watch
        self._stall_s = stall_s
        self._had = os.fstat(descriptor).st_size
        self._times_anew = 0
        if self._had > file.bytes:
            os.ftruncate(descriptor, 0)
            self._had = 0
        self.digest = GrowingDigest(descriptor, self._had)

    def run(self) -> str:
        """Connect until everything is there; the SHA-256 of it."""
        import requests  # noqa: PLC0415 - 0.1 s, and most that import this module download nothing
        import urllib3  # noqa: PLC0415 - likewise

        failures = 0
        with requests.Session() as session:
            while self._had < self._file.bytes:
                began = self._had
                try:
                    self._connection(session)
                except (Cut, requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    cut = error if isinstance(error, Cut) else Cut(_name(error))
                else:
                    cut = Cut("it ended early")
                if self._had == self._file.bytes:
                    break
                failures = 0 if self._had - began >= WORTH_BYTES else failures + 1
                if failures == ATTEMPTS:
                    raise refusals.failed(self._file, self._source, cut.reason)
                pause = max(cut.pause_s, PAUSE_S * 2 ** (failures - 1) if failures else 0.0)
                self._watch.retry(cut.reason, pause)
                time.sleep(pause)
        return self.digest.hexdigest()

    def _connection(self, session: requests.Session) -> None:
        """Take what one connection brings."""
        file, source = self._file, self._source
        with _request(session, file, source, self._hub, self._had, self._stall_s) as response:
            _check(response, file, source, self._had)
            if self._had and response.status_code != 206:
                self._begin_anew()
            for data in _pieces(response, self._stall_s):
                if self._had + len(data) > file.bytes:
                    raise refusals.damaged(file, source)
                _write(self._descriptor, data, self._had)
                self._had += len(data)
                self.digest.grow(self._had)
                self._watch.arrived(self._had)

    def _begin_anew(self) -> None:
        """The server knows no ranges: it sends the beginning again."""
        self._times_anew += 1
        if self._times_anew > MOST_ANEW:
            raise refusals.failed(self._file, self._source, "it ends early, and cannot go on where it ended")
        self.digest.close()
        os.ftruncate(self._descriptor, 0)
        self._had = 0
        self.digest = GrowingDigest(self._descriptor, 0)


def _name(error: Exception) -> str:
    """What is told of an error of the libraries: its text has addresses, and those can be signed."""
    name = type(error).__name__
    return _WORDS.get(name, name)


def _write(descriptor: int, data: bytes, place: int) -> None:
    left = memoryview(data)
    while left:
        count = os.pwrite(descriptor, left, place)
        left, place = left[count:], place + count


def _pieces(response: requests.Response, stall_s: float) -> Iterator[bytes]:
    """The body as it arrives.

    Raises:
        Cut: it trickles.
    """
    # urllib3 2 takes what is there; version 1 waits until there are as many bytes as were asked for
    read = getattr(response.raw, "read1", response.raw.read)
    since, taken = time.monotonic(), 0
    while data := read(CHUNK_BYTES):
        yield data
        taken += len(data)
        passed = time.monotonic() - since
        if passed >= stall_s:
            if taken < SLOWEST * passed:
                raise Cut("it stalled")
            since, taken = time.monotonic(), 0


def ask(file: ModelFile, source: Source, hub: Hub, stall_s: float) -> dict[str, str]:
    """What a server says of a file: the headers, in lower case, of every answer on the way to it, the last one first.

    Raises:
        ModelError: as for ``receive``.
    """
    import requests  # noqa: PLC0415 - as there

    said: dict[str, str] = {}
    try:
        with requests.Session() as session, _request(session, file, source, hub, 0, stall_s, said) as response:
            _check(response, file._replace(bytes=int(response.headers.get("content-length", "0"))), source, 0)
            return {**said, **{name.lower(): value for name, value in response.headers.items()}}
    except Cut as cut:
        raise refusals.failed(file, source, cut.reason) from None
    except requests.RequestException as error:
        raise refusals.failed(file, source, _name(error)) from None


def _request(
    session: requests.Session,
    file: ModelFile,
    source: Source,
    hub: Hub,
    had: int,
    stall_s: float,
    said: dict[str, str] | None = None,
) -> requests.Response:
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
            timeout=(CONNECT_S, stall_s),
        )
        if not response.is_redirect:
            return response
        if said is not None:
            said |= {name.lower(): value for name, value in response.headers.items()}
        url = urljoin(url, response.headers["location"])
        response.close()
        if urlsplit(url).scheme not in {"http", "https"}:
            raise refusals.refused(file, source, "it redirects to something that is no web address")
    raise refusals.refused(file, source, "it redirects without end")


def _check(response: requests.Response, file: ModelFile, source: Source, had: int) -> None:
    """See that the answer is one to read on."""
    status = response.status_code
    if status in {401, 403}:
        raise refusals.gated(file, source, asked=True)
    if status in {408, 425, 429} or status >= 500:
        raise Cut(f"HTTP status {status}", _retry_after(response))
    if status == 416:  # there is nothing from there on: it is a shorter file
        raise refusals.damaged(file, source)
    length = response.headers.get("content-length")
    if status == 206 and not response.headers.get("content-range", "").startswith(f"bytes {had}-"):
        raise refusals.refused(file, source, "it answers with other bytes than were asked for")
    if status not in {200, 206}:
        raise refusals.refused(file, source, f"HTTP status {status}")
    if length is not None and length.isdigit() and int(length) != file.bytes - (had if status == 206 else 0):
        raise refusals.damaged(file, source)


def _retry_after(response: requests.Response) -> float:
    """Seconds; a date, the other form that the header may have, counts as not given."""
    text = response.headers.get("retry-after", "").strip()
    return min(float(text), LONGEST_PAUSE_S) if text.isdigit() else 0.0
