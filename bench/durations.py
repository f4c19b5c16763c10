"""Seconds as people say them."""

from __future__ import annotations

_UNITS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "days"), (7 * 86400.0, "weeks"))


def format_duration(seconds: float) -> str:
    """8 s, 3 min, 2.5 h, 4 days, 6 weeks: in the largest unit of which there are at least 1.5."""
    size, unit = next((pair for pair in reversed(_UNITS) if seconds >= 1.5 * pair[0]), _UNITS[0])
    count = seconds / size
    return f"{count:.1f} {unit}" if unit == "h" and count < 10 else f"{count:.0f} {unit}"


def format_clock(seconds: float) -> str:
    """01:24, or 2:01:24 from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
