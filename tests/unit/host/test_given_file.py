from __future__ import annotations

from pathlib import Path

import pytest

from hal_image.host.given_file import TooLarge, Unreadable, read


def test_a_file_may_have_as_much_as_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read(tmp_path / "x", 5) == b"12345"
    with pytest.raises(TooLarge, match=r"^it is larger than 4 bytes$"):
        read(tmp_path / "x", 4)


def test_what_never_ends_is_too_large() -> None:
    with pytest.raises(TooLarge):
        read(Path("/dev/zero"), 1000)


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "No such file"), ("", "Is a directory"), ("a\0b", "null"), ("x" * 300, "too long")]
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(tmp_path / name, 5)
