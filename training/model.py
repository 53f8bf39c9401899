"""The networks, in the form in which they are trained: only the parts that are not zero in the checkpoint.

ComfyUI sees an ordinary Stable Diffusion 3 checkpoint: an MMDiT, a CLIP-L text encoder and a TAESD autoencoder. Most of
what such a checkpoint has room for is left at zero, which makes it small without changing ComfyUI's code:

- The text encoder has 256 of 768 channels, 4 of 12 heads, 1024 of 3072 hidden units and 3 of 12 layers.
- The transformer's context stream is constant: its only work is to give every block keys and values.
- One adaLN matrix serves all blocks; each has a bias of its own.

Sources of the layer definitions: ``comfy/ldm/modules/diffusionmodules/mmdit.py``, ``comfy/clip_model.py``,
``comfy/text_encoders/sd3_clip.py``, ``comfy/taesd/taesd.py`` of ComfyUI v0.3.75. ``tests/engine`` compares the two.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  its usual name
from torch import Tensor, nn

HIDDEN, HEADS, BLOCKS = 384, 6, 6
"""Of the transformer. ComfyUI reads the number of blocks from the width: 64 channels each."""
TEXT_WIDTH, TEXT_HEADS, TEXT_MLP, TEXT_LAYERS = 256, 4, 1024, 3
CLIP_WIDTH = 768
"""Over which CLIP's norms average, the zeros included."""
CHANNELS = 16
"""Of a latent; one latent pixel stands for 8 x 8 pixels."""
PATCH = 2
POSITIONS = 77


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """``x`` [b, n, c], scaled by 1 + ``scale`` [b, c] and moved by ``shift`` [b, c]."""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


def rms(x: Tensor, weight: Tensor) -> Tensor:
    """RMS norm over the last dimension, in float32."""
    y = x.float()
    return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * weight.to(x.dtype)


