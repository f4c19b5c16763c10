"""The lines at the bottom of a terminal that say what goes on, drawn anew every second.

Elsewhere (a file, a pipe, a terminal without cursor movements) nothing is drawn, and lines that are
said are written one below the other.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO, cast

from bench.durations import format_clock

TICK = 1.0  # seconds between drawings
_CLEAR = "\r\x1b[J"  # from the start of the line to the end of the screen

Draw = Callable[[int], Sequence[str]]
"""(columns) -> the lines to draw."""


class Display:
    """Draws while it is entered as a context; what others print then goes above what it draws.

    lock: held while it draws; whoever changes what `show` was given to draw holds it, too.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """stream: where to; by default standard error."""
        self.stream = stream or sys.stderr
        self.is_terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.lock = threading.RLock()
        self.begun = time.monotonic()
        self.on_tick: Callable[[], None] = lambda: None
        """Called every second, on a terminal or not."""
        self._draw: Draw = lambda columns: []
        self._lines = 0  # of the present drawing
        self._mid_line = False  # somebody else has begun a line and not ended it
        self._ended = threading.Event()
        self._ended.set()
        self._before: list[tuple[str, TextIO]] = []

    def __enter__(self) -> Display:
        self._ended.clear()
        if self.is_terminal:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream.isatty():
                    self._before.append((name, stream))
                    setattr(sys, name, cast(TextIO, _Through(stream, self)))
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self._ended.set()
            self.clear()
            for name, stream in self._before:
                setattr(sys, name, stream)
            self._before.clear()

    @property
    def elapsed(self) -> float:
        """Seconds since this object was made."""
        return time.monotonic() - self.begun

    def show(self, draw: Draw) -> None:
        """Draw these lines from now on."""
        with self.lock:
            self._draw = draw
            self.redraw()

    def note(self, what: str) -> None:
        """Draw one line from now on: the time and what is being done."""
        self.show(lambda columns: [f"{format_clock(self.elapsed)}  {what}"])

    def say(self, line: str, stream: TextIO | None = None) -> None:
        """Write a line that stays; `stream`: where else it goes."""
        with self.lock:
            self.clear()
            print(line, file=stream or self.stream, flush=True)
            self._mid_line = False
            self.redraw()

    def write_through(self, stream: TextIO, text: str) -> int:
        """Write what somebody else prints, above the drawing."""
        with self.lock:
            self.clear()
            count = stream.write(text)
            stream.flush()
            self._mid_line = not text.endswith("\n") if text else self._mid_line
            self.redraw()
            return count

    def redraw(self) -> None:
        """Draw now, as a second from now."""
        with self.lock:
            if self._ended.is_set() or not self.is_terminal or self._mid_line:
                return
            columns, rows = self._size()
            lines = [line[: columns - 1] for line in self._draw(columns - 1)]
            if len(lines) >= rows > 2:
                lines[rows - 2 :] = [f"  and {len(lines) - rows + 2} more"]
            self.stream.write(self._erasing() + "\n".join(lines))
            self.stream.flush()
            self._lines = len(lines)

    def clear(self) -> None:
        """Take the drawing away."""
        with self.lock:
            if self._lines:
                self.stream.write(self._erasing())
                self.stream.flush()
            self._lines = 0

    def _erasing(self) -> str:
        if not self._lines:
            return ""
        up = f"\x1b[{self._lines - 1}A" if self._lines > 1 else ""
        return up + _CLEAR

    def _size(self) -> tuple[int, int]:
        """Columns and rows of the terminal."""
        try:
            columns, rows = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            columns, rows = 0, 0
        return columns or 80, rows or 24

    def _tick(self) -> None:
        # Ctrl-C is the main thread's, which may have reasons to wait with it (`processes.start`)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while not self._ended.wait(TICK):
            with self.lock:
                if not self._ended.is_set():
                    self.on_tick()
                    self.redraw()


class _Through:
    """Standard output or error of others while something is drawn."""

    def __init__(self, stream: TextIO, display: Display) -> None:
        self._stream, self._display = stream, display

    def write(self, text: str) -> int:
        return self._display.write_through(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
