"""Replays the diffusion model's step as one CUDA graph. Part of ComfyUI's process.

A step of SDXL is some 4,000 small kernels that Python launches one by one; a fast card waits for that most of the time.
A CUDA graph (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs) launches them all at once. They are the
same kernels with the same values, so the pixels are the same.

A graph has addresses in it: of its inputs, which are copied to where it wants them, and of the weights. So it holds for
one model whose weights have not moved, and one shape of inputs. What could do something else in each step (patches,
hooks, ControlNets, weights that are brought from main memory) is never recorded: it runs as ComfyUI runs it.
"""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_GRAPHS = 4
"""Each holds the memory that a step needs beside the weights."""
MEMORY_TO_SPARE = 1.5
"""A graph is recorded where this many times what ComfyUI reckons for a step is free."""
PLACES = frozenset({"block", "block_index", "block_type", "total_blocks", "transformer_index", "activations_shape"})
"""Keys of ``transformer_options`` that say where in the model a block is."""
HARMLESS = PLACES | {"cond_or_uncond", "uuids", "sigmas", "sample_sigmas", "original_shape"}
"""Keys that only patches read."""

MODULES = "_hal8000_modules"
"""Attribute of networks that has their modules in a row."""
MARK = "hal8000_recorded"
"""Attribute of diffusion models whose forward pass asks us first."""


class Recorded(NamedTuple):
    """A graph and where it wants its inputs and leaves its result.

    Attributes:
        graph: ``torch.cuda.CUDAGraph``.
        inputs: tensors that are written before it is replayed.
        result: the tensor that it writes.
        weights: addresses of the model's weights when it was recorded.
        size: bytes of the GPU that it holds.
    """

    graph: Any
    inputs: list[Any]
    result: Any
    weights: int
    size: int


def is_plain(transformer_options: dict[str, Any]) -> bool:
    """Whether nothing is asked of the model's step, or of a block of it, but the step itself."""
    return all(key in HARMLESS or _is_empty(value) for key, value in transformer_options.items())


def _is_empty(value: Any) -> bool:
    return not any(value.values()) if isinstance(value, dict) else value is None


def places(network: Any, device: Any) -> int | None:
    """A number that is another one when a weight of a network is somewhere else.

    Args:
        network: ``torch.nn.Module``.
        device: ``torch.device`` on which it computes.

    Returns:
        ``None`` where weights are brought to the device, or changed, at each step.
    """
    found = []
    if not hasattr(network, MODULES):  # which stay the same; to look for them takes longer than all else here
        setattr(network, MODULES, tuple(network.modules()))
    for module in getattr(network, MODULES):
        if getattr(module, "weight_function", None) or getattr(module, "bias_function", None):
            return None
        for tensor in (*module._parameters.values(), *module._buffers.values()):  # noqa: SLF001 - the quick way
            if tensor is not None:
                if tensor.device.type != device.type:
                    return None
                found.append(tensor.data_ptr())
    return hash((id(network), *found))