class PaddedNorm(nn.Module):
    """Layer norm of 256 channels that stand among zeros in CLIP's 768."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(TEXT_WIDTH))
        self.bias = nn.Parameter(torch.zeros(TEXT_WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """[…, 256] to float32 […, 256]."""
        y = x.float()
        mean = y.sum(-1, keepdim=True) / CLIP_WIDTH
        var = y.square().sum(-1, keepdim=True) / CLIP_WIDTH - mean.square()
        return (y - mean) * torch.rsqrt(var + 1e-5) * self.weight + self.bias


class TextLayer(nn.Module):
    """One layer of CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = PaddedNorm(), PaddedNorm()
        self.q, self.k, self.v, self.out = (nn.Linear(TEXT_WIDTH, TEXT_WIDTH) for _ in range(4))
        self.fc1, self.fc2 = nn.Linear(TEXT_WIDTH, TEXT_MLP), nn.Linear(TEXT_MLP, TEXT_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[b, n, 256] to the same."""
        b, n, c = x.shape
        y = self.norm1(x)
        q, k, v = (f(y).view(b, n, TEXT_HEADS, c // TEXT_HEADS).transpose(1, 2) for f in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, n, c))
        h = self.fc1(self.norm2(x))
        return x + self.fc2(h * torch.sigmoid(1.702 * h))


class Text(nn.Module):
    """The text encoder: rows of tokens to context and pooled vector."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(rows, TEXT_WIDTH) * 0.3)
        self.positions = nn.Parameter(torch.randn(POSITIONS, TEXT_WIDTH) * 0.1)
        self.layers = nn.ModuleList(TextLayer() for _ in range(TEXT_LAYERS))
        self.norm = PaddedNorm()

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows int [b, chunks, 77] to context [b, chunks * 77, 256] and pooled [b, 256] of the first chunk."""
        b, chunks, n = rows.shape
        flat = rows.reshape(b * chunks, n)
        known = (flat != 0).unsqueeze(-1)  # row 0 is the unknown word: zeros, and never learnt
        x = F.embedding(flat, self.tokens) * known + self.positions
        for layer in self.layers:
            x = layer(x)
        end = (flat == 2).int().argmax(-1)  # the first EOS, vocabulary.END
        pooled = self.norm(x[torch.arange(b * chunks, device=x.device), end]).view(b, chunks, -1)[:, 0]
        return x.view(b, chunks * n, -1), pooled


class Block(nn.Module):
    """One joint block: the picture's tokens attend to themselves and to the text's keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.fc1, self.fc2 = nn.Linear(HIDDEN, 4 * HIDDEN), nn.Linear(4 * HIDDEN, HIDDEN)
        self.context_kv = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.norm_q, self.norm_k, self.norm_ck = (nn.Parameter(torch.ones(HIDDEN // HEADS)) for _ in range(3))
        self.bias = nn.Parameter(torch.zeros(6 * HIDDEN))

    def forward(self, x: Tensor, context: Tensor, shared: Tensor) -> Tensor:
        """``x`` [b, n, 384], normed ``context`` [b, m, 384], ``shared`` [b, 2304] without this block's bias."""
        b, n, c = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = (shared + self.bias).chunk(6, dim=1)
        y = modulate(F.layer_norm(x, (c,), eps=1e-6), shift1, scale1)
        q, k, v = self.qkv(y).view(b, n, 3, HEADS, -1).unbind(2)
        ck, cv = self.context_kv(context).view(b, -1, 2, HEADS, c // HEADS).unbind(2)
        q = rms(q, self.norm_q).transpose(1, 2)
        k = torch.cat((rms(ck, self.norm_ck), rms(k, self.norm_k)), 1).transpose(1, 2)
        v = torch.cat((cv, v), 1).transpose(1, 2)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c)
        x = x + gate1.unsqueeze(1) * self.proj(attended)
        y = modulate(F.layer_norm(x, (c,), eps=1e-6), shift2, scale2)
        return x + gate2.unsqueeze(1) * self.fc2(F.gelu(self.fc1(y), approximate="tanh"))


def positions(width: int, height: int, device: torch.device | str | None = None) -> Tensor:
    """Sin-cos embedding of a grid: float32 [height * width, 384]. The short side spans 0 to 15."""
    short = min(width, height)
    ys = torch.linspace(7.5 - 7.5 * height / short, 7.5 + 7.5 * height / short, height, device=device)
    xs = torch.linspace(7.5 - 7.5 * width / short, 7.5 + 7.5 * width / short, width, device=device)
    omega = 1.0 / 10000 ** (torch.arange(HIDDEN // 4, device=device) / (HIDDEN / 4.0))

    def one(values: Tensor) -> Tensor:
        angles = values[:, None] * omega
        return torch.cat((angles.sin(), angles.cos()), 1)

    across = one(xs)[None].expand(height, -1, -1)
    down = one(ys)[:, None].expand(-1, width, -1)
    return torch.cat((across, down), -1).reshape(height * width, HIDDEN)


class Transformer(nn.Module):
    """The MMDiT with its text encoder: noisy latents, noise level and caption to velocity."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.text = Text(rows)
        self.patch = nn.Linear(CHANNELS * PATCH * PATCH, HIDDEN)
        self.time1, self.time2 = nn.Linear(256, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.pooled1, self.pooled2 = nn.Linear(TEXT_WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.context = nn.Linear(TEXT_WIDTH, HIDDEN)
        self.shared = nn.Linear(HIDDEN, 6 * HIDDEN, bias=False)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.last = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.out = nn.Linear(HIDDEN, PATCH * PATCH * CHANNELS)
        for weight in (self.shared.weight, self.last.weight, self.last.bias, self.out.weight, self.out.bias):
            nn.init.zeros_(weight)

    def forward(self, latent: Tensor, sigma: Tensor, rows: Tensor) -> Tensor:
        """The velocity, noise minus picture.

        Args:
            latent: float [b, 16, h, w], (1 - sigma) * picture + sigma * noise; h and w are even.
            sigma: float [b], 0 to 1.
            rows: int [b, chunks, 77], see ``vocabulary``.
        """
        b, _, h, w = latent.shape
        gh, gw = h // PATCH, w // PATCH
        tokens = latent.view(b, CHANNELS, gh, PATCH, gw, PATCH).permute(0, 2, 4, 1, 3, 5).reshape(b, gh * gw, -1)
        x = self.patch(tokens).float() + positions(gw, gh, latent.device)
        text, pooled = self.text(rows)
        freqs = torch.exp(-math.log(10000) * torch.arange(128, device=sigma.device) / 128)
        angles = (sigma * 1000)[:, None] * freqs
        c = self.time2(F.silu(self.time1(torch.cat((angles.cos(), angles.sin()), 1))))
        c = F.silu(c + self.pooled2(F.silu(self.pooled1(pooled))))
        context = F.layer_norm(self.context(text), (HIDDEN,), eps=1e-6)
        shared = self.shared(c).float()
        for block in self.blocks:
            x = block(x, context, shared)
        shift, scale = self.last(c).chunk(2, dim=1)
        y = self.out(modulate(F.layer_norm(x, (HIDDEN,), eps=1e-6), shift, scale))
        return y.view(b, gh, gw, PATCH, PATCH, CHANNELS).permute(0, 5, 1, 3, 2, 4).reshape(b, CHANNELS, h, w)


# -- autoencoder -----------------------------------------------------------------------------------------------------


def conv(n_in: int, n_out: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size, or halves it with ``stride`` 2."""
    return nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=bias)


class Residual(nn.Module):
    """TAESD's block: three convolutions beside a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(64, 64), nn.ReLU(), conv(64, 64), nn.ReLU(), conv(64, 64))
        nn.init.zeros_(self.conv[4].weight)

    def forward(self, x: Tensor) -> Tensor:
        """[b, 64, h, w] to the same."""
        return F.relu(self.conv(x) + x)


class Clamp(nn.Module):
    """Bounds latents softly to -3..3."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        return torch.tanh(x / 3) * 3


def encoder() -> nn.Sequential:
    """Pictures [b, 3, 8h, 8w] in 0..1 to latents [b, 16, h, w]."""
    layers: list[nn.Module] = [conv(3, 64), Residual()]
    for _ in range(3):
        layers += [conv(64, 64, stride=2, bias=False), Residual(), Residual(), Residual()]
    return nn.Sequential(*layers, conv(64, CHANNELS))


def decoder() -> nn.Sequential:
    """Latents [b, 16, h, w] to pictures [b, 3, 8h, 8w], about 0..1."""
    layers: list[nn.Module] = [Clamp(), conv(CHANNELS, 64), nn.ReLU()]
    for _ in range(3):
        layers += [Residual(), Residual(), Residual(), nn.Upsample(scale_factor=2), conv(64, 64, bias=False)]
    return nn.Sequential(*layers, Residual(), conv(64, 3))


class Autoencoder(nn.Module):
    """Encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder(), decoder()


# -- sampling --------------------------------------------------------------------------------------------------------

SHIFT = 3.0
"""ComfyUI's time shift for SD3."""


def sigmas(steps: int) -> list[float]:
    """``steps`` + 1 noise levels from 1 to 0: ComfyUI's scheduler ``simple`` for SD3."""
    levels = [SHIFT * t / (1 + (SHIFT - 1) * t) for t in (i / 1000 for i in range(1, 1001))]
    stride = len(levels) / steps
    return [levels[-(1 + int(i * stride))] for i in range(steps)] + [0.0]


@torch.no_grad()
def sample(
    model: nn.Module,
    rows: Tensor,
    width: int,
    height: int,
    *,
    steps: int,
    cfg: float,
    seed: int,
    null: Tensor | None = None,
) -> Tensor:
    """Latents [b, 16, height / 8, width / 8] made with Euler steps; ``null`` is what ``cfg`` compares with."""
    device = rows.device
    generator = torch.Generator("cpu").manual_seed(seed)
    x = torch.randn((len(rows), CHANNELS, height // 8, width // 8), generator=generator).to(device)
    for now, then in pairwise(sigmas(steps)):
        at = torch.full((len(rows),), now, device=device)
        velocity = model(x, at, rows).float()
        if null is not None and cfg != 1:
            without = model(x, at, null.expand(len(rows), -1, -1)).float()
            velocity = without + cfg * (velocity - without)
        x = x + (then - now) * velocity
    return x
