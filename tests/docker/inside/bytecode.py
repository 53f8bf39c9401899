"""Prints how many modules there are, and those whose bytecode is missing or would be compared with the source."""

import importlib.util
import json
import os

UNCHECKED = 1
"""Flags of bytecode that is never compared (PEP 552), in the second four bytes of the file."""


def flags_of(path: str) -> "int | None":
    """The flags of a module's bytecode, or ``None``."""
    try:
        with open(importlib.util.cache_from_source(path), "rb") as bytecode:  # noqa: PTH123
            return int.from_bytes(bytecode.read(8)[4:], "little")
    except OSError:
        return None


def main() -> None:
    """One JSON object."""
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.submodule_search_locations
    modules = [
        os.path.join(folder, name)  # noqa: PTH118
        for top in ("/opt/hal/hal_image", "/opt/comfyui/comfy", *torch.submodule_search_locations)
        for folder, _, names in os.walk(top)
        for name in names
        if name.endswith(".py")
    ]
    wrong = [path for path in modules if flags_of(path) != UNCHECKED]
    print(json.dumps({"modules": len(modules), "wrong": wrong}))  # noqa: T201


main()
