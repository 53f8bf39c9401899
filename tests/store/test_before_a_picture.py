"""A model file that is not what its model needs: what a picture says of it before it is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hal_image.models.safetensors_header import read_header
from tests.store.conftest import Call, place
from tests.synthetic import write_flux_parts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.hub_server import Hub


def without(path: Path, name: str) -> bytes:
    """A checkpoint, well-formed, without one of its tensors."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header, body = {}, bytearray()
    for key, tensor in read_header(path).tensors.items():
        if key != name:
            place = [len(body), len(body) + tensor.end - tensor.begin]
            header[key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": place}
            body += data[begin + tensor.begin : begin + tensor.end]
    assert len(header) == len(read_header(path).tensors) - 1
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("cut", "model_corrupt"),
        ("a web page", "model_corrupt"),
        ("a pointer", "model_corrupt"),
        ("a pickle", "model_corrupt"),
        ("empty", "model_corrupt"),
        ("a tensor less", "model_incomplete"),
        ("another network", "model_wrong"),
    ],
)
def test_never_a_garbage_picture(
    call: Call, mine: Hub, checkpoint: Path, folder: Path, tmp_path: Path, how: str, error: str
) -> None:
    data = {
        "cut": mine.data[:-1],
        "a web page": b"<!doctype html><html>Sign in</html>",
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a pickle": b"PK\x03\x04" + b"x" * 100,
        "empty": b"",
    }.get(how)
    if how == "a tensor less":
        data = without(checkpoint, "model.diffusion_model.input_blocks.1.0.out_layers.3.weight")
    elif how == "another network":
        data = write_flux_parts(tmp_path / "parts")["vae"].read_bytes()
    assert data is not None
    place(folder, data)
    code, answer = call("-p", "x", "-m", "mine", "-o", str(tmp_path / "x.png"))
    assert (code, answer["error"]["code"]) == (4, error)
    assert "models verify mine --repair" in answer["error"]["hint"]
    assert "\n" not in answer["error"]["message"] + answer["error"]["hint"]
    assert mine.asked == [], "nothing is replaced unasked"
