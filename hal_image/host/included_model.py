"""What is done for a model that comes inside this package, before the engine is asked for a picture.

Not loaded for any other model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.models import bundled_models, words

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.deadline import Deadline
    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedModel
    from hal_image.models.types import Model

WORDS_TOLD = 10
"""How many unknown words a warning names."""
WORDS_LISTED = 50
"""How many of them its details have: a prompt may be a book."""


def warn_of_unknown_words(model: Model, prompt: str, output: Output) -> None:
    """Tells which words of ``prompt`` the model does not know, if it is one that says which it knows.

    Raises:
        ModelError: ``bundled_model_damaged``.
    """
    known = words.of_model(model)
    unknown = words.unknown(prompt, known) if known is not None else []
    if unknown:
        these, them = ("this word", "it") if len(unknown) == 1 else ("these words", "them")
        more = f" and {len(unknown) - WORDS_TOLD} more" if len(unknown) > WORDS_TOLD else ""
        output.warn(
            "unknown_words",
            f"{model.name} does not know {these} and draws without {them}: {', '.join(unknown[:WORDS_TOLD])}{more}",
            {"words": unknown}
            if len(unknown) <= WORDS_LISTED
            else {"words": unknown[:WORDS_LISTED], "count": len(unknown)},
        )


def lay_out(model: ResolvedModel, models_dir: Path, output: Output, deadline: Deadline) -> ResolvedModel:
    """Writes the files that are in the package and not in the models folder yet, and says so: also to the project.

    Raises:
        ModelError: ``bundled_model_damaged``.
        EnvironmentError_: ``models_dir_unwritable``, ``disk_full``, ``state_dir_unwritable``, ``lock_failed``.
        TimeoutError_: another process that does it took too long.
    """
    files = ", ".join(str(found.path) for found in model.files if found.included)
    output.note(f"{model.model.name} comes with this tool: writing {files}")

    def tell_wait(pid: int | None) -> None:
        output.detail(f"another process ({pid}) is writing it")

    patience = None if deadline.end is None else deadline.remaining(deadline.limit_s or 0.0)
    written = bundled_models.lay_out(model, paths.make_state_dir("locks"), on_wait=tell_wait, timeout=patience)
    from hal_image.host.hal8000 import registration  # noqa: PLC0415 - once in the life of a models folder

    registration.refresh(models_dir, output)
    return written
