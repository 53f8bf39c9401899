from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host import metadata
from hal_image.host.picture_to_enlarge import PictureToEnlarge
from hal_image.host.upscaled_texts import texts
from hal_image.request import InputPicture
from tests.contract import schemas
from tests.contract.graph_cases import CASES
from tests.contract.upscale_cases import LANCZOS, by
from tests.unit.host.job_examples import FACTS, MODEL

if TYPE_CHECKING:
    from hal_image.request import Upscale

DIGEST = "5a" * 32
ENGINE = {"kind": "local", **FACTS, "device": "cpu", "torch": "2.4.1"}


def enlarged(known: dict[str, str], upscale: Upscale = LANCZOS) -> dict[str, str]:
    given = PictureToEnlarge(InputPicture("/x.png", DIGEST), 64, 32, alpha=False, raw=b"", texts=known)
    return texts(given, upscale, 128, 64, ENGINE)


def own() -> dict[str, str]:
    case = CASES["sd15"]
    return metadata.texts(case.request, MODEL, case.graph(), ENGINE)


def test_our_own_pictures_keep_all_and_say_what_was_done() -> None:
    before = own()
    after = enlarged(before, by(2, 4))
    assert (after["parameters"], after["prompt"]) == (before["parameters"], before["prompt"])
    told: dict[str, Any] = json.loads(after["hal8000"])
    schemas.strict("picture").validate(told)
    (step,) = told.pop("upscaled")
    assert told == json.loads(before["hal8000"])
    assert (step["scale"], step["method"], step["from_sha256"]) == (2, "model", DIGEST)
    assert (step["width"], step["height"]) == (128, 64)
    assert after["postprocessing"].startswith(
        "Postprocess upscale by: 2, Postprocess upscaler: RealESRGAN_x4plus, Postprocess upscaler hash: 37f9a931c2, "
        "Size: 128x64, Version: hal-generate-image"
    )


def test_what_was_done_twice_is_told_twice_in_order() -> None:
    after = enlarged(enlarged(own(), by(2, 4)), LANCZOS)
    assert [step["method"] for step in json.loads(after["hal8000"])["upscaled"]] == ["model", "lanczos"]
    assert [line.split(", ")[1] for line in after["postprocessing"].splitlines()] == [
        "Postprocess upscaler: RealESRGAN_x4plus",
        "Postprocess upscaler: Lanczos",
    ]
    schemas.strict("picture").validate(json.loads(after["hal8000"]))


@pytest.mark.parametrize(
    "known",
    [
        {"parameters": "a cube\nSteps: 20", "postprocessing": "Postprocess upscale by: 4"},
        {"prompt": "{}", "workflow": "{}"},
        {"Comment": "by hand"},
        {"hal8000": "no JSON"},
        {"hal8000": "[1]"},
        {},
    ],
)
def test_pictures_of_others_keep_all(known: dict[str, str]) -> None:
    after = enlarged(known)
    before = {name: text for name, text in known.items() if name != "postprocessing"}
    *earlier, last = after.pop("postprocessing").splitlines()
    assert "\n".join(earlier) == known.get("postprocessing", "")
    assert last.startswith("Postprocess upscale by: 2, Postprocess upscaler: Lanczos, Size: 128x64")
    assert after == before


def test_what_somebody_else_has_written_there_is_no_list_of_ours() -> None:
    after = enlarged({"hal8000": json.dumps({"upscaled": "x"})})
    assert len(json.loads(after["hal8000"])["upscaled"]) == 1
