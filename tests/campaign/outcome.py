"""What a part of the campaign came to, and the page that says so."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bench import capacity, files
from bench.errors import one_line
from bench.run import environment

Kind = Literal["lost", "different", "traceback", "outside"]
"""lost: work that was done is gone, damaged, done again, or blocked for good. different: a result,
an exit status or a message is not the expected one. traceback: an error is not one clear line.
outside: something was written outside of the results folder."""


@dataclass
class Part:
    """One row of the table. expected: in words, what has to come out."""

    name: str
    expected: str
    count: int = 0
    problems: list[tuple[Kind, str]] = field(default_factory=list)
    skipped: str = ""
    """The reason, where this machine cannot do it."""
    note: str = ""
    seconds: float = 0.0
    begun: float = field(default_factory=time.monotonic)

    def found(self, kind: Kind, text: str) -> None:
        """Add something that is not as expected."""
        self.problems.append((kind, one_line(text)[:1000]))

    def check(self, right: bool, kind: Kind, text: str) -> None:
        """Add it unless all is right."""
        if not right:
            self.found(kind, text)

    def number_of(self, kind: Kind) -> int:
        """Problems of a kind."""
        return sum(one == kind for one, _ in self.problems)

    def end(self) -> Part:
        """Note the time, say what came of it in one line, and return the part."""
        self.seconds = time.monotonic() - self.begun
        came = f"skipped: {self.skipped}" if self.skipped else self._counts()
        print(f"{self.name}: {came}, {self.seconds:.0f} s", flush=True)
        for kind, text in self.problems[:20]:
            print(f"  {kind}: {text}", flush=True)
        return self

    def _counts(self) -> str:
        kinds: tuple[Kind, ...] = ("lost", "different", "traceback", "outside")
        counts = ", ".join(f"{self.number_of(kind)} {kind}" for kind in kinds)
        return f"{self.count} ({self.note}), {counts}" if self.note else f"{self.count}, {counts}"


class Deadline:
    """The moment when the campaign has to end; parts look whether it has passed."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds until then, not below 0."""
        return max(0.0, self._end - time.monotonic())

    def share(self, fraction: float) -> Deadline:
        """A deadline after this share of what is left."""
        return Deadline(self.left * fraction / 60)


_HEAD = """\
# Reliability

What breaks, tried by `{command}` on {date}, at commit {commit}: {machine}, {cores} cores, {system}.
Lost is work that was done and is gone, damaged, done again or blocked; different is a result, an
exit status or a message that is not the expected one; a traceback is an error that is not one clear
line; outside is a file written outside of the results folder.

| part | expected | tried | lost | different | tracebacks | outside | seconds |
|---|---|---:|---:|---:|---:|---:|---:|
"""


def write(path: Path, parts: Sequence[Part], command: str) -> Path:
    """Write the page."""
    import torch

    commit, dirty = environment.code_version()
    text = _HEAD.format(
        command=command,
        date=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        commit=f"{(commit or 'unknown')[:12]}{' with changes' if dirty else ''}",
        machine=environment.hardware(torch.device("cpu")).rpartition(", ")[0],
        cores=capacity.cores(),
        system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    )
    text += "".join(_row(part) for part in parts)
    problems = [(part.name, *problem) for part in parts for problem in part.problems]
    if problems:
        text += "\n## Not as expected\n\n"
        text += "".join(f"- {name}, {kind}: {said}\n" for name, kind, said in problems[:200])
    return files.write(path, text)


def _row(part: Part) -> str:
    if part.skipped:
        cells = [f"skipped: {part.skipped}", "", "", "", ""]
    else:
        kinds: tuple[Kind, ...] = ("lost", "different", "traceback", "outside")
        tried = f"{part.count:,}" + (f" ({part.note})" if part.note else "")
        cells = [tried, *(str(part.number_of(kind)) for kind in kinds)]
    row = [part.name, part.expected, *cells, f"{part.seconds:.0f}"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"
