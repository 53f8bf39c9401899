"""Calls of ``models`` that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.store.conftest import Call


@pytest.mark.parametrize(
    "argv",
    [
        ("pull",), ("show",), ("show", "sd15", "sdxl"), ("list", "sd15"), ("rm",), ("prune",), ("add", "x"),
        ("import",), ("list", "--yes"), ("pull", "sd15", "--repair"), ("prune", "--max-size", "40"),
        ("add", "x.safetensors", "--name", "No Name"), ("import", "/nowhere"),
    ],
)  # fmt: skip
def test_calls_that_are_wrong(call: Call, argv: tuple[str, ...]) -> None:
    code, answer = call("models", *argv)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert answer["error"]["hint"]
