"""Loads the registry with the user's own files merged over ours, and says which of its models is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hal_image import paths
from hal_image.models.registry import default_registry_path, get_model, load_registry
from hal_image.models.store import is_usable

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Model, Registry

Chosen = Literal["asked", "default", "no_gpu", "workflow"]
"""Why a model is used: it was asked for; it is the default; it takes the default's place without a GPU; or a workflow
names its files."""


def load() -> Registry:
    """The models that ``--model`` can name.

    Raises:
        RegistryError: one of the files breaks a rule.
    """
    return load_registry(
        default_registry_path(), paths.user_registry_files(), cache=paths.state_dir() / "registry.cache.json"
    )


def choose_model(registry: Registry, asked: str | None, models_dir: Path) -> tuple[Model, Chosen]:
    """The model for ``--model ASKED``, and why it is that one.

    Only a model that nobody asked for is ever replaced, and only where there is no GPU and its files are not all there.

    Args:
        registry: the models.
        asked: value of ``--model``; ``None`` or empty when it was not given.
        models_dir: where files are looked for.

    Raises:
        UsageError: ``unknown_model``.
    """
    if asked:
        return get_model(registry, asked), "asked"
    default = registry.models[registry.default]
    other = registry.default_without_gpu
    if other is None or other == default.name:
        return default, "default"
    from hal_image.host.gpu_presence import gpu_present  # noqa: PLC0415 - not needed when a model was asked for

    if gpu_present() or is_usable(default, models_dir):
        return default, "default"
    return registry.models[other], "no_gpu"
