"""The catalogue against the code: what is raised stands in it as it is, what stands in it is raised, and tested."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from hal_image import errors
from hal_image.error_catalogue import ERRORS, OF_A_JOB, PARTS, WARNINGS
from tests.contract import error_reference
from tests.contract.asserted_codes import asserted_codes, in_module
from tests.contract.raised_errors import CLASSES, ROOT, TREES, Raised, raised, warned

RAISED = list(raised())
WARNED = list(warned())
PASSES_ON = {"hal_image/errors.py", "hal_image/host/docker/answers.py"}
"""Modules that make an error of a code which was made elsewhere."""

NO_LONGER_RETRYABLE = {"timeout"}
"""Codes that are raised as retryable, and told as not: ``hal_image/host/running_on.py``, when the jobs run on."""


def by_code() -> dict[str, list[Raised]]:
    found: dict[str, list[Raised]] = defaultdict(list)
    for one in RAISED:
        if one.code is not None:
            found[one.code].append(one)
    return found


def test_the_scan_sees_what_there_is() -> None:
    assert {"model_missing", "not_a_png", "comfyui_boot_failed", "timeout", "host_venv_broken"} <= by_code().keys()
    assert {"running_on_cpu", "hot_cache_full"} <= {one.code for one in WARNED}
    assert len(RAISED) > 150


def test_the_page_is_current() -> None:
    path = ROOT / "docs" / "reference" / "errors.md"
    assert path.read_text(encoding="utf-8") == error_reference.page(), (
        "make it anew: python3 -m tests.contract.error_reference > docs/reference/errors.md"
    )


def test_every_code_that_is_raised_is_catalogued_and_the_other_way_round() -> None:
    used = by_code().keys() | {CLASSES.code(name) for name in CLASSES.bases}
    assert sorted(used - ERRORS.keys()) == [], "not in hal_image/error_catalogue"
    assert sorted(ERRORS.keys() - used) == [], "catalogued, but nothing raises it"


def test_every_warning_is_catalogued_and_the_other_way_round() -> None:
    assert {one.code for one in WARNED} == WARNINGS.keys()


def test_a_code_is_written_where_it_is_raised() -> None:
    assert {one.where.partition(":")[0] for one in RAISED if one.code is None} <= PASSES_ON


def test_general_codes_are_raised_by_nobody() -> None:
    general = {code for code, entry in ERRORS.items() if entry.general}
    assert [one for one in RAISED if one.code in general] == [], "give it a code of its own"


@pytest.mark.parametrize("code", ERRORS)
def test_what_is_raised_is_what_the_catalogue_says(code: str) -> None:
    entry = ERRORS[code]
    places = by_code()[code]
    assert [one for one in places if one.kind != entry.kind.__name__] == [], "another class, and exit code"
    retryable = {one.retryable for one in places}
    retryable |= {False} if code in NO_LONGER_RETRYABLE else set()
    expected = {"no": {False}, "yes": {True}, "depends": {True, False}}[entry.retry]
    assert retryable <= expected if entry.retry != "depends" else retryable in ({None}, expected), retryable
    assert [one for one in places if one.hint is bool(entry.without_hint)] == [], "no hint, or one that is unheard of"
    undescribed = {field for one in places for field in one.details} - entry.details.keys() - OF_A_JOB.keys()
    assert undescribed == set()


@pytest.mark.parametrize("code", WARNINGS)
def test_details_of_a_warning_are_described(code: str) -> None:
    told = {field for one in WARNED if one.code == code for field in one.details}
    assert told == WARNINGS[code].details.keys()


def test_details_that_are_described_are_told() -> None:
    texts = {
        node.value
        for source, tree in TREES.items()
        if "error_catalogue" not in source.parts
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {(code, field) for code, entry in ERRORS.items() for field in entry.details if field not in texts} == set()


def test_codes_are_of_one_form_and_each_stands_once() -> None:
    assert sum(len(part) for part in PARTS) == len(ERRORS)
    assert ERRORS.keys() & WARNINGS.keys() == set()
    assert [code for code in [*ERRORS, *WARNINGS] if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code)] == []


def test_every_entry_says_what_helps() -> None:
    assert [code for code, entry in ERRORS.items() if bool(entry.helps) is bool(entry.without_hint)] == []


def test_every_error_is_raised_by_a_test() -> None:
    codes = ERRORS.keys() | WARNINGS.keys()
    assert sorted(codes - asserted_codes(codes)) == [], "write a test that provokes it and asserts its code"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('assert error.code == "disk_full"', {"disk_full"}),
        ('assert (code, answer["error"]["code"]) == (5, "timeout")', {"timeout"}),
        ('raise HalError("x", code="disk_full")\nassert error.code == "timeout"', {"timeout"}),
        ('x = {"code": "disk_full"}\nassert error.code == 1', set()),
        ('assert text == "disk_full"', set()),
        ("assert b'\"timeout\"' in out", {"timeout"}),
        ("assert b'\"timeout\"' not in out", set()),
        ('def fails(a, code):\n    assert a.code == code\nfails(1, "disk_full")\nfails(2, "timeout")', {"disk_full"}),
        ('def fails(a, code):\n    pass\nfails(1, "disk_full")', set()),
    ],
)
def test_what_counts_as_a_test_of_a_code(source: str, found: set[str]) -> None:
    assert in_module(source, {"disk_full", "timeout"}) == found


def test_the_class_of_a_code_is_known_where_the_exit_code_does_not_tell() -> None:
    shared = {errors.RegistryError, errors.InternalError}
    expected = {code: entry.kind for code, entry in ERRORS.items() if entry.kind in shared}
    assert expected == errors.CLASS_OF_CODE
