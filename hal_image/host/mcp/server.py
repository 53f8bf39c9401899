"""The protocol: tools over standard input and output, with the official SDK."""

from __future__ import annotations

import json
import os
import select
import signal
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server as Protocol
from mcp.server.stdio import stdio_server

from hal_image import about, interrupt
from hal_image.errors import UsageError
from hal_image.host.main import as_told
from hal_image.host.mcp import answers, arguments, tools
from hal_image.host.mcp.calls import Calls
from hal_image.host.result import envelope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType
    from typing import NoReturn

    from mcp.server.context import ServerRequestContext
    from mcp.server.session import ServerSession

    from hal_image.errors import JsonObject
    from hal_image.host.mcp.calls import Call, Server

LOOK_EVERY_S = 0.1
WATCH_EVERY_S = 1.0
MOST_WAIT_S = 3600.0
TAKE_BACK_S = 15.0
"""Seconds that a call is given to take its jobs back; then it is made to end."""

Handed = dict[str, Any]
"""What a client hands over: anything that JSON can say."""


def serve(server: Server, wait_s: float) -> None:
    """Serves one client until it closes standard input.

    Args:
        server: how the command line is called.
        wait_s: seconds after which a job id is returned, where the agent does not say.
    """
    _Session(server, wait_s).run()


