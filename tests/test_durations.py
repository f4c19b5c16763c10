"""Seconds in words."""

from __future__ import annotations

import pytest

from bench.durations import format_clock, format_duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (8.4, "8 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (9000, "2.5 h"),
        (35.9 * 3600, "36 h"),
        (2 * 86400, "2 days"),
        (10 * 86400, "10 days"),
        (42 * 86400, "6 weeks"),
    ],
)
def test_durations_are_in_the_unit_that_people_use(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(("seconds", "clock"), [(0, "00:00"), (84, "01:24"), (7284, "2:01:24")])
def test_clock(seconds: float, clock: str) -> None:
    assert format_clock(seconds) == clock
