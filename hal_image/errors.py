"""Every way a command can fail, and the exit code that goes with it.

::

    HalError                    exit 1  something failed while the picture was made
    ├── UsageError              exit 2  the command line or an input file is wrong
    │   └── RegistryError       exit 2  models.yaml is wrong (message carries file:line:column)
    ├── EnvironmentError_       exit 3  Python, disk, network, Docker or GPU is not as needed
    ├── ModelError              exit 4  a model file is missing, unreadable or damaged
    ├── TimeoutError_           exit 5  it took longer than --timeout
    ├── PartialBatchError       exit 6  some lines of a batch failed; the others are done
    ├── InterruptedError_       exit 129/130/143  SIGHUP, Ctrl-C or SIGTERM
    └── InternalError           exit 1  a bug of ours

An error is shown as one line plus one line of hint. ``code`` is stable: scripts match on it, so a code is never
renamed or reused. The trailing underscores keep clear of Python's builtins of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeGuard

JsonObject = dict[str, Any]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_MODEL = 4
EXIT_TIMEOUT = 5
EXIT_PARTIAL = 6
EXIT_SIGNAL = 128
"""Plus the number of the signal, as a shell counts."""
SIGNALLED = (129, 130, 143)
"""The exit codes after SIGHUP, Ctrl-C and SIGTERM."""


MOST_MESSAGE = 1000
"""Characters of a message: what was typed is in it, and that may be a book."""


def shortened(text: str, most: int = MOST_MESSAGE) -> str:
    """The text, or its beginning and its end."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


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
        self.message = shortened(message)
        super().__init__(self.message)
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


class PartialBatchError(HalError):
    """Some lines of a batch failed, and each of them says why; the others are done and stay."""

    exit_code = EXIT_PARTIAL
    default_code = "partial_batch"


class InterruptedError_(HalError):
    """Stopped by a signal. ``exit_code`` is set per instance: 128 + signal number."""

    default_code = "interrupted"

    def __init__(self, message: str, *, signal_number: int, **given: Any) -> None:
        super().__init__(message, **given)
        self.details.setdefault("verdict", "interrupted")
        # the one error whose exit code depends on the instance
        self.exit_code = EXIT_SIGNAL + signal_number  # type: ignore[misc]


class InternalError(HalError):
    """A bug in this tool: says so, and where the log is."""

    default_code = "internal"


def is_code(value: object) -> TypeGuard[str]:
    """Whether ``value`` has the form of a code: lower-case letters, digits and underscores."""
    return isinstance(value, str) and value.isascii() and value.replace("_", "a").isalnum() and value == value.lower()


def error_from_json(error: JsonObject) -> HalError:
    """An ``error`` object of the JSON output or the wire as an exception again, of the class that it was.

    A code that a newer version knows and this one does not becomes an error of the class with its exit code.
    """
    code, exit_code, details = error.get("code"), error.get("exit_code"), error.get("details")
    given: JsonObject = {
        "hint": str(error.get("hint", "")),
        "retryable": bool(error.get("retryable", False)),
        "details": details if isinstance(details, dict) else {},
    }
    message = str(error.get("message", "failed"))
    if exit_code in SIGNALLED:
        return InterruptedError_(message, signal_number=exit_code - EXIT_SIGNAL, **given)
    by_exit_code: tuple[type[HalError], ...] = (
        UsageError, EnvironmentError_, ModelError, TimeoutError_, PartialBatchError,
    )  # fmt: skip
    known_code = code if is_code(code) else ""
    kind = CLASS_OF_CODE.get(known_code) or next(
        (known for known in by_exit_code if known.exit_code == exit_code), HalError
    )
    return kind(message, code=known_code or None, **given)


CLASS_OF_CODE: dict[str, type[HalError]] = {
    **dict.fromkeys(("registry_invalid", "registry_unreadable", "registry_not_editable"), RegistryError),
    **dict.fromkeys(("internal", "no_image", "wire_invalid", "wire_version"), InternalError),
}
"""The codes whose class the exit code does not tell."""
