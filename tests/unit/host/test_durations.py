from __future__ import annotations

import pytest

from hal_image.host.durations import parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("1.5", 1.5), ("90s", 90), (" 10M ", 600), ("1h30m5s", 5405), ("-1", -1), ("-7", -1)],
)
def test_what_people_write(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10x", "1h-5m", "ten", "1 0", "nan", "inf", "-5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "for ever"), (0, "0s"), (59.4, "59s"), (60, "1m00s"), (245, "4m05s"), (3725, "1h02m")]
)
def test_what_people_read(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text
