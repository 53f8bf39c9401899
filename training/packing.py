"""The networks in the form in which the tool ships them, and the checkpoint that it makes of that.

Matrices become int8 with a scale a row, everything else half precision. The plan says where each goes in an ordinary
Stable Diffusion 3 checkpoint, most of which is zero; ``docs/reference/bundled-models.md`` describes both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from training import vocabulary
from training.model import BLOCKS, CHANNELS, CLIP_WIDTH, HIDDEN, PATCH, POSITIONS, TEXT_LAYERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from training.model import Autoencoder, Text, Transformer

CLIP_LAYERS, CLIP_MLP, CLIP_TOKENS = 12, 3072, 49408
CONTEXT, POOLED = 4096, 2048
"""Widths of what ComfyUI gives an SD3 transformer: T5's, and those of CLIP-L and CLIP-G together."""
SCALE, SHIFT = 1.5305, 0.0609
"""ComfyUI's latent format of SD3, which the autoencoder undoes: its latents are standardised already."""


class Packer:
    """Collects packed matrices and the plan of the checkpoint."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._first: list[dict[str, Any]] = []  # F32, which goes before F16 in the file
        self._rest: list[dict[str, Any]] = []

    @property
    def plan(self) -> list[dict[str, Any]]:
        """The tensors of the checkpoint in their order."""
        return self._first + self._rest

    def matrix(self, name: str, values: Tensor) -> str:
        """Packs a matrix as int8 with a scale a row. Returns its name."""
        array = values.detach().float().flatten(1).numpy()
        scale = np.maximum(np.abs(array).max(1), 1e-12).astype(np.float32) / np.float32(127)
        self.arrays[name] = np.clip(np.rint(array / scale[:, None]), -127, 127).astype(np.int8)
        self.arrays[f"{name}.scale"] = scale
        return name

    def vector(self, name: str, values: Tensor) -> str:
        """Packs values as they are, in half precision. Returns their name."""
        self.arrays[name] = values.detach().half().numpy().reshape(1, -1)
        return name

    def tensor(
        self, key: str, shape: Sequence[int], *parts: dict[str, Any] | str, fill: float = 0, dtype: str = "F16"
    ) -> None:
        """Adds a tensor to the checkpoint; a part that is only a name starts at row and column 0."""
        entry: dict[str, Any] = {"key": key, "dtype": dtype, "shape": list(shape)}
        if fill:
            entry["fill"] = fill
        entry["parts"] = [{"from": part} if isinstance(part, str) else part for part in parts]
        (self._first if dtype == "F32" else self._rest).append(entry)

    def linear(self, key: str, name: str, weight: Tensor, bias: Tensor | None, rows: int, columns: int) -> None:
        """A layer whose weight is the upper left corner of one with ``rows`` and ``columns``."""
        self.tensor(f"{key}.weight", (rows, columns), self.matrix(name, weight))
        if bias is not None:
            self.tensor(f"{key}.bias", (rows,), self.vector(f"{name}.b", bias))

    def write(self, path: Path) -> None:
        """Writes the packed file."""
        metadata = {"format": "hal-packed-1", "plan": json.dumps({"tensors": self.plan}, separators=(",", ":"))}
        header: dict[str, Any] = {"__metadata__": metadata}
        # What needs four bytes first, so that everything is aligned.
        order = sorted(self.arrays.items(), key=lambda item: -item[1].itemsize)
        position = 0
        for name, array in order:
            kind = {"int8": "I8", "float16": "F16", "float32": "F32"}[array.dtype.name]
            header[name] = {
                "dtype": kind,
                "shape": list(array.shape),
                "data_offsets": [position, position + array.nbytes],
            }
            position += array.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with path.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for _, array in order:
                file.write(array.tobytes())


def pack_autoencoder(packer: Packer, model: Autoencoder) -> None:
    """The TAESD part: every convolution a matrix of its outputs."""
    prefix = "first_stage_model."
    packer.tensor(f"{prefix}vae_scale", (), fill=SCALE, dtype="F32")
    packer.tensor(f"{prefix}vae_shift", (), fill=SHIFT, dtype="F32")
    for side, module in (("encoder", model.encoder), ("decoder", model.decoder)):
        for name, value in module.state_dict().items():
            key, short = f"{prefix}taesd_{side}.{name}", f"{side}.{name}"
            pack = packer.matrix if value.ndim > 1 else packer.vector
            packer.tensor(key, tuple(value.shape), pack(short, value))


def pack_text(packer: Packer, text: Text) -> None:
    """CLIP-L: the trained part in the corner of each tensor, the rest zero."""
    prefix = "text_encoders.clip_l.transformer.text_model."
    table = vocabulary.rows()
    ids = sorted(table)
    rows = packer.matrix("text.tokens", text.tokens)
    where = {"from": rows, "pick": [table[token] for token in ids], "at": ids}
    packer.tensor(f"{prefix}embeddings.token_embedding.weight", (CLIP_TOKENS, CLIP_WIDTH), where)
    places = packer.matrix("text.positions", text.positions)
    packer.tensor(f"{prefix}embeddings.position_embedding.weight", (POSITIONS, CLIP_WIDTH), places)

    def norm(key: str, name: str, weight: Tensor, bias: Tensor) -> None:
        packer.tensor(f"{key}.weight", (CLIP_WIDTH,), packer.vector(f"{name}.w", weight))
        packer.tensor(f"{key}.bias", (CLIP_WIDTH,), packer.vector(f"{name}.b", bias))

    for index in range(CLIP_LAYERS):
        key = f"{prefix}encoder.layers.{index}"
        layer: Any = text.layers[index] if index < TEXT_LAYERS else None
        sizes = {"mlp.fc1": (CLIP_MLP, CLIP_WIDTH), "mlp.fc2": (CLIP_WIDTH, CLIP_MLP)}
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", *sizes):
            size = sizes.get(part, (CLIP_WIDTH, CLIP_WIDTH))
            if layer is None:
                packer.tensor(f"{key}.{part}.weight", size)
                packer.tensor(f"{key}.{part}.bias", size[:1])
            else:
                short = part.rpartition(".")[2].removesuffix("_proj")
                linear = getattr(layer, short)
                packer.linear(f"{key}.{part}", f"text.{index}.{short}", linear.weight, linear.bias, *size)
        for number in (1, 2):
            if layer is None:
                packer.tensor(f"{key}.layer_norm{number}.weight", (CLIP_WIDTH,))
                packer.tensor(f"{key}.layer_norm{number}.bias", (CLIP_WIDTH,))
            else:
                values = getattr(layer, f"norm{number}")
                norm(f"{key}.layer_norm{number}", f"text.{index}.norm{number}", values.weight, values.bias)
    norm(f"{prefix}final_layer_norm", "text.norm", text.norm.weight, text.norm.bias)


def pack_transformer(packer: Packer, model: Transformer) -> None:
    """The MMDiT: its context stream is zero but for keys and values."""
    prefix = "model.diffusion_model."
    patch = model.patch.weight
    packer.tensor(f"{prefix}x_embedder.proj.weight", (HIDDEN, CHANNELS, PATCH, PATCH), packer.matrix("patch", patch))
    packer.tensor(f"{prefix}x_embedder.proj.bias", (HIDDEN,), packer.vector("patch.b", model.patch.bias))
    for key, layer, columns in (
        ("t_embedder.mlp.0", model.time1, 256),
        ("t_embedder.mlp.2", model.time2, HIDDEN),
        ("y_embedder.mlp.0", model.pooled1, POOLED),
        ("y_embedder.mlp.2", model.pooled2, HIDDEN),
        ("context_embedder", model.context, CONTEXT),
        ("final_layer.adaLN_modulation.1", model.last, HIDDEN),
        ("final_layer.linear", model.out, HIDDEN),
    ):
        packer.linear(f"{prefix}{key}", key, layer.weight, layer.bias, layer.weight.shape[0], columns)
    shared = packer.matrix("shared", model.shared.weight)
    head = HIDDEN // BLOCKS
    for index, module in enumerate(model.blocks):
        block: Any = module
        name, key = f"block.{index}", f"{prefix}joint_blocks.{index}"
        x, context = f"{key}.x_block", f"{key}.context_block"
        packer.tensor(f"{x}.adaLN_modulation.1.weight", (6 * HIDDEN, HIDDEN), shared)
        packer.tensor(f"{x}.adaLN_modulation.1.bias", (6 * HIDDEN,), packer.vector(f"{name}.adaln", block.bias))
        for part, layer in (
            ("attn.qkv", block.qkv),
            ("attn.proj", block.proj),
            ("mlp.fc1", block.fc1),
            ("mlp.fc2", block.fc2),
        ):
            packer.linear(f"{x}.{part}", f"{name}.{part}", layer.weight, layer.bias, *layer.weight.shape)
        packer.tensor(f"{x}.attn.ln_q.weight", (head,), packer.vector(f"{name}.ln_q", block.norm_q))
        packer.tensor(f"{x}.attn.ln_k.weight", (head,), packer.vector(f"{name}.ln_k", block.norm_k))
        kv = packer.matrix(f"{name}.context", block.context_kv.weight)
        kv_bias = packer.vector(f"{name}.context.b", block.context_kv.bias)
        packer.tensor(f"{context}.attn.qkv.weight", (3 * HIDDEN, HIDDEN), {"from": kv, "row": HIDDEN})
        packer.tensor(f"{context}.attn.qkv.bias", (3 * HIDDEN,), {"from": kv_bias, "column": HIDDEN})
        packer.tensor(f"{context}.attn.ln_q.weight", (head,), fill=1)
        packer.tensor(f"{context}.attn.ln_k.weight", (head,), packer.vector(f"{name}.ln_ck", block.norm_ck))
        last = index == BLOCKS - 1
        mods = 2 if last else 6
        packer.tensor(f"{context}.adaLN_modulation.1.weight", (mods * HIDDEN, HIDDEN))
        packer.tensor(f"{context}.adaLN_modulation.1.bias", (mods * HIDDEN,))
        if not last:
            for part, shape in (
                ("attn.proj", (HIDDEN, HIDDEN)),
                ("mlp.fc1", (4 * HIDDEN, HIDDEN)),
                ("mlp.fc2", (HIDDEN, 4 * HIDDEN)),
            ):
                packer.tensor(f"{context}.{part}.weight", shape)
                packer.tensor(f"{context}.{part}.bias", shape[:1])
