"""Batches as an enemy or a broken program would write them: each line is made, or told by number with what is wrong."""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal_image import wire
from hal_image.host.arguments import parse
from hal_image.host.batch import session
from hal_image.host.batch.lines import FIELDS, OF_THE_CALL, understand
from hal_image.host.batch.source import UTF8_MARK, UTF16_MARKS, RawLine, Source
from hal_image.host.engines import Connection
from hal_image.host.engines.link import Link
from tests.contract import schemas
from tests.fuzz.inputs import NASTY, Said, call, check, texts, times, values
from tests.unit.host.job_examples import FACTS, STATUS, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = schemas.strict("result", "batch_result")
CALL = parse(["batch", "-", "--model", "doodle"], "hal")
GOOD: dict[str, tuple[Any, ...]] = {
    "prompt": ("a red cube", "{"), "id": ("x", 7, 1e300), "model": ("doodle", "sd15"), "size": ("64", 64),
    "width": (128,), "height": ("64",), "steps": (1, "2"), "seed": (0, 2**64 - 1), "count": (1, "2"), "cfg": (7.5,),
    "no_clobber": (True,), "low-vram": (False,), "sampler": ("euler",), "timeout": (5,),
    "output": ("{index}.png", "same.png"),
}  # fmt: skip

names = st.sampled_from([*FIELDS, *OF_THE_CALL, "id", *GOOD]) | texts
good = st.sampled_from([(name, value) for name, several in GOOD.items() for value in several])
objects = st.lists(good | st.tuples(names, values), max_size=5).map(
    lambda pairs: "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
)
spoiled = st.tuples(objects, st.integers(0, 60), texts).map(lambda parts: parts[0][: parts[1]] + parts[2])
deep = st.sampled_from(['{"id": ' + "[" * 100_000, '{"no_clobber": ' + "[" * 900 + "]" * 900 + "}", '{"a":' * 3000])
written = st.one_of(texts, objects, objects, spoiled, deep).map(lambda text: text.encode("utf-8", "surrogatepass"))
raw_lines = (written | st.binary(max_size=30)).map(lambda raw: raw.replace(b"\n", b"\r"))
batches = st.lists(raw_lines, min_size=1, max_size=6)


def numbers(data: bytes) -> list[int]:
    """Of the lines that are not blank."""
    return [number for number, raw in enumerate(data.removeprefix(UTF8_MARK).split(b"\n"), start=1) if raw.strip()]


@times(2000)
@given(raw_lines)
@example(b'{"id": 1e999}')
@example(b'{"id": "\\ud800"}')
@example(b'{"steps": 1e999}')
@example(b'{"steps": ' + b"9" * 5000 + b"}")
@example(b'{"prompt": "-"}')
@example(b'{"prompt": "x", "prompt_file": "y"}')
@example(b'{"seed": "nul\\u0000"}')
@example(b'{"prompt_file": "nul\\u0000"}')
@example(b'{"prompt_file": "/dev/zero"}')
@example(b'{"lora": [null]}')
@example(b"{\xff")
def test_a_line_is_understood_or_told(raw: bytes) -> None:
    line = understand(RawLine(7, raw, too_long=False), CALL)
    assert line.number == 7
    assert (line.options is None) == (line.error is not None)
    json.dumps(line.id, allow_nan=False).encode()
    if line.error is not None:
        assert line.error.message
        assert line.error.hint
        json.dumps(line.error.to_json(), allow_nan=False).encode()
        return
    assert line.options is not None
    for name in OF_THE_CALL:
        assert getattr(line.options, name, None) == getattr(CALL, name, None)


