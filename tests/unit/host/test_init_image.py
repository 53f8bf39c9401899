from __future__ import annotations

import hashlib
import io
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from hal_image import request as requests
from hal_image.errors import UsageError
from hal_image.host import init_image
from hal_image.host.arguments import parse
from hal_image.host.delivery import command_again
from hal_image.host.metadata import a1111_parameters
from hal_image.host.render import Output
from hal_image.host.request_builder import build
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.request import Init, InputPicture
from hal_image.workflow.init_image import AREA, MASK, PICTURE
from tests.unit.host.job_examples import MODEL, REQUEST, record

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.materials import Materials

MODELS = load_registry(default_registry_path()).models
FULL = Init(
    InputPicture("/a.png", "5e" * 32), 0.5, mask=InputPicture("/m.png", "a5" * 32), feather=4, outpaint=(8, 0, 16, 0)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a picture, a mask of half its size, and a black one."""
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((128, 96)).convert("RGB").save("a.png")
    mask = Image.new("L", (64, 48), 0)
    mask.paste(255, (16, 8, 48, 40))
    mask.save("mask.png")
    Image.new("L", (128, 96), 0).save("black.png")
    return tmp_path


def gathered(*arguments: str, output: Output | None = None) -> Materials:
    options = parse(["-p", "x", *arguments], "hal")
    return init_image.gather(options, MODELS["sd15"], output or Output("generate", quiet=True))


def init_of(*arguments: str) -> Init:
    init = gathered(*arguments).fields["init"]
    assert isinstance(init, Init)
    return init


def shown(materials: Materials, name: str) -> Image.Image:
    with Image.open(io.BytesIO(materials.inputs[name])) as image:
        copy: Image.Image = image.copy()
        return copy


def test_without_a_picture_there_is_nothing_to_do() -> None:
    assert gathered() == ({}, (), {})


@pytest.mark.usefixtures("folder")
def test_the_picture_itself_goes_into_the_graph() -> None:
    materials = gathered("--init-image", "a.png")
    assert set(materials.inputs) == {PICTURE}
    with Image.open("a.png") as given:
        assert shown(materials, PICTURE).tobytes() == given.tobytes()
    assert (materials.fields["width"], materials.fields["height"]) == (128, 96)


def test_it_is_remembered_by_its_path_and_its_bytes(folder: Path) -> None:
    image = init_of("--init-image", "a.png").image
    assert image == (str(folder / "a.png"), hashlib.sha256((folder / "a.png").read_bytes()).hexdigest())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "strength", "feather"),
    [
        ((), 0.75, 0),
        (("--mask", "mask.png"), 1.0, 8),
        (("--outpaint", "8,0,0,0"), 1.0, 8),
        (("--strength", "0"), 0.0, 0),
        (("--mask", "mask.png", "--strength", "0.4", "--feather", "0"), 0.4, 0),
    ],
)
def test_defaults(arguments: tuple[str, ...], strength: float, feather: int) -> None:
    init = init_of("--init-image", "a.png", *arguments)
    assert (init.strength, init.feather) == (strength, feather)


@pytest.mark.usefixtures("folder")
def test_a_mask_of_another_size_is_scaled() -> None:
    materials = gathered("--init-image", "a.png", "--mask", "mask.png", "--feather", "0")
    mask = shown(materials, MASK)
    assert mask.size == (128, 96)
    assert (mask.getpixel((64, 48)), mask.getpixel((28, 48)), mask.getpixel((100, 48))) == (255, 0, 0)
    assert shown(materials, AREA).size == (16, 12)


@pytest.mark.usefixtures("folder")
def test_a_mask_is_cut_as_its_picture_is() -> None:
    Image.new("RGB", (300, 100)).save("wide.png")
    mask = Image.new("L", (300, 100), 0)
    mask.paste(255, (150, 0, 300, 100))
    mask.save("right.png")
    materials = gathered("--init-image", "wide.png", "--mask", "right.png", "--size", "64x64", "--feather", "0")
    row = [shown(materials, MASK).getpixel((x, 32)) for x in range(64)]
    assert row[:31] == [0] * 31
    assert row[33:] == [255] * 31


@pytest.mark.usefixtures("folder")
def test_mask_and_outpaint_together_change_both() -> None:
    materials = gathered("--init-image", "a.png", "--mask", "mask.png", "--outpaint", "32,0,0,16", "--feather", "0")
    mask = shown(materials, MASK)
    assert (materials.fields["width"], materials.fields["height"]) == mask.size == (160, 112)
    assert shown(materials, PICTURE).size == mask.size
    places = {(8, 50): 255, (96, 48): 255, (40, 8): 0, (96, 100): 255, (150, 90): 0}
    assert {place: mask.getpixel(place) for place in places} == places


@pytest.mark.usefixtures("folder")
def test_a_picture_that_had_to_be_scaled_is_told() -> None:
    output = Output("generate", quiet=True)
    Image.new("RGB", (2000, 1000)).save("large.png")
    gathered("--init-image", "large.png", output=output)
    (warning,) = output.warnings
    assert warning.code == "init_image_scaled"
    assert warning.details is not None
    assert (warning.details["from"], warning.details["to"]) == ("2000x1000", "728x360")


@pytest.mark.usefixtures("folder")
def test_a_size_that_was_asked_for_is_no_news() -> None:
    output = Output("generate", quiet=True)
    gathered("--init-image", "a.png", "--size", "64x48", output=output)
    assert output.warnings == []


@pytest.mark.usefixtures("folder")
def test_feather_without_a_mask_does_nothing_and_that_is_told() -> None:
    output = Output("generate", quiet=True)
    assert gathered("--init-image", "a.png", "--feather", "4", output=output).fields["init"].feather == 0
    assert [warning.code for warning in output.warnings] == ["parameter_without_effect"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--mask", "mask.png"), "init_image_missing"),
        (("--strength", "0"), "init_image_missing"),
        (("--feather", "0"), "init_image_missing"),
        (("--outpaint", "8,8,8,8"), "init_image_missing"),
        (("--init-image", "no.png"), "input_unreadable"),
        (("--init-image", "a.png", "--mask", "no.png"), "input_unreadable"),
        (("--init-image", "a.png", "--mask", "black.png"), "mask_empty"),
        (("--init-image", "a.png", "--mask", "black.png", "--outpaint", "8,0,0,0"), "mask_empty"),
        (("--init-image", "a.png", "--outpaint", "9,0,0,0"), "outpaint_invalid"),
        (("--init-image", "a.png", "--size", "100"), "size_invalid"),
    ],
)
def test_what_is_wrong(arguments: tuple[str, ...], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        gathered(*arguments)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.usefixtures("folder")
def test_a_mask_that_is_smaller_than_its_feather_shows_is_empty() -> None:
    dot = Image.new("L", (128, 96), 0)
    dot.putpixel((64, 48), 255)
    dot.save("dot.png")
    with pytest.raises(UsageError) as caught:
        gathered("--init-image", "a.png", "--mask", "dot.png", "--feather", "200")
    assert caught.value.code == "mask_empty"
    assert init_of("--init-image", "a.png", "--mask", "dot.png", "--feather", "0").feather == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--strength", "1.5"),
        ("--strength", "-1"),
        ("--strength", "0.005"),
        ("--strength", "nan"),
        ("--feather", "-1"),
        ("--feather", "1.5"),
        ("--outpaint", "8"),
        ("--outpaint", "8,8,8"),
        ("--outpaint", "8,8,8,8,8"),
        ("--outpaint", "8,8,8,x"),
        ("--outpaint", "0,0,0,0"),
        ("--outpaint", "-8,0,0,0"),
        ("--outpaint", "8,0,0,99999"),
        ("--init-image", "nul\0"),
    ],
)
def test_values_that_are_none(option: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(["-p", "x", f"{option}={value}"], "hal")
    assert caught.value.code == "usage"
    assert caught.value.message.startswith(f"argument {option}: ")


def test_a_request_comes_through_json_as_it_was() -> None:
    request = REQUEST._replace(init=FULL)
    assert requests.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert "init" not in REQUEST.to_json()


@pytest.mark.parametrize("broken", [{"outpaint": [1]}, {"image": None}, {"image": {"path": "x"}}, {"unknown": 1}])
def test_json_that_is_no_request(broken: dict[str, Any]) -> None:
    told = REQUEST._replace(init=FULL).to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        requests.from_json({**told, "init": {**told["init"], **broken}})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--strength", "0.3"),
        ("--mask", "mask.png", "--feather", "3"),
        ("--outpaint", "24,0,8,0"),
        ("--mask", "mask.png", "--outpaint", "0,64,0,0", "--size", "256x128"),
        ("--size", "64x64"),
    ],
)
def test_the_options_of_a_request_make_the_same_again(arguments: tuple[str, ...], tmp_path: Path) -> None:
    options = parse(["-p", "x", "--seed", "1", "--init-image", "a.png", *arguments], "hal")
    output = Output("generate", quiet=True)
    first = init_image.gather(options, MODELS["sd15"], output)
    (request,) = build(options, "x", MODELS["sd15"], first)

    words = shlex.split(command_again(record(tmp_path, **request._asdict())))
    again = parse(words[words.index("--prompt=x") :], "hal")
    second = init_image.gather(again, MODELS["sd15"], output)
    assert second == first
    assert build(again, "x", MODELS["sd15"], second) == [request]


def test_a_plain_request_has_no_options() -> None:
    assert init_image.options_of(REQUEST) == {}


def test_a1111_reads_the_strength() -> None:
    assert "Denoising strength: 0.5, " in a1111_parameters(REQUEST._replace(init=FULL), MODEL)
