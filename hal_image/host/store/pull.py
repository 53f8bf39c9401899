"""``models pull NAME…``: downloads what is missing of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import UsageError
from hal_image.host.deadline import Deadline
from hal_image.host.pull import pull
from hal_image.host.result import Result
from hal_image.models.registry import get_entry
from hal_image.models.store import installed_files

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.types import Registry


def run(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Downloads; what is there already is left as it is.

    Raises:
        UsageError: no name; ``unknown_model``.
        ModelError, EnvironmentError_: as for ``hal_image.host.pull.pull``.
    """
    if not options.names:
        raise UsageError("models pull needs a name", hint=f"one of {', '.join(registry.entries)}")
    models = [get_entry(registry, name) for name in options.names]
    came = pull(
        models, registry, models_dir, engine=options.engine, output=output, deadline=Deadline.after(options.timeout)
    )
    pulled = []
    lines = []
    for model in models:
        files = [
            {
                "file": file.name,
                "path": None if path is None else str(path),
                "bytes": file.bytes,
                "downloaded": path in came,
            }
            for file, path in installed_files(model, models_dir)
        ]
        if not any(file["downloaded"] for file in files):
            output.note(f"{model.name}: all of it is here; `models verify {model.name}` reads it")
        pulled.append({"model": model.name, "files": files})
        lines += [str(file["path"]) for file in files if file["path"] is not None]
    return Result("models", {"models_dir": str(models_dir), "pulled": pulled}, tuple(dict.fromkeys(lines)))
