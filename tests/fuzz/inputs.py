"""Texts, numbers and JSON as an enemy or a broken program would send them, and a terminal's view of what comes out."""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from hal_image.errors import SIGNALLED
from hal_image.host.main import main
from tests.contract import schemas
from tests.fuzz.conftest import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator

NASTY = (
    "", " ", "-", "--", "-1", "0", "~", "~nobody/x.png", ".", "..", "/", "../../etc/passwd", "/dev/null", "/proc/1/mem",
    "a\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "line\nbreak", "carriage\rreturn", "tab\t", "nul\0",
    "\u202eevil\u2066", "\u200f\u200e", "\u2028", "\ufeff", "\udce9", "\ud800", "Würfel 立方体 🤖", "e\u0301" * 40,
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "| cat", "&& ls", "%s%n%d", "{0.__class__}", "{seed}", "{",
    "}", "{{", "{model}/{date}", "{seed:{model}}", "{seed:>99999999999}", "{date!r:>9999999}", "%KSampler.seed%",
    "embedding:../../x", "(a:1.5)", "\\(", "[a:b:0.5]", "{a|b}", "<lora:x:1>", '"}{', '{"a": NaN}', "1e999", "nan",
    "inf", "-inf", "0x10", "1_000", "٣", "9" * 400, "a" * 300, "a" * 5000, "x.png", "x.jpg", "dir/", "null", "true",
)  # fmt: skip

texts = st.sampled_from(NASTY) | st.text(st.characters(), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def times(examples: int) -> settings:
    """So many inputs, or more when more are asked for."""
    return settings(max_examples=examples * TIMES)


@dataclass(frozen=True)
class Said:
    """What a command wrote."""

    code: int
    out: bytes
    err: str


class Stream(io.TextIOWrapper):
    """Standard input or output in memory."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", errors="backslashreplace", newline="")

    def written(self) -> bytes:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


@contextmanager
def standard_streams(stdin: bytes = b"") -> Iterator[tuple[Stream, Stream]]:
    before = sys.stdin, sys.stdout, sys.stderr
    out, err = Stream(), Stream()
    sys.stdin, sys.stdout, sys.stderr = Stream(stdin), out, err
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def call(argv: list[str], stdin: bytes = b"") -> Said:
    """Runs the command line in this process."""
    with standard_streams(stdin) as (out, err):
        code = main(argv)
        return Said(code, out.written(), err.written().decode("utf-8"))


def check(said: Said, argv: list[str]) -> None:
    """What holds whatever was given: no bug, nothing for a terminal to obey, and JSON that is what the schema says."""
    assert said.code in {0, 1, 2, 3, 4, 5, 6, *SIGNALLED}, (argv, said)
    assert "Traceback" not in said.err, (argv, said)
    assert "a bug in this tool" not in said.err, (argv, said)
    for line in said.err.split("\n"):
        assert line.isprintable(), (argv, line)
    assert said.code == 0 or said.err, (argv, said)
    asked_for_json = said.out.startswith(b'{"schema_version"')
    if asked_for_json:
        assert said.out.endswith(b"\n"), (argv, said)
        assert said.out.count(b"\n") == 1, (argv, said)
        answer: dict[str, Any] = json.loads(said.out, parse_constant=lambda name: 1 / 0)
        RESULT.validate(answer)
        assert answer["ok"] == (said.code == 0)


RESULT = schemas.strict("result")
