from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image import job_files
from hal_image.host.job_records import JobRecord, JobRecords
from tests.unit.host.job_examples import done, picture, record, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobRecords:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    return JobRecords()


@pytest.fixture
def job(records: JobRecords, tmp_path: Path) -> JobRecord:
    """One that is done and waits in its engine's folder."""
    begun = write(records, record(tmp_path))
    folder = begun.origin.output_dir / begun.id
    folder.mkdir(parents=True)
    (folder / "image_00001_.png").write_bytes(picture())
    (begun.engine_folder / "jobs").mkdir()
    job_files.write(begun.engine_folder / "jobs", begun.id, {"last": done(begun)})
    return begun
