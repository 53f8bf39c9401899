"""What SIGINT, SIGTERM and SIGHUP do to a command.

=================  ==============================================================================================
while it starts    it ends at once: there is nothing to take back yet
while it runs      the first one raises ``Stopped``: jobs are taken back, no half file stays. The second one ends
                   it at once, also while the first one's cleaning up waits for something
while it prints    it ends at once
=================  ==============================================================================================

"At once" still keeps what ``--json`` promises, one object. A signal that the caller has switched off stays switched
off: ``nohup`` and a shell's ``&`` do that, and mean it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in hal_image.start
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import NoReturn
else:
    import _signal as signal  # the usual module makes enums of it all, and this is loaded before anything is known

NAMES: dict[int, str] = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
"""The signals that end a command."""

TELLING = (
    '{{"schema_version": 1, "ok": false, "command": "{command}", "data": {{}}, "warnings": [], "error": '
    '{{"code": "interrupted", "exit_code": {exit_code}, "message": "{message}", "hint": "", "retryable": false, '
    '"details": {{}}}}}}\n'
)
"""The JSON output of a command that had not even begun, made without ``json``, which may be half imported."""


class Stopped(KeyboardInterrupt):
    """A command was told to end. No ``Exception``: nobody must take it for a failure and go on.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def message(number: int) -> str:
    """What is told of the signal ``number``."""
    return "interrupted" if number == signal.SIGINT else f"stopped by {NAMES[number]}"


def tell(number: int, argv: Sequence[str]) -> None:
    """Says that the signal ``number`` ends a command of which no more is known than ``argv``."""
    told = message(number)
    os.write(2, f"error: {told}\n".encode())
    if "--json" in argv or "--jsonl" in argv:
        verb = argv[0] if argv[0].isalpha() else "generate"
        os.write(1, TELLING.format(command=verb, exit_code=128 + number, message=told).encode())


def end_at_once(argv: Sequence[str]) -> None:
    """From now on a signal ends the program, with ``tell``."""

    def handle(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what a handler is given
        try:
            tell(number, argv)
        finally:
            os._exit(128 + number)

    _install(handle)


def raise_first(tell_end: Callable[[int], None]) -> None:
    """From now on the first signal raises ``Stopped``, and the second one ends the program.

    Args:
        tell_end: says so before it ends, given the number of the signal.
    """
    came: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
        came.append(number)
        if len(came) == 1:
            raise Stopped(number)
        try:
            if len(came) == 2:  # a third one while that is being told, to a reader who does not read
                tell_end(number)
        finally:
            os._exit(128 + number)

    _install(handle)


def end_in_silence() -> None:
    """From now on a signal ends the program without a word: what there is to say is being said."""

    def handle(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what a handler is given
        os._exit(128 + number)

    _install(handle)


def _install(handle: Callable[[int, FrameType | None], None]) -> None:
    for number in NAMES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
