"""From a checkout to the command line: finds the host's venv, makes it the first time, and becomes its Python.

This runs under the caller's Python before every command, so the usual way through it imports next to nothing and ends
in ``execv``. What it cannot do without packages it leaves to ``hal_image.host``.
"""

from __future__ import annotations

import os
import sys

from hal_image import about, interrupt
from hal_image.install import where

TYPE_CHECKING = False  # typing's own takes longer to import than everything here; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import HalError

# ruff: noqa: PLC0415 - what the usual way does not need is imported where it is used

HELP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host", "help.txt")  # noqa: PTH100, PTH118, PTH120
"""What ``--help`` prints, as the parser formats it; ``tests/contract/test_docs.py`` holds it to the parser."""

MODULES = {
    "PIL": "pillow", "yaml": "PyYAML", "requests": "requests", "tqdm": "tqdm", "websocket": "websocket-client",
}  # fmt: skip
"""What the host imports, and the package that brings it: pyproject.toml's dependencies, except for hf-xet, without
which everything works as well."""
MCP_MODULES = {"mcp": "mcp"}
"""What ``mcp`` imports as well: the packages of pyproject.toml's extra of that name."""


def main(argv: Sequence[str], script: str) -> int:
    """Run the command line in the host's venv; returns only where there is nothing to become.

    Args:
        argv: arguments without the program's name.
        script: absolute path of ``hal_generate_image.py``.

    Returns:
        the exit code.
    """
    if list(argv) in (["--version"], ["-h"], ["--help"]):
        return _write(_page(argv[0]))
    interrupt.end_at_once(argv)
    kind = _kind(argv)
    if where.inside(kind):
        return _host(argv)
    if argv and argv[-1] in {"-h", "--help"}:  # a second Python would double the time of an answer that needs none
        code = _precheck(argv)
        if code is not None:
            return code
    if where.setting("HAL_NO_VENV") not in {None, "0"}:
        return _host(argv) if not _missing_modules(kind) else _without_modules(argv)
    python = where.ready_python(where.venv_dir(kind))
    if python is None:
        # a shell asks for completions while a command is typed: never the time to install
        code = _host(argv) if argv[:1] == ["completion"] else _prepare(argv)
        if code is not None:
            return code
        python = os.path.join(where.venv_dir(kind), "bin", "python")  # noqa: PTH118 - no pathlib here, it is slow
    return _become(python, script, argv)


def _kind(argv: Sequence[str]) -> str:
    """The venv that a command runs in: the packages of the MCP server are many, and no other call needs them."""
    return "mcp" if list(argv[:1]) == ["mcp"] else "host"


def _become(python: str, script: str, argv: Sequence[str]) -> int:
    """Replace this process; returns an exit code only when that fails."""
    from_venv = os.path.dirname(os.path.dirname(python))  # noqa: PTH120 - likewise
    reason = "its Python does not know that it is in a venv"
    if sys.executable != python:  # else we have just come from here, and would for ever
        try:
            os.execv(python, [python, "-I", script, *argv])  # noqa: S606 - becoming another program is the point
        except OSError as error:
            reason = error.strerror or str(error)
    from hal_image.errors import EnvironmentError_

    return _fail(
        EnvironmentError_(
            f"the prepared Python in {from_venv} cannot be used: {reason}",
            code="host_venv_broken",
            hint=f"rm -r '{from_venv}', then run the command again: it is made anew",
            details={"path": from_venv},
        ),
        argv,
    )


def _prepare(argv: Sequence[str]) -> int | None:
    """Make the host's venv; ``None`` when it is ready, else the exit code.

    What needs no packages (``--help``, a typing error) is answered instead of preparing anything.
    """
    code = _precheck(argv)
    if code is not None:
        return code
    import time

    from hal_image.host.arguments import parse
    from hal_image.host.main import as_told

    try:
        interrupt.raise_first(lambda number: interrupt.tell(number, argv))
        from hal_image.install.host_env import prepare_host

        options = parse(argv, about.PROGRAM)
        timeout = getattr(options, "timeout", None)
        prepare_host(
            _silent if options.quiet else _tell,
            kind=_kind(argv),
            deadline=None if timeout is None else time.monotonic() + timeout,
            offline=getattr(options, "offline", False),
        )
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told as the command's own end would be
        return _fail(as_told(error), argv)
    interrupt.end_at_once(argv)
    return None


def _tell(line: str) -> None:
    from hal_image.host.render import printable  # what pip says passes through here

    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()


def _silent(line: str) -> None:
    del line


def _host(argv: Sequence[str]) -> int:
    import gc

    gc.set_threshold(50_000)  # imports leave no garbage, and by default are searched for it often: 6 of 94 ms
    from hal_image.host.main import main as host_main

    return host_main(argv)


def _page(option: str) -> str:
    """What people ask for most, without anything imported for it."""
    if option == "--version":
        return f"{about.PROGRAM} {about.version()}\n"
    with open(HELP, encoding="utf-8") as page:  # noqa: PTH123 - no pathlib here, it is slow
        return page.read()


def _write(text: str) -> int:
    """Write to standard output; the exit code: 1 when it is closed or takes nothing."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError):
        return 1
    return 0


def _precheck(argv: Sequence[str]) -> int | None:
    """What needs no packages is done here: the exit code, or ``None`` to go on."""
    from hal_image.host.main import precheck

    return precheck(argv)


def _missing_modules(kind: str) -> list[str]:
    """Packages of the venv ``kind`` that the running Python lacks."""
    from importlib.util import find_spec

    needed = {**MODULES, **MCP_MODULES} if kind == "mcp" else MODULES
    return [package for module, package in needed.items() if find_spec(module) is None]


def _without_modules(argv: Sequence[str]) -> int:
    """``HAL_NO_VENV`` says to use this Python, and it lacks something."""
    from hal_image.errors import EnvironmentError_

    code = _host(argv) if argv[:1] == ["completion"] else _precheck(argv)
    if code is not None:
        return code
    missing = _missing_modules(_kind(argv))
    return _fail(
        EnvironmentError_(
            f"this Python lacks {', '.join(missing)}, and HAL_NO_VENV says to use it as it is",
            code="host_modules_missing",
            hint=f"{sys.executable} -m pip install {' '.join(missing)}, or unset HAL_NO_VENV to have a venv prepared",
            details={"missing": missing, "python": sys.executable},
        ),
        argv,
    )


def _fail(error: HalError, argv: Sequence[str]) -> int:
    from hal_image.host.render import fail

    return fail(error, argv)