@times(300)
@given(batches, st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_lines_come_out_of_a_pipe_as_out_of_a_file(lines: list[bytes], pieces: list[int]) -> None:
    data = b"\n".join(lines)
    if data.startswith(UTF16_MARKS):
        return
    reading, writing = os.pipe()

    def write() -> None:
        place, turn = 0, 0
        while place < len(data):
            place += os.write(writing, data[place : place + pieces[turn % len(pieces)] * 97])
            turn += 1
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    source = Source("a pipe", reading)
    found = []
    while (line := source.next(wait=True)) is not None:
        found.append(line)
    writer.join()
    os.close(reading)
    assert [line.number for line in found] == numbers(data)
    rows = data.removeprefix(UTF8_MARK).split(b"\n")
    assert [line.raw for line in found] == [rows[line.number - 1].removesuffix(b"\r") for line in found]


def told(said: Said) -> list[dict[str, Any]]:
    """The results of a batch, each held to its schema."""
    found = [json.loads(line, parse_constant=lambda _name: 1 / 0) for line in said.out.splitlines()]
    for line in found:
        RESULT.validate(line)
        error = line["error"]
        assert line["ok"] == (error is None)
        assert error is None or (error["code"] and error["message"] and error["hint"])
    return found


def check_batch(said: Said, argv: list[str], data: bytes) -> list[dict[str, Any]]:
    """What holds for every batch: each line is told, by its number, in their order."""
    check(said, argv)
    if not numbers(data) or data.startswith(UTF16_MARKS):
        assert said.code == 2
        return []
    found = told(said)
    assert [line["line"] for line in found] == numbers(data), said
    errors = [line["error"] for line in found if line["error"]]
    alike = len(errors) == len(found) and len({error["code"] for error in errors}) == 1
    assert said.code == (errors[0]["exit_code"] if alike else 6 if errors else 0), said
    return found


@times(700)
@given(batches, texts, st.sampled_from([[], ["--size", "64", "--steps", "1"]]))
@example([b'{"prompt": "x", "output": "/"}', b"y"], "x.png", [])
@example([b"x"] * 2, "{seed:{model}}", [])
@example([b"x"], "~nobody/x.png", [])
def test_a_dry_run(lines: list[bytes], output: str, options: list[str]) -> None:
    data = b"\n".join(lines)
    Path("in").write_bytes(data)
    argv = ["batch", "in", "--model", "doodle", "--dry-run", *options, f"--output={output}"]
    said = call(argv)
    Path("in").unlink()
    assert list(Path().iterdir()) == []
    if output == "-":
        assert said.code == 2
        return
    check_batch(said, argv, data)


class Echo:
    """Carries to an engine that has made every picture at once: what is tried here are the lines, thousands of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._here, self._there = socket.socketpair()
        self._say(event="hello", log="x", output_dir=str(folder), settings={})

    def _say(self, **event: Any) -> None:
        self._there.sendall(wire.encode(event))

    def fileno(self) -> int:
        return self._here.fileno()

    def send(self, data: bytes) -> None:
        for request in map(wire.decode, data.splitlines()):
            if request["op"] == "submit":
                job = request["job"]
                (self._folder / job).mkdir()
                images = [f"{job}/{number}.png" for number in range(len(request.get("seeds", "x")))]
                for image in images:
                    (self._folder / image).write_bytes(picture())
                timings = dict.fromkeys(("boot_s", "queue_s", "load_s", "execution_s"), 0.0)
                self._say(event="running", job=job, device="cpu")
                self._say(event="done", job=job, images=images, timings=timings, engine=STATUS)

    def receive(self) -> bytes:
        return self._here.recv(65536)

    def epitaph(self) -> str:
        return "it ended"

    def close(self) -> None:
        self._here.close()
        self._there.close()


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "engine"
    folder.mkdir()

    class EchoEngine:
        def connect(self, *_: Any) -> Connection:
            return Connection("local", Link(Echo(folder)), folder, FACTS, 0.0, reused=True)

    monkeypatch.setattr(session, "choose", lambda _name: EchoEngine())
    yield
    assert list(folder.glob("*/*")) == [], "the engine keeps nothing"


def harmless(raw: bytes) -> bool:
    """Whether a line can be carried out: no test may write to where any text points."""
    return b"output" not in raw or raw.startswith(b'{"prompt": "x", "output"')


@pytest.mark.usefixtures("echo")
@times(300)
@given(st.lists(raw_lines.filter(harmless), min_size=1, max_size=6), st.booleans())
@example([b'{"prompt": "x", "output": "../up.png"}', b'{"prompt": "x", "output": "{index}"}', b"x"], False)
@example([b'{"prompt": "x", "output": "same.png"}', b'{"prompt": "x", "output": "same.png"}'], False)
@example([b'{"prompt": "x", "count": 3}', b"\xff", b"", b"y"], True)
@example([text.encode("utf-8", "surrogatepass").replace(b"\n", b" ") for text in NASTY], True)
def test_from_line_to_picture_and_journal(lines: list[bytes], again: bool) -> None:
    for path in [*Path().rglob("*"), Path("../up.png")]:  # what an example that failed has left
        if path.is_file():
            path.unlink()
    data = b"\n".join(lines)
    Path("in").write_bytes(data)
    argv = ["batch", "in", "--model", "doodle", "--size=64", "--steps=1", "--no-download", "--output={index}.png"]
    found = check_batch(call(argv), argv, data)
    images = [Path(image["path"]) for line in found for image in line["images"]]
    there = [path for path in Path.cwd().rglob("*") if path.is_file() and path.name != "in"]
    there += Path("..").resolve().glob("up.png")
    assert sorted(path.resolve() for path in images) == sorted(there), "no line overwrites another's"
    if again:
        resumed = check_batch(call([*argv, "--resume"]), argv, data)
        assert [(line["line"], line["ok"], line["images"]) for line in resumed] == [
            (line["line"], line["ok"], line["images"]) for line in found
        ]
        assert all(line["resumed"] for line in resumed if line["ok"])
    for path in images:
        path.unlink()
    Path("in").unlink()
    assert [path for path in Path().rglob("*") if path.is_file()] == [], "nothing is half-written"
