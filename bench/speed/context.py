"""What every part of the measurement shares: settings, progress, words to the user."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

import torch

from bench.durations import format_duration

LINE_EVERY = 20.0  # seconds between lines where there is no terminal


@dataclass
class Context:
    """Settings, and where the measurement stands.

    parts: name -> its rough share of the whole time, in any unit, in order.
    """

    device: torch.device
    threads: int
    repeats: int
    quick: bool
    parts: dict[str, float]
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def __post_init__(self) -> None:
        self._started = self._said = time.monotonic()
        self._done = 0.0
        self._part = ""
        self._open = False

    def begin(self, part: str) -> None:
        """The next part starts."""
        self._part = part
        self.tick(0.0)

    def end(self) -> None:
        """The part is done."""
        self._done += self.parts[self._part]

    def tick(self, share: float) -> None:
        """`share` of the part that runs is done."""
        done = self._done + share * self.parts[self._part]
        whole = sum(self.parts.values())
        now = time.monotonic()
        passed = now - self._started
        left = ""
        if done > 0.02 * whole and passed > 2:
            left = f", about {format_duration(passed * (whole - done) / done)} left"
        line = f"{self._part}: {share:.0%} ({done / whole:.0%} of all{left})"
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[K{line}")
            self.stream.flush()
            self._open = True
        elif share == 0 or now - self._said > LINE_EVERY:
            self._said = now
            print(line, file=self.stream, flush=True)

    def say(self, line: str) -> None:
        """A line that stays."""
        self.clear()
        print(line, file=self.stream, flush=True)

    def clear(self) -> None:
        """Take the line of progress away."""
        if self._open:
            self.stream.write("\r\x1b[K")
            self._open = False
