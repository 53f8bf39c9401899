"""The registry: which models there are. Reading models.yaml is ``registry_parser``'s, and not needed in a warm call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.errors import UsageError, shortened
from hal_image.models import registry_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.models.types import Entry, Model, Registry


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
    if (extra := registry.extras.get(name)) is not None:
        from hal_image.models.types import EXTRA_TITLES  # noqa: PLC0415 - only on failure

        raise UsageError(
            f"{name!r} is {EXTRA_TITLES[extra.kind]}, which goes with a model and is none",
            code="unknown_model",
            hint=f"the models are: {', '.join(registry.models)}",
            details={"model": name, "models": list(registry.models)},
        )
    raise _unknown(name, list(registry.models))


def get_entry(registry: Registry, name: str) -> Entry:
    """The model, LoRA, ControlNet or upscaler called ``name``.

    Raises:
        UsageError: as for ``get_model``.
    """
    if (entry := registry.entries.get(name)) is not None:
        return entry
    raise _unknown(name, list(registry.entries))


def _unknown(name: str, known: list[str]) -> UsageError:
    from hal_image.models.located_yaml import did_you_mean  # noqa: PLC0415 - only on failure

    hint = " ".join(filter(None, (did_you_mean(name, known), f"the models are: {', '.join(known)}")))
    return UsageError(
        f"there is no model {name!r}",
        code="unknown_model",
        hint=hint,
        details={"model": shortened(name), "models": known},
    )
