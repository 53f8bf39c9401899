"""Runs in the engine's Python, on ComfyUI's modules: a small diffusion model, compiled and recorded, against itself.

    ENGINE_PYTHON turbo_probe.py COMFYUI_DIR REPOSITORY [--cuda]

Prints a JSON object of what came out. With ``--cuda`` on a GPU, where CUDA graphs are tried too.
"""

from __future__ import annotations

import json
import sys

COMFYUI, REPOSITORY, ON_CARD = sys.argv[1], sys.argv[2], "--cuda" in sys.argv
OPTIONS = ["--disable-cuda-malloc"] if ON_CARD else ["--cpu", "--use-pytorch-cross-attention"]  # as on a GPU
sys.argv = ["main.py", *OPTIONS]
sys.path[:0] = [COMFYUI]
sys.path.append(REPOSITORY)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import cuda_malloc  # noqa: E402, F401 - before torch, as main.py has it
import torch  # noqa: E402
from comfy import (  # noqa: E402
    model_base,
    model_management,
    model_patcher,
    sample,
    samplers,
    supported_models,
)

from hal_image.engine.comfyui_compile import Blocks  # noqa: E402
from hal_image.engine.comfyui_graphs import Graphs, places  # noqa: E402

DEVICE = model_management.get_torch_device()
UNET = {
    **supported_models.SD15.unet_config, "image_size": 32, "use_checkpoint": False, "legacy": False, "in_channels": 4,
    "out_channels": 4, "model_channels": 64, "num_res_blocks": [1, 1], "channel_mult": (1, 2), "num_head_channels": 32,
    "use_spatial_transformer": True, "transformer_depth": [1, 1], "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1], "dtype": torch.float32,
}  # fmt: skip
STEPS = 3


def network() -> model_patcher.ModelPatcher:
    """An SD1.5 with two levels and random weights."""
    config = supported_models.SD15(dict(UNET))
    config.set_inference_dtype(torch.float32, None)
    model = model_base.BaseModel(config, model_base.ModelType.EPS, device=DEVICE).requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for weights in model.parameters():
        weights.copy_(torch.randn(weights.shape, generator=generator) * 0.05)
    return model_patcher.ModelPatcher(model, load_device=DEVICE, offload_device=torch.device("cpu"))


def picture(patcher: model_patcher.ModelPatcher, seed: int = 1, size: int = 16) -> torch.Tensor:
    """Latents after a few steps."""
    generator = torch.Generator().manual_seed(7)
    texts = [[[torch.randn(1, 77, 768, generator=generator), {}]] for _ in range(2)]
    empty = torch.zeros(1, 4, size, size)
    noise = sample.prepare_noise(empty, seed)
    with torch.inference_mode():
        return sample.sample(patcher, noise, STEPS, 5.0, "euler", "normal", *texts, empty, disable_pbar=True, seed=seed)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest, as a part of the largest value."""
    return float((one - other).abs().max() / other.abs().max())


def compiled(patcher: model_patcher.ModelPatcher, told: dict[str, object]) -> None:
    """Blocks that are compiled, patched, and that cannot be compiled."""
    from torch._dynamo.utils import counters  # noqa: PLC0415 - its import takes seconds

    picture(patcher)
    plain = picture(patcher)
    blocks = Blocks(torch, backend="inductor" if ON_CARD else "aot_eager")
    blocks.prepare()
    told["prepared_equal"] = torch.equal(picture(patcher), plain)
    counters.clear()
    blocks.on = True
    told["compiled_difference"] = difference(picture(patcher), plain)
    told["compiled_failure"] = blocks.failure
    told["compiled_graphs"] = counters["stats"]["unique_graphs"]
    picture(patcher, seed=2)
    told["compiled_again"] = counters["stats"]["unique_graphs"] - told["compiled_graphs"]

    patched = patcher.clone()
    patched.set_model_attn1_output_patch(lambda n, extra_options: n * 0.5)
    with_patch = picture(patched)
    blocks.on = False
    told["patched_difference"] = difference(with_patch, picture(patched))
    told["patch_changes"] = difference(with_patch, plain)


def broken(patcher: model_patcher.ModelPatcher, told: dict[str, object]) -> None:
    """A compiler that does not work costs no picture."""
    plain = picture(patcher)

    def refuses(graph: object, examples: object) -> object:
        raise RuntimeError("no C compiler was found\nand more lines")

    blocks = Blocks(torch, backend=refuses)
    blocks.prepare()
    blocks.on = True
    told["broken_equal"] = torch.equal(picture(patcher), plain)
    told["broken_failure"] = blocks.failure


def recorded(patcher: model_patcher.ModelPatcher, told: dict[str, object]) -> None:
    """CUDA graphs: the same pixels, also after the weights have moved, and none where there are patches."""
    picture(patcher)  # what is chosen at the first use
    plain, other = picture(patcher), picture(patcher, seed=2)
    graphs = Graphs(torch, model_management)
    inner = samplers.CFGGuider.inner_sample

    def inner_sample(guider: samplers.CFGGuider, *args: object, **named: object) -> torch.Tensor:
        graphs.begin(guider.inner_model, places(guider.inner_model.diffusion_model, DEVICE))
        return inner(guider, *args, **named)

    samplers.CFGGuider.inner_sample = inner_sample
    told["recorded_equal"] = [torch.equal(picture(patcher), plain), torch.equal(picture(patcher, seed=2), other)]
    told["recorded_bytes"] = graphs.size
    told["recorded_refused"] = len(graphs._refused)
    for weights in patcher.model.diffusion_model.parameters():
        weights.data = weights.data * 0.5
    half = picture(patcher)
    told["moved_differs"] = difference(half, plain) > 0.001
    graphs.drop()
    told["dropped_bytes"] = graphs.size
    samplers.CFGGuider.inner_sample = inner
    told["moved_equal"] = torch.equal(picture(patcher), half)


def main() -> None:
    """Prints what came out."""
    told: dict[str, object] = {}
    patcher = network()
    if ON_CARD:
        recorded(network(), told)
    compiled(patcher, told)
    broken(patcher, told)
    sys.stdout.write(json.dumps(told) + "\n")


main()
