"""The LoRAs of a picture: found, and held against the model before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.host import model_files
from hal_image.host.materials import Materials
from hal_image.models import lora_fit, lora_keys
from hal_image.models.contents import FAMILY_NAMES
from hal_image.models.safetensors_header import read_header
from hal_image.request import Lora

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.extras import FoundExtra
    from hal_image.models.store import ResolvedModel
    from hal_image.models.types import Model, Registry

EXAMPLES = 5
"""Names of parts that do not fit, as an error or a warning has them."""


def gather(
    options: argparse.Namespace, model: Model, registry: Registry, models_dir: Path, output: Output
) -> Materials:
    """The files that ``--lora`` names.

    Raises:
        ModelError: as for ``model_files.find_extra``; ``lora_not_applied`` for another family than the model's.
    """
    found = [
        model_files.find_extra("lora", option.asked, registry, models_dir, options, output) for option in options.lora
    ]
    for one in found:
        if one.family is not None and one.family != model.family:
            raise _for_another_family(one, model, registry)
    used = tuple(
        Lora(one.name, one.comfy_name, one.sha256, option.weight, option.clip_weight)
        for one, option in zip(found, options.lora, strict=True)
    )
    return Materials({"loras": used}, tuple(one.resolved for one in found))


class LoraCheck:
    """Holds LoRAs against models, each pair once.

    Args:
        output: is warned.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._fits: dict[tuple[str, str], lora_fit.Fit] = {}

    def check(self, materials: Materials, resolved: ResolvedModel) -> None:
        """Refuses a LoRA nothing of which fits, and warns of one of which some does not.

        Raises:
            ModelError: ``lora_not_applied``.
        """
        files = {found.comfy_name: found for found in materials.files if found.file.role == "lora"}
        if not files or any(found.included for found in resolved.files):
            return  # a model that comes with the tool and is not written yet: the engine looks
        loras: dict[str, Lora] = {lora.file: lora for lora in materials.fields["loras"]}
        for file, lora in loras.items():
            fit = self._fit(files[file].path, lora.sha256, resolved)
            if not fit.fitting:
                raise _nothing_fits(lora.name, resolved, fit)
            if fit.others:
                self._warn(lora, resolved, fit)

    def _fit(self, path: Path, sha256: str, resolved: ResolvedModel) -> lora_fit.Fit:
        model = resolved.model
        key = (model.name, sha256)
        if key not in self._fits:
            files = {found.file.role: read_header(found.path).tensors for found in resolved.files}
            layers = lora_keys.of_model(files, model.family)
            self._fits[key] = lora_fit.fit(read_header(path).tensors, layers)
        return self._fits[key]

    def _warn(self, lora: Lora, resolved: ResolvedModel, fit: lora_fit.Fit) -> None:
        name, others = resolved.model.name, len(fit.others)
        self._output.warn(
            "lora_keys_not_applied",
            f"{others} of the {fit.total} parts of LoRA {lora.name!r} ({others / fit.total:.0%}) do not fit model "
            f"{name!r} and are left out, the first: {fit.others[0]}",
            {
                "node": "LoraLoader",
                "files": [lora.file],
                "count": others,
                "of": fit.total,
                "examples": list(fit.others[:EXAMPLES]),
            },
        )


def _for_another_family(one: FoundExtra, model: Model, registry: Registry) -> ModelError:
    others = [other.name for other in registry.models.values() if other.family == one.family]
    family = FAMILY_NAMES.get(one.family or "", "")
    return ModelError(
        f"LoRA {one.name!r} is for {family}, and model {model.name!r} is {FAMILY_NAMES[model.family]}",
        code="lora_not_applied",
        hint=f"use it with --model {' or '.join(others)}" if others else "take one for the family of the model",
        details={"lora": one.name, "path": str(one.path), "model": model.name, "family": one.family},
    )


def _nothing_fits(name: str, resolved: ResolvedModel, fit: lora_fit.Fit) -> ModelError:
    model = resolved.model
    return ModelError(
        f"nothing of LoRA {name!r} fits model {model.name!r}, which is {FAMILY_NAMES[model.family]}: the picture would "
        "be the one without it",
        code="lora_not_applied",
        hint="take a LoRA for the family of the model",
        details={"lora": name, "model": model.name, "examples": list(fit.others[:EXAMPLES])},
    )
