from __future__ import annotations

from hal_image.host.metadata import a1111_parameters
from hal_image.request import Control, ImageRequest, InputPicture, Lora

REQUEST = ImageRequest("a cube,\nred", "blurry", "sdxl", 1024, 768, 25, 7.0, None, "euler", "normal", 42)
MODEL = {"files": [{"name": "sd_xl_base_1.0.safetensors", "sha256": "31e35c80fc4829d1" + "0" * 48}]}


def test_a1111_text() -> None:
    lines = a1111_parameters(REQUEST, MODEL).splitlines()
    assert lines[:3] == ["a cube,", "red", "Negative prompt: blurry"]
    assert lines[3].startswith(
        "Steps: 25, Sampler: euler, Schedule type: normal, CFG scale: 7.0, Seed: 42, Size: 1024x768"
    )
    assert "Model hash: 31e35c80fc, Model: sd_xl_base_1.0" in lines[3]


def test_what_is_not_there_is_left_out() -> None:
    text = a1111_parameters(
        REQUEST._replace(negative_prompt=""), {"files": [{"name": "x.safetensors", "sha256": None}]}
    )
    assert "Negative" not in text
    assert "hash" not in text
    assert "Distilled" not in text


def test_guidance_has_the_name_that_forge_gave_it() -> None:
    assert "Distilled CFG Scale: 3.5" in a1111_parameters(REQUEST._replace(guidance=3.5), MODEL)


def test_loras_are_in_the_prompt_and_controlnets_behind_it_as_a1111_has_them() -> None:
    loras = (
        Lora("mine", "styles/ink.safetensors", "a" * 64, 0.8, 0.8),
        Lora("other", "fog.safetensors", "b" * 64, 1.0, 0.5),
    )
    control = Control(
        "canny", "edges", "sub/edges.safetensors", "c" * 64, InputPicture("/x.png", "d" * 64), 0.5, 0, 0.6
    )
    lines = a1111_parameters(REQUEST._replace(loras=loras, controls=(control,)), MODEL).splitlines()
    assert lines[1] == "red<lora:ink:0.8><lora:fog:0.5:1>"
    assert 'ControlNet 0: "Module: canny, Model: edges, Weight: 0.5,' in lines[3]
    assert 'Guidance Start: 0, Guidance End: 0.6"' in lines[3]
