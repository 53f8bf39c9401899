"""Run with the engine's Python by ``test_lean_boot``: what the lean boot puts off, used. Prints a line of JSON."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

TOKENIZERS = {
    "CLIPTokenizer": "sd1_tokenizer",
    "T5TokenizerFast": "text_encoders/t5_tokenizer",
    "BertTokenizer": "text_encoders/hydit_clip_tokenizer",
    "Qwen2Tokenizer": "text_encoders/qwen25_tokenizer",
    "ByT5Tokenizer": "text_encoders/byt5_tokenizer",
    "LlamaTokenizerFast": "text_encoders/llama_tokenizer",
}
"""Classes of transformers that ComfyUI uses, and its folders for them."""
TEXT = "A (red:1.2) cube, ünïcode 友好 🤖"


def tokens(comfy: Path) -> dict[str, list[int]]:
    """What each tokenizer makes of ``TEXT``, taken as ComfyUI takes them."""
    transformers = importlib.import_module("transformers")
    classes = {name: getattr(transformers, name) for name in TOKENIZERS}
    return {name: classes[name].from_pretrained(comfy / place)(TEXT)["input_ids"] for name, place in TOKENIZERS.items()}


def torch_uses(torch: Any) -> dict[str, object]:
    """Parts of torch that wait, by their effect."""

    def twice(x: Any) -> Any:
        return torch.nn.functional.layer_norm(x, x.shape[-1:]) * 2

    x = torch.arange(12.0).reshape(3, 4)
    compiled = torch.compile(twice, backend="aot_eager")(x)  # with tensors that have a shape only
    program = torch.export.export(torch.nn.Linear(4, 2), (x,))
    quantized = torch.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(4, 2)))
    with torch.profiler.profile() as profile:
        twice(x)
    return {
        "compiled": bool(torch.equal(compiled, twice(x))),
        "exported": type(program).__name__,
        "quantized": type(quantized[0]).__module__.endswith("quantized.dynamic.modules.linear"),
        "profiled": len(profile.key_averages()) > 0,
        "normal": float(torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.0))),
        "masked": float(torch.masked.sum(x, mask=x > 10)),
        "checkpointed": float(
            importlib.import_module("torch.utils.checkpoint").checkpoint(torch.sum, x, use_reentrant=False)
        ),
    }


def main() -> None:
    """With the argument ``lazy`` as at a lean boot, else as Python does it."""
    comfyui, how = Path(sys.argv[1]), sys.argv[2]
    if how == "lazy":
        from hal_image.engine.comfyui_lazy import LazyFinder  # noqa: PLC0415

        sys.meta_path.insert(0, LazyFinder())
    import torch  # noqa: PLC0415

    by_tokenizer = tokens(comfyui / "comfy")
    package = type(sys.modules["transformers"]).__name__
    answer = {"tokens": by_tokenizer, "package": package, "torch": torch_uses(torch)}
    transformers = importlib.import_module("transformers")
    answer["named"] = [transformers.AutoConfig.__name__, importlib.import_module("transformers").__version__]
    print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main()
