from __future__ import annotations

import argparse

import pytest

from hal_image.host.extra_arguments import ControlOption, LoraOption, control, lora


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ink", LoraOption("ink")),
        ("ink:0.8", LoraOption("ink", 0.8, 0.8)),
        ("ink:0.8:0", LoraOption("ink", 0.8, 0.0)),
        ("ink:-1.5:.5", LoraOption("ink", -1.5, 0.5)),
        ("styles/ink v2:1", LoraOption("styles/ink v2")),
        (r"C:\loras\ink.safetensors", LoraOption(r"C:\loras\ink.safetensors")),
        (r"C:\loras\ink.safetensors:0.5", LoraOption(r"C:\loras\ink.safetensors", 0.5, 0.5)),
        ("my:ink:0.5", LoraOption("my:ink", 0.5, 0.5)),
        ("a:b:c", LoraOption("a:b:c")),
        ("1:2:3:4", LoraOption("1:2", 3.0, 4.0)),
        ("ink:0,8", LoraOption("ink:0,8")),
    ],
)
def test_only_numbers_at_the_end_are_weights(text: str, wanted: LoraOption) -> None:
    assert lora(text) == wanted


@pytest.mark.parametrize("text", ["", ":0.5", "ink:", "ink:11", "ink:1:-10.5", " "])
def test_what_is_no_lora(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        lora(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("canny:photo.png", ControlOption("canny", None, "photo.png")),
        ("canny:photo.png:0.5", ControlOption("canny", None, "photo.png", 0.5)),
        ("depth:a b.png:2:0.25-0.75", ControlOption("depth", None, "a b.png", 2.0, 0.25, 0.75)),
        (r"canny:C:\photo.png:0.5", ControlOption("canny", None, r"C:\photo.png", 0.5)),
        ("canny@my-net:/a:1/b.png:1:0-1", ControlOption("canny", "my-net", "/a:1/b.png")),
        ("canny:me@home.png", ControlOption("canny", None, "me@home.png")),
        ("sub/net:x.png:0", ControlOption("sub/net", None, "x.png", 0.0)),
        ("canny:x.png:0-0.5", ControlOption("canny", None, "x.png:0-0.5")),
    ],
)
def test_a_control_is_a_type_and_a_picture_and_numbers_at_the_end(text: str, wanted: ControlOption) -> None:
    assert control(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "canny", "canny:", ":x.png", "canny:x.png:", "canny:x.png:11", "canny:x:1:0.5-0.5", "canny:x:1:0-2"]
)
def test_what_is_no_control(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        control(text)
