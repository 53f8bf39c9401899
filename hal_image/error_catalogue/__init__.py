"""Every code that an error or a warning can have: what it means, what helps, whether to try again.

A code that is raised must stand here, and one that stands here must be raised and tested:
``tests/contract/test_error_catalogue.py`` holds the code to that, and docs/reference/errors.md is made from it. No
command imports this package.
"""

from __future__ import annotations

from hal_image.error_catalogue.docker_and_gpu import DOCKER_AND_GPU
from hal_image.error_catalogue.ended import ENDED
from hal_image.error_catalogue.entry import OF_A_JOB, Entry, WarningEntry
from hal_image.error_catalogue.environment import ENVIRONMENT
from hal_image.error_catalogue.failed import FAILED
from hal_image.error_catalogue.model import MODEL
from hal_image.error_catalogue.usage import USAGE
from hal_image.error_catalogue.warnings import WARNINGS

PARTS: tuple[dict[str, Entry], ...] = (FAILED, USAGE, ENVIRONMENT, DOCKER_AND_GPU, MODEL, ENDED)
ERRORS: dict[str, Entry] = {code: entry for part in PARTS for code, entry in part.items()}
"""Every error by its code, in the order of the exit codes."""

__all__ = ["ERRORS", "OF_A_JOB", "PARTS", "WARNINGS", "Entry", "WarningEntry"]
