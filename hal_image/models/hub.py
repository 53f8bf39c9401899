"""Where hub files come from, and who is asking: what the environment says to every client of the Hugging Face hub.

The names and their order are those of huggingface_hub (its ``constants.py`` and ``utils/_auth.py``), so that a machine
that is set up for that library is set up for us. Why the library itself is not used: docs/adr/0009.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Source

HUB = "https://huggingface.co"
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN")
"""Variables that may hold an access token, the first one that does counts."""
_TRUE = {"1", "ON", "YES", "TRUE"}


class Hub(NamedTuple):
    """Where hub files come from.

    Attributes:
        endpoint: ``https://huggingface.co`` or a mirror of it.
        token: access token, or ``None``. It is in no address and no message.
        offline: hub files may not be asked for.
        xet: large files may come over several connections at once, from the hub's storage of chunks.
    """

    endpoint: str = HUB
    token: str | None = None
    offline: bool = False
    xet: bool = True

    def address(self, source: Source) -> str:
        """The address of a file."""
        return source.address.replace(HUB, self.endpoint.rstrip("/"), 1) if source.repo else source.address

    def headers(self, url: str) -> dict[str, str]:
        """The headers for ``url``: the token for the hub, and for nobody else."""
        is_hub = urlsplit(url)[:2] == urlsplit(self.endpoint)[:2]  # scheme, host and port
        return {"Authorization": f"Bearer {self.token}"} if is_hub and self.token else {}


def from_environment(environment: Mapping[str, str] = os.environ) -> Hub:
    """What ``HF_ENDPOINT``, ``HF_TOKEN`` or the token file, ``HF_HUB_OFFLINE`` and ``HF_HUB_DISABLE_XET`` say.

    Never raises.
    """
    return Hub(
        endpoint=environment.get("HF_ENDPOINT", "").strip() or HUB,
        token=_token(environment),
        offline=environment.get("HF_HUB_OFFLINE", "").upper() in _TRUE,
        xet=environment.get("HF_HUB_DISABLE_XET", "").upper() not in _TRUE,
    )


def _token(environment: Mapping[str, str]) -> str | None:
    if environment.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in _TRUE:
        return None
    for name in TOKENS:
        if token := environment.get(name, "").strip():
            return token
    try:
        with open(token_file(environment), encoding="utf-8") as file:  # noqa: PTH123 - the path is text here
            return "".join(file.read().split()) or None
    except (OSError, ValueError):
        return None


def token_file(environment: Mapping[str, str] = os.environ) -> str:
    """Where ``hf auth login`` leaves the token."""
    path = environment.get("HF_TOKEN_PATH")
    if not path:
        caches = environment.get("XDG_CACHE_HOME") or "~/.cache"
        path = f"{environment.get('HF_HOME') or f'{caches}/huggingface'}/token"
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - expandvars is not in pathlib
