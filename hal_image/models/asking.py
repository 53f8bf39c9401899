"""Asks a server for a file, or for what it knows of it: follows redirections, and reads the status.

A server is believed nothing that the registry says. The access token goes to the hub itself and to no host that it
sends us on to; addresses, which can be signed, are in no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from hal_image.models import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from hal_image.models.hub import Hub
    from hal_image.models.types import ModelFile, Source

CONNECT_S = 10.0
"""Seconds for a connection to be made."""
LONGEST_PAUSE_S = 60.0
"""Of the seconds that a server may ask for with Retry-After."""
MAX_REDIRECTS = 5

_WORDS = {
    "ReadTimeout": "it stalled",
    "ReadTimeoutError": "it stalled",
    "ConnectTimeout": "it does not answer",
    "ConnectionError": "no connection",
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


def reason_of(error: Exception) -> str:
    """What is told of an error of the libraries: its text has addresses, and those can be signed."""
    name = type(error).__name__
    return _WORDS.get(name, name)


def ask(file: ModelFile, source: Source, hub: Hub, stall_s: float) -> dict[str, str]:
    """What a server says of a file: the headers, in lower case, of every answer on the way to it, the last one first.

    Raises:
        ModelError: ``model_gated``, ``download_failed``, ``download_refused``, ``download_damaged``.
    """
    import requests  # noqa: PLC0415 - 0.1 s, and most that import this module download nothing

    said: dict[str, str] = {}

    def look(response: requests.Response) -> bool:
        said.update({name.lower(): value for name, value in response.headers.items()})
        return False

    try:
        with requests.Session() as session, request(session, file, source, hub, 0, stall_s, look) as response:
            check(response, file._replace(bytes=int(response.headers.get("content-length", "0"))), source, 0)
            return {**said, **{name.lower(): value for name, value in response.headers.items()}}
    except Cut as cut:
        raise refusals.failed(file, source, cut.reason) from None
    except requests.RequestException as error:
        raise refusals.failed(file, source, reason_of(error)) from None


def request(
    session: requests.Session,
    file: ModelFile,
    source: Source,
    hub: Hub,
    had: int,
    stall_s: float,
    enough: Callable[[requests.Response], bool],
) -> requests.Response:
    """Ask for the bytes from ``had`` on; a server that knows no ranges sends all.

    Redirections are followed here: where each one leads decides whether the token goes along.

    Args:
        session: of requests.
        file: what is wanted.
        source: where it is asked for.
        hub: how hub files are asked for.
        had: bytes that are here.
        stall_s: seconds without a byte after which the connection is given up.
        enough: called with every redirection: whether it is the answer, and not to be followed.
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
        if not response.is_redirect or enough(response):
            return response
        url = urljoin(url, response.headers["location"])
        response.close()
        if urlsplit(url).scheme not in {"http", "https"}:
            raise refusals.refused(file, source, "it redirects to something that is no web address")
    raise refusals.refused(file, source, "it redirects without end")


def check(response: requests.Response, file: ModelFile, source: Source, had: int) -> None:
    """See that the answer is one to read on.

    Raises:
        Cut: the server is busy.
        ModelError: as for ``ask``.
    """
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
