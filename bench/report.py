"""``python3 -m bench report``: the tables of README.md and docs/BENCHMARKS.md, from the records in bench/results.

``--check`` writes nothing and tells whether they are current. A page has each table between two comments.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.record import ratios
from bench.titles import HEADLINES, START, WITH_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "BENCHMARKS.md")
BEGIN = "<!-- bench: {name}; made by `python3 -m bench report` -->"
END = "<!-- bench: end -->"
WIDTH = 120


def main(arguments: list[str]) -> int:
    """Writes the pages; with ``--check`` 1 if they are not current."""
    parser = argparse.ArgumentParser(prog="python3 -m bench report", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    records = load(RESULTS)
    stale = []
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = filled(before, records)
        if after != before:
            stale.append(page.name)
            if not check:
                page.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"not current: {', '.join(stale)}; run python3 -m bench report", file=sys.stderr)
        return 1
    return 0


def load(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder, by file name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def filled(page: str, records: Sequence[Mapping[str, Any]]) -> str:
    """A page with its tables made anew.

    Raises:
        ValueError: it has a place for a table that is not known, or one without an end.
    """
    makers = {"headlines": headlines, "everything": everything}
    begin = re.escape(BEGIN).replace(r"\{name\}", r"(\w+)")
    if len(re.findall(begin, page)) != page.count(END):
        raise ValueError("a table's begin or end is missing")

    def anew(match: re.Match[str]) -> str:
        if match[1] not in makers:
            raise ValueError(f"there is no table {match[1]!r}")
        return f"{BEGIN.format(name=match[1])}\n\n{makers[match[1]](records).strip()}\n\n{END}"

    return re.sub(f"{begin}.*?{re.escape(END)}", anew, page, flags=re.DOTALL)


def headlines(records: Sequence[Mapping[str, Any]]) -> str:
    """The table of the README: what is ours, what it is compared with, and the ratio of the medians."""
    lines = ["| on | what | this tool | beside it | ratio |", "|---|---|---|---|---|"]
    for record in records:
        for measurement in _headline_measurements(record):
            lines += _headline_rows(record, measurement)
    return "\n".join(lines)


def _headline_measurements(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for title in HEADLINES:
        yield from (found for found in record["measurements"] if found["what"] == title)


def _headline_rows(record: Mapping[str, Any], measurement: Mapping[str, Any]) -> Iterator[str]:
    ratio = ratios(measurement)
    base = measurement["base"]
    medians = {row["name"]: statistics.median(row["values"]) for row in measurement["rows"]}
    for name, median in medians.items():
        asked = name == "hal --version" if measurement["what"] == START else name.startswith("hal")
        if name.startswith("hal --") and measurement["what"] not in {START, *WITH_OPTIONS}:
            continue
        if not asked or name == base or name not in ratio:
            continue
        what = measurement["what"] + (f", `{measurement['model']}`" if measurement["model"] else "")
        ours = f"{_number(median)} {measurement['unit']}" + ("" if name == "hal" else f", `{name}`")
        beside = f"{_number(medians[base])} {measurement['unit']}, {base}"
        yield f"| {machine(record)} | {what} | {ours} | {beside} | {ratio[name]:.2f} |"


def everything(records: Sequence[Mapping[str, Any]]) -> str:
    """A section a record: what it ran on, and every row of every measurement."""
    return "\n\n".join(_section(record) for record in records)


def _section(record: Mapping[str, Any]) -> str:
    lines = [f"### {machine(record)}, {weights(record)}", "", *textwrap.wrap(_facts(record), WIDTH), ""]
    lines += ["| what | | runs | min | median | max | ratio |", "|---|---|---|---|---|---|---|"]
    for measurement in record["measurements"]:
        ratio = ratios(measurement)
        what = ", ".join(filter(None, (measurement["what"], measurement["model"], measurement["unit"])))
        for row in measurement["rows"]:
            values = row["values"]
            numbers = " | ".join(_number(f(values)) for f in (min, statistics.median, max))
            shown = f"{ratio[row['name']]:.2f}" if ratio else ""
            lines.append(f"| {what} | {row['name']} | {len(values)} | {numbers} | {shown} |")
            what = ""
    for note in record["notes"]:
        lines += ["", *textwrap.wrap(f"{note[0].upper()}{note[1:]}.", WIDTH)]
    return "\n".join(lines)


def machine(record: Mapping[str, Any]) -> str:
    """What it ran on, in a few words."""
    facts = record["machine"]
    return facts["gpu"] or f"{facts['cores']} cores"


def weights(record: Mapping[str, Any]) -> str:
    """What kind of models it ran with."""
    kinds = {"small": "small synthetic models", "full": "models of full size with random weights", "own": "real models"}
    return kinds[record["settings"]["weights"]]


def _facts(record: Mapping[str, Any]) -> str:
    facts, versions, settings = record["machine"], record["versions"], record["settings"]
    loads = [load for m in record["measurements"] for row in m["rows"] for load in row["load"]]
    parts = [
        f"{record['begun'][:10]}",
        *(
            [f"{facts['gpu']} with {facts['gpu_memory_mib'] / 1024:.0f} GiB, driver {facts['driver']}"]
            if facts["gpu"]
            else []
        ),
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']:.0f} GB of memory, {facts['os']}",
        f"ComfyUI {versions['comfyui']}, torch {versions['torch']}",
        *(f"{name} {versions[name]}" for name in ("diffusers", "comfy-cli") if versions.get(name)),
        f"pictures of {settings['size'] or 'the size of the model'}",
        f"{settings['steps'] or 'default'} steps",
        *([f"load {min(loads)} to {max(loads)}"] if loads else []),
        f"commit {(versions['commit'] or 'unknown')[:9]}",
    ]
    end = "." if record["finished"] else ". It was cut off: what follows is what was measured until then."
    return "; ".join(parts) + end


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
