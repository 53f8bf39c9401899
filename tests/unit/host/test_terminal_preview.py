from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hal_image.host.arguments import parse
from hal_image.host.progress import Progress
from hal_image.host.render import Output
from hal_image.host.terminal_preview import half_blocks, is_shown

if TYPE_CHECKING:
    from collections.abc import Iterator


def jpeg(size: tuple[int, int] = (64, 64)) -> bytes:
    """Red above, blue below."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (0, size[1] // 2, *size))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=100, subsampling=0)
    return stream.getvalue()


def colours(line: str) -> list[tuple[str, str]]:
    return re.findall(r"\x1b\[38;([\d;]+);48;([\d;]+)m▀", line)


def test_each_character_is_two_pixels() -> None:
    lines = half_blocks(jpeg(), 8, 24, deep=False)
    assert [len(colours(line)) for line in lines] == [8] * 4
    assert [set(colours(line)) for line in lines] == [{("5;196", "5;196")}] * 2 + [{("5;21", "5;21")}] * 2
    (upper, lower), *_ = colours(half_blocks(jpeg(), 2, 24, deep=True)[0])
    assert (upper.split(";")[0], int(upper.split(";")[1]) > 250) == ("2", True)
    assert int(lower.split(";")[3]) > 250


@pytest.mark.parametrize(
    ("size", "columns", "rows", "expected"),
    [
        ((64, 64), 80, 10, (20, 10)),
        ((512, 64), 40, 24, (40, 2)),
        ((64, 512), 40, 24, (6, 24)),
        ((9, 300), 9, 1, (1, 1)),
    ],
)
def test_it_fits(size: tuple[int, int], columns: int, rows: int, expected: tuple[int, int]) -> None:
    lines = half_blocks(jpeg(size), columns, rows, deep=True)
    assert (len(colours(lines[0])), len(lines)) == expected


@pytest.mark.parametrize(("data", "rows"), [(b"no picture", 9), (jpeg(), 0), (jpeg(), -2)])
def test_what_cannot_be_drawn(data: bytes, rows: int) -> None:
    with pytest.raises((OSError, ValueError)):
        half_blocks(data, 8, rows, deep=True)


class Terminal(io.StringIO):
    """Standard error on a pseudo terminal of 80 by 30."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    monkeypatch.setenv("TERM", "xterm-256color")
    yield Terminal(slave)
    os.close(master)
    os.close(slave)


def test_the_next_step_is_drawn_over_the_one_before(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    output = Output("generate")
    progress = Progress(output, 1)
    for step in (1, 2):
        progress.show({"event": "progress", "value": step, "max": 2}, 0)
        progress.picture(jpeg())
    up = re.findall(r"\x1b\[(\d+)A", terminal.getvalue())
    assert up == ["24"]
    assert terminal.getvalue().count("▀") == 2 * 24 * 48
    output.note("something else")
    progress.picture(jpeg())
    assert re.findall(r"\x1b\[(\d+)A", terminal.getvalue()) == ["24"]
    progress.close()


def told(*words: str, **modes: bool) -> tuple[bool, list[str]]:
    output = Output("generate", **modes)
    shown = is_shown(parse(["-p", "x", *words], "hal"), output)
    return shown, [warning.message for warning in output.warnings]


def test_it_is_shown_on_a_terminal_to_a_person_who_asks(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)  # not in the fixture: pytest puts its own there again
    assert told("--preview") == (True, [])
    assert told() == (False, [])
    assert told("--preview", as_json=True) == (False, ["preview: a program reads the output"])
    assert told("--preview", as_jsonl=True) == (False, ["preview: a program reads the output"])
    assert told("--preview", quiet=True) == (False, ["preview: --quiet shows nothing"])
    monkeypatch.setenv("TERM", "dumb")
    assert told("--preview") == (False, ["preview: the terminal cannot draw it"])


def test_without_a_terminal_it_is_told() -> None:
    assert told("--preview") == (False, ["preview: standard error is no terminal"])
