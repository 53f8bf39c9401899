"""``python3 -m tests.contract.error_reference``: docs/reference/errors.md, made from the catalogue, on standard output.

Nothing but the standard library is needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hal_image import errors
from hal_image.error_catalogue import ERRORS, OF_A_JOB, WARNINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hal_image.error_catalogue import Entry

HEAD = """\
# Errors and warnings

<!-- Made by `python3 -m tests.contract.error_reference`. A change belongs into hal_image/error_catalogue or there. -->

Every error that the tool tells, by [exit code](exit-codes.md), and every warning. A `code` is stable: it is never
renamed and never gets another meaning. Messages and hints may change. How they look in JSON is told under
[JSON output](json-output.md#the-object).

*Retry* says that the same call may succeed later without any change (`retryable`). *Details* are the fields that
`details` may have; one is left out where it is not known. Every error about a picture that the engine was asked for may
have {of_a_job} ([jobs](engine.md#jobs)).

`{general}` are the general codes, of an error for which this version has no more exact one.
"""

HEADINGS: Mapping[int, str] = {
    errors.EXIT_FAILED: "Exit code 1: failed",
    errors.EXIT_USAGE: "Exit code 2: the call is wrong",
    errors.EXIT_ENVIRONMENT: "Exit code 3: the machine lacks something",
    errors.EXIT_MODEL: "Exit code 4: a model",
    errors.EXIT_TIMEOUT: "Exit code 5: too slow",
    errors.EXIT_PARTIAL: "Exit code 6: a part of a batch",
    errors.EXIT_SIGNAL: "Exit codes 129, 130, 143: stopped by a signal",
}

BUGS = """\
An error whose message begins with `a bug` is one of ours, and trying again will not help: its hint names the log that
belongs into the report.
"""

WARNED = """\
## Warnings

Entries of `warnings`: what you should know and is no failure. The exit code is not changed by them.
"""


def main() -> None:
    """Write the page."""
    sys.stdout.write(page())


def page() -> str:
    """The whole of docs/reference/errors.md."""
    general = "`, `".join(code for code, entry in ERRORS.items() if entry.general)
    of_a_job = ", and ".join(f"`{name}`, {text}" for name, text in OF_A_JOB.items())
    parts = [HEAD.format(general=general, of_a_job=of_a_job)]
    for exit_code, heading in HEADINGS.items():
        rows = [_error(code, entry) for code, entry in ERRORS.items() if exit_code_of(entry) == exit_code]
        parts.append(f"## {heading}\n")
        if exit_code == errors.EXIT_FAILED:
            parts.append(BUGS)
        parts.append(_table(("code", "what happened", "what helps", "retry", "details"), rows))
    parts.append(WARNED)
    parts.append(
        _table(
            ("code", "what it means", "details"),
            [(f"`{code}`", entry.happened, _details(entry.details)) for code, entry in WARNINGS.items()],
        )
    )
    return "\n".join(parts)


def exit_code_of(entry: Entry) -> int:
    """The exit code of an error; ``EXIT_SIGNAL`` for the one to which the signal's number is added."""
    return errors.EXIT_SIGNAL if entry.kind is errors.InterruptedError_ else entry.kind.exit_code


def _error(code: str, entry: Entry) -> tuple[str, ...]:
    retry = {"no": "", "yes": "yes", "depends": "`retryable` says"}[entry.retry]
    return f"`{code}`", entry.happened, entry.helps, retry, _details(entry.details)


def _details(details: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`: {text}" for name, text in details.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
