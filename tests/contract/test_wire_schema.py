"""What host and engine say to each other, held against the schema of the wire."""

from __future__ import annotations

import ast
import re
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from hal_image import wire
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.errors import InternalError
from hal_image.host.engines.link import Link, to_socket
from tests.contract import schemas
from tests.contract.graph_cases import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINE_SOURCES = sorted((Path(wire.__file__).parent / "engine").glob("*.py"))


def wire_parts(kind: str) -> dict[str, dict[str, Any]]:
    """Requests or events of the schema, by name."""
    prefix = f"{kind}_"
    definitions = schemas.load("wire")["$defs"]
    return {name.removeprefix(prefix): part for name, part in definitions.items() if name.startswith(prefix)}


def test_status_fields_are_those_of_the_code() -> None:
    definitions = schemas.load("wire")["$defs"]
    assert list(definitions["engine_status"]["properties"]) == list(wire.EngineStatus._fields)
    assert definitions["engine_status"]["required"] == list(wire.EngineStatus._fields)
    assert list(definitions["settings"]["properties"]) == list(wire.EngineSettings._fields)
    event = definitions["event_status"]["properties"]
    assert event == {**{name: event[name] for name in ("v", "event")}, **definitions["engine_status"]["properties"]}


def documented_lines() -> dict[str, dict[str, list[str]]]:
    """Requests and events as the table in wire's docstring has them: by name, with their fields."""
    found: dict[str, dict[str, list[str]]] = {"request": {}, "event": {}}
    kind = ""
    for line in (wire.__doc__ or "").splitlines():
        if line.startswith("host → engine"):
            kind = "request"
        elif line.startswith("engine → host"):
            kind = "event"
        elif kind and (match := re.match(r"``(\w+)``\s+(?P<fields>(?:\w+(?:, \w+)*)?|…)\s{2,}\S", line)):
            found[kind][match[1]] = re.findall(r"\w+", match["fields"])
    return found


@pytest.mark.parametrize("kind", ["request", "event"])
def test_the_docstring_and_the_schema_name_the_same_lines(kind: str) -> None:
    documented, described = documented_lines()[kind], wire_parts(kind)
    assert set(documented) == set(described)
    for name, fields in documented.items():
        assert set(fields) <= described[name]["properties"].keys(), name


def test_every_event_in_the_engine_is_in_the_schema() -> None:
    described = wire_parts("event")
    seen = set()
    for source in ENGINE_SOURCES:
        if source.stem == "order":  # of containers that talk to the host that started them, and to nobody over the wire
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Dict):
                continue
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if "event" not in keys:
                continue
            value = node.values[node.keys.index(next(k for k in node.keys if getattr(k, "value", "") == "event"))]
            assert isinstance(value, ast.Constant)
            assert isinstance(value.value, str)
            assert set(keys) <= described[value.value]["properties"].keys() | {"job"}, f"{source.name}:{node.lineno}"
            seen.add(value.value)
    assert seen == set(described)


def test_encode_and_decode() -> None:
    line = {
        "op": "submit",
        "job": str(uuid.uuid4()),
        "graph": {"1": {"class_type": "A", "inputs": {}}},
        "keep_alive_s": -1,
    }
    raw = wire.encode(line)
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    assert wire.decode(raw) == {"v": wire.WIRE_VERSION, **line}
    schemas.strict("wire").validate(wire.decode(raw))
    assert wire.encode({"op": "x", "text": "é\u2028\N{ROBOT FACE}\x1b"}).isascii()


@pytest.mark.parametrize(
    ("raw", "code"), [(b"no json", "wire_invalid"), (b"[]", "wire_version"), (b'{"v": 99}', "wire_version")]
)
def test_what_is_no_line_is_not_decoded(raw: bytes, code: str) -> None:
    with pytest.raises(InternalError) as caught:
        wire.decode(raw)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"v": 1},
        {"v": 2, "op": "status"},
        {"v": 1, "op": "paint"},
        {"v": 1, "event": "paint"},
        {"v": 1, "op": "submit", "job": "1", "graph": {}, "keep_alive_s": 1},
        {"v": 1, "op": "cancel"},
        {"v": 1, "event": "queued", "position": 0},
        {"v": 1, "event": "failed", "job": None, "error": None},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_a_line(line: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schemas.load("wire")).is_valid(line)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    """A line to an engine that never works: its worker is not started."""
    settings = wire.EngineSettings("0", str(tmp_path), sys.executable, str(tmp_path), cpu=True)
    worker = Worker(settings, tmp_path, keep_alive_s=300.0)
    info = {
        "settings": settings._asdict(),
        "output_dir": str(worker.comfy.output_dir),
        "log": str(worker.comfy.log),
        "comfyui": {},
        "tool_version": "0",
    }
    with EngineServer(tmp_path / "engine.sock", worker, info) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        opened = to_socket(tmp_path / "engine.sock")
        yield opened
        opened.close()
        server.shutdown()
        thread.join()


def test_a_real_conversation(link: Link) -> None:
    job = str(uuid.uuid4())
    graph = CASES["sd15"].graph().to_prompt()
    lines = [link.hello]

    def say(**request: object) -> None:
        schemas.strict("wire").validate(wire.decode(wire.encode(request)))
        link.send(**request)

    def hear(event: str) -> None:
        heard = link.next(5.0)
        while heard is not None and heard["event"] == "booting":
            lines.append(heard)
            heard = link.next(5.0)
        assert heard is not None
        assert heard["event"] == event
        lines.append(heard)

    say(op="submit", job=job, graph=graph, keep_alive_s=300.0, keep=True)
    hear("queued")
    say(op="status")
    hear("status")
    say(op="cancel", job=job)
    hear("failed")
    assert lines[-1]["error"]["code"] == "cancelled"
    say(op="attach", job=str(uuid.uuid4()))
    hear("failed")
    for operation in ("free", "boot"):
        say(op=operation)
        hear("status")
    say(op="stop", force=True)
    hear("status")
    say(op="submit", job=str(uuid.uuid4()), graph=graph, keep_alive_s=300.0)
    hear("failed")
    assert lines[-1]["error"]["code"] == "engine_draining"
    link.send(op="paint")
    hear("failed")
    assert lines[-1]["job"] is None
    assert lines[-1]["error"]["code"] == "wire_invalid"
    for line in lines:
        schemas.strict("wire").validate(line)
