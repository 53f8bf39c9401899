"""What an agent reads of the tools, as it goes over the wire."""

from __future__ import annotations

from mcp_types import ListToolsResult

from hal_image.host.mcp import server, tools


def test_all_tools_together_are_small() -> None:
    declared = [server._declared(tool) for tool in tools.tools(50.0)]
    wire = ListToolsResult(tools=declared).model_dump_json(by_alias=True, exclude_none=True)
    assert len(wire.encode()) < tools.MOST_BYTES


def test_what_must_be_given_can_be_given_and_is_described() -> None:
    for tool in tools.tools(50.0):
        assert set(tool.required) <= tool.properties.keys()
        assert tool.about.endswith(".")
        for value in tool.properties.values():
            assert value["type"] in {"string", "integer", "number", "boolean", "array"}
            assert value["description"]
    assert [tool.name for tool in tools.tools(50.0) if tool.reads_only] == ["list_models"]
    (wait,) = [tool.properties["wait_s"] for tool in tools.tools(7.5) if tool.name == "job"]
    assert "default 7.5" in wait["description"]
