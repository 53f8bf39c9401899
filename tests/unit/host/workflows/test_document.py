from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hal_image import png
from hal_image.errors import UsageError
from hal_image.host.workflows.document import read
from tests.unit.host.job_examples import picture
from tests.unit.workflow.own.nodes import DEFINITIONS, graph

if TYPE_CHECKING:
    from pathlib import Path


def refuse(file: Path, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(str(file)).graph(DEFINITIONS)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \n"])
def test_json_is_read(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "x.json").write_bytes(start + json.dumps(graph()).encode())
    assert read(str(tmp_path / "x.json")).graph(DEFINITIONS) == graph()


def test_a_picture_s_graph_comes_before_what_its_editor_showed(tmp_path: Path) -> None:
    editors = json.dumps({"nodes": [], "links": []})
    texts = {"workflow": editors, "prompt": json.dumps(graph()).replace("5", "NaN", 1)}
    (tmp_path / "x.png").write_bytes(png.with_texts(picture(), texts))
    assert read(str(tmp_path / "x.png")).graph(DEFINITIONS)["3"]["class_type"] == "Sampler"
    (tmp_path / "x.png").write_bytes(png.with_texts(picture(), {"workflow": editors, "prompt": "a poem"}))
    assert read(str(tmp_path / "x.png")).graph(DEFINITIONS) == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"3", b"{}", b'{"nodes": 3}', b'{"prompt": "x"}', b"\xff\xfe", b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}", picture(), picture()[:40], png.with_texts(picture(), {"prompt": "{"}),
    ],
)  # fmt: skip
def test_what_is_no_workflow_is_said(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x").write_bytes(raw)
    refuse(tmp_path / "x", "workflow_invalid")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    refuse(tmp_path / "none.json", "workflow_unreadable")
    refuse(tmp_path, "workflow_unreadable")


@pytest.mark.parametrize("own", ["{}", "[]", "x", '{"request": {"workflow": {"pictures": [1]}}}', '{"request": null}'])
def test_what_our_metadata_says_of_pictures_may_be_anything(tmp_path: Path, own: str) -> None:
    (tmp_path / "x.png").write_bytes(png.with_texts(picture(), {"prompt": json.dumps(graph()), "hal8000": own}))
    assert read(str(tmp_path / "x.png")).pictures == {}
