from __future__ import annotations

import pytest

from hal_image.host.hal8000 import release


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        (b"1.4.2\n", "minor", b"1.5.0\n"),
        (b"1.4.2", "patch", b"1.4.3"),
        (b"v1.4.2\r\n", "major", b"v2.0.0\r\n"),
        (b"\n 0.9.9 \n", "patch", b"\n 0.9.10 \n"),
    ],
)
def test_the_number_is_raised_and_the_rest_stays(text: bytes, part: release.Part, expected: bytes) -> None:
    raised, before, version = release.bumped(text, part)
    assert raised == expected
    assert release.restored(raised, release.Release(before, version, "")) == text
    assert release.restored(b"9.9.9\n", release.Release(before, version, "")) is None


@pytest.mark.parametrize("text", [b"", b"1.4\n", b"1.4.2-rc1\n", b"1.4.2\n1.4.3\n", b"version = 1.4.2\n"])
def test_what_is_no_version(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"1\.4\.2"):
        release.bumped(text, "minor")


@pytest.mark.parametrize(
    ("changelog", "heading"),
    [
        (b"# Changelog\n\n## [Unreleased]\n\n- x\n\n## [1.4.2] - 2025-11-02\n\n- y\n", b"## [1.5.0] - 2026-01-02\n"),
        (b"# Changelog\r\n\r\n## 1.4.2\r\n\r\n- y\r\n", b"## 1.5.0\r\n"),
        (b"## v1.4.2 (2025-11-02)\n- y\n", b"## v1.5.0 (2026-01-02)\n"),
        (b"## [1.4.2] \xe2\x80\x94 2025-11-02\n- y", b"## [1.5.0] \xe2\x80\x94 2026-01-02\n"),
        (b"# Changelog\n\n## [Unreleased]\n\n- x", b"## [1.5.0] - 2026-01-02\n"),
        (b"# Changelog\n", b"## [1.5.0] - 2026-01-02\n"),
        (b"", b"## [1.5.0] - 2026-01-02\n"),
    ],
)
def test_an_entry_comes_before_older_ones_and_goes(changelog: bytes, heading: bytes) -> None:
    put, entry = release.with_entry(changelog, "1.5.0", "2026-01-02")
    assert heading in put
    assert put.index(heading) < put.find(b"1.4.2") or b"1.4.2" not in put
    assert put.index(heading) > put.find(b"Unreleased")
    made = release.Release("1.4.2", "1.5.0", entry)
    assert release.without_entry(put, made) == changelog
    assert release.without_entry(put + b"\nmore\n", made) == changelog + b"\nmore\n"
    assert release.without_entry(put.replace(b"Image generation", b"Pictures"), made) is None
