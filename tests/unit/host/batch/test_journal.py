from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.arguments import parse
from hal_image.host.batch import journal as module
from hal_image.host.batch.journal import Journal, open_journal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def opened(*arguments: str, resume: bool = False) -> Journal:
    journal = open_journal(parse(["batch", *(arguments or ("in.txt",))], "hal"), resume=resume)
    assert journal is not None
    return journal


def image(path: Path, data: bytes = b"png") -> dict[str, Any]:
    path.write_bytes(data)
    return {"path": str(path), "seed": 7, "bytes": len(data)}


def test_what_was_done_is_known_again(tmp_path: Path) -> None:
    made = image(tmp_path / "a.png")
    with opened() as journal:
        assert not journal.resumed
        date = journal.date
        journal.begin(1, "one", 7)
        journal.begin(2, "two", 8)
        journal.finish(1, "one", 1, made)
    with opened(resume=True) as journal:
        assert (journal.resumed, journal.date) == (True, date)
        assert (journal.seed(1, "one"), journal.seed(2, "two"), journal.seed(3, "three")) == (7, 8, None)
        assert journal.images(1, "one", 1) == [made]
        assert journal.images(1, "one", 2) == []
        assert journal.images(2, "two", 1) == []


def test_a_line_that_was_changed_is_not(tmp_path: Path) -> None:
    with opened() as journal:
        journal.begin(1, "one", 7)
        journal.finish(1, "one", 1, image(tmp_path / "a.png"))
    with opened(resume=True) as journal:
        assert (journal.seed(1, "other"), journal.images(1, "other", 1)) == (None, [])


@pytest.mark.parametrize("happened", ["gone", "cut off"])
def test_a_picture_that_is_no_longer_whole_is_not_done(tmp_path: Path, happened: str) -> None:
    with opened() as journal:
        journal.finish(1, "one", 1, image(tmp_path / "a.png"))
    if happened == "gone":
        (tmp_path / "a.png").unlink()
    else:
        (tmp_path / "a.png").write_bytes(b"pn")
    with opened(resume=True) as journal:
        assert journal.images(1, "one", 1) == []


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    with opened() as journal:
        journal.begin(1, "one", 7)
    with opened():
        pass
    with opened(resume=True) as journal:
        assert journal.seed(1, "one") is None


def test_another_batch_has_another_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as journal:
        path = journal.path
    others = [
        ("other.txt",),
        ("-",),
        ("in.txt", "--steps", "3"),
        ("in.txt", "-o", "x/"),
        ("in.txt", "--models-dir", "m"),
    ]
    for other in others:
        with opened(*other) as journal:
            assert journal.path != path
    with opened("in.txt", "--keep-alive", "0", "--json", "-q") as journal:
        assert journal.path == path
    with opened(str(tmp_path / "in.txt")) as journal:
        assert journal.path == path
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with opened("../in.txt") as journal:
        assert journal.path != path


def test_a_journal_that_is_in_use_is_nobody_elses() -> None:
    with opened():
        assert open_journal(parse(["batch", "in.txt"], "hal"), resume=False) is None
    opened().__exit__()


@pytest.mark.parametrize("damage", [b'{"line": 2, "of": "tw', b"\xff\xfe\n", b"[]\n", b'{"line": "2"}\n', b"\n\n"])
def test_a_damaged_end_costs_only_itself(damage: bytes) -> None:
    with opened() as journal:
        journal.begin(1, "one", 7)
        path = journal.path
    with path.open("ab") as stream:
        stream.write(damage)
    with opened(resume=True) as journal:
        assert (journal.seed(1, "one"), journal.seed(2, "two")) == (7, None)
        journal.begin(2, "two", 8)
    with opened(resume=True) as journal:
        assert (journal.seed(1, "one"), journal.seed(2, "two")) == (7, 8)


@pytest.mark.parametrize("content", [b"", b"garbage\n", b'{"date": 7}\n', b"\0" * 100])
def test_a_journal_without_a_beginning_begins_anew(content: bytes) -> None:
    with opened() as journal:
        path = journal.path
    path.write_bytes(content)
    with opened(resume=True) as journal:
        assert not journal.resumed
    assert list(json.loads(path.read_bytes())) == ["date"]


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as journal:
        full = os.open("/dev/full", os.O_WRONLY)
        monkeypatch.setattr(journal, "_descriptor", os.dup2(full, journal._descriptor))
        with pytest.raises(EnvironmentError_) as caught:
            journal.begin(1, "one", 7)
        os.close(full)
    assert caught.value.code == "disk_full"


def test_old_journals_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as journal:
        old = journal.path
    long_ago = time.time() - module.KEPT_S - 1
    os.utime(old, (long_ago, long_ago))
    with opened("other.txt"):
        assert not old.exists()
