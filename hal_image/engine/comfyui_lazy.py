"""Modules that ComfyUI imports while it boots and that few jobs, or only their later parts, use: executed when used.

Runs inside ComfyUI's process, set up by ``comfyui_main``. ``LazyFinder`` goes to the front of ``sys.meta_path``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from importlib import _bootstrap, metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LAZY = frozenset(
    {
        # Only Stable Cascade, Cosmos and ACE use torchvision; its models and ops pull torch._dynamo, sympy and triton.
        "torchvision.datasets",
        "torchvision.io",
        "torchvision.models",
        "torchvision.ops",
        "torchvision.transforms",
        # Only the video model Cosmos; einops.layers, which it alone uses, pulls torch._dynamo too.
        "comfy.ldm.cosmos.model",
        "comfy.ldm.cosmos.predict2",
        "scipy.stats",  # only the beta scheduler
        "scipy.integrate",  # only the lms sampler
        "scipy.ndimage",  # only the nodes that grow and shrink masks
        # Sound and video. Each of them is imported by name only, and the music model ACE takes names of torchaudio.
        "av",
        "torchaudio",
        "comfy.ldm.ace.vae.music_dcae_pipeline",
        # What torch can do with tensors that have a shape and no values, written in Python: for its compiler (WAKES).
        # ComfyUI has no such tensors. A fifth of torch's import.
        "torch._meta_registrations",
        # transformers imports it for those who debug models; since torch 2.5 it pulls sympy.
        "torch.distributed.tensor",
        # Parts of torch that it imports for whoever wants them under its own name.
        "torch.distributions",
        "torch.export",
        "torch.hub",
        "torch.masked",
        "torch.nn.intrinsic",
        "torch.nn.qat",
        "torch.nn.quantizable",
        "torch.nn.quantized",
        "torch.onnx",
        "torch.profiler",
        "torch.quantization",
        "torch.testing",
    }
)
"""Modules that are handed out before they are executed."""

PROXIES: dict[str, dict[str, str | None]] = {
    # ComfyUI's attention imports this function by name and calls it only while training; its module pulls sympy.
    "torch.utils.checkpoint": {"checkpoint": None},
    # Tokenizers, made when a text encoder is loaded.
    "transformers": {
        "AddedToken": "transformers.tokenization_utils_base",
        "BertTokenizer": "transformers.models.bert.tokenization_bert",
        "ByT5Tokenizer": "transformers.models.byt5.tokenization_byt5",
        "CLIPTokenizer": "transformers.models.clip.tokenization_clip",
        "LlamaTokenizerFast": "transformers.models.llama.tokenization_llama_fast",
        "Qwen2Tokenizer": "transformers.models.qwen2.tokenization_qwen2",
        "T5TokenizerFast": "transformers.models.t5.tokenization_t5_fast",
    },
    # Video nodes only; the module takes names of av.
    "comfy_api.latest._input_impl.video_types": {"VideoFromComponents": None, "VideoFromFile": None},
    # Asked for every pack, and has nothing to say of one that comes with ComfyUI.
    "comfy_config.config_parser": {"extract_node_configuration": None},
}
"""Names of lazy modules that can be handed out before their module is executed: it is when they are used. For some, the
module that has it: then only that one is."""

OPEN = frozenset({"transformers", "transformers.models"})
"""Packages whose modules can be imported without them: each reads the source of all models there are when it is
executed, 1.5 s of the processor in all. They are executed when somebody asks them for a name."""

WAKES = {
    "torch._meta_registrations": (
        "torch._dynamo",
        "torch._export",
        "torch._functorch.aot_autograd",
        "torch._inductor",
        "torch._subclasses.fake_tensor",
        "torch.fx.experimental.proxy_tensor",
    )
}
"""Lazy modules that others rely on without importing them, and the imports that execute them."""


class Proxy:
    """A function or a class of a lazy module, whose module is executed when it is used."""

    def __init__(self, module: LazyModule, name: str) -> None:
        self._module = module
        self._name = name

    def _real(self) -> Any:
        place = PROXIES[self._module.__name__][self._name]
        if place is not None:
            try:
                return getattr(importlib.import_module(place), self._name)
            except (ImportError, AttributeError):
                pass  # another version has it elsewhere, and knows where
        return getattr(executed(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the real one does."""
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Of the real one."""
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        """Whether it is an instance of the real class."""
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        """Whether it is a subclass of the real class."""
        return issubclass(subclass, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """The real class, in place of this, as the base of another."""
        return (self._real(),)


class LazyModule(ModuleType):
    """A module that is executed when something first asks it for a name.

    ``importlib.util.LazyLoader`` would do, but it also wakes up for ``__file__`` and ``__spec__``, which
    ``inspect.getmodule`` reads from every module there is.
    """

    def __init__(self, name: str, loader: LazyLoader) -> None:
        super().__init__(name)
        self.__lazy_loader__ = loader

    def __getattr__(self, name: str) -> Any:
        """Called only for names that are not there yet."""
        if name == "__version__" and self.__name__ in OPEN:
            return metadata.version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        loader = self.__dict__["__lazy_loader__"]
        if not loader.began and name in PROXIES.get(self.__name__, ()):
            there = sys.modules.get(PROXIES[self.__name__][name] or "")
            return Proxy(self, name) if there is None else getattr(there, name)
        real = executed(self)
        if real is not self:  # it has put another in its place
            return getattr(real, name)
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


def executed(module: ModuleType) -> ModuleType:
    """The module as an ordinary one: executed now if it has not been.

    Raises:
        Exception: what its code raises; it is executed anew when it is asked for again.
    """
    loader = module.__dict__.get("__lazy_loader__")
    if loader is None:
        return module
    try:
        loader.lock.acquire()
    except RuntimeError:  # whoever executes it waits for us: go on with what is there, as an import would
        return sys.modules.get(module.__name__, module)
    try:
        if not loader.began:
            loader.began = True
            try:
                loader.real.exec_module(module)
            except BaseException:
                loader.began = False
                raise
            module.__loader__ = loader.real
            if module.__spec__ is not None:
                module.__spec__.loader = loader.real
            if sys.modules.get(module.__name__) is module and "__getattr__" not in module.__dict__:
                module.__class__ = ModuleType
                del module.__dict__["__lazy_loader__"]
    finally:
        loader.lock.release()
    return sys.modules.get(module.__name__, module)


class LazyLoader(importlib.abc.Loader):
    """Creates a ``LazyModule`` and leaves its execution to it."""

    def __init__(self, name: str, real: importlib.abc.Loader) -> None:
        self.real = real
        self.began = False
        # Of the kind that imports are locked with: threads that wait for each other in a ring are noticed.
        self.lock = _bootstrap._ModuleLock(f"{name} (lazy)")  # type: ignore[attr-defined]  # noqa: SLF001

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """See ``importlib.abc.Loader``."""
        return LazyModule(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing yet: ``LazyModule`` does it."""


class LazyFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of ``LAZY`` and ``PROXIES`` where they are, and gives them a ``LazyLoader``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See ``importlib.abc.MetaPathFinder``."""
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if isinstance(parent, LazyModule) and parent.__name__ not in OPEN:  # a package goes before what is in it
            executed(parent)
        for lazy, relied_on_by in WAKES.items():
            if fullname in relied_on_by and _is_whole(lazy.partition(".")[0]):
                execute([lazy])
        if fullname not in LAZY and fullname not in PROXIES and fullname not in OPEN:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.abc.Loader):
            spec.loader = LazyLoader(fullname, spec.loader)
        return spec


def used(thing: Any) -> Any:
    """The real one of what may be a ``Proxy``, whose module is executed then."""
    return thing._real() if isinstance(thing, Proxy) else thing  # noqa: SLF001


def execute(names: Iterable[str]) -> None:
    """Executes those of the named modules that somebody has imported."""
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            executed(module)


def _is_whole(package: str) -> bool:
    """Whether a package has been imported to its end."""
    module = sys.modules.get(package)
    return module is not None and not getattr(module.__spec__, "_initializing", False)
