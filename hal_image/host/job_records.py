"""What the host remembers of the jobs that it has submitted, so that another call can come for them.

``jobs`` in the state directory has a file for each job that is not over as far as the host knows, written before the
engine hears of the job; ``jobs/ended`` one for each of the latest that are. A record that cannot be written costs the
job its second life and nothing else: it is then taken back when its caller goes away.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import job_files, paths
from hal_image.errors import HalError, JsonObject, UsageError
from hal_image.host.formats import Encoding
from hal_image.host.picture import Batch, More, Origin, Picture
from hal_image.request import from_json as request_from_json
from hal_image.workflow import Graph

if TYPE_CHECKING:
    from hal_image.host.engines import Connection
    from hal_image.verdict import Verdict

ENDED = "ended"
KEEP_ENDED = 200
"""Records of jobs that are over: enough to look back, and never the thousand of a batch."""
PRUNE_EVERY = 100
"""Jobs of one call after which old records are looked for again."""
PRUNE_EVERY_S = 3600.0
"""Seconds after which another call does: to look at 200 files costs it two milliseconds."""
PRUNED = ".pruned"
"""Its age says when that was."""
SHORTEST_PREFIX = 8
"""Characters of an id that may stand for it: the first group of a uuid."""
OPEN_LIFETIME_S = 2 * job_files.LIFETIME_S
"""Age at which a job that nobody came for is forgotten: later than the engine does."""


class JobRecord(NamedTuple):
    """A job that was submitted.

    Attributes:
        id: its uuid.
        created: seconds since 1970.
        pid: process id of the call that submitted it.
        picture: what it makes, and where it goes.
        origin: the engine.
        models_dir: the models folder.
        kept: whether it outlives its caller.
        verdict: how it ended; ``None`` while it has not, or nobody has come for it.
        ended: seconds since 1970.
        delivered: of a job of several pictures those that are where they belong: ``image`` and ``engine`` of the JSON
            output, by number.
        result: of a job that is done ``image``, ``engine`` and ``timings`` of the JSON output; of another its
            ``error``.
    """

    id: str
    created: float
    pid: int
    picture: Picture
    origin: Origin
    models_dir: str
    kept: bool = True
    verdict: Verdict | None = None
    ended: float | None = None
    result: JsonObject = {}  # noqa: RUF012 - never changed
    delivered: JsonObject = {}  # noqa: RUF012 - likewise

    @property
    def engine_folder(self) -> Path:
        """The folder of the engine, which has the record of how the job ended."""
        return self.origin.output_dir.parent

    def to_json(self) -> JsonObject:
        """As it is written. A graph is needed as long as the picture has none in it."""
        picture, origin = self.picture, self.origin
        graph = picture.graph._asdict() if self.verdict is None else None
        file = None if picture.file is None else str(picture.file)
        return {
            **self._asdict(),
            "picture": {
                **picture._asdict(),
                "request": picture.request.to_json(),
                "graph": graph,
                "file": file,
                "needs": None,  # of no use any more: the engine is there, and has the inputs
                "inputs": {},
                "encoding": picture.encoding.to_json(),
                "more": [{**one._asdict(), "file": one.file and str(one.file)} for one in picture.more],
                "batch": None if picture.batch is None else picture.batch.to_json(),
            },
            "origin": {**origin._asdict(), "output_dir": str(origin.output_dir)},
        }


def from_json(record: JsonObject) -> JobRecord:
    """The opposite of ``to_json``.

    Raises:
        KeyError, TypeError, ValueError: it is none, or of another version.
    """
    picture, origin = record["picture"], record["origin"]
    graph = picture["graph"] or {"nodes": {}, "output_node": ""}
    file = None if picture["file"] is None else Path(picture["file"])
    return JobRecord(
        **{
            **record,
            "picture": Picture(
                **{
                    **picture,
                    "request": request_from_json(picture["request"]),
                    "graph": Graph(**graph),
                    "file": file,
                    "encoding": Encoding(**picture.get("encoding", {})),
                    "more": tuple(_more(one) for one in picture.get("more", ())),
                    "batch": _batch(picture.get("batch")),
                }
            ),
            "origin": Origin(**{**origin, "output_dir": Path(origin["output_dir"])}),
        }
    )


def _more(one: JsonObject) -> More:
    return More(**{**one, "file": None if one["file"] is None else Path(one["file"])})


def _batch(value: JsonObject | None) -> Batch | None:
    return None if value is None else Batch(tuple(value["seeds"]), value["position"])


def described(job: str, picture: Picture, connection: Connection, models_dir: Path) -> JobRecord:
    """What there is to say of a job that is about to be submitted."""
    return JobRecord(job, time.time(), os.getpid(), picture, origin_of(connection), str(models_dir))


def origin_of(connection: Connection) -> Origin:
    """What is remembered of the engine."""
    return Origin(
        connection.kind,
        connection.output_dir,
        connection.facts,
        reused=connection.reused,
        place=connection.place,
        log=str(connection.link.hello.get("log", "")),
    )


class JobRecords:
    """The records of this user's state directory."""

    def __init__(self) -> None:
        self.folder = paths.state_dir() / job_files.FOLDER
        self._ended = self.folder / ENDED
        self._made = False
        self._finished = 0

    def begin(self, job: str, picture: Picture, connection: Connection, models_dir: Path) -> JobRecord:
        """Writes down a job before it is submitted; ``kept`` says whether that was possible."""
        record = described(job, picture, connection, models_dir)
        try:
            if not self._made:
                paths.make_state_dir(job_files.FOLDER)
                paths.make_state_dir(job_files.FOLDER, ENDED)
                self._made = True
            job_files.write(self.folder, job, record.to_json())
        except (OSError, HalError):
            return record._replace(kept=False)
        return record

    def finish(self, record: JobRecord, verdict: Verdict, **result: object) -> None:
        """Writes down how a job ended; ``result`` as in ``JobRecord``."""
        if not record.kept:
            return
        ended = record._replace(verdict=verdict, ended=time.time(), result=dict(result))
        with suppress(OSError):  # a full disk: then it is as if it had been forgotten
            job_files.write(self._ended, record.id, ended.to_json())
        self.forget(record)
        if self._finished % PRUNE_EVERY == 0 and self._prune_is_due():
            self.prune()
        self._finished += 1

    def note(self, record: JobRecord, number: int, delivered: JsonObject) -> JobRecord:
        """Writes down that one of the pictures of a job is where it belongs; the record with that in it."""
        noted = record._replace(delivered={**record.delivered, str(number): delivered})
        if record.kept:
            with suppress(OSError):  # then it is brought a second time
                job_files.write(self.folder, record.id, noted.to_json())
        return noted

    def forget(self, record: JobRecord) -> None:
        """As if it had never been submitted."""
        job_files.remove(self.folder, record.id)

    def read(self, job: str) -> JobRecord | None:
        """A job's record; ``None`` when there is none, or it is damaged."""
        for folder in (self._ended, self.folder, self._ended):  # it may move while we look
            kept = job_files.read(folder, job)
            if kept is not None:
                with suppress(KeyError, TypeError, ValueError):
                    return from_json(kept)
        return None

    def open(self) -> list[JobRecord]:
        """The jobs that are not over as far as the host knows, the oldest first."""
        return self._all_of(job_files.jobs_in(self.folder))

    def ended(self) -> list[JobRecord]:
        """The latest jobs that are over, the oldest first."""
        return self._all_of(job_files.jobs_in(self._ended))

    def _all_of(self, jobs: list[str]) -> list[JobRecord]:
        records = [record for job in jobs if (record := self.read(job)) is not None]
        return sorted(records, key=lambda record: (record.created, record.id))

    def find(self, text: str) -> JobRecord:
        """The job that ``text`` is the id of, or the beginning of it.

        Raises:
            UsageError: ``job_id_invalid``, ``job_unknown``, ``job_ambiguous``.
        """
        wanted = text.lower()
        if len(wanted) < SHORTEST_PREFIX or not set(wanted) <= set("0123456789abcdef-"):
            raise UsageError(
                f"{text[:80]!r} is no job's id, nor the first {SHORTEST_PREFIX} characters of one",
                code="job_id_invalid",
                hint="jobs list shows them",
            )
        jobs = {*job_files.jobs_in(self.folder), *job_files.jobs_in(self._ended)}
        found = sorted(job for job in jobs if job.startswith(wanted))
        if len(found) > 1:
            raise UsageError(
                f"{text} is the beginning of {len(found)} jobs",
                code="job_ambiguous",
                hint=f"give more of it: {', '.join(found[:3])}",
                details={"jobs": found},
            )
        record = self.read(found[0]) if found else None
        if record is None:
            raise UsageError(
                f"no job {text} is known here" if not found else f"the record of job {found[0]} is damaged",
                code="job_unknown",
                hint="jobs list shows those that are; a job is forgotten a day after its end",
            )
        return record

    def _prune_is_due(self) -> bool:
        pruned = self._ended / PRUNED
        many = len(job_files.jobs_in(self._ended)) > KEEP_ENDED + PRUNE_EVERY
        return many or not pruned.exists() or job_files.is_old(pruned, PRUNE_EVERY_S)

    def prune(self) -> None:
        """Removes records that are old or too many."""
        with suppress(OSError):
            (self._ended / PRUNED).touch(mode=0o600)
        job_files.sweep(self.folder, OPEN_LIFETIME_S)
        job_files.sweep(self._ended)
        jobs = job_files.jobs_in(self._ended)
        if len(jobs) > KEEP_ENDED:
            with suppress(OSError):
                by_age = sorted(jobs, key=lambda job: job_files.path_of(self._ended, job).stat().st_mtime)
                for job in by_age[:-KEEP_ENDED]:
                    job_files.remove(self._ended, job)