class Graphs:
    """The recorded steps of all models.

    Args:
        torch: the module.
        management: ComfyUI's module ``comfy.model_management``.
    """

    def __init__(self, torch: Any, management: Any) -> None:
        self._torch = torch
        self._management = management
        self._recorded: OrderedDict[tuple[Any, ...], Recorded] = OrderedDict()
        self._seen: set[tuple[Any, ...]] = set()
        self._refused: set[tuple[Any, ...]] = set()
        self._weights: int | None = None
        """Of the model that samples; ``None`` where its step cannot be recorded."""
        self.variant: tuple[Any, ...] = ()
        """What else makes a step another one."""

    def begin(self, model: Any, weights: int | None) -> None:
        """Before a sampling.

        Args:
            model: ComfyUI's ``BaseModel``, as it was loaded for this sampling.
            weights: what ``places`` says of its network; ``None`` where nothing is to be recorded.
        """
        self._weights = weights
        network = model.diffusion_model
        if weights is None or hasattr(network, MARK):
            return
        step = network.forward

        @functools.wraps(step)
        def forward(*args: Any, **named: Any) -> Any:
            return self.run(step, model, args, named)

        network.forward = forward
        setattr(network, MARK, True)

    @property
    def size(self) -> int:
        """Bytes of the GPU that all graphs hold."""
        return sum(recorded.size for recorded in self._recorded.values())

    def drop(self) -> None:
        """Lets go of all graphs and of their memory."""
        if self._recorded:
            self._recorded.clear()
            self._management.soft_empty_cache()

    def run(self, step: Callable[..., Any], model: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """A step of the diffusion model, from a graph where there is one.

        Args:
            step: the forward pass of ``model.diffusion_model``.
            model: ComfyUI's ``BaseModel``.
            args: what the step is given; the first one is the latents, (batch, channels, height, width).
            named: the rest of it, by name.

        Returns:
            what ``step`` returns.
        """
        arguments: dict[Any, Any] = {**dict(enumerate(args)), **named}
        key = self._key(model, arguments)
        if key is None or key in self._refused:
            return step(*args, **named)
        tensors = [value for value in arguments.values() if self._torch.is_tensor(value)]
        recorded = self._recorded.get(key)
        if recorded is not None and recorded.weights == self._weights:
            self._recorded.move_to_end(key)
            return self._replay(recorded, tensors)
        if key not in self._seen:  # the first time anything that is prepared once is prepared
            self._seen.add(key)
            return step(*args, **named)
        if recorded is not None:
            del self._recorded[key], recorded
        if not self._has_room(model, args[0]):
            return step(*args, **named)
        try:
            recorded = self._record(step, arguments, len(args))
        except self._management.InterruptProcessingException:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: it works without
            logging.getLogger(__name__).info("This step cannot be recorded as a CUDA graph: %s", error)
            self._refused.add(key)
            self._torch.cuda.synchronize()
            return step(*args, **named)
        while len(self._recorded) >= MOST_GRAPHS:
            self._recorded.popitem(last=False)
        self._recorded[key] = recorded
        return self._replay(recorded, tensors)

    def _key(self, model: Any, arguments: dict[Any, Any]) -> tuple[Any, ...] | None:
        if self._weights is None or not is_plain(arguments.get("transformer_options", {})):
            return None
        key: list[Any] = [id(model), self.variant]
        for name, value in arguments.items():
            if self._torch.is_tensor(value):
                if value.device.type != "cuda":
                    return None
                key.append((name, tuple(value.shape), value.dtype))
            elif name != "transformer_options" and value is not None:
                if not isinstance(value, (int, float, str, bool)):
                    return None
                key.append((name, value))
        return tuple(key)

    def _has_room(self, model: Any, x: Any) -> bool:
        needed = model.memory_required(list(x.shape)) * MEMORY_TO_SPARE
        return bool(self._management.get_free_memory(x.device) > needed)

    def _record(self, step: Callable[..., Any], arguments: dict[Any, Any], positional: int) -> Recorded:
        cuda = self._torch.cuda
        own = {name: value.clone() if self._torch.is_tensor(value) else value for name, value in arguments.items()}
        inputs = [value for value in own.values() if self._torch.is_tensor(value)]
        args = [own.pop(number) for number in range(positional)]
        cuda.synchronize()
        cuda.empty_cache()  # recording does it too; what is reserved then and before is what the graph holds
        before = cuda.memory_reserved()
        graph = cuda.CUDAGraph()
        # other threads may ask for the card's free memory meanwhile: only what this thread does counts
        with cuda.graph(graph, capture_error_mode="thread_local"):
            result = step(*args, **own)
        assert self._weights is not None
        return Recorded(graph, inputs, result, self._weights, max(0, cuda.memory_reserved() - before))

    def _replay(self, recorded: Recorded, tensors: list[Any]) -> Any:
        self._management.throw_exception_if_processing_interrupted()
        for own, tensor in zip(recorded.inputs, tensors, strict=True):
            own.copy_(tensor)
        recorded.graph.replay()
        return recorded.result.clone()
