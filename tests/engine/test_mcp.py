"""The MCP server as an agent's program has it: the SDK's own client, over standard input and output."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import ImageContent, TextContent
from PIL import Image

from hal_image.host.mcp.preview import MOST_BYTES
from hal_image.host.mcp.tools import MOST_BYTES as MOST_OF_TOOLS
from tests.children import running_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from mcp_types import CallToolResult

    from tests.world import Hal

pytestmark = pytest.mark.local_only(reason="it calls the command line, whose engines are tested for themselves")

DOODLE = {"model": "doodle", "size": "128", "steps": 2}
"""A picture in a second."""
ENDLESS = {"model": "sd15", "size": "256", "steps": 400}
"""A picture that takes minutes."""


@pytest.fixture(autouse=True)
def nothing_is_left(hal: Hal) -> Iterator[None]:
    """A test that fails leaves no picture of minutes to the next one."""
    yield
    hal("jobs", "cancel", "--all", code=None)


@asynccontextmanager
async def client(hal: Hal, *options: str, mode: str = "auto") -> AsyncIterator[Client]:
    server = StdioServerParameters(
        command=hal.python, args=[str(hal.script), "mcp", *options], env=hal.environment, cwd=hal.cwd
    )
    async with Client(server, mode=mode, read_timeout_seconds=120) as connected:
        yield connected


def told(result: CallToolResult) -> dict[str, Any]:
    """What an agent reads."""
    (text,) = [block for block in result.content if isinstance(block, TextContent)]
    value: dict[str, Any] = json.loads(text.text)
    assert result.is_error is ("error" in value), value
    return value


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until there is something true, and returns that."""
    with anyio.fail_after(90):
        while not (value := await what()):
            await anyio.sleep(0.2)
        return value


def test_list_generate_progress_error_and_cancel(hal: Hal) -> None:
    async def talk() -> None:
        async with client(hal) as agent:
            listed = await agent.list_tools()
            assert [tool.name for tool in listed.tools] == ["generate_image", "list_models", "job", "cancel"]
            assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) < MOST_OF_TOOLS

            models = told(await agent.call_tool("list_models"))
            by_name = {model["name"]: model for model in models["models"]}
            assert by_name["doodle"]["status"] in {"included", "present"}
            assert by_name["sdxl"]["status"] == "missing"

            heard: list[tuple[float, float | None, str | None]] = []

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                heard.append((progress, total, message))

            given = {**DOODLE, "prompt": "a red car", "output": "car.png", "seed": 3, "wait_s": None, "cfg": None}
            made = await agent.call_tool("generate_image", given, progress_callback=hear)
            answer = told(made)
            assert answer["state"] == "done"
            assert answer["images"] == [{"path": str(hal.cwd / "car.png"), "seed": 3, "width": 128, "height": 128}]
            assert len(made.content) == 1, "no preview that nobody asked for"
            assert (hal.cwd / "car.png").is_file()
            values = [progress for progress, _, _ in heard]
            assert values == sorted(set(values))
            assert {total for _, total, _ in heard} == {1}
            assert "step 2 of 2" in [message for _, _, message in heard]

            wrong = told(await agent.call_tool("generate_image", {**DOODLE, "prompt": "a red car", "model": "doodl"}))
            assert wrong["error"]["code"] == "unknown_model"
            assert wrong["error"]["retryable"] is False
            assert "doodle" in wrong["error"]["hint"]
            missing = told(await agent.call_tool("generate_image", {"prompt": "a red car", "model": "sdxl"}))
            assert missing["error"]["code"] == "model_missing"
            assert "6.9 GB" in missing["error"]["hint"]
            assert "download: true" in missing["error"]["hint"]

            begun = anyio.Event()

            async def hear_begin(progress: float, total: float | None, message: str | None) -> None:
                if message and message.startswith("step"):
                    begun.set()

            async def endless() -> None:
                await agent.call_tool(
                    "generate_image", {**ENDLESS, "prompt": "taken back"}, progress_callback=hear_begin
                )

            async with anyio.create_task_group() as group:
                group.start_soon(endless)
                with anyio.fail_after(90):
                    await begun.wait()
                assert hal.engine()["state"] == "busy"
                group.cancel_scope.cancel()  # the client then tells the server so

            async def idle() -> bool:
                return bool(hal.engine()["state"] == "idle")

            await until(idle)
            jobs = told(await agent.call_tool("job"))["jobs"]
            assert [job["state"] for job in jobs if job["prompt"] == "taken back"] == ["interrupted"]

    anyio.run(talk)


