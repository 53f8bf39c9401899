"""The networks that models are made of, as tables: which tensors each has, under the names that ComfyUI loads.

Taken from the modules that ComfyUI v0.3.75 builds (``comfy/ldm`` and ``comfy/text_encoders``);
``tests/engine/test_contents.py`` holds them against those modules. How deep and wide a network is, its tensors say; so
distilled and otherwise smaller relatives of the published models pass, as they do with ComfyUI.
"""

from __future__ import annotations

from typing import NamedTuple


def _both(*names: str) -> tuple[str, ...]:
    """Weight and bias of each."""
    return tuple(f"{name}.{part}" for name in names for part in ("weight", "bias"))


def _weights(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.weight" for name in names)


class Network(NamedTuple):
    """A network in one way of naming its tensors.

    Attributes:
        title: what people call it.
        marks: a tensor that begins with one of these tells that it is this network.
        needs: tensors that it always has.
        blocks: where one of the tensors of a block is, below whatever prefix, all of them are.
        lists: numbered parts, ``*`` being the numbers of lists around them; counted from 0 without a gap.
        counts: how many parts a list has, where that is the same in all such networks.
        equal: two lists that have the same number of parts.
        either: tensors of which one has to be there.
        joins: pairs of a tensor and a shortcut beside it, which is there if that tensor changes the width, which its
            first two axes tell.
    """

    title: str
    marks: tuple[str, ...]
    needs: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]
    lists: tuple[str, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    joins: tuple[tuple[str, str], ...] = ()


UNET = Network(
    title="U-Net",
    marks=("input_blocks.",),
    needs=_both("time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2"),
    blocks=(
        _both("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"),
        _both("skip_connection"),
        (*_both("norm", "proj_in", "proj_out"), "transformer_blocks.0.norm1.weight"),
        (
            *_both("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2", "attn1.to_out.0", "attn2.to_out.0"),
            *_weights("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn2.to_q", "attn2.to_k", "attn2.to_v"),
        ),
        _both("op"),
        _both("conv"),
        _both("label_emb.0.0", "label_emb.0.2"),
    ),
    lists=(
        "input_blocks",
        "output_blocks",
        "middle_block",
        "input_blocks.*",
        "output_blocks.*",
        "input_blocks.*.*.transformer_blocks",
        "output_blocks.*.*.transformer_blocks",
        "middle_block.*.transformer_blocks",
    ),
    equal=(("input_blocks", "output_blocks"),),
    joins=(("in_layers.2.weight", "skip_connection.weight"),),
)

_FLUX_STREAM = (
    *_both("{0}_mod.lin", "{0}_attn.qkv", "{0}_attn.proj", "{0}_mlp.0", "{0}_mlp.2"),
    "{0}_attn.norm.query_norm.scale",
    "{0}_attn.norm.key_norm.scale",
)
FLUX = Network(
    title="FLUX transformer",
    marks=("double_blocks.", "single_blocks."),
    needs=(
        *_both("img_in", "txt_in", "time_in.in_layer", "time_in.out_layer", "vector_in.in_layer"),
        *_both("vector_in.out_layer", "final_layer.linear", "final_layer.adaLN_modulation.1"),
    ),
    blocks=(
        tuple(name.format(stream) for stream in ("img", "txt") for name in _FLUX_STREAM),
        (*_both("modulation.lin", "linear1", "linear2"), "norm.query_norm.scale", "norm.key_norm.scale"),
        _both("guidance_in.in_layer", "guidance_in.out_layer"),
    ),
    lists=("double_blocks", "single_blocks"),
)

SD3 = Network(
    title="SD3 transformer",
    marks=("joint_blocks.",),
    needs=(
        *_both("x_embedder.proj", "context_embedder", "t_embedder.mlp.0", "t_embedder.mlp.2", "y_embedder.mlp.0"),
        *_both("y_embedder.mlp.2", "final_layer.linear", "final_layer.adaLN_modulation.1"),
    ),
    blocks=(
        _both(*(f"x_block.{part}" for part in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "adaLN_modulation.1"))),
        (*_both("x_block.attn2.qkv", "x_block.attn2.proj"),),
        # the last block's context ends in its attention
        _both("context_block.attn.qkv", "context_block.adaLN_modulation.1"),
        _both("context_block.attn.proj", "context_block.mlp.fc1", "context_block.mlp.fc2"),
        _weights("attn.ln_q", "attn.ln_k"),
        _weights("attn2.ln_q", "attn2.ln_k"),
    ),
    lists=("joint_blocks",),
)

_KL_HALF = _both("conv_in", "conv_out", "norm_out", "mid.block_1.norm1", "mid.block_2.norm1", "mid.attn_1.norm")
AUTOENCODER = Network(
    title="autoencoder (VAE)",
    marks=("decoder.up.", "decoder.mid.", "decoder.conv_in."),
    needs=tuple(f"decoder.{name}" for name in _KL_HALF),
    blocks=(
        tuple(f"encoder.{name}" for name in _KL_HALF),
        _both("norm1", "conv1", "norm2", "conv2"),
        _both("norm", "q", "k", "v", "proj_out"),
        _both("nin_shortcut"),
        _both("upsample.conv"),
        _both("downsample.conv"),
        _both("quant_conv", "post_quant_conv"),
    ),
    lists=("decoder.up", "decoder.up.*.block", "encoder.down", "encoder.down.*.block"),
    joins=(("conv1.weight", "nin_shortcut.weight"),),
)

_CLIP = Network(
    title="CLIP text encoder",
    marks=("text_model.",),
    needs=(
        *_weights("text_model.embeddings.token_embedding", "text_model.embeddings.position_embedding"),
        *_both("text_model.final_layer_norm"),
    ),
    blocks=(
        _both(
            *("layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2"),
            *(f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")),
        ),
    ),
    lists=("text_model.encoder.layers",),
)
CLIP_L = _CLIP._replace(title="CLIP-L text encoder", counts=(("text_model.encoder.layers", 12),))
CLIP_G = _CLIP._replace(title="CLIP-G text encoder", counts=(("text_model.encoder.layers", 32),))
OPEN_CLIP_G = Network(
    title="CLIP-G text encoder",
    marks=("transformer.resblocks.",),
    needs=(*_weights("token_embedding"), "positional_embedding", *_both("ln_final")),
    blocks=(
        (
            *_both("ln_1", "ln_2", "mlp.c_fc", "mlp.c_proj", "attn.out_proj"),
            *("attn.in_proj_weight", "attn.in_proj_bias"),
        ),
    ),
    lists=("transformer.resblocks",),
    counts=(("transformer.resblocks", 32),),
    either=(("text_projection", "text_projection.weight"),),
)
T5 = Network(
    title="T5 text encoder",
    marks=("encoder.block.",),
    needs=(*_weights("encoder.final_layer_norm", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"),),
    blocks=(
        _weights(
            *(f"layer.0.SelfAttention.{part}" for part in "qkvo"),
            *("layer.0.layer_norm", "layer.1.layer_norm"),
            *(f"layer.1.DenseReluDense.{part}" for part in ("wi_0", "wi_1", "wo")),
        ),
    ),
    lists=("encoder.block",),
    counts=(("encoder.block", 24),),
    either=(("shared.weight", "encoder.embed_tokens.weight"),),
)
