"""Alternating runs, and the record of every one of them: a file that is complete after each run, whatever ends it.

Ratios within one session are what counts, since machines are noisy: what is compared runs in turn.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SCHEMA_VERSION = 1


class Record:
    """What was measured so far.

    Args:
        head: facts about the machine, versions and settings; goes into the file as it is.
        path: the file; ``None`` for none.
        time_limit: seconds from now after which no run begins.
    """

    def __init__(self, head: Mapping[str, Any], path: Path | None = None, time_limit: float | None = None) -> None:
        self.data: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "begun": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "finished": False,
            **head,
            "measurements": [],
            "notes": [],
        }
        self.failed = False
        self._path = path
        self._end = None if time_limit is None else time.monotonic() + time_limit
        self._save()

    @property
    def measurements(self) -> list[dict[str, Any]]:
        """One for each table; see ``results.schema.json``."""
        found: list[dict[str, Any]] = self.data["measurements"]
        return found

    def note(self, text: str) -> None:
        """Something that whoever reads the numbers has to know; told on the terminal, too."""
        if text not in self.data["notes"]:
            print(f"note: {text}", flush=True)
            self.data["notes"].append(text)
            self._save()

    def fail(self, what: str, error: Exception) -> None:
        """Something that was to be measured and could not be: the rest goes on, the exit code tells."""
        self.failed = True
        self.note(f"{what} failed: {' '.join(str(error).split())[-600:]}")

    def time_is_up(self) -> bool:
        """Whether no more runs are to begin; noted once."""
        if self._end is None or time.monotonic() < self._end:
            return False
        self.note("the time limit was reached: some runs were not begun")
        return True

    def compare(
        self,
        part: str,
        what: str,
        measures: Mapping[str, Callable[[], float | Mapping[str, float]]],
        runs: int,
        *,
        base: str | Mapping[str, str | None] | None = None,
        model: str | None = None,
        warm_up: int = 1,
        unit: str = "s",
    ) -> None:
        """Runs every measure in turn, ``warm_up`` uncounted rounds first, and prints what came out.

        Args:
            part: of the benchmark.
            what: title of the table; a measure that returns several numbers says which belongs to which.
            measures: by name of the row. One that fails is noted and left out from then on.
            runs: counted rounds.
            base: the row to which ratios are given; by title where they differ.
            model: whose pictures they are.
            warm_up: rounds before that are not counted.
            unit: of the numbers.
        """
        going = dict(measures)
        head = {"part": part, "model": model, "unit": unit}
        for turn in range(warm_up + runs):
            for name, measure in tuple(going.items()):
                if self.time_is_up():
                    break
                try:
                    found = measure()
                except (RuntimeError, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
                    self.fail(f"{part}, {name}", error)
                    del going[name]
                    continue
                if turn >= warm_up:
                    for title, value in ({what: found} if isinstance(found, (int, float)) else found).items():
                        to = base if base is None or isinstance(base, str) else base.get(title)
                        self._keep({**head, "what": title, "base": to}, name, value)
        for measurement in self.measurements:
            if (measurement["part"], measurement["model"]) == (part, model) and not measurement.get("shown"):
                measurement["shown"] = True
                print(table(measurement), flush=True)

    def add(self, part: str, what: str, values: Mapping[str, float], *, unit: str, model: str | None = None) -> None:
        """Numbers that are measured once."""
        for name, value in values.items():
            self._keep({"part": part, "what": what, "model": model, "unit": unit, "base": None}, name, value)
        self.measurements[-1]["shown"] = True
        print(table(self.measurements[-1]), flush=True)

    def finish(self) -> None:
        """All was measured."""
        self.data["finished"] = True
        self._save()

    def _keep(self, head: Mapping[str, Any], name: str, value: float) -> None:
        keys = ("part", "what", "model")
        found = next((m for m in self.measurements if all(m[key] == head[key] for key in keys)), None)
        if found is None:
            found = {**head, "rows": []}
            self.measurements.append(found)
        row = next((row for row in found["rows"] if row["name"] == name), None)
        if row is None:
            row = {"name": name, "values": [], "load": []}
            found["rows"].append(row)
        row["values"].append(round(value, 6))
        row["load"].append(round(os.getloadavg()[0], 2))
        self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        shown = [{key: value for key, value in m.items() if key != "shown"} for m in self.measurements]
        text = json.dumps({**self.data, "measurements": shown}, indent=1) + "\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(self._path)


def ratios(measurement: Mapping[str, Any]) -> dict[str, float]:
    """Each row's median by that of the base; empty where there is no base or it was not measured."""
    medians = {row["name"]: statistics.median(row["values"]) for row in measurement["rows"]}
    base = medians.get(measurement["base"] or "")
    return {} if not base else {name: median / base for name, median in medians.items()}


def table(measurement: Mapping[str, Any]) -> str:
    """For the terminal: a row a measure with min, median, max, and the ratio of the medians to that of the base."""
    model = f", {measurement['model']}" if measurement["model"] else ""
    lines = [f"\n{measurement['what']}{model}, {measurement['unit']}", f"  {'':44}      min   median      max   ratio"]
    ratio = ratios(measurement)
    for row in measurement["rows"]:
        values = row["values"]
        numbers = f"{min(values):8.3f} {statistics.median(values):8.3f} {max(values):8.3f}"
        shown = f" {ratio[row['name']]:7.2f}" if ratio else ""
        lines.append(f"  {row['name']:44} {numbers}{shown}")
    return "\n".join(lines)
