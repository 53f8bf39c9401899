"""Starts an unmodified ComfyUI lean. Runs in the engine's own Python, as a script, never imported by our other code.

    ENGINE_PYTHON comfyui_main.py '{"comfyui_dir": …, "models": {…}}' --port 12345 [more of ComfyUI's own options]

It calls ComfyUI's documented embedding entry point (``main.start_comfyui``) and leaves out what a headless engine
does not need. What is left out, and what that saves, is in docs/adr/0003-lean-boot.md:

- the API nodes (``--disable-api-nodes``) and the database migration,
- modules that few jobs use (``LAZY``), until they are used,
- the node packs of ``comfy_extras`` that none or few graphs of ours use. Of the latter, the first prompt that names a
  node loads its pack. Any other node loads them all, once, so that a user's own graph still runs.

The parent holds our standard input open. When it goes away, however it dies, we end too: no orphan keeps the GPU. On
Linux the kernel sees to that as well, for a process that was stopped (SIGSTOP) cannot do it itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib.abc
import importlib.machinery
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h."""
EXTRAS_AT_BOOT = frozenset(
    {
        "nodes_compositing.py",  # JoinImageWithAlpha
        "nodes_flux.py",  # FluxGuidance
        "nodes_mask.py",  # ImageCompositeMasked
        "nodes_sd3.py",  # EmptySD3LatentImage, TripleCLIPLoader
    }
)
"""The packs that graphs of ``hal_image.workflow`` use; held to them by tests/engine/test_graphs_against_server.py."""
EXTRAS_ON_DEMAND = {
    "Canny": "nodes_canny.py",  # imports kornia: a fifth of a second of the processor
    # Imports all architectures of spandrel: a second of the processor, a tenth of the boot.
    "UpscaleModelLoader": "nodes_upscale_model.py",
    "ImageUpscaleWithModel": "nodes_upscale_model.py",
}
"""Nodes that they use seldom, and their packs, which cost too much for every boot."""

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
    }
)
"""Modules that ComfyUI imports at boot but only few jobs use: they are executed at their first use instead."""

PROXIES = {
    # ComfyUI's attention imports this function by name and calls it only while training; its module pulls sympy.
    "torch.utils.checkpoint": frozenset({"checkpoint"}),
}
"""Functions of lazy modules that can be handed out before their module is executed: it is when they are called."""


class LazyModule(ModuleType):
    """A module that is executed when something first asks it for a name.

    ``importlib.util.LazyLoader`` would do, but it also wakes up for ``__file__`` and ``__spec__``, which
    ``inspect.getmodule`` reads from every module there is.
    """

    def __getattr__(self, name: str) -> Any:
        """Called only for names that are not there yet."""
        if name.startswith("__") or self.__spec__ is None or not isinstance(self.__spec__.loader, LazyLoader):
            raise AttributeError(name)
        if name in PROXIES.get(self.__name__, ()):

            def proxy(*args: Any, **kwargs: Any) -> Any:
                return getattr(executed(self), name)(*args, **kwargs)

            return proxy
        return getattr(executed(self), name)


def executed(module: ModuleType) -> ModuleType:
    """The module as an ordinary one: executed now if it has not been."""
    if isinstance(module, LazyModule):
        assert module.__spec__ is not None
        assert isinstance(module.__spec__.loader, LazyLoader)
        module.__class__ = ModuleType  # type: ignore[assignment]
        module.__spec__.loader.real.exec_module(module)
    return module


class LazyLoader(importlib.abc.Loader):
    """Creates a ``LazyModule`` and leaves its execution to it."""

    def __init__(self, real: importlib.abc.Loader) -> None:
        self.real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """See ``importlib.abc.Loader``."""
        return LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing yet: ``LazyModule`` does it."""


class LazyFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of ``LAZY`` where they are, and gives them a ``LazyLoader``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See ``importlib.abc.MetaPathFinder``."""
        if fullname not in LAZY and fullname not in PROXIES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.abc.Loader):
            spec.loader = LazyLoader(spec.loader)
        return spec


