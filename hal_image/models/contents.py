"""Sees that a file has what its model needs of it, before ComfyUI loads it.

ComfyUI leaves a tensor that a file lacks as whatever was in memory, and makes a picture of noise or of one colour, with
success. And it takes any network for any role, to fail minutes later. What is not recognised at all is let through:
that much ComfyUI sees itself, and says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hal_image.errors import ModelError
from hal_image.models import extra_kinds, networks
from hal_image.models.completeness import Tensors, below, is_one, lacking
from hal_image.models.types import EXTRA_TITLES, Extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.models.networks import Network
    from hal_image.models.safetensors_header import Header, Tensor
    from hal_image.models.types import Entry, ExtraKind, Family, Model, ModelFile, Role

DIFFUSION = "model.diffusion_model."
"""Prefix of the network that draws, in a checkpoint."""
AUTOENCODERS = ("first_stage_model.", "vae.")
"""Prefixes of the autoencoder in a checkpoint."""
PUBLISHED_SD3_DEPTH = 24
"""Blocks of the smallest published SD3. From there on a table of positions is wanted; small ones can do without."""
LATENT_CHANNELS: dict[Family, int] = {"sd15": 4, "sdxl": 4, "sd3": 16, "flux": 16}

FAMILY_NAMES: dict[str, str] = {
    "sd15": "Stable Diffusion 1.5",
    "sd2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX",
}


class TextEncoder(NamedTuple):
    """A text encoder in a checkpoint: its prefix, and the network that is there."""

    prefix: str
    network: Network


TEXT_ENCODERS: dict[Family, tuple[TextEncoder, ...]] = {
    "sd15": (TextEncoder("cond_stage_model.transformer.", networks.CLIP_L),),
    "sdxl": (
        TextEncoder("conditioner.embedders.0.transformer.", networks.CLIP_L),
        TextEncoder("conditioner.embedders.1.model.", networks.OPEN_CLIP_G),
    ),
    "sd3": (
        TextEncoder("text_encoders.clip_l.transformer.", networks.CLIP_L),
        TextEncoder("text_encoders.clip_g.transformer.", networks.CLIP_G),
        TextEncoder("text_encoders.t5xxl.transformer.", networks.T5),
    ),
    "flux": (
        TextEncoder("text_encoders.clip_l.transformer.", networks.CLIP_L),
        TextEncoder("text_encoders.t5xxl.transformer.", networks.T5),
    ),
}
_ENCODER_OF: dict[Role, tuple[Network, ...]] = {
    "clip_l": (networks.CLIP_L,),
    "clip_g": (networks.CLIP_G, networks.OPEN_CLIP_G),
    "t5xxl": (networks.T5,),
}
_EMBEDDINGS = (
    ("text_model.embeddings.token_embedding.weight", {768: "clip_l", 1280: "clip_g"}),
    ("token_embedding.weight", {1280: "clip_g"}),
    ("encoder.block.0.layer.0.SelfAttention.q.weight", {4096: "t5xxl"}),
)
"""Tensors whose second axis tells one text encoder from another."""


def check(header: Header, path: Path, model: Entry, file: ModelFile) -> None:
    """See that the file at ``path`` can play its role in ``model``, which may also be what goes with a model.

    Raises:
        ModelError: ``model_wrong`` if it is another network, or of another family; ``model_incomplete`` if tensors are
            missing.
    """
    tensors = header.tensors
    if isinstance(model, Extra):
        check_extra(tensors, path, model.kind, model.family)
    elif file.role == "checkpoint":
        _check_checkpoint(tensors, path, model)
    elif file.role == "diffusion_model":
        _check_diffusion(below(tensors, DIFFUSION) or dict(tensors), path, model.family)
    elif file.role == "vae":
        if not _is_autoencoder(dict(tensors)):
            _refuse_another(tensors, path, "an autoencoder (VAE)")
        _check_autoencoder(dict(tensors), path, model.family)
    else:
        _check_encoder(tensors, path, file.role)


def check_extra(tensors: Mapping[str, Tensor], path: Path, kind: ExtraKind, family: Family | None) -> None:
    """See that a file is of that kind, and for that family where one is given.

    Raises:
        ModelError: ``model_wrong``.
    """
    wanted = EXTRA_TITLES[kind]
    found = extra_kinds.kind_of(tensors)
    if found is None:
        _refuse_another(tensors, path, wanted)
    elif found != kind:
        _wrong(path, EXTRA_TITLES[found], wanted)
    else:
        of = extra_kinds.family_of(kind, tensors)
        if family is not None and of is not None and of != family:
            _wrong(path, f"{wanted} for {FAMILY_NAMES[of]}", f"one for {FAMILY_NAMES[family]}")


def family_of(tensors: Mapping[str, Tensor]) -> str | None:
    """The family of the network that draws, a key of ``FAMILY_NAMES``; ``None`` when there is none that is known."""
    inner = below(tensors, DIFFUSION) or dict(tensors)
    if is_one(networks.FLUX, inner) and not any(name.startswith("distilled_guidance_layer.") for name in inner):
        return "flux"
    if is_one(networks.SD3, inner):
        return "sd3"
    if not is_one(networks.UNET, inner):
        return None
    widths = (
        tensor.shape[-1] for name, tensor in inner.items() if name.endswith(".attn2.to_k.weight") and tensor.shape
    )
    return extra_kinds.CONTEXT_WIDTHS.get(next(widths, 0))


def role_of(tensors: Mapping[str, Tensor]) -> Role | None:
    """What a file is for, as far as it can be told."""
    if any(name.startswith(DIFFUSION) for name in tensors):
        return "checkpoint"
    if family_of(tensors) is not None:
        return "diffusion_model"
    for name, kinds in _EMBEDDINGS:
        if name in tensors and len(tensors[name].shape) == 2 and tensors[name].shape[1] in kinds:
            return kinds[tensors[name].shape[1]]  # type: ignore[return-value]  # they are roles
    return "vae" if _is_autoencoder(dict(tensors)) else None


def _check_checkpoint(tensors: Mapping[str, Tensor], path: Path, model: Model) -> None:
    inner = below(tensors, DIFFUSION)
    if not inner:
        _refuse_another(tensors, path, "a checkpoint")
        return
    if not _check_diffusion(inner, path, model.family):
        return
    prefix = next((prefix for prefix in AUTOENCODERS if below(tensors, prefix)), None)
    if prefix is None:
        _incomplete(path, "autoencoder (VAE)", [AUTOENCODERS[0]])
    _check_autoencoder(below(tensors, prefix), path, model.family, prefix)
    _check_text_encoders(tensors, path, model)


def _check_text_encoders(tensors: Mapping[str, Tensor], path: Path, model: Model) -> None:
    apart = len(model.files) > 1  # the text encoders are files of their own
    present = 0
    for encoder in TEXT_ENCODERS[model.family]:
        inner = below(tensors, encoder.prefix)
        if model.family == "sd15" and inner and not is_one(encoder.network, inner):
            inner = {f"text_model.{name}": tensor for name, tensor in inner.items()}  # the older way; ComfyUI knows it
        if is_one(encoder.network, inner):
            present += 1
            _complete(encoder.network, inner, path, encoder.prefix)
        elif not inner and model.family != "sd3" and not apart:
            _incomplete(path, encoder.network.title, [encoder.prefix])
    if not present and model.family == "sd3" and not apart:
        _incomplete(path, "text encoder", [encoder.prefix for encoder in TEXT_ENCODERS["sd3"]])


def _check_diffusion(inner: Tensors, path: Path, family: Family) -> bool:
    """Whether the network that draws is one that is known; then it is complete and of the right family."""
    found = family_of(inner)
    if found is None:
        if not is_one(networks.UNET, inner):
            _refuse_another(inner, path, f"a {FAMILY_NAMES[family]} model")
            return False
    elif found != family:
        _wrong(path, f"a {FAMILY_NAMES[found]} model", f"a {FAMILY_NAMES[family]} model")
    known = {"flux": networks.FLUX, "sd3": networks.SD3}.get(family, networks.UNET)
    if is_one(known, inner):
        if family == "sdxl":
            known = known._replace(needs=(*known.needs, "label_emb.0.0.weight"))
        if family == "sd3" and f"joint_blocks.{PUBLISHED_SD3_DEPTH - 1}.x_block.attn.qkv.weight" in inner:
            known = known._replace(needs=(*known.needs, "pos_embed"))
        _complete(known, inner, path, "")
    return True


def _is_autoencoder(tensors: Tensors) -> bool:
    tiny = any(name.startswith("taesd_decoder.") for name in tensors)
    return tiny or (is_one(networks.AUTOENCODER, tensors) and not is_one(networks.T5, tensors))


def _check_autoencoder(tensors: Tensors, path: Path, family: Family, prefix: str = "") -> None:
    if not is_one(networks.AUTOENCODER, tensors):
        return
    first = tensors.get("decoder.conv_in.weight")
    wanted = LATENT_CHANNELS[family]
    if first is not None and len(first.shape) == 4 and first.shape[1] != wanted:
        _wrong(
            path,
            f"an autoencoder (VAE) of {first.shape[1]} channels",
            f"one of {wanted} channels, which {FAMILY_NAMES[family]} needs",
        )
    _complete(networks.AUTOENCODER, tensors, path, prefix, missing_steps(tensors))


def missing_steps(tensors: Tensors) -> list[str]:
    """Changes of resolution: between two levels there is always one."""
    missing = []
    for half, step, first in (("decoder.up", "upsample", 1), ("encoder.down", "downsample", 0)):
        levels = {
            int(name.split(".")[2]) for name in tensors if name.startswith(f"{half}.") and name.split(".")[2].isdigit()
        }
        last = max(levels, default=0)
        names = (f"{half}.{level}.{step}.conv.weight" for level in range(first, last + first))
        missing += [name for name in names if name not in tensors]
    return missing


def _check_encoder(tensors: Mapping[str, Tensor], path: Path, role: Role) -> None:
    found = role_of(tensors)
    title = _ENCODER_OF[role][0].title
    if found is not None and found != role:
        _refuse_another(tensors, path, f"a {title}")
    for network in _ENCODER_OF[role]:
        if is_one(network, dict(tensors)):
            _complete(network, dict(tensors), path, "")


def _refuse_another(tensors: Mapping[str, Tensor], path: Path, wanted: str) -> None:
    """Refuse a file that is known to be something else; one that is not known at all is let through."""
    role = role_of(tensors)
    extra = extra_kinds.kind_of(tensors)
    if extra is not None:
        _wrong(path, EXTRA_TITLES[extra], wanted)
    elif role in _ENCODER_OF:
        _wrong(path, f"a {_ENCODER_OF[role][0].title}", wanted)
    elif role == "vae":
        _wrong(path, "an autoencoder (VAE)", wanted)
    elif role == "checkpoint":
        _wrong(path, "a checkpoint", wanted)
    elif role == "diffusion_model":
        family = FAMILY_NAMES.get(family_of(tensors) or "", "")
        _wrong(path, f"a {family} diffusion model without text encoders and autoencoder", wanted)


def _complete(network: Network, tensors: Tensors, path: Path, prefix: str, more: list[str] | None = None) -> None:
    missing = [*lacking(network, tensors), *(more or [])]
    if missing:
        _incomplete(path, network.title, [f"{prefix}{name}" for name in missing])


def _incomplete(path: Path, title: str, missing: list[str]) -> NoReturn:
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise ModelError(
        f"{path} is incomplete: its {title} lacks {missing[0]}{more}",
        code="model_incomplete",
        hint="it would draw garbage; get the whole file",
        details={"path": str(path), "network": title, "missing": missing[:20]},
    )


def _wrong(path: Path, found: str, wanted: str) -> NoReturn:
    raise ModelError(
        f"{path} is {found}, not {wanted}",
        code="model_wrong",
        hint="put the file that models.yaml means there, or name this one in a models.yaml of your own",
        details={"path": str(path), "found": found, "wanted": wanted},
    )
