"""The registry: which models there are. Reading models.yaml is ``registry_parser``'s, and not needed in a warm call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.errors import UsageError, shortened
from hal_image.models import registry_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.models.types import Model, Registry


def default_registry_path() -> Path:
    """The models.yaml that belongs to this code: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parent / "models.yaml"
    return beside if beside.is_file() else package / "models.yaml"


def load_registry(project_file: Path, user_files: Sequence[Path] = (), *, cache: Path | None = None) -> Registry:
    """Read ``project_file`` and merge ``user_files`` over it, in order.

    A later file replaces a model of the same name as a whole, adds new names, and may set ``default``.

    Args:
        project_file: the registry that must be complete: ``models`` and ``default``.
        user_files: registries that may hold only what they change.
        cache: a file, made when missing, that keeps the result until one of the registries changes.

    Raises:
        RegistryError: a file breaks a rule; the message starts with ``path:line:column:`` and the hint mends it.
    """
    files = (project_file, *user_files)
    if cache is not None and (kept := registry_cache.read(cache, files)) is not None:
        return kept
    from hal_image.models.registry_parser import parse_registry  # noqa: PLC0415 - imports PyYAML, 20 ms

    registry = parse_registry(project_file, user_files)
    if cache is not None:
        registry_cache.write(cache, files, registry)
    return registry


def get_model(registry: Registry, name: str) -> Model:
    """The model called ``name``.

    Raises:
        UsageError: code ``unknown_model``; the hint has the closest name and all valid ones.
    """
    if (model := registry.models.get(name)) is not None:
        return model
    from hal_image.models.located_yaml import did_you_mean  # noqa: PLC0415 - only on failure

    known = list(registry.models)
    hint = " ".join(filter(None, (did_you_mean(name, known), f"the models are: {', '.join(known)}")))
    raise UsageError(
        f"there is no model {name!r}",
        code="unknown_model",
        hint=hint,
        details={"model": shortened(name), "models": known},
    )
