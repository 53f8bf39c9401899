"""What the layers of a model are called in LoRAs, in every way that ComfyUI knows: layer by name, with its size.

ComfyUI leaves out what has another name and goes on, so a LoRA for another family changes nothing, with success. Names
are those of ComfyUI v0.3.75: ``model_lora_keys_unet`` and ``model_lora_keys_clip`` in ``comfy/lora.py`` and the tables
of ``comfy/utils.py``; ``tests/engine/test_lora_keys.py`` holds them against these. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hal_image.models.contents import DIFFUSION, TEXT_ENCODERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hal_image.models.completeness import Tensors
    from hal_image.models.safetensors_header import Tensor
    from hal_image.models.types import Family, Role

Layers = dict[str, int]
"""By name in a LoRA without what says which half of a change it is: how many numbers the layer has."""

_RESNET = {
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
    "in_layers.0": "norm1",
    "out_layers.0": "norm2",
}
_UNET = {
    "label_emb.0.0": ("class_embedding.linear_1", "add_embedding.linear_1"),
    "label_emb.0.2": ("class_embedding.linear_2", "add_embedding.linear_2"),
    "input_blocks.0.0": ("conv_in",),
    "out.0": ("conv_norm_out",),
    "out.2": ("conv_out",),
    "time_embed.0": ("time_embedding.linear_1",),
    "time_embed.2": ("time_embedding.linear_2",),
}
_SD3_BLOCK = {
    "context_block.adaLN_modulation.1": "norm1_context.linear",
    "context_block.attn.proj": "attn.to_add_out",
    "context_block.mlp.fc1": "ff_context.net.0.proj",
    "context_block.mlp.fc2": "ff_context.net.2",
    "context_block.attn.ln_q": "attn.norm_added_q",
    "context_block.attn.ln_k": "attn.norm_added_k",
    "x_block.adaLN_modulation.1": "norm1.linear",
    "x_block.attn.proj": "attn.to_out.0",
    "x_block.attn.ln_q": "attn.norm_q",
    "x_block.attn.ln_k": "attn.norm_k",
    "x_block.attn2.proj": "attn2.to_out.0",
    "x_block.attn2.ln_q": "attn2.norm_q",
    "x_block.attn2.ln_k": "attn2.norm_k",
    "x_block.mlp.fc1": "ff.net.0.proj",
    "x_block.mlp.fc2": "ff.net.2",
}
_SD3 = {
    "context_embedder": "context_embedder",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "x_embedder.proj": "pos_embed.proj",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "final_layer.adaLN_modulation.1": "norm_out.linear",
    "final_layer.linear": "proj_out",
}
_FLUX_DOUBLE = {
    "img_attn.proj": "attn.to_out.0",
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
    "img_attn.norm.query_norm": "attn.norm_q",
    "img_attn.norm.key_norm": "attn.norm_k",
    "txt_attn.norm.query_norm": "attn.norm_added_q",
    "txt_attn.norm.key_norm": "attn.norm_added_k",
}
_FLUX_SINGLE = {
    "modulation.lin": "norm.linear",
    "linear2": "proj_out",
    "norm.query_norm": "attn.norm_q",
    "norm.key_norm": "attn.norm_k",
}
_FLUX = {
    "final_layer.adaLN_modulation.1": "norm_out.linear",
    "final_layer.linear": "proj_out",
    "img_in": "x_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "txt_in": "context_embedder",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
}
_QKV = {"x_block.attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "context_block.attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
        "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
        "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")}  # fmt: skip
"""One layer of ours that is three in diffusers."""

_CLIP_LAYERS = ("mlp.fc1", "mlp.fc2", "self_attn.k_proj", "self_attn.q_proj", "self_attn.v_proj", "self_attn.out_proj")
_CLIPS = {"clip_l": (12, 768), "clip_g": (32, 1280)}
"""How many layers these text encoders have, and how wide they are."""
_T5_LAYERS = {f"layer.0.SelfAttention.{part}": 4096 * 4096 for part in "qkvo"} | {
    f"layer.1.DenseReluDense.{part}": 4096 * 10240 for part in ("wi_0", "wi_1", "wo")
}
_T5_BLOCKS = 24


def of_model(files: Mapping[Role, Mapping[str, Tensor]], family: Family) -> Layers:
    """The layers of a model, by every name that a LoRA may have for them.

    Args:
        files: the tensors of its files.
        family: of the model.
    """
    main = dict(files.get("diffusion_model") or files["checkpoint"])
    inner = {name.removeprefix(DIFFUSION): tensor for name, tensor in main.items() if name.startswith(DIFFUSION)}
    encoders = [role for role in ("clip_l", "clip_g", "t5xxl") if role in files]
    if not encoders:
        whole = {"sd15": ["clip_l"], "sdxl": ["clip_l", "clip_g"], "flux": ["clip_l", "t5xxl"]}
        there = zip(("clip_l", "clip_g", "t5xxl"), TEXT_ENCODERS["sd3"], strict=True)
        in_file = [role for role, encoder in there if any(name.startswith(encoder.prefix) for name in main)]
        encoders = whole.get(family, in_file)
    return of_diffusion(inner or main, family) | of_text_encoders(encoders)


def of_diffusion(tensors: Tensors, family: Family) -> Layers:
    """The layers of the network that draws."""
    sizes = {name: math.prod(tensor.shape) for name, tensor in tensors.items()}
    found: Layers = {}
    for name, size in sizes.items():
        layer = name.removesuffix(".weight")
        if layer != name:
            found[f"lora_unet_{layer.replace('.', '_')}"] = size
        found[f"diffusion_model.{layer}"] = size
    own = {name.removesuffix(".weight").removesuffix(".scale"): size for name, size in sizes.items()
           if name.endswith((".weight", ".scale"))}  # fmt: skip
    if family == "flux":
        _add_flux(found, own, tensors)
    elif family == "sd3":
        for ours, theirs, share in _pairs(own, "joint_blocks", "transformer_blocks", _SD3_BLOCK, _SD3):
            size = int(own[ours] * share)
            for name in (f"transformer.{theirs}", f"base_model.model.{theirs}", *_underscored(theirs)):
                found[name] = size
    else:
        _add_unet(found, own)
    return found


def of_text_encoders(encoders: list[str]) -> Layers:
    """The layers of text encoders, by role."""
    found: Layers = {}
    clips = [role for role in encoders if role in _CLIPS]
    for role in clips:
        layers, width = _CLIPS[role]
        short = "2" if role == "clip_g" and "clip_l" in clips else ""
        for number in range(layers):
            for layer in _CLIP_LAYERS:
                size = width * width * (4 if layer.startswith("mlp") else 1)
                whole = f"text_model.encoder.layers.{number}.{layer}"
                found[f"text_encoders.{role}.transformer.{whole}"] = size
                under = f"text_model_encoder_layers_{number}_{layer.replace('.', '_')}"
                prefixes = ("lora_te2_",) if short else ("lora_te_", *(("lora_te1_",) if role == "clip_l" else ()))
                found |= dict.fromkeys((f"{prefix}{under}" for prefix in prefixes), size)
                found[f"text_encoder{'_2' if short else ''}.{whole}"] = size
        found[f"lora_te{short or '1'}_text_projection"] = width * width
    if "t5xxl" in encoders:
        index = len(clips) + 1
        numbers = {index, 3} if clips == ["clip_l"] else {index}
        for block in range(_T5_BLOCKS):
            for layer, size in _T5_LAYERS.items():
                whole = f"encoder.block.{block}.{layer}"
                found[f"text_encoders.t5xxl.transformer.{whole}"] = size
                found |= {f"lora_te{number}_{whole.replace('.', '_')}": size for number in numbers}
    return found


def _add_flux(found: Layers, own: Layers, tensors: Tensors) -> None:
    for ours, theirs, share in _pairs(own, "double_blocks", "transformer_blocks", _FLUX_DOUBLE, _FLUX):
        found |= dict.fromkeys((f"transformer.{theirs}", *_underscored(theirs)), int(own[ours] * share))
    for ours, theirs, _ in _pairs(own, "single_blocks", "single_transformer_blocks", _FLUX_SINGLE, {}):
        found |= dict.fromkeys((f"transformer.{theirs}", *_underscored(theirs)), own[ours])
    for name, size in own.items():
        if name.startswith("single_blocks.") and name.endswith(".linear1"):
            # query, key and value, and what goes into the feed-forward part, which is four times as wide
            block = name.split(".")[1]
            width = tensors[f"{name}.weight"].shape[-1]
            parts = {f"attn.to_{part}": width * width for part in "qkv"} | {"proj_mlp": size - 3 * width * width}
            for part, numbers in parts.items():
                theirs = f"single_transformer_blocks.{block}.{part}"
                found |= dict.fromkeys((f"transformer.{theirs}", *_underscored(theirs)), numbers)
            found[f"diffusion_model.{name}_qkv"] = 3 * width * width


def _underscored(theirs: str) -> tuple[str, str]:
    under = theirs.replace(".", "_")
    return f"lycoris_{under}", f"lora_transformer_{under}"


def _pairs(
    own: Layers, blocks: str, their_blocks: str, in_block: Mapping[str, str], outside: Mapping[str, str]
) -> Iterator[tuple[str, str, float]]:
    """Our name of a layer, diffusers' name of it or of a part, and how much of it that is."""
    for name in own:
        if name in outside:
            yield name, outside[name], 1.0
        if not name.startswith(f"{blocks}."):
            continue
        _, number, layer = name.split(".", 2)
        if layer in in_block:
            yield name, f"{their_blocks}.{number}.{in_block[layer]}", 1.0
        for part in _QKV.get(layer, ()):
            yield name, f"{their_blocks}.{number}.{part}", 1 / 3


