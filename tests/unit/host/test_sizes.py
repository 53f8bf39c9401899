from __future__ import annotations

import pytest

from hal_image.host.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [("40GB", 40_000_000_000), ("1.5tb", 1_500_000_000_000), (" 500 MB ", 500_000_000), ("0", 0), ("0GB", 0)],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "40", "GB", "-1GB", "infGB", "nanGB", "1GiB", "a lot"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"no size|could not convert"):
        parse_size(text)
