"""Every way a command can fail, and the exit code that goes with it.

::

    HalError                    exit 1  something failed while the picture was made
    ├── UsageError              exit 2  the command line or an input file is wrong
    │   └── RegistryError       exit 2  models.yaml is wrong (message carries file:line:column)
    ├── EnvironmentError_       exit 3  Python, disk, network, Docker or GPU is not as needed
    ├── ModelError              exit 4  a model file is missing, unreadable or damaged
    ├── TimeoutError_           exit 5  it took longer than --timeout
    ├── InterruptedError_       exit 130/143  Ctrl-C or SIGTERM
    └── InternalError           exit 1  a bug of ours

An error is shown as one line plus one line of hint. ``code`` is stable: scripts match on it, so a code is never
renamed or reused. The trailing underscores keep clear of Python's builtins of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject = dict[str, Any]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_MODEL = 4
EXIT_TIMEOUT = 5


class HalError(Exception):
    """A failure that the user is told about.

    Args:
        message: one line, no trailing full stop needed, says what happened.
        code: stable snake_case identifier.
        hint: one line that fixes it, usually a command.
        retryable: whether the same call may succeed later without any change.
        details: extra facts for the JSON output; JSON-serialisable, small.
    """

    exit_code: ClassVar[int] = EXIT_FAILED
    default_code: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.retryable = retryable
        self.details: JsonObject = dict(details or {})

    def to_json(self) -> JsonObject:
        """The ``error`` object of the JSON output."""
        return {
            "code": self.code,
            "exit_code": self.exit_code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "details": self.details,
        }


class UsageError(HalError):
    """The command line or an input file is wrong; nothing was started."""

    exit_code = EXIT_USAGE
    default_code = "usage"


class RegistryError(UsageError):
    """models.yaml (ours or the user's own) breaks a rule; the message is located: ``file:line:column``."""

    default_code = "registry_invalid"


class EnvironmentError_(HalError):
    """The machine lacks something: Python module, disk space, network, Docker, GPU."""

    exit_code = EXIT_ENVIRONMENT
    default_code = "environment"


class ModelError(HalError):
    """A model file is missing, unreadable or not what it should be."""

    exit_code = EXIT_MODEL
    default_code = "model"


class TimeoutError_(HalError):
    """The time given with ``--timeout`` (or its default) ran out."""

    exit_code = EXIT_TIMEOUT
    default_code = "timeout"


class InterruptedError_(HalError):
    """Stopped by a signal. ``exit_code`` is set per instance: 128 + signal number."""

    default_code = "interrupted"

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message, details={"verdict": "interrupted"})
        self.exit_code = 128 + signal_number  # type: ignore[misc]  # the one error whose code depends on the instance


class InternalError(HalError):
    """A bug in this tool: says so, and where the log is."""

    default_code = "internal"


def error_from_json(error: JsonObject) -> HalError:
    """An ``error`` object of the JSON output or the wire as an exception again, of the class with its exit code."""
    classes: tuple[type[HalError], ...] = (UsageError, EnvironmentError_, ModelError, TimeoutError_)
    kind = next((known for known in classes if known.exit_code == error.get("exit_code")), HalError)
    return kind(
        str(error.get("message", "failed")),
        code=str(error.get("code", kind.default_code)),
        hint=str(error.get("hint", "")),
        retryable=bool(error.get("retryable", False)),
        details=error.get("details") or {},
    )
