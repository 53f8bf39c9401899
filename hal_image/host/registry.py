"""Loads the registry with the user's own files merged over ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.models.registry import default_registry_path, load_registry

if TYPE_CHECKING:
    from hal_image.models.types import Registry


def load() -> Registry:
    """The models that ``--model`` can name.

    Raises:
        RegistryError: one of the files breaks a rule.
    """
    return load_registry(
        default_registry_path(), paths.user_registry_files(), cache=paths.state_dir() / "registry.cache.json"
    )