def end_with_parent() -> None:
    """Blocks until standard input closes, then ends the process at once: nobody is left to write a picture for."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def be_killed_with_parent() -> None:
    """Asks the kernel to kill us when the thread that started us ends, which in the engine is its first: prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def load_extras_on_demand(nodes: Any, execution: Any) -> Callable[[], Awaitable[None]]:
    """Makes ComfyUI load only ``EXTRAS_AT_BOOT`` at boot, and the other packs when a prompt names an unknown node.

    Args:
        nodes: ComfyUI's ``nodes`` module.
        execution: ComfyUI's ``execution`` module.

    Returns:
        what loads the other packs, if that has not happened yet.
    """
    load_node_file = nodes.load_custom_node
    validate_prompt = execution.validate_prompt
    postponed: list[tuple[str, str]] = []
    loading = asyncio.Lock()

    async def load_or_postpone(
        module_path: str, ignore: Any = frozenset(), module_parent: str = "custom_nodes"
    ) -> bool:
        if module_parent == "comfy_extras" and os.path.basename(module_path) not in EXTRAS_AT_BOOT:  # noqa: PTH119
            postponed.append((module_path, module_parent))
            return True
        return bool(await load_node_file(module_path, ignore, module_parent=module_parent))

    async def load(wanted: Callable[[str], bool]) -> None:
        async with loading:  # who comes second is not to go on before the last pack is there
            await load_now(wanted)

    async def load_now(wanted: Callable[[str], bool]) -> None:
        # Its submodules cannot be imported while it waits for its execution itself: they import from each other.
        executed(importlib.import_module("torchvision.transforms"))
        for pack in list(postponed):
            module_path, module_parent = pack
            if wanted(os.path.basename(module_path)):  # noqa: PTH119
                logging.getLogger(__name__).info("A node outside the boot set was asked for: loading %s", module_path)
                postponed.remove(pack)
                await load_node_file(module_path, module_parent=module_parent)

    async def validate_with_all_nodes(prompt_id: str, prompt: Any, *args: Any, **kwargs: Any) -> Any:
        named = {node.get("class_type") for node in prompt.values() if isinstance(node, dict)}
        if postponed and not named <= nodes.NODE_CLASS_MAPPINGS.keys():
            await load(lambda pack: pack in {EXTRAS_ON_DEMAND.get(str(name)) for name in named})
            if not named <= nodes.NODE_CLASS_MAPPINGS.keys():
                await load(lambda _pack: True)
        return await validate_prompt(prompt_id, prompt, *args, **kwargs)

    nodes.load_custom_node = load_or_postpone
    execution.validate_prompt = validate_with_all_nodes
    return lambda: load(lambda _pack: True)


def look_again_where_a_folder_has_gone(folder_paths: Any) -> None:
    """Makes ComfyUI list a kind of model files anew when a folder with some has been removed.

    It keeps its lists as long as the folders are as old as they were, and fails for good at one that is not there.

    Args:
        folder_paths: ComfyUI's module of that name.
    """
    kept_list = folder_paths.cached_filename_list_

    def kept_list_if_all_are_there(kind: str) -> Any:
        try:
            return kept_list(kind)
        except FileNotFoundError:
            return None

    folder_paths.cached_filename_list_ = kept_list_if_all_are_there


def main() -> None:
    """Boots ComfyUI and serves until killed."""
    be_killed_with_parent()
    threading.Thread(target=end_with_parent, daemon=True).start()
    settings = json.loads(sys.argv[1])
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    # this runs as a script, outside our package
    from hal_image.engine import (  # noqa: PLC0415
        comfyui_batches,
        comfyui_checks,
        comfyui_definitions,
        comfyui_notices,
        comfyui_previews,
        comfyui_saving,
    )

    # Our own folder must not shadow ComfyUI's modules; its own must be first, as with `python main.py`.
    sys.path[0] = settings["comfyui_dir"]
    os.chdir(settings["comfyui_dir"])
    sys.argv = ["main.py", *sys.argv[2:]]
    # Nothing that boot allocates is garbage; collecting it again and again costs a tenth of the boot.
    gc.disable()
    sys.meta_path.insert(0, LazyFinder())

    import comfy.options  # noqa: PLC0415

    comfy.options.enable_args_parsing()
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["DO_NOT_TRACK"] = "1"
    # main.py does this only as a script, and looks at it later; it must happen before torch is imported.
    import cuda_malloc  # noqa: PLC0415
    import main as comfyui  # noqa: PLC0415

    comfyui.cuda_malloc = cuda_malloc
    load_all = load_extras_on_demand(comfyui.nodes, comfyui.execution)
    comfyui_definitions.attach(comfyui.server, comfyui.folder_paths, load_all)
    look_again_where_a_folder_has_gone(comfyui.folder_paths)
    comfyui.setup_database = lambda: None
    recorder = comfyui_notices.Recorder()
    logging.getLogger().addHandler(recorder)
    comfyui_notices.attach(comfyui.execution, recorder)
    comfyui_previews.attach(comfyui.execution, comfyui.comfy.cli_args)
    comfyui_checks.watch_loras(comfyui.comfy.sd, comfyui.comfy.utils.get_attr)
    comfyui_checks.watch_embeddings(comfyui.comfy.sd1_clip)
    comfyui_batches.attach(comfyui, comfyui.get_executing_context)
    comfyui_saving.attach(comfyui.nodes, comfyui.execution)
    comfyui_checks.watch_pictures(comfyui.nodes, recorder)

    for kind, folders in settings["models"].items():
        for folder in reversed(folders):
            comfyui.folder_paths.add_model_folder_path(kind, folder, is_default=True)

    loop, _server, start_all = comfyui.start_comfyui()
    gc.collect()
    gc.freeze()
    gc.enable()
    loop.run_until_complete(start_all())


if __name__ == "__main__":
    main()
