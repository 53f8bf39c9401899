"""Downloads models in a container that lives as long as that takes: the engine's image, with network, without a GPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import container
from hal_image.errors import EnvironmentError_
from hal_image.host.docker import answers, commands, errand, program
from hal_image.host.docker.start import host_facts
from hal_image.models import verified
from hal_image.models.registry_cache import fields
from hal_image.models.store import target

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
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
    order = _order(pull)
    call = program.Call(program_path, commands.pull(image.id, pull.models_dir.resolve(), host))
    end = errand.run(call, "pull", order, lambda event: pull.tell(_translated(event, pull)))
    return [_outside(path, pull.models_dir) for path in end["paths"]]


def _order(pull: Pull) -> JsonObject:
    certificates = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    try:
        bundle = None if certificates is None else Path(certificates).read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentError_(
            f"cannot read the certificates in {certificates}: {error.strerror}",
            code="certificates_unreadable",
            hint=f"correct or unset {' or '.join(CERTIFICATES)}",
        ) from error
    return {
        "models": [fields(model) for model in pull.models],
        "hub": pull.hub._asdict(),
        "stall_s": pull.stall_s,
        "environment": {name: os.environ[name] for name in NETWORK if name in os.environ},
        "certificates": bundle,
    }


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
