from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import HalError
from hal_image.host import stepwise
from hal_image.host.arguments import parse
from hal_image.host.render import Output
from tests.unit.host.job_examples import record

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.picture import Picture

OUTPUT = Output("generate", quiet=True)


def picture(tmp_path: Path, **changes: Any) -> Picture:
    return record(tmp_path).picture._replace(stepwise=str(tmp_path / "steps"), **changes)


def event(image: str = "job/step-00003.jpg") -> dict[str, Any]:
    return {"event": "step_picture", "number": 3, "image": image}


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """The output folder of an engine that has shown a step."""
    (tmp_path / "output" / "job").mkdir(parents=True)
    (tmp_path / "output" / "job" / "step-00003.jpg").write_bytes(b"jpeg")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "output"


def kept(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "steps"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_a_step_is_named_after_its_picture(tmp_path: Path, engine: Path) -> None:
    jpeg = stepwise.read(event(), engine)
    assert jpeg is not None
    stepwise.keep(picture(tmp_path), 3, jpeg, OUTPUT)
    stepwise.keep(picture(tmp_path, file=None), 3, jpeg, OUTPUT)
    assert kept(tmp_path) == {"x-00003.jpg": b"jpeg", "picture-00003.jpg": b"jpeg"}


@pytest.mark.parametrize("image", ["job/gone.jpg", "../secret.jpg", "job", "a" * 5000])
def test_what_is_not_there_or_elsewhere_is_left_out(engine: Path, image: str) -> None:
    assert stepwise.read(event(image), engine) is None


def test_a_picture_that_nobody_wants_the_steps_of(tmp_path: Path) -> None:
    stepwise.keep(picture(tmp_path)._replace(stepwise=None), 3, b"jpeg", OUTPUT)
    assert kept(tmp_path) == {}
    assert stepwise.folder(parse(["-p", "x"], "hal"), []) is None


def test_a_folder_that_cannot_be_one_is_found_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert stepwise.folder(parse(["-p", "x", "--stepwise", "new"], "hal"), [tmp_path / "x.png"]) == str(
        tmp_path / "new"
    )
    with pytest.raises(HalError) as caught:
        stepwise.folder(parse(["-p", "x", "--stepwise", "file"], "hal"), [])
    assert caught.value.code == "output_invalid"
