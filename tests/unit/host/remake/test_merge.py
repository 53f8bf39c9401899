from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from hal_image import png
from hal_image.errors import HalError
from hal_image.host import encoding, metadata
from hal_image.host.arguments import parse
from hal_image.host.formats import PNG, Encoding
from hal_image.host.remake import inputs, merge
from hal_image.host.remake.merge import OPTIONS_OF, take_over
from hal_image.host.request_builder import options_of
from tests.contract.graph_cases import CASES
from tests.unit.host.job_examples import FACTS, MODEL, REQUEST, STATUS, picture

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from hal_image.request import ImageRequest

ENGINE = {"kind": "local", **FACTS, **STATUS}
ASKED = REQUEST._replace(prompt="-", negative_prompt="--steps", cfg=6.1, seed=2**64 - 1, steps=12, scheduler="karras")


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def texts(request: ImageRequest = ASKED, model: Any = MODEL, written: Encoding = PNG) -> dict[str, str]:
    return metadata.texts(request, model, CASES["sd15"].graph(), ENGINE, written)


def save(tmp_path: Path, said: dict[str, str], written: Encoding = PNG, name: str = "x") -> str:
    file = tmp_path / name
    raw = picture()
    file.write_bytes(png.with_texts(raw, said) if written.format == "png" else encoding.encode(raw, said, written).raw)
    return str(file)


def own(**changes: Any) -> dict[str, str]:
    """What a picture of ours says, with other fields in its request."""
    said = json.loads(texts()["hal8000"])
    said["request"].update(changes)
    return {"hal8000": json.dumps(said)}


def merged(file: str, *words: str) -> Namespace:
    options = parse(["--from-image", file, *words], "hal")
    return take_over(options, options.given)


def refused(code: str, file: str, *words: str) -> HalError:
    with pytest.raises(HalError) as caught:
        merged(file, *words)
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def test_a_picture_asks_for_what_it_was_made_with(tmp_path: Path) -> None:
    options = merged(save(tmp_path, texts()))
    assert {name: getattr(options, name) for name in options_of(ASKED)} == options_of(ASKED)
    assert options.remake.engine == ENGINE
    assert options.count == 1


def test_what_is_given_holds(tmp_path: Path) -> None:
    file = save(tmp_path, texts())
    options = merged(file, "--seed", "5", "-p", "a blue ball", "--width", "128", "--steps", "20", "--cfg", "7")
    found = (options.seed, options.prompt, options.width, options.height, options.steps, options.cfg)
    assert found == (5, "a blue ball", 128, 64, 20, 7.0)
    options = merged(file, "--size", "256", "--prompt-file", "y.txt")
    assert (options.size, options.width, options.height) == ((256, 256), None, None)
    assert (options.prompt, options.prompt_file) == (None, "y.txt")


def test_a_value_that_is_the_default_is_given_all_the_same(tmp_path: Path) -> None:
    file = save(tmp_path, texts())
    assert parse(["--from-image", file, "--count", "1", "-n", ""], "hal").given == {
        "from_image",
        "count",
        "negative_prompt",
    }
    assert merged(file, "-n", "").negative_prompt == ""


@pytest.mark.parametrize(
    ("made", "words", "format_", "quality", "lossless"),
    [
        (Encoding("webp", 55), (), "webp", 55, False),
        (Encoding("webp", None, lossless=True), (), "webp", None, True),
        (Encoding("webp", None, lossless=True), ("--quality", "30"), "webp", 30, False),
        (Encoding("jpeg", 55), ("-o", "y.jpg"), "jpeg", 55, False),
        (Encoding("jpeg", 55), ("-o", "y.webp"), None, None, False),
        (Encoding("jpeg", 55), ("-o", "y/"), "jpeg", 55, False),
        (Encoding("jpeg", 55), ("--format", "png"), "png", None, False),
        (Encoding(), (), "png", None, False),
        (Encoding(), ("-o", "y.png"), "png", None, False),
        (Encoding("avif"), ("--quality", "20"), "avif", 20, False),
    ],
)
def test_a_picture_becomes_a_file_like_it(
    tmp_path: Path, made: Encoding, words: tuple[str, ...], format_: str | None, quality: int | None, lossless: bool
) -> None:
    options = merged(save(tmp_path, texts(written=made), made), *words)
    assert (options.format, options.quality, options.lossless) == (format_, quality, lossless)


def test_a_feature_takes_part_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_a_feature(request: ImageRequest) -> dict[str, Any]:
        return {"loras": [("x", request.steps)], "timeout": 5}

    monkeypatch.setattr(merge, "OPTIONS_OF", (*OPTIONS_OF, of_a_feature))
    options = merged(save(tmp_path, texts()))
    assert (options.loras, options.timeout) == ([("x", 12)], 5.0)


