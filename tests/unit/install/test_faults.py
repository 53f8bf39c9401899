"""Pip's words for what went wrong, and ours. The lines are what pip 23 and 24 print."""

from __future__ import annotations

import errno
import platform
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_, HalError
from hal_image.install import faults

if TYPE_CHECKING:
    from pathlib import Path

NOT_FOUND = """\
ERROR: Could not find a version that satisfies the requirement {0} (from versions: {1})
ERROR: No matching distribution found for {0}
"""
NOTHING = NOT_FOUND.format("aiohttp==3.14.5", "none")
COLLECTED = "Collecting aiohttp==3.14.5 (from -r engine.txt (line 5))\n  Downloading aiohttp-3.14.5.whl (1.9 MB)\n"
HASHES = """\
Collecting torch==2.4.1 (from -r engine.txt (line 12))
  Downloading torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl (797.1 MB)
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, \
please update the hashes. Otherwise, examine the package contents carefully; someone may have tampered with them.
    torch==2.4.1 from https://index.example/torch-2.4.1.whl (from -r engine.txt (line 12)):
        Expected sha256 1111
             Got        2222
"""
RETRY = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by '{}': /simple/aiohttp/\n"

CASES = {
    "disk": (COLLECTED + "ERROR: Could not install packages: [Errno 28] No space left on device", "disk_full"),
    "quota": ("OSError: [Errno 122] Disk quota exceeded: '/home/x'", "disk_full"),
    "hash": (HASHES, "hash_mismatch"),
    "no route": (RETRY.format("NewConnectionError('...')") + NOTHING, "index_unreachable"),
    "no retries": (NOTHING, "index_unreachable"),
    "broken off": (COLLECTED + "pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "index_unreachable"),
    "refused": ("ERROR: HTTP error 403 while getting https://index.example/a.whl", "index_unreachable"),
    "not there": (COLLECTED + NOT_FOUND.format("av==18.1.0", "17.0.0, 17.1.0"), "index_incomplete"),
    "unknown": (COLLECTED + "ERROR: Exception:\nERROR: something new", "install_failed"),
    "silent": ("", "install_failed"),
}  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "install-engine.log"


@pytest.fixture(autouse=True)
def supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.mark.parametrize("case", CASES)
def test_code(log: Path, case: str) -> None:
    text, code = CASES[case]
    log.write_text(text)
    error = faults.from_log("the engine", log)
    assert error.code == code
    assert error.exit_code == 3
    assert error.hint
    assert "\n" not in error.message + error.hint
    assert error.details["log"] == str(log)
    assert "the engine" in error.message


def test_what_helps(log: Path) -> None:
    def hint(text: str) -> str:
        log.write_text(text)
        return faults.from_log("the engine", log).hint

    assert "HAL_STATE_DIR" in hint(CASES["disk"][0])
    assert "PIP_INDEX_URL" in hint(CASES["no route"][0])
    assert "PIP_CERT" in hint(RETRY.format("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))"))
    assert "HTTPS_PROXY" in hint(RETRY.format("ProxyError('Cannot connect to proxy.', 407)"))
    assert str(log) in hint(CASES["unknown"][0])


def test_names_the_changed_package(log: Path) -> None:
    log.write_text(HASHES)
    assert "torch==2.4.1" in faults.from_log("the engine", log).message


def test_names_pips_last_error(log: Path) -> None:
    log.write_text(CASES["unknown"][0])
    error = faults.from_log("the engine", log)
    assert error.message.endswith("something new")
    assert error.details["tail"][-1] == "ERROR: something new"


def test_only_an_unreachable_index_is_worth_a_retry(log: Path) -> None:
    retryable = set()
    for text, code in CASES.values():
        log.write_text(text)
        if faults.from_log("the engine", log).retryable:
            retryable.add(code)
    assert retryable == {"index_unreachable"}


def test_a_machine_without_torch(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_text(CASES["not there"][0])
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    error = faults.from_log("the engine", log)
    assert error.code == "python_unsupported"
    assert "riscv64" in error.message
    assert "HAL_ENGINE_PYTHON" in error.hint


def test_a_known_cause_wins_over_the_given_one(log: Path) -> None:
    given = EnvironmentError_("something", code="given")
    log.write_text(CASES["disk"][0])
    assert faults.from_log("the engine", log, otherwise=given).code == "disk_full"
    log.write_text(CASES["unknown"][0])
    error: HalError = faults.from_log("the engine", log, otherwise=given)
    assert error is given
    assert error.details["log"] == str(log)


def test_our_own_file_operations() -> None:
    assert faults.from_os_error("the engine", OSError(errno.ENOSPC, "full")).code == "disk_full"
    assert faults.from_os_error("the engine", OSError(errno.EROFS, "read-only")).code == "install_failed"


def test_disk_full_gives_the_numbers() -> None:
    error = faults.disk_full("the engine", need=9_000_000_000, free=61_000_000)
    assert "9.0 GB" in error.message
    assert "61 MB" in error.message
    assert error.details["need_bytes"] == 9_000_000_000


@pytest.mark.parametrize(
    ("python", "apt", "expected"),
    [
        ("/usr/bin/python3", "/usr/bin/apt-get", r"sudo apt-get install python3\.\d+-venv$"),
        ("/opt/python", "/usr/bin/apt-get", r"sudo apt-get install python3-venv, then .*/usr/bin/python3$"),
        ("/opt/python", None, "venv and ensurepip"),
    ],
)
def test_python_without_venv(monkeypatch: pytest.MonkeyPatch, python: str, apt: str | None, expected: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: apt)
    error = faults.python_without_venv(python)
    assert error.code == "python_without_venv"
    assert re.search(expected, error.hint)
