"""Requests with records in them, to JSON and back."""

from __future__ import annotations

import json

from hal_image.request import Control, ImageRequest, InputPicture, Lora, Memory, from_json

PLAIN = ImageRequest("a cube", "", "sd15", 64, 64, 1, 7.0, None, "euler", "normal", 1)


def test_what_is_made_with_loras_and_controlnets_comes_back() -> None:
    lora = Lora("ink", "styles/ink.safetensors", "a" * 64, 0.8, 0.5)
    control = Control("canny", "edges", "e.safetensors", "b" * 64, InputPicture("/x.png", "c" * 64), 0.5, 0.0, 0.6)
    request = PLAIN._replace(loras=(lora, lora), controls=(control,))
    assert from_json(json.loads(json.dumps(request.to_json()))) == request


def test_what_a_picture_does_without_comes_back() -> None:
    request = PLAIN._replace(memory=Memory(vae_tile=256, offload=True))
    assert from_json(json.loads(json.dumps(request.to_json()))) == request


def test_without_any_there_is_no_field() -> None:
    assert {"loras", "controls", "memory"} & PLAIN.to_json().keys() == set()