def test_a_long_job_is_given_out_and_come_for(hal: Hal) -> None:
    """By its first server, by another one, and when nobody waits for it at all."""

    async def talk() -> None:
        # a picture that lasts is before it, so that it cannot be quick
        blocked = {**ENDLESS, "prompt": "in the way", "wait_s": 0}
        async with client(hal) as agent:
            first = told(await agent.call_tool("generate_image", blocked))
            assert first["state"] == "running"
            assert first["job"].startswith("call-"), "it has not got as far as the engine yet"
            await until(lambda: _is_busy(hal))
            given = {**DOODLE, "prompt": "a blue cup", "output": "cup.png", "count": 2, "wait_s": 0}
            call = told(await agent.call_tool("generate_image", given))["job"]

            async def queued() -> dict[str, Any] | None:
                running = told(await agent.call_tool("job", {"job": call, "wait_s": 1}))
                assert running["state"] == "running"
                return running if running["job"] != call else None

            second = await until(queued)
            assert second["doing"].startswith("waiting, jobs before it: ")
            listed = {job["job"]: job for job in told(await agent.call_tool("job"))["jobs"]}
            assert listed[second["job"]]["path"] == str(hal.cwd / "cup-1.png")

        async with client(hal) as another:
            again = told(await another.call_tool("job", {"job": second["job"][:8], "wait_s": 1}))
            assert again["state"] == "running"
            busy = hal.engine()["running"]
            assert told(await another.call_tool("cancel", {"job": busy})) == {"job": busy, "state": "interrupted"}
            done = told(await another.call_tool("job", {"job": second["job"], "preview": True}))
            both = [str(hal.cwd / "cup-1.png"), str(hal.cwd / "cup-2.png")]  # they differ in the seed: one job
            assert [image["path"] for image in done["images"]] == both
        assert (hal.cwd / "cup-2.png").is_file()

    anyio.run(talk)


def test_a_given_out_job_is_cancelled_by_its_server(hal: Hal) -> None:
    async def talk() -> None:
        async with client(hal) as agent:
            given = {**ENDLESS, "prompt": "x", "wait_s": 0}
            call = told(await agent.call_tool("generate_image", given))["job"]
            await until(lambda: _is_busy(hal))
            running = told(await agent.call_tool("job", {"job": call, "wait_s": 1}))
            assert running["job"] == hal.engine()["running"]
            assert told(await agent.call_tool("cancel", {"job": running["job"]}))["state"] == "interrupted"
            ended = told(await agent.call_tool("job", {"job": running["job"]}))
            assert ended["error"]["code"] == "cancelled"
            assert ended["error"]["hint"]
            unknown = told(await agent.call_tool("cancel", {"job": "0" * 8}))
            assert unknown["error"]["code"] == "job_unknown"

    anyio.run(talk)


def test_pictures_are_shown_on_request_and_stay_small(hal: Hal) -> None:
    async def talk() -> None:
        # the synthetic checkpoint draws noise, which no JPEG makes small
        noise = {"model": "sd15", "size": "256", "steps": 1, "prompt": "x", "output": "noise.png", "wait_s": 300}
        async with client(hal, mode="legacy") as agent:
            made = await agent.call_tool("generate_image", {**noise, "count": 2, "preview": True})
            assert len(told(made)["images"]) == 2
            shown = [block for block in made.content if isinstance(block, ImageContent)]
            assert len(shown) == 2
            assert sum(len(block.data) for block in shown) <= MOST_BYTES
            for block in shown:
                with Image.open(io.BytesIO(base64.b64decode(block.data))) as picture:
                    assert (picture.format, max(picture.size)) == ("JPEG", 256)
            server = running_with("mcp")[0]
            assert server.net_connections(kind="inet") == []

    anyio.run(talk)


