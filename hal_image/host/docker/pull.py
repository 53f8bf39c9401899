"""Downloads models in a container that lives as long as that takes: the engine's image, with network, without a GPU.

What is to be done, the access token included, goes in through a pipe: an argument or a variable could be seen.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import container
from hal_image.errors import EnvironmentError_, JsonObject, error_from_json
from hal_image.host.docker import answers, commands, program
from hal_image.host.docker.start import host_facts
from hal_image.models import verified
from hal_image.models.registry_cache import fields
from hal_image.models.store import target

if TYPE_CHECKING:
    from hal_image.host.docker.answers import Image
    from hal_image.models.download import Pull

NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
"""Variables that the container needs, too; proxies can have passwords, so they go through the pipe as well."""
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def download(program_path: str, image: Image, pull: Pull) -> list[Path]:
    """As ``hal_image.models.download.download``.

    Raises:
        ModelError, EnvironmentError_: as there; ``docker_failed`` and the like when there was no container.
    """
    pull.models_dir.mkdir(parents=True, exist_ok=True)
    host = host_facts(answers.engine(program.run(program_path, commands.info())))
    call = program.Call(program_path, commands.pull(image.id, pull.models_dir.resolve(), host))
    try:
        with suppress(BrokenPipeError):  # it has ended already, and says why
            call.send(_order(pull))
        paths = _follow(call, pull)
    except BaseException:
        call.kill()  # its standard input goes with it, which ends the container
        raise
    answer = call.finish()
    if paths is None:
        raise answers.failure(answer)
    return paths


def _order(pull: Pull) -> bytes:
    certificates = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    try:
        bundle = None if certificates is None else Path(certificates).read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentError_(
            f"cannot read the certificates in {certificates}: {error.strerror}",
            code="certificates_unreadable",
            hint=f"correct or unset {' or '.join(CERTIFICATES)}",
        ) from error
    order = {
        "models": [fields(model) for model in pull.models],
        "hub": pull.hub._asdict(),
        "stall_s": pull.stall_s,
        "environment": {name: os.environ[name] for name in NETWORK if name in os.environ},
        "certificates": bundle,
    }
    return json.dumps(order).encode() + b"\n"


def _follow(call: program.Call, pull: Pull) -> list[Path] | None:
    """Passes events on; returns the files that came, or ``None`` if it ended without a word."""
    rest = b""
    while data := call.receive():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["event"] == "pull_failed":
                raise error_from_json(event["error"])
            if event["event"] == "pull_end":
                return [_outside(path, pull.models_dir) for path in event["paths"]]
            pull.tell(_translated(event, pull))
    return None


def _translated(event: JsonObject, pull: Pull) -> JsonObject:
    """An event with the paths of this side. What is done is remembered here, since there it is forgotten."""
    for key in {"path", "models_dir"} & event.keys():
        event[key] = str(_outside(event[key], pull.models_dir))
    if event["event"] == "pull_done":
        wanted = (file for model in pull.models for file in model.files)
        file = next(file for file in wanted if (file.folder, file.name) == (event["folder"], event["file"]))
        verified.remember(target(file, pull.models_dir), file.sha256)
    return event


def _outside(path: str, models_dir: Path) -> Path:
    return models_dir / Path(path).relative_to(container.MODELS)