class _Session:
    """The conversation with one client."""

    def __init__(self, server: Server, wait_s: float) -> None:
        self._calls = Calls(server)
        self._wait_s = wait_s
        self._tools = {tool.name: tool for tool in tools.tools(wait_s)}
        self._handlers = {
            tools.GENERATE: self._generate,
            tools.LIST: self._list,
            tools.JOB: self._job,
            tools.CANCEL: self._cancel,
        }

    def run(self) -> None:
        for number in interrupt.NAMES:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._stop)
        try:
            anyio.run(self._serve)
        except Exception as error:
            if not _is_of_a_reader_that_went(error):
                raise
            raise BrokenPipeError from error
        finally:
            self._calls.take_back()

    def _stop(self, number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002 - what a handler is given
        """Ends at once: the loop would wait for the thread that reads standard input."""
        try:
            self._calls.take_back()
        finally:
            os._exit(128 + number)

    async def _serve(self) -> None:
        protocol = Protocol(
            about.PROGRAM,
            version=about.version(),
            instructions=tools.INSTRUCTIONS,
            on_list_tools=self._on_list,
            on_call_tool=self._on_call,
        )
        reader = os.dup(1)  # the SDK puts another file in its place
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, reader)
            async with stdio_server() as (received, sent):
                await protocol.run(received, sent, protocol.create_initialization_options())
            group.cancel_scope.cancel()

    async def _watch(self, reader: int) -> None:
        """Ends when nobody reads what is written, also while nothing is: the SDK would wait for standard input."""
        poll = select.poll()
        poll.register(reader, 0)  # an error is always told
        while not poll.poll(0):
            await anyio.sleep(WATCH_EVERY_S)
        self._stop(signal.SIGPIPE, None)

    async def _on_list(
        self,
        context: ServerRequestContext,  # noqa: ARG002 - what a handler is given
        params: types.PaginatedRequestParams | None,  # noqa: ARG002 - likewise
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_declared(tool) for tool in self._tools.values()])

    async def _on_call(
        self, context: ServerRequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        given = params.arguments or {}
        look = False
        try:
            if params.name not in self._tools:
                known = ", ".join(self._tools)
                raise UsageError(f"there is no tool {params.name[:40]!r}", hint=f"the tools are: {known}")
            arguments.check_names(given, self._tools[params.name].properties)
            look = arguments.flag(given, "preview")
            told = await self._handlers[params.name](given, context.session)
        except Exception as error:  # noqa: BLE001 - whatever it is, the agent is told, and the server stays
            told = answers.failed(envelope(params.name, {}, (), as_told(error)))
        return _result(told, [image["path"] for image in told.get("images", ())] if look else [])

    async def _generate(self, given: Handed, session: ServerSession) -> JsonObject:
        options = arguments.command_line(given)
        wait_s = self._wait(given)
        prompt = arguments.text("prompt", given.get("prompt", ""))
        count = given.get("count")
        call = self._calls.make(options, prompt, count if isinstance(count, int) else 1)
        try:
            ended = await _follow(call, wait_s, session)
        except anyio.get_cancelled_exc_class():  # the client took the request back, or has gone
            await _take_back(call)
            raise
        if not ended:
            call.given_out = True
        return answers.ended(call) if ended else answers.running(call)

    async def _list(self, given: Handed, session: ServerSession) -> JsonObject:  # noqa: ARG002 - as the others
        answer = await _answer(self._calls.ask("models", "list"))
        return answers.models(answer) if answer["ok"] else answers.failed(answer)

    async def _job(self, given: Handed, session: ServerSession) -> JsonObject:
        wait_s = self._wait(given)
        name = _name(given)
        if name is None:
            answer = await _answer(self._calls.ask("jobs", "list"))
            return answers.jobs(answer, self._calls.nameless()) if answer["ok"] else answers.failed(answer)
        call = self._calls.find(name) or self._calls.wait_for(name)
        if await _follow(call, wait_s, session):
            return answers.ended(call)
        return answers.running(call)

    async def _cancel(self, given: Handed, session: ServerSession) -> JsonObject:  # noqa: ARG002 - as the others
        name = _name(given)
        if name is None:
            raise UsageError("cancel needs the id of a job", hint="call job without an id: it lists them")
        call = self._calls.find(name)
        if call is None or not call.makes_pictures:
            return answers.taken_back(name, await _answer(self._calls.ask("jobs", "cancel", name)))
        await _take_back(call)
        return answers.taken_back(name, await _answer(call))

    def _wait(self, given: Mapping[str, Any]) -> float:
        value = given.get("wait_s")
        if value is None:
            return self._wait_s
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_WAIT_S:
            raise UsageError("wait_s: it is no number of seconds", hint=f"give 0 to {MOST_WAIT_S:g}")
        return float(value)


def _is_of_a_reader_that_went(error: BaseException) -> bool:
    """Whether the client stopped reading, or all of a group of errors are of that."""
    inner = getattr(error, "exceptions", None)  # of ExceptionGroup, which Python 3.10 does not know
    if inner is None:
        return isinstance(error, BrokenPipeError)
    return all(map(_is_of_a_reader_that_went, inner))


def _name(given: Mapping[str, Any]) -> str | None:
    value = given.get("job")
    if value is None:
        return None
    name = arguments.text("job", value)
    if name.startswith("-"):  # the command line would take it for an option
        raise UsageError("job: an id does not begin with a dash", hint="call job without an id: it lists them")
    return name


async def _follow(call: Call, wait_s: float, session: ServerSession) -> bool:
    """Tells the client how far a call is, until it has ended or the time is up; whether it has ended."""
    end = anyio.current_time() + wait_s
    while True:
        for progress in call.read():
            await session.report_progress(progress.value, progress.total, progress.message)
        if call.answer is not None:
            return True
        if anyio.current_time() >= end:
            return False
        await anyio.sleep(LOOK_EVERY_S)


async def _answer(call: Call) -> JsonObject:
    """The object that a call ends with."""
    while call.answer is None:
        call.read()
        await anyio.sleep(LOOK_EVERY_S / 2)
    return call.answer


async def _take_back(call: Call) -> None:
    """Ends a call as Ctrl-C does, whatever happens meanwhile."""
    with anyio.CancelScope(shield=True):
        call.interrupt()
        with anyio.move_on_after(TAKE_BACK_S):
            await _answer(call)
            return
        call.interrupt()


def _declared(tool: tools.Tool) -> types.Tool:
    schema: JsonObject = {"type": "object", "properties": tool.properties}
    if tool.required:
        schema["required"] = list(tool.required)
    reads = types.ToolAnnotations(read_only_hint=True) if tool.reads_only else None
    return types.Tool(name=tool.name, description=tool.about, input_schema=schema, annotations=reads)


def _result(told: JsonObject, files: list[str]) -> types.CallToolResult:
    """An answer as text, with previews of ``files``."""
    shown: list[types.ContentBlock] = []
    if files:
        from hal_image.host.mcp.preview import previews  # noqa: PLC0415 - only for those who look

        try:
            shown = [types.ImageContent(type="image", data=data, mime_type="image/jpeg") for data in previews(files)]
        except OSError as error:
            told = {**told, "preview": f"there is none: {error}"}
    text = json.dumps(told, ensure_ascii=False)
    if not text.isprintable():  # a path may hold bytes that are no UTF-8
        text = json.dumps(told)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text), *shown], is_error="error" in told)