@pytest.mark.parametrize("leave", ["eof", "SIGTERM", "deaf"])
def test_a_client_that_leaves_takes_its_request_back(hal: Hal, leave: str) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    call = {
        "name": "generate_image",
        "arguments": {**ENDLESS, "prompt": "x"},
        "_meta": {"progressToken": 1},
    }
    with hal.start("mcp", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, (method, params) in enumerate([("initialize", hello), ("tools/call", call)]):
            line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            if method == "initialize":
                answer = json.loads(process.stdout.readline())
                assert answer["result"]["serverInfo"]["name"] == "hal-generate-image"
                process.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        hal.wait_until_busy()
        if leave == "eof":
            process.stdin.close()
        elif leave == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdout.close()
        rest = b"" if process.stdout.closed else process.stdout.read()
        ends = {"eof": 0, "SIGTERM": 128 + signal.SIGTERM, "deaf": 128 + signal.SIGPIPE}
        assert process.wait(60) == ends[leave]
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert [line for line in rest.splitlines() if "jsonrpc" not in json.loads(line)] == []
    hal.wait_until_idle()


def test_what_an_agent_gets_wrong_is_told_as_it_would_put_it_right(hal: Hal) -> None:
    async def talk() -> None:
        async with client(hal, "--wait", "30") as agent:

            async def error(tool: str, **given: Any) -> dict[str, Any]:
                refused: dict[str, Any] = told(await agent.call_tool(tool, given))["error"]
                return refused

            assert (await error("generate_image"))["hint"] == "give prompt"
            steps = await error("generate_image", **{**DOODLE, "prompt": "x", "steps": 0})
            assert (steps["code"], steps["message"]) == ("usage", "steps: 0 is out of range; give 1 to 10000")
            named = await error("generate_image", prompt="x", step=3)
            assert named["message"] == "there is no argument 'step'"
            assert "steps" in named["hint"]
            assert "true or false" in (await error("generate_image", prompt="x", download="yes"))["hint"]
            assert "3600" in (await error("generate_image", prompt="x", wait_s=-1))["hint"]
            assert "a text nor a number" in (await error("generate_image", prompt=["x"]))["message"]
            assert (await error("job", job="--all"))["code"] == "usage"
            assert (await error("job", job="12345678"))["code"] == "job_unknown"
            assert "cancel needs" in (await error("cancel"))["message"]
            assert "generate_image" in (await error("draw"))["hint"]

    anyio.run(talk)


def test_a_call_that_dies_is_told(hal: Hal) -> None:
    async def talk() -> None:
        async with client(hal) as agent:
            given = {**ENDLESS, "prompt": "x", "wait_s": 0}
            call = told(await agent.call_tool("generate_image", given))["job"]
            await until(lambda: _is_busy(hal))
            job = told(await agent.call_tool("job", {"job": call, "wait_s": 0}))["job"]
            (child,) = running_with("mcp")[0].children()
            os.kill(child.pid, signal.SIGKILL)
            lost = told(await agent.call_tool("job", {"job": job, "wait_s": 5}))
            assert lost["error"]["code"] == "mcp_call_lost"
            assert lost["error"]["retryable"] is False
            # the engine goes on with it, and says so
            assert told(await agent.call_tool("job", {"job": job, "wait_s": 0}))["state"] == "running"
            assert told(await agent.call_tool("cancel", {"job": job}))["state"] == "interrupted"

    anyio.run(talk)


async def _is_busy(hal: Hal) -> bool:
    return any(engine["state"] == "busy" for engine in hal.engines())
