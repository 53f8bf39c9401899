"""Serves coding agents over the Model Context Protocol, on standard input and output, until the client leaves."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:
    """Serves one client.

    Raises:
        UsageError: ``usage``: ``--json``, for which there is no room on standard output, or that is closed;
            ``root_invalid``.
        EnvironmentError_: ``mcp_missing``: the SDK is not installed.
    """
    try:
        from hal_image.host.mcp import server  # noqa: PLC0415 - it needs the SDK
    except ImportError as error:
        raise EnvironmentError_(
            f"the SDK of the Model Context Protocol is not installed in {sys.prefix}: {error}",
            code="mcp_missing",
            hint=f"{sys.executable} -m pip install 'hal8000-image-gen[mcp]', or the two packages: 'mcp>=2.3' pillow",
            details={"python": sys.executable},
        ) from error
    if output.as_json:
        raise UsageError("mcp speaks JSON-RPC on standard output: it has no --json", hint="leave it out")
    if sys.stdin is None or sys.stdout is None:
        raise UsageError("mcp needs standard input and output, and one of them is closed", hint="start it with pipes")
    from hal_image.host.mcp.calls import Server  # noqa: PLC0415 - likewise

    called = Server.of_this_process(_for_pictures(options), _for_all(options))
    if options.models_dir:
        os.environ["HAL_MODELS_DIR"] = str(paths.models_dir(options.models_dir))
    if options.engine:
        os.environ["HAL_ENGINE"] = options.engine
    if options.root is not None:
        _go_to(options.root)
    if sys.stdin is not None and sys.stdin.isatty():
        output.note("this speaks the Model Context Protocol with the program that has started it; Ctrl-C ends it")
    server.serve(called, options.wait)
    return Result(options.command, {})


def _go_to(root: str) -> None:
    folder = paths.typed(root)
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"--root {root}: {error.strerror}", code="root_invalid", hint="give a folder that is there"
        ) from error


def _for_pictures(options: argparse.Namespace) -> list[str]:
    """The options of the server that every call has which makes pictures."""
    given = [f"--keep-alive={options.keep_alive:.0f}"]
    if options.gpu is not None:
        given.append(f"--gpu={options.gpu}")
    if options.hot_cache is not None:
        given.append(f"--hot-cache={options.hot_cache / 1e6:f}MB")
    return given + [f"--{name.replace('_', '-')}" for name in ("cpu", "low_vram", "offline") if getattr(options, name)]


def _for_all(options: argparse.Namespace) -> list[str]:
    return [f"--{name}" for name in ("quiet", "verbose") if getattr(options, name)]