def test_a_model_is_found_by_name_digest_or_file(tmp_path: Path) -> None:
    renamed = {**MODEL, "name": "mine"}

    def named(**file: Any) -> str:
        model = {**renamed, "files": [{**MODEL["files"][0], **file}]}
        return str(merged(save(tmp_path, texts(ASKED._replace(model="mine"), model))).model)

    assert named(sha256="31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b") == "sdxl"
    assert named(name="sub/V1-5-pruned-emaonly-fp16.safetensors") == "sd15"
    assert merged(save(tmp_path, {"parameters": f"x\nSteps: 1, Seed: 1, Model hash: {'e9476a1372'}"})).model == "sd15"
    assert merged(save(tmp_path, {"parameters": "x\nSteps: 1, Seed: 1, Model: sdxl"})).model == "sdxl"
    assert merged(save(tmp_path, {"prompt": json.dumps(CASES["sdxl"].graph().to_prompt())})).model == "sdxl"


def test_a_model_that_no_registry_has(tmp_path: Path) -> None:
    file = save(tmp_path, texts(ASKED._replace(model="mine")))
    error = refused("remake_model_unknown", file)
    assert "'mine', a.safetensors" in error.message
    assert "models add" in error.hint
    assert merged(file, "-m", "sd15").model == "sd15"
    for settings in ("Model hash: e9476", "Model hash: ", "Size: 8x8"):
        refused("remake_model_unknown", save(tmp_path, {"parameters": f"x\nSteps: 1, Seed: 1, {settings}"}))


def test_pictures_of_others(tmp_path: Path) -> None:
    parameters = (
        "a fox\nNegative prompt: cat\nSteps: 9, Sampler: Euler a, CFG scale: 5, Seed: 3, Size: 512x640, Model: x"
    )
    graph = {"prompt": json.dumps(CASES["sd15"].graph(seed=4).to_prompt())}
    options = merged(save(tmp_path, {"parameters": parameters}), "-m", "sd15")
    found = (options.prompt, options.negative_prompt, options.steps, options.sampler, options.seed, options.height)
    assert found == ("a fox", "cat", 9, "euler_ancestral", 3, 640)
    assert merged(save(tmp_path, {**graph, "parameters": parameters})).seed == 4
    other = {"prompt": json.dumps({"1": {"class_type": "Other", "inputs": {}}})}
    assert merged(save(tmp_path, {**other, "parameters": parameters}), "-m", "sd15").seed == 3
    refused("remake_impossible", save(tmp_path, other))
    refused("no_metadata", save(tmp_path, {}))
    refused("image_unreadable", str(tmp_path / "nothing"))
    (tmp_path / "text").write_text("a red cube")
    refused("not_a_png", str(tmp_path / "text"))


def test_a_jpeg_of_a1111_is_read(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "ein Fuchs\nSteps: 9, Seed: 3, Model: sdxl".encode("utf-16-be")
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG", exif=tags)
    (tmp_path / "a.jpg").write_bytes(stream.getvalue())
    options = merged(str(tmp_path / "a.jpg"))
    assert (options.prompt, options.steps, options.seed, options.format) == ("ein Fuchs", 9, 3, None)


@pytest.mark.parametrize(
    "said",
    [
        own(seed=None),
        own(steps="12"),
        own(prompt=["x"]),
        own(steps=True),
        own(new_feature={"a": 1}),
        own(steps=10**6),
        own(sampler="of another version"),
        {"hal8000": "{}"},
        {"hal8000": '{"request": {}, "model": []}'},
    ],
)
def test_a_picture_that_is_damaged_or_newer_is_refused(tmp_path: Path, said: dict[str, str]) -> None:
    refused("remake_impossible", save(tmp_path, said))


def test_a_value_that_there_is_not_here_can_be_given(tmp_path: Path) -> None:
    file = save(tmp_path, own(sampler="of another version"))
    assert "--sampler" in refused("remake_impossible", file).message
    assert merged(file, "--sampler", "euler").sampler == "euler"


def test_pictures_that_went_into_it_must_be_what_they_were(tmp_path: Path) -> None:
    begin, mask = tmp_path / "begin.png", tmp_path / "mask.png"
    for file in (begin, mask):
        file.write_bytes(file.name.encode())

    def told(file: Path) -> dict[str, str]:
        return {"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}

    request = {"init": {"image": told(begin), "mask": told(mask)}, "controls": [{"type": "pose", "image": told(mask)}]}
    assert [file.option for file in inputs.files(request)] == ["init_image", "mask", "control"]
    inputs.check(request, ())

    mask.write_bytes(b"another")
    begin.unlink()
    for given, option, state in (
        ((), "--init-image", "is not there any more"),
        (("init_image",), "--mask", "has changed"),
        (("init_image", "mask"), "--control", "has changed"),
    ):
        with pytest.raises(HalError) as caught:
            inputs.check(request, given)
        assert caught.value.code == "remake_input_differs"
        assert state in caught.value.message
        assert caught.value.details["option"] == option
        assert option in caught.value.hint
    inputs.check(request, ("init_image", "mask", "control"))
