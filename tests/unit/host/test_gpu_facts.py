"""What NVIDIA's tools print, in the form in which they print it; none was asked here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hal_image.host import gpu_facts
from hal_image.host.gpu_facts import Card, GpuFacts, from_smi, from_version_file

if TYPE_CHECKING:
    from pathlib import Path

SMI_3090 = "0, NVIDIA GeForce RTX 3090, 24576, 535.104.05, 8.6\n"
SMI_TWO = "0, NVIDIA GeForce RTX 5090, 32607, 570.86.10, 12.0\n1, NVIDIA GeForce RTX 3060, 12288, 570.86.10, 8.6\n"
SMI_OLD = "0, Tesla K80, 11441, 450.51.06\n"
SMI_SHARED = "0, NVIDIA GB10, [N/A], 580.95.05, 12.1\n"
RTX_3090 = Card(0, "NVIDIA GeForce RTX 3090", 24576, (8, 6))
OPEN_MODULE = """\
NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build  (dvs-builder@U16)  Thu Jan 23 2025
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
CLOSED_MODULE = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023
GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (SMI_3090, GpuFacts((RTX_3090,), (535, 104, 5), wsl=False)),
        (
            SMI_TWO,
            GpuFacts(
                (Card(0, "NVIDIA GeForce RTX 5090", 32607, (12, 0)), Card(1, "NVIDIA GeForce RTX 3060", 12288, (8, 6))),
                (570, 86, 10),
                wsl=False,
            ),
        ),
        (SMI_OLD, GpuFacts((Card(0, "Tesla K80", 11441, None),), (450, 51, 6), wsl=False)),
        (SMI_SHARED, GpuFacts((Card(0, "NVIDIA GB10", 0, (12, 1)),), (580, 95, 5), wsl=False)),
        ("No devices were found\n", GpuFacts((), None, wsl=False, complaint="nvidia-smi lists no card")),
    ],
)
def test_what_nvidia_smi_prints(answer: str, expected: GpuFacts) -> None:
    assert from_smi(answer, wsl=False) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(OPEN_MODULE, (570, 86, 10)), (CLOSED_MODULE, (535, 104, 5)), ("", None), ("NVRM version: unknown\n", None)],
)
def test_the_drivers_file(tmp_path: Path, text: str, expected: tuple[int, ...] | None) -> None:
    (tmp_path / "version").write_text(text)
    assert from_version_file(tmp_path / "version") == expected


def probe_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> GpuFacts:
    """What is found with a program in the place of ``nvidia-smi``, and with the driver's file."""
    (tmp_path / "bin").mkdir()
    if script is not None:
        smi = tmp_path / "bin" / "nvidia-smi"
        smi.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
        smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(gpu_facts, "SMI_IN_WSL", "/nowhere")
    file = tmp_path / gpu_facts.VERSION_FILE
    file.parent.mkdir(parents=True)
    file.write_text(CLOSED_MODULE)
    return gpu_facts.probe(tmp_path)


def test_a_driver_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe_with(tmp_path, monkeypatch, f"print({SMI_3090!r})") == GpuFacts((RTX_3090,), (535, 104, 5), wsl=False)


def test_a_driver_that_does_not_know_the_last_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "if 'compute_cap' in sys.argv[1]:\n"
        "    print('Field \"compute_cap\" is not a valid field to query.'); sys.exit(2)\n"
        f"print({SMI_OLD!r})"
    )
    assert probe_with(tmp_path, monkeypatch, script).cards == (Card(0, "Tesla K80", 11441, None),)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (None, "there is no nvidia-smi"),
        ("print('Failed to initialize NVML: Driver/library version mismatch'); sys.exit(18)", "Failed to initialize"),
        ("sys.exit(9)", "nvidia-smi"),
    ],
)
def test_without_an_answer_the_drivers_file_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, complaint: str
) -> None:
    facts = probe_with(tmp_path, monkeypatch, script)
    assert (facts.cards, facts.driver) == ((), (535, 104, 5))
    assert complaint in facts.complaint
