from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hal_image import job_files
from hal_image.errors import UsageError
from hal_image.host import job_records
from hal_image.host.engines import Connection
from hal_image.host.formats import Encoding
from hal_image.host.job_records import JobRecords, from_json
from tests.unit.host.job_examples import FACTS, job_id, record, write


def connection(folder: Path) -> Connection:
    link: Any = SimpleNamespace(hello={"log": "/engine.log"})
    return Connection("local", link, folder / "engine" / "output", FACTS, 0.0, reused=True)


def test_a_record_says_all_that_it_takes_to_finish_the_work(records: JobRecords, tmp_path: Path) -> None:
    example = record(tmp_path, prompt="a\x1b[31m\nred \N{ROBOT FACE} 'cube'", file=tmp_path / "x\udcff.png")
    begun = records.begin(example.id, example.picture, connection(tmp_path), Path(example.models_dir))
    assert begun.kept
    assert records.read(example.id) == begun
    assert begun == example._replace(created=begun.created)
    assert records.open() == [begun]


def test_records_are_the_users_own(records: JobRecords, tmp_path: Path) -> None:
    example = record(tmp_path)
    begun = records.begin(example.id, example.picture, connection(tmp_path), tmp_path)
    records.finish(begun, "failed", error={"code": "x"})
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in records.folder.rglob("*")}
    assert rights == {"ended": 0o700, f"{example.id}.json": 0o600, ".pruned": 0o600}
    assert stat.S_IMODE(records.folder.stat().st_mode) == 0o700


def test_a_job_that_is_over_is_remembered_without_its_graph(records: JobRecords, tmp_path: Path) -> None:
    begun = write(records, record(tmp_path))
    records.finish(begun, "done", image={"path": "x"}, engine={}, timings={})
    assert records.open() == []
    (ended,) = records.ended()
    assert (ended.verdict, ended.result["image"]) == ("done", {"path": "x"})
    assert ended.picture.request == begun.picture.request
    assert ended.picture.graph.nodes == {}


def test_a_thousand_jobs_leave_some_hundred_files(
    records: JobRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_records, "KEEP_ENDED", 20)
    monkeypatch.setattr(job_records, "PRUNE_EVERY", 10)
    for number in range(1, 101):
        records.finish(write(records, record(tmp_path, number)), "done")
        assert len(job_files.jobs_in(records.folder / "ended")) <= 40
    records.prune()
    assert {job.id for job in records.ended()} <= {job_id(number) for number in range(80, 101)}
    assert len(records.ended()) == 20


def test_every_hour_a_call_looks_for_what_is_old(records: JobRecords, tmp_path: Path) -> None:
    for number in (1, 2):
        records.finish(write(records, record(tmp_path, number)), "done")
    ended = records.folder / "ended"
    aged(job_files.path_of(ended, job_id(1)), 25 * 3600)
    JobRecords().finish(write(records, record(tmp_path, 3)), "done")
    assert len(records.ended()) == 3
    aged(ended / ".pruned", 2 * 3600)
    JobRecords().finish(write(records, record(tmp_path, 4)), "done")
    assert [job.id for job in records.ended()] == [job_id(number) for number in (2, 3, 4)]


def test_jobs_that_nobody_came_for_are_forgotten(records: JobRecords, tmp_path: Path) -> None:
    path = job_files.path_of(records.folder, write(records, record(tmp_path)).id)
    records.prune()
    assert path.exists()
    aged(path, 3 * 24 * 3600)
    records.prune()
    assert not path.exists()


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_without_a_place_for_the_record_the_job_is_not_kept_and_goes_on(records: JobRecords, tmp_path: Path) -> None:
    records.folder.parent.mkdir()
    records.folder.write_text("a file in the way, as good as a full disk")
    example = record(tmp_path)
    begun = records.begin(example.id, example.picture, connection(tmp_path), tmp_path)
    assert not begun.kept
    records.finish(begun, "done")
    assert records.open() == records.ended() == []


def test_a_disk_that_fills_up_forgets_the_job(
    records: JobRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = write(records, record(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job_files, "write", full)
    records.finish(begun, "done")
    assert records.open() == records.ended() == []


@pytest.mark.parametrize("length", [8, 9, 36])
def test_a_job_is_found_by_the_beginning_of_its_id(records: JobRecords, tmp_path: Path, length: int) -> None:
    for number in (0xABCDEF01, 2):
        write(records, record(tmp_path, number))
    assert records.find(job_id(0xABCDEF01)[:length]).id == job_id(0xABCDEF01)
    assert records.find(job_id(0xABCDEF01)[:length].upper()).id == job_id(0xABCDEF01)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("../x", "job_id_invalid"),
        ("../../../../etc/passwd", "job_id_invalid"),
        ("0000000", "job_id_invalid"),
        ("*" * 8, "job_id_invalid"),
        ("\x1b[31mabcdef", "job_id_invalid"),
        ("00000000\x00", "job_id_invalid"),
        ("x" * 100_000, "job_id_invalid"),
        ("ffffffff", "job_unknown"),
        ("00000001-0", "job_unknown"),
        ("00000002", "job_ambiguous"),
    ],
)
def test_what_names_no_job(records: JobRecords, tmp_path: Path, text: str, code: str) -> None:
    first = write(records, record(tmp_path, 2))
    write(records, first._replace(id=first.id[:-1] + "1"))
    with pytest.raises(UsageError) as caught:
        records.find(text)
    assert caught.value.code == code
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"id": 3}', '{"picture": {}, "origin": null}'])
def test_a_damaged_record_is_told_and_harms_no_other(records: JobRecords, tmp_path: Path, content: str) -> None:
    good = write(records, record(tmp_path, 1))
    job_files.path_of(records.folder, job_id(2)).write_text(content)
    assert records.open() == [good]
    with pytest.raises(UsageError, match="damaged"):
        records.find("00000002")


def test_a_record_of_another_version_is_none(tmp_path: Path) -> None:
    written = record(tmp_path).to_json()
    with pytest.raises(TypeError):
        from_json({**written, "of_the_future": 1})


def test_a_record_says_how_the_picture_is_written(records: JobRecords, tmp_path: Path) -> None:
    example = record(tmp_path)
    changed: dict[str, Any] = {
        "encoding": Encoding("webp", None, lossless=True),
        "remade_of": {"torch": "2.4.1"},
        "stepwise": "/steps",
    }
    picture = example.picture._replace(**changed)
    assert records.begin(example.id, picture, connection(tmp_path), tmp_path).kept
    read = records.read(example.id)
    assert read is not None
    assert read.picture == picture
    older = read.to_json()
    for name in ("encoding", "remade_of", "stepwise", "preview"):
        del older["picture"][name]
    assert from_json(older).picture == example.picture
