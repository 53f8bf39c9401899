"""Starts an unmodified ComfyUI lean. Runs in the engine's own Python, as a script, never imported by our other code.

    ENGINE_PYTHON comfyui_main.py '{"comfyui_dir": …, "models": {…}}' --port 12345 [more of ComfyUI's own options]

It calls ComfyUI's documented embedding entry point (``main.start_comfyui``) and leaves out what a headless engine
does not need. What is left out, and what that saves, is in docs/adr/0003-lean-boot.md:

- the API nodes (``--disable-api-nodes``) and the database migration,
- modules that few jobs use (``comfyui_lazy``), until they are used,
- the node packs of ``comfy_extras`` that none or few graphs of ours use. Of the latter, the first prompt that names a
  node loads its pack. Any other node loads them all, once, so that a user's own graph still runs.

The parent holds our standard input open. When it goes away, however it dies, we end too: no orphan keeps the GPU. On
Linux the kernel sees to that as well, for a process that was stopped (SIGSTOP) cannot do it itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import json
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # a script, outside of our package
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from hal_image.engine import (
    comfyui_ahead,
    comfyui_batches,
    comfyui_checks,
    comfyui_definitions,
    comfyui_notices,
    comfyui_previews,
    comfyui_saving,
    comfyui_turbo,
)
from hal_image.engine.comfyui_lazy import LazyFinder, used

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

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
WITH_LIBRARIES = ("numpy", "aiohttp.web", "PIL.Image", "psutil", "yaml", "safetensors")
"""What ComfyUI imports too, and what opens libraries of its own: before torch's, for the system opens one at a time."""
WITHOUT_LIBRARIES = ("requests", "tqdm.auto", "torchgen.model")
"""What is imported too and opens no libraries: while those of torch are opened."""
FOR_THE_FIRST_JOB = {"transformers": ("CLIPTokenizer", "T5TokenizerFast")}
"""What is not needed to answer, and by nearly every job: imported when the first answer is on its way."""


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
        with its_own_packs_say_nothing() if module_parent == "comfy_extras" else nullcontext():
            return bool(await load_node_file(module_path, ignore, module_parent=module_parent))

    async def load(wanted: Callable[[str], bool]) -> None:
        async with loading:  # who comes second is not to go on before the last pack is there
            await load_now(wanted)

    async def load_now(wanted: Callable[[str], bool]) -> None:
        for pack in list(postponed):
            module_path, module_parent = pack
            if wanted(os.path.basename(module_path)):  # noqa: PTH119
                logging.getLogger(__name__).info("A node outside the boot set was asked for: loading %s", module_path)
                postponed.remove(pack)
                with its_own_packs_say_nothing():
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


@contextmanager
def its_own_packs_say_nothing() -> Iterator[None]:
    """While ComfyUI loads a pack of its own, the settings of that, which it asks for, are none.

    A pack that is a single file has none anyway, but to find that out it imports pydantic.
    """
    try:
        parser: Any = importlib.import_module("comfy_config.config_parser")
    except ImportError:  # a ComfyUI that does not ask
        yield
        return
    asked = parser.extract_node_configuration
    nothing = SimpleNamespace(tool_comfy=SimpleNamespace(web=""))
    parser.extract_node_configuration = lambda _path: nothing
    try:
        yield
    finally:
        parser.extract_node_configuration = asked


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


def import_early(names: Iterable[str]) -> None:
    """Imports modules. What cannot be imported is ComfyUI's to complain about."""
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


def import_allocator() -> None:
    """Imports what chooses torch's allocator, with our choice where we have one."""
    comfyui_turbo.choose_allocator(importlib.import_module("comfy.cli_args").args)
    importlib.import_module("cuda_malloc")


def import_for_the_first_job() -> None:
    """Imports what the boot has put off and the first job will ask for; an error is told when that does."""
    for module, names in FOR_THE_FIRST_JOB.items():
        with suppress(Exception):
            for name in names:
                used(getattr(importlib.import_module(module), name))


def when_answered(server: Any, action: Callable[[], None]) -> None:
    """Runs ``action`` in a thread once the server has given its first answer, which is that it is ready."""
    thread = threading.Thread(target=action, daemon=True)

    async def begin(_request: Any, _response: Any) -> None:
        if thread.ident is None:
            asyncio.get_running_loop().call_soon(thread.start)

    server.app.on_response_prepare.append(begin)


def main() -> None:
    """Boots ComfyUI and serves until killed."""
    be_killed_with_parent()
    threading.Thread(target=end_with_parent, daemon=True).start()
    settings = json.loads(sys.argv[1])
    # Our own folder must not shadow ComfyUI's modules; its own must be first, as with `python main.py`.
    sys.path[0] = settings["comfyui_dir"]
    os.chdir(settings["comfyui_dir"])
    sys.argv = ["main.py", *sys.argv[2:]]
    # Nothing that boot allocates is garbage; collecting it again and again costs a tenth of the boot.
    gc.disable()
    sys.meta_path.insert(0, LazyFinder())
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["DO_NOT_TRACK"] = "1"

    comfy_options = importlib.import_module("comfy.options")
    comfy_options.enable_args_parsing()
    # main.py does this only as a script, and looks at it later; it must happen before torch is imported. In a thread,
    # since it waits for nvidia-smi.
    malloc = threading.Thread(target=import_allocator)
    malloc.start()
    import_early(WITH_LIBRARIES)
    comfyui_ahead.begin(cuda="--cpu" not in sys.argv)
    import_early(WITHOUT_LIBRARIES)
    malloc.join()
    comfyui: Any = importlib.import_module("main")
    comfyui.cuda_malloc = importlib.import_module("cuda_malloc")
    attach(comfyui)
    for kind, folders in settings["models"].items():
        for folder in reversed(folders):
            comfyui.folder_paths.add_model_folder_path(kind, folder, is_default=True)

    loop, server, start_all = comfyui.start_comfyui()
    when_answered(server, import_for_the_first_job)
    gc.freeze()
    gc.enable()
    loop.run_until_complete(start_all())


def attach(comfyui: Any) -> None:
    """Puts what we add and leave out into ComfyUI's module ``main``, and those that it has imported."""
    load_all = load_extras_on_demand(comfyui.nodes, comfyui.execution)
    comfyui_definitions.attach(comfyui.server, comfyui.folder_paths, load_all)
    look_again_where_a_folder_has_gone(comfyui.folder_paths)
    comfyui.setup_database = lambda: None
    recorder = comfyui_notices.Recorder()
    logging.getLogger().addHandler(recorder)
    comfyui_notices.attach(comfyui.execution, recorder)
    comfyui_turbo.attach(comfyui.execution, comfyui.comfy)
    comfyui_previews.attach(comfyui.execution, comfyui.comfy.cli_args)
    comfyui_checks.watch_loras(comfyui.comfy.sd, comfyui.comfy.utils.get_attr)
    comfyui_checks.watch_embeddings(comfyui.comfy.sd1_clip)
    comfyui_batches.attach(comfyui, comfyui.get_executing_context)
    comfyui_saving.attach(comfyui.nodes, comfyui.execution)
    comfyui_checks.watch_pictures(comfyui.nodes, recorder)


if __name__ == "__main__":
    main()
