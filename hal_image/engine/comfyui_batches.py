"""Several pictures of one graph sampled at once, each from the noise of its own seed. Part of ComfyUI's process.

ComfyUI makes one noise for a batch, from one seed, so that the second picture of a batch cannot be made alone. Here the
nodes of a prompt carry what ``hal_image.engine.batches`` has marked them with, and the functions that draw noise give
each picture of the batch what it would have got alone: the first noise, and that of every step where a sampler draws
more. The autoencoder works on one picture after another: it fills a GPU with one, and for several ComfyUI would throw
the diffusion model out of memory.

Marks are inputs that the nodes' classes do not have: ComfyUI knows a result again by all inputs, and does not pass
these on. Nodes without marks do what they always did.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hal_image.engine.comfyui_prompts import before_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SEEDS = "hal8000_seeds"
"""Of a sampler: the seeds of its pictures, with commas between."""
FIT = "hal8000_fit"
"""Of the first sampler: take only as many of them as memory has room for. The value is how many times as large as this
sampling the largest one of the graph is."""
TOGETHER = "hal8000_together"
"""Of any other node that meets several pictures."""

CFG_FACTOR = 1.5
"""ComfyUI samples with and without the prompt at once where 1.5 times what it reckons for both is free, and one after
the other else, which takes as long as two batches of half the size (``_calc_cond_batch`` of its ``samplers.py``)."""
WEIGHTS_FACTOR = 1.1
"""By what it multiplies the size of models before it makes room for them (``load_models_gpu``)."""


class Batches:
    """What the node that runs now is marked with.

    Args:
        context: ComfyUI's ``get_executing_context``: which node that is.
    """

    def __init__(self, context: Callable[[], Any]) -> None:
        self._context = context
        self._prompt: Mapping[str, Any] = {}
        self._local = threading.local()

    def begin(self, prompt: Mapping[str, Any]) -> None:
        """A prompt starts."""
        self._prompt = prompt

    def mark(self, name: str) -> str | None:
        """What the node that runs now has as ``name``; ``None`` for nothing."""
        context = self._context()
        node = None if context is None else self._prompt.get(context.node_id)
        value = None if node is None else node.get("inputs", {}).get(name)
        return value if isinstance(value, str) else None

    def marked_seeds(self) -> list[int]:
        """Of the sampler that runs now; none for a node that is not marked."""
        mark = self.mark(SEEDS)
        return [int(seed) for seed in mark.split(",")] if mark else []

    @contextmanager
    def sampling(self, seeds: list[int]) -> Iterator[None]:
        """While it lasts, noise is drawn for ``seeds``."""
        self._local.seeds = seeds
        try:
            yield
        finally:
            self._local.seeds = []

    def seeds_for(self, count: int) -> list[int]:
        """The seeds of a batch of ``count`` that is being sampled; none where it is no batch of ours."""
        seeds: list[int] = getattr(self._local, "seeds", [])
        return seeds if len(seeds) == count else []


def attach(comfyui: Any, context: Callable[[], Any]) -> None:
    """Makes ComfyUI give each picture of a marked batch its own noise.

    Args:
        comfyui: its module ``main``, once it is imported.
        context: its ``get_executing_context``.
    """
    batches = Batches(context)
    before_each(comfyui.execution, lambda prompt, _prompt_id, _extra: batches.begin(prompt))
    _take_what_fits(comfyui.nodes, comfyui.comfy.model_management, batches)
    _draw_for_each(comfyui.comfy.sample, comfyui.comfy.k_diffusion.sampling, batches)
    _one_after_the_other(comfyui.comfy.sd.VAE, batches)
    _keep_under_each(comfyui.nodes.node_helpers, batches)


def _take_what_fits(nodes: Any, management: Any, batches: Batches) -> None:
    """What is left out comes with the next prompt: the engine sees how many pictures there are."""
    sample = nodes.common_ksampler

    def common_ksampler(
        model: Any, seed: int, steps: int, cfg: float, sampler: str, scheduler: str, positive: Any, negative: Any,
        latent: dict[str, Any], **more: Any,
    ) -> Any:  # fmt: skip
        seeds = batches.marked_seeds()
        if seeds:
            larger = batches.mark(FIT)
            if larger is not None:
                count = room(management, model, positive, latent["samples"].shape, float(larger))
                latent = _first(latent, max(1, min(count, len(seeds))))
            seeds = seeds[: latent["samples"].shape[0]]
        with batches.sampling(seeds):
            return sample(
                model, seed, steps, cfg, sampler, scheduler, positive, negative, latent, **more
            )  # fmt: skip

    nodes.common_ksampler = common_ksampler


def _first(latent: dict[str, Any], count: int) -> dict[str, Any]:
    mask = latent.get("noise_mask")
    few = {} if mask is None or mask.shape[0] == 1 else {"noise_mask": mask[:count]}
    return {**latent, "samples": latent["samples"][:count], **few}


def room(management: Any, model: Any, positive: Any, shape: Any, larger: float) -> int:
    """How many pictures a GPU can sample at once with all of the model's weights on it; 0 when not even one.

    Args:
        management: ComfyUI's module ``model_management``.
        model: what samples, as its loaders return it.
        positive: the conditioning, which may have ControlNets in it.
        shape: of the latent; what counts is one picture of it.
        larger: how many times as large as that one the largest sampling of the graph is.
    """
    device = model.load_device
    resident = [
        loaded
        for loaded in management.current_loaded_models
        if loaded.device == device and loaded.model is not None
    ]  # fmt: skip
    # all models that are there now make room if they have to
    free = management.get_free_memory(device) + sum(loaded.model_loaded_memory() for loaded in resident)
    weights = model.model_size() + sum(network.model_size() for network in _networks(positive))
    free -= WEIGHTS_FACTOR * weights + management.extra_reserved_memory()
    # as estimate_memory of its sampler_helpers.py reckons: with and without the prompt
    one = model.model.memory_required([2, *shape[1:]]) * CFG_FACTOR * larger
    return int(max(0.0, free) // max(one, 1.0))


def _networks(positive: Any) -> list[Any]:
    controls = [facts["control"] for _, facts in positive if facts.get("control") is not None]
    return list({id(network): network for control in controls for network in control.get_models()}.values())


def _draw_for_each(sample: Any, sampling: Any, batches: Batches) -> None:
    """Noise is drawn per picture, in the shape and from the generator that it would be alone."""
    first, of_steps, tree = sample.prepare_noise, sampling.default_noise_sampler, sampling.BrownianTreeNoiseSampler

    def prepare_noise(latent: Any, seed: int, places: Any = None) -> Any:
        seeds = batches.seeds_for(latent.shape[0])
        if not seeds or places is not None:
            return first(latent, seed, places)
        return _joined([first(latent[place : place + 1], own) for place, own in enumerate(seeds)])

    def default_noise_sampler(x: Any, seed: int | None = None) -> Any:
        seeds = batches.seeds_for(x.shape[0])
        if not seeds or seed is None:
            return of_steps(x, seed)
        samplers = [of_steps(x[place : place + 1], own) for place, own in enumerate(seeds)]
        return lambda sigma, following: _joined([one(sigma, following) for one in samplers])

    class OfEach(tree):  # type: ignore[misc, valid-type]
        """One tree a picture, which ComfyUI can do where it is given several seeds."""

        def __init__(self, x: Any, low: Any, high: Any, seed: Any = None, **more: Any) -> None:
            super().__init__(x, low, high, seed=batches.seeds_for(x.shape[0]) or seed, **more)

    sample.prepare_noise = prepare_noise
    sampling.default_noise_sampler = default_noise_sampler
    sampling.BrownianTreeNoiseSampler = OfEach


def _one_after_the_other(autoencoder: Any, batches: Batches) -> None:
    for name in ("encode", "decode", "encode_tiled", "decode_tiled"):
        setattr(autoencoder, name, _for_each(getattr(autoencoder, name), batches))


def _for_each(work: Callable[..., Any], batches: Batches) -> Callable[..., Any]:
    def for_each(autoencoder: Any, several: Any, *args: Any, **kwargs: Any) -> Any:
        if several.shape[0] == 1 or batches.mark(TOGETHER) is None:
            return work(autoencoder, several, *args, **kwargs)
        return _joined([
            work(autoencoder, several[place : place + 1], *args, **kwargs) for place in range(several.shape[0])
        ])  # fmt: skip

    return for_each


def _keep_under_each(node_helpers: Any, batches: Batches) -> None:
    """Several pictures go over one: each over a copy of it. Else ``ImageCompositeMasked`` leaves out all but one."""
    fix = node_helpers.image_alpha_fix

    def image_alpha_fix(destination: Any, source: Any) -> Any:
        if destination.shape[0] == 1 and batches.mark(TOGETHER) is not None:
            destination = destination.repeat(source.shape[0], 1, 1, 1)
        return fix(destination, source)

    node_helpers.image_alpha_fix = image_alpha_fix


def _joined(parts: list[Any]) -> Any:
    import torch  # noqa: PLC0415 - only in ComfyUI's process

    return torch.cat(parts)
