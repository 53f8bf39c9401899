"""What nodes this ComfyUI has, and what each takes: for graphs that people bring along. Runs in ComfyUI's own process.

It is ComfyUI's own ``/object_info`` with two differences. All node packs are loaded first, since most are postponed at
boot. And where a node takes a file of a folder, the folder stands there and not the files that are in it at the moment:
so what is told depends on ComfyUI alone, and can be kept.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATH = "/hal8000/nodes"
"""Route of this server that an unmodified ComfyUI does not have."""
FILES_OF = "hal8000-files-of:"
"""Stands, with the kind of folder behind it, in ComfyUI's list of the files of a folder while we ask."""
TOLD = ("min", "max", "default", "options", "files", "forceInput", "control_after_generate", "image_upload",
        "image_folder")  # fmt: skip
"""Options of an input that decide what it takes; the others are for the editor's looks."""


def attach(server: Any, folder_paths: Any, load_all: Callable[[], Awaitable[None]]) -> None:
    """Adds the route, once ComfyUI adds its own.

    Args:
        server: ComfyUI's ``server`` module.
        folder_paths: ComfyUI's ``folder_paths`` module.
        load_all: loads the node packs that were postponed.
    """
    add_routes = server.PromptServer.add_routes
    told_folders = _tell_folders(folder_paths)

    def add_routes_and_ours(self: Any) -> None:
        routes = list(self.routes)
        tell = next(route.handler for route in routes if route.path == "/object_info")

        async def definitions(request: Any) -> Any:
            await load_all()
            with told_folders:
                answer = await tell(request)
            told = {name: shortened(info) for name, info in json.loads(answer.body).items()}
            return server.web.json_response({"nodes": told, "cloud": cloud_nodes(Path(server.__file__).parent)})

        self.routes.get(PATH)(definitions)
        add_routes(self)

    server.PromptServer.add_routes = add_routes_and_ours


class _tell_folders:  # noqa: N801 - a context manager, used once
    """While it is entered, in the thread that entered it, lists of files are the names of their folders."""

    def __init__(self, folder_paths: Any) -> None:
        self._thread: int | None = None
        files_of, subfolders = folder_paths.get_filename_list, folder_paths.get_input_subfolders

        def list_or_folder(kind: str) -> list[str]:
            mine = self._thread == threading.get_ident()
            return [FILES_OF + kind] if mine else files_of(kind)

        def none_or_subfolders() -> list[str]:
            return [] if self._thread == threading.get_ident() else subfolders()

        folder_paths.get_filename_list = list_or_folder
        folder_paths.get_input_subfolders = none_or_subfolders

    def __enter__(self) -> None:
        self._thread = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._thread = None


def shortened(info: dict[str, Any]) -> dict[str, Any]:
    """What is needed of a class to write and to check a node of it."""
    inputs = info.get("input") or {}
    return {
        "title": info.get("display_name") or info.get("name"),
        "output_node": bool(info.get("output_node")),
        "outputs": list(info.get("output") or []),
        "required": {name: _input(spec) for name, spec in (inputs.get("required") or {}).items()},
        "optional": {name: _input(spec) for name, spec in (inputs.get("optional") or {}).items()},
    }


def _input(spec: Any) -> list[Any]:
    """``[type, options]``, a choice always as ``COMBO``, in whichever of ComfyUI's two notations it was written.

    ``options`` of a choice are its fixed values, ``files`` the kinds of folders whose files it takes.
    """
    spec = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    kind = spec[0] if spec else "*"
    options = dict(spec[1]) if len(spec) > 1 and isinstance(spec[1], dict) else {}
    if isinstance(kind, (list, tuple)):
        options["options"], kind = list(kind), "COMBO"
    if kind == "COMBO":
        known = list(options.get("options") or ())
        folders = [text.removeprefix(FILES_OF) for text in map(str, known) if text.startswith(FILES_OF)]
        options["options"] = [value for value in known if not str(value).startswith(FILES_OF)]
        if folders:
            options["files"] = folders
        if _is_upload(options):
            options["options"] = []  # what happens to be in the input folder is nobody's business
    return [kind, {name: options[name] for name in TOLD if name in options}]


def _is_upload(options: dict[str, Any]) -> bool:
    return any(name.endswith("_upload") and value for name, value in options.items()) or "remote" in options


def cloud_nodes(comfyui: Path) -> list[str]:
    """Names of ComfyUI's nodes that call a service, which are never loaded; out of the text of its packs."""
    names: set[str] = set()
    for file in sorted((comfyui / "comfy_api_nodes").glob("nodes_*.py")):
        text = file.read_text(encoding="utf-8", errors="replace")
        names.update(re.findall(r"node_id\s*=\s*\"([^\"]+)\"", text))
        names.update(re.findall(r"^\s+\"(\w{4,})\":\s*[A-Z]\w+,?\s*$", text, re.MULTILINE))
    return sorted(names)
