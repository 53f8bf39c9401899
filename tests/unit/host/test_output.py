from __future__ import annotations

import os
from pathlib import Path

import pytest

from hal_image.errors import EnvironmentError_, HalError, UsageError
from hal_image.host.output import PictureFacts, plan, write

FACTS = [
    PictureFacts(seed=seed, number=number, model="sdxl", date="20260102-030405") for seed, number in ((7, 1), (8, 2))
]


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(output: str | None, count: int = 1) -> list[str]:
    return [str(path.relative_to(Path.cwd())) for path in plan(output, FACTS[:count], no_clobber=False)]


def test_one_name_is_exactly_that_file() -> None:
    assert planned("data/images/robot.png") == ["data/images/robot.png"]
    assert planned("robot") == ["robot"]
    assert planned("robot.PNG") == ["robot.PNG"]


def test_nothing_is_made_while_planning(tmp_path: Path) -> None:
    planned("data/images/robot.png")
    assert list(tmp_path.iterdir()) == []


def test_without_output_the_name_says_when_and_which() -> None:
    assert planned(None) == ["hal8000-20260102-030405-7.png"]


def test_a_folder_gets_the_default_name(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert planned("there") == ["there/hal8000-20260102-030405-7.png"]
    assert planned("new/") == ["new/hal8000-20260102-030405-7.png"]


def test_fields_are_filled_in() -> None:
    assert planned("{model}/{date}_{seed}_{index:03d}.png", 2) == [
        "sdxl/20260102-030405_7_001.png",
        "sdxl/20260102-030405_8_002.png",
    ]
    assert planned("a{{b}}.png") == ["a{b}.png"]


def test_several_pictures_under_one_name_are_numbered() -> None:
    assert planned("robot.png", 2) == ["robot-1.png", "robot-2.png"]
    assert planned("{model}", 2) == ["sdxl-1", "sdxl-2"]


@pytest.mark.parametrize(
    "template",
    ["{sead}.png", "{seed.real}.png", "{0}.png", "{}.png", "{seed", "{seed:zz}.png", "x.gif", "x.jpg.txt", "x.jp2"],
)
def test_bad_templates(template: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(template)
    assert caught.value.code == "output_invalid"
    assert caught.value.hint


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file, not a folder"):
        planned("file/x.png")


def test_no_clobber_refuses_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    with pytest.raises(UsageError) as caught:
        plan("x.png", FACTS[:1], no_clobber=True)
    assert caught.value.code == "output_exists"
    (tmp_path / "link.png").symlink_to("nowhere")
    with pytest.raises(UsageError):
        plan("link.png", FACTS[:1], no_clobber=True)


@pytest.fixture(params=["a file without a name", "a file with a name"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a file is made that is not whole yet: as on Linux' own file systems, and as elsewhere."""
    if request.param == "a file with a name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


@pytest.mark.usefixtures("way")
def test_writing_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "x.png"
    write(target, b"picture", no_clobber=False)
    assert target.read_bytes() == b"picture"
    assert [path.name for path in target.parent.iterdir()] == ["x.png"]


@pytest.mark.usefixtures("way")
def test_rights_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "x.png", b"picture", no_clobber=False)
    finally:
        os.umask(before)
    assert (tmp_path / "x.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("way")
def test_replacing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.png").write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentError_) as caught:
        write(tmp_path / "x.png", b"new", no_clobber=False)
    assert caught.value.code == "disk_full"
    assert "No space left on device" in caught.value.message
    assert (tmp_path / "x.png").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_folder_that_takes_nothing() -> None:
    with pytest.raises(EnvironmentError_) as caught:
        write(Path("/proc/self/x.png"), b"picture", no_clobber=False)
    assert caught.value.code == "output_unwritable"
    assert "/proc/self/x.png" in caught.value.message


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("links", [True, False])
def test_no_clobber_holds_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
    if not links:  # as on a FAT disk

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "x.png", b"first", no_clobber=True)
    with pytest.raises(HalError) as caught:
        write(tmp_path / "x.png", b"second", no_clobber=True)
    assert caught.value.code == "output_exists"
    assert (tmp_path / "x.png").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_very_long_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".png")
    write(target, b"picture", no_clobber=False)
    assert target.is_file()


def test_a_file_that_came_into_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(EnvironmentError_) as caught:
        write(tmp_path / "a" / "x.png", b"picture", no_clobber=False)
    assert caught.value.code == "output_unwritable"
