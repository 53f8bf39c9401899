"""Gets the bytes of one file from one source: goes on where it was cut off, waits when it is told to, gives up in time.

A server is believed nothing: how many bytes there are and what their digest is, the registry says.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from hal_image.models import asking, refusals, xet
from hal_image.models.asking import Cut
from hal_image.models.growing_digest import GrowingDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from hal_image.models.hub import Hub
    from hal_image.models.types import ModelFile, Source

CHUNK_BYTES = 1 << 20
"""Read at once at most; what has arrived is taken as soon as it is there."""
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
MOST_ANEW = 3
"""Times that a server without ranges may begin at the beginning again; each time costs everything that was there."""


class Watch(NamedTuple):
    """What is called while bytes arrive; what it raises ends the transfer, whose bytes stay.

    Attributes:
        arrived: with the bytes that are there; often, and once a second while nothing comes over Xet.
        retry: with the reason and the seconds until the next attempt.
        parallel: when they come over several connections from now on.
    """

    arrived: Callable[[int], None]
    retry: Callable[[str, float], None]
    parallel: Callable[[], None]


class Received(NamedTuple):
    """What is there now, which has the right size: its digest, and whether some of it came over Xet."""

    sha256: str
    over_xet: bool


def receive(file: ModelFile, source: Source, hub: Hub, descriptor: int, watch: Watch, stall_s: float) -> Received:
    """Get all bytes of ``file`` into an open file, which may have some of them already.

    Args:
        file: what is wanted.
        source: where it comes from.
        hub: how hub files are asked for.
        descriptor: of the file that takes the bytes; readable and writable.
        watch: see there.
        stall_s: seconds without a byte after which a connection is given up.

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
        self._xet_failed = source.repo is None
        self._over_xet = False
        if self._had > file.bytes:
            os.ftruncate(descriptor, 0)
            self._had = 0
        self.digest = GrowingDigest(descriptor, self._had)

    def run(self) -> Received:
        """Connect until everything is there."""
        import requests  # noqa: PLC0415 - 0.1 s, and most that import this module download nothing
        import urllib3  # noqa: PLC0415 - likewise

        failures = 0
        with requests.Session() as session:
            while self._had < self._file.bytes:
                began = self._had
                try:
                    self._connection(session)
                except (Cut, requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    cut = error if isinstance(error, Cut) else Cut(asking.reason_of(error))
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
        return Received(self.digest.hexdigest(), self._over_xet)

    def _connection(self, session: requests.Session) -> None:
        """Take what one connection brings, or several at once."""
        file, source = self._file, self._source
        xet_wanted = not self._xet_failed and xet.wanted(file, self._had, self._hub)

        def offered(response: requests.Response) -> xet.Offer | None:
            return xet.offer(response, file, self._hub) if xet_wanted else None

        with asking.request(
            session, file, source, self._hub, self._had, self._stall_s, lambda answer: offered(answer) is not None
        ) as response:
            offer = offered(response)
            if offer is None:
                self._over_http(response)
                return
        reason = self._in_parallel(offer)
        if reason is not None:
            self._xet_failed = True
            self._watch.retry(f"Xet failed ({reason}), so over one connection", 0.0)
            self._connection(session)

    def _over_http(self, response: requests.Response) -> None:
        asking.check(response, self._file, self._source, self._had)
        if self._had and response.status_code != 206:
            self._begin_anew()
        for data in _pieces(response, self._stall_s):
            self._take(data)

    def _in_parallel(self, offer: xet.Offer) -> str | None:
        """Take the rest over Xet; why that was not possible, or ``None`` if it was."""
        self._over_xet = True
        self._watch.parallel()
        try:
            with closing(xet.stream(offer, self._file, self._hub, self._had, self._stall_s)) as stream:
                for data in stream:
                    if data:
                        self._take(data)
                    else:
                        self._watch.arrived(self._had)
        except xet.XetFailed as failure:
            return str(failure)
        return None if self._had == self._file.bytes else "it ended early"

    def _take(self, data: bytes) -> None:
        if self._had + len(data) > self._file.bytes:
            raise refusals.damaged(self._file, self._source)
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
