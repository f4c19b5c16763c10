"""What a check came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "differs", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """status: differs is beyond the tolerance; detail: by how much, or why; seconds: it took."""

    check: str
    status: Status
    detail: str
    seconds: float = 0.0

    @property
    def line(self) -> str:
        return f"{self.status:8} {self.check}: {self.detail} ({self.seconds:.1f} s)"

    @property
    def bad(self) -> bool:
        return self.status in ("differs", "failed")
