"""Tables are made from records and nothing else, between two comments of a page."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import plot, report
from bench.titles import BOOT, START, WARM

RECORD: dict[str, Any] = {
    "schema_version": 1,
    "begun": "2026-11-30T22:00:00+00:00",
    "finished": True,
    "machine": {"cpu": "A <fast> one", "cores": 16, "memory_gb": 128.0, "os": "Linux 6", "load_at_start": 0.1,
                "gpu": "NVIDIA H200", "gpu_memory_mib": 143771, "driver": "580"},
    "versions": {"tool": "0.1.0", "commit": "0123456789abcdef", "comfyui": "0.3.75", "comfyui_commit": None,
                 "torch": "2.11.0", "engine_python": "3.12.3", "python": "3.12.3", "diffusers": "0.42.1"},
    "settings": {"runs": 3, "cold_runs": 3, "weights": "full", "size": None, "steps": 20, "file_system": "ext4"},
    "measurements": [
        {"part": "cli", "what": START, "model": None, "unit": "s", "base": "comfy --version", "rows": [
            {"name": "hal --version", "values": [0.05], "load": [1.0]},
            {"name": "hal --help", "values": [0.06], "load": [1.0]},
            {"name": "comfy --version", "values": [1.0], "load": [2.5]}]},
        {"part": "boot", "what": BOOT, "model": None, "unit": "s", "base": "bare ComfyUI", "rows": [
            {"name": "bare ComfyUI", "values": [14.0, 15.0, 20.0], "load": [1.0, 1.0, 1.0]},
            {"name": "hal serve", "values": [5.0, 6.0, 7.0], "load": [1.0, 1.0, 1.0]}]},
        {"part": "warm", "what": WARM, "model": "sdxl", "unit": "s", "base": "diffusers, eager", "rows": [
            {"name": "hal", "values": [1.2], "load": [1.0]},
            {"name": "hal --turbo", "values": [0.8], "load": [1.0]},
            {"name": "diffusers, eager", "values": [1.6], "load": [1.0]}]},
    ],
    "notes": ["cold: the machine's page cache was dropped before each run"],
}  # fmt: skip


def page(name: str) -> str:
    return f"# Title\n\n{report.BEGIN.format(name=name)}\nold\n{report.END}\n\nafter\n"


def test_headlines_have_what_is_ours_its_base_and_the_ratio_in_the_order_of_the_titles() -> None:
    assert report.headlines([RECORD]).splitlines()[2:] == [
        f"| NVIDIA H200 | {BOOT} | 6.000 s, `hal serve` | 15.0 s, bare ComfyUI | 0.40 |",
        f"| NVIDIA H200 | {WARM}, `sdxl` | 1.200 s | 1.600 s, diffusers, eager | 0.75 |",
        f"| NVIDIA H200 | {WARM}, `sdxl` | 0.800 s, `hal --turbo` | 1.600 s, diffusers, eager | 0.50 |",
        f"| NVIDIA H200 | {START} | 0.050 s, `hal --version` | 1.000 s, comfy --version | 0.05 |",
    ]


def test_everything_names_the_machine_the_versions_every_row_and_the_notes() -> None:
    text = report.everything([RECORD])
    words = " ".join(text.split())
    for part in (
        "NVIDIA H200 with 140 GiB, driver 580",
        "16 cores",
        "diffusers 0.42.1",
        "load 1.0 to 2.5",
        "012345678",
    ):
        assert part in words
    assert f"| {BOOT}, s | bare ComfyUI | 3 | 14.0 | 15.0 | 20.0 | 1.00 |" in text
    assert "Cold: the machine's page cache was dropped before each run." in text
    assert "cut off" not in text
    assert "cut off" in report.everything([{**RECORD, "finished": False}])


def test_a_page_is_filled_between_its_marks_and_stays_as_it_is_when_filled_again() -> None:
    once = report.filled(page("headlines") + page("everything"), [RECORD])
    assert "\nold\n" not in once
    assert once.count("after") == 2
    assert report.filled(once, [RECORD]) == once


@pytest.mark.parametrize("wrong", [page("nothing"), page("headlines").replace(report.END, "")])
def test_a_page_with_a_wrong_mark_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="table"):
        report.filled(wrong, [RECORD])


def test_the_plot_is_an_svg_with_a_bar_for_each_row() -> None:
    picture = ET.fromstring(plot.draw(RECORD))
    assert picture.tag.endswith("svg")
    names = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    rows = [row["name"] for measurement in RECORD["measurements"] for row in measurement["rows"]]
    assert set(rows) < set(names)
    bars = list(picture.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == len(rows) + 1
