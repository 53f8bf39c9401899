"""Many callers at once: each gets its own picture, out of one engine that they start together."""

from __future__ import annotations

import json
from pathlib import Path

from hal_image import png
from hal_image.host.metadata import KEYWORD
from tests.engine.containers import containers
from tests.faults.calls import Call, names
from tests.world import QUICK, Hal, pixels

CALLERS = 50


def test_fifty_calls_at_once_get_fifty_right_pictures_out_of_one_engine(lone_hal: Hal) -> None:
    calls = [
        Call(lone_hal, "-p", f"picture {index}", *QUICK, "--seed", str(1000 + index), "-o", f"{index}.png")
        for index in range(CALLERS)
    ]
    ended = [call.end(240) for call in calls]
    assert [one.code for one in ended] == [0] * CALLERS, [one for one in ended if one.code]
    assert names(lone_hal.cwd) == sorted(f"{index}.png" for index in range(CALLERS))
    for index, one in enumerate(ended):
        (image,) = one.result["data"]["images"]
        assert image["path"] == str(lone_hal.cwd / f"{index}.png")
        told = json.loads(png.read_texts(Path(image["path"]).read_bytes())[KEYWORD])["request"]
        assert (told["prompt"], told["seed"]) == (f"picture {index}", 1000 + index)
    assert len({pixels(lone_hal.cwd / f"{index}.png") for index in range(CALLERS)}) == CALLERS
    engine = lone_hal.engine()
    assert (engine["jobs_done"], engine["boots"]) == (CALLERS, 1)
    if lone_hal.kind == "docker":
        assert len(containers(lone_hal)) == 1