def _add_unet(found: Layers, own: Layers) -> None:
    for ours, theirs in _unet_names(own):
        if ours not in own:
            continue
        under = theirs.replace(".", "_")
        processed = theirs.replace(".to_", ".processor.to_")
        processed = processed.removesuffix(".0") if processed.endswith(".to_out.0") else processed
        names = (f"lora_unet_{under}", f"lycoris_{under}", processed, f"unet.{processed}")
        found |= dict.fromkeys(names, own[ours])


def _unet_names(own: Layers) -> Iterator[tuple[str, str]]:
    """Our names of a U-Net's layers and diffusers', whose blocks are counted level by level."""
    for ours, names in _UNET.items():
        yield from ((ours, theirs) for theirs in names)
    last = _last(own, "input_blocks")
    level, index = 0, 0
    depths = []
    for block in range(1, last + 1):
        if f"input_blocks.{block}.0.op" in own:
            yield f"input_blocks.{block}.0.op", f"down_blocks.{level}.downsamplers.0.conv"
            depths.append(index)
            level, index = level + 1, 0
            continue
        yield from _unet_block(own, f"input_blocks.{block}", f"down_blocks.{level}", index)
        index += 1
    depths.append(index)
    for index, place in enumerate((0, 2)):
        yield from ((f"middle_block.{place}.{a}", f"mid_block.resnets.{index}.{b}") for a, b in _RESNET.items())
    yield from _attention(own, "middle_block.1", "mid_block.attentions.0")
    block = 0
    for level, depth in enumerate(reversed(depths)):
        for index in range(depth + 1):
            yield from _unet_block(own, f"output_blocks.{block}", f"up_blocks.{level}", index)
            for place in (1, 2):
                yield f"output_blocks.{block}.{place}.conv", f"up_blocks.{level}.upsamplers.0.conv"
            block += 1


def _unet_block(own: Layers, ours: str, theirs: str, index: int) -> Iterator[tuple[str, str]]:
    yield from ((f"{ours}.0.{a}", f"{theirs}.resnets.{index}.{b}") for a, b in _RESNET.items())
    yield from _attention(own, f"{ours}.1", f"{theirs}.attentions.{index}")


def _attention(own: Layers, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    if f"{ours}.proj_in" in own:
        for name in own:
            if name.startswith(f"{ours}."):
                yield name, f"{theirs}.{name.removeprefix(f'{ours}.')}"


def _last(own: Layers, blocks: str) -> int:
    return max((int(name.split(".")[1]) for name in own if name.startswith(f"{blocks}.")), default=0)
