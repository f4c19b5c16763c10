"""Checkpoints of a stage of a trial: written atomically, not more often than pays."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench import files
from bench.errors import ResultsError, one_line

SECONDS_BETWEEN = 15.0


class Checkpoint:
    """One file. A checkpoint that cannot be read, or is of other code, counts as none."""

    def __init__(self, path: Path, identity: str) -> None:
        """identity: of the trial and the code; another one's checkpoint is not resumed."""
        self.path, self.identity = path, identity
        self.saved_at = time.monotonic()
        self.gave_up = False

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None."""
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:  # there is none, or it is damaged, which costs the time to train again
            return None
        return state if state.get("identity") == self.identity else None

    def save(self, state: Callable[[], dict[str, Any]], force: bool = False) -> None:
        """Save `state()`, unless the last save was a moment ago.

        A full disk only costs the time to train again: it is said once, and nothing more is saved.
        """
        if self.gave_up:
            return
        if not force and time.monotonic() - self.saved_at < SECONDS_BETWEEN:
            return
        try:
            with files.replacing(self.path) as scratch:
                torch.save({**state(), "identity": self.identity}, scratch)
        except (ResultsError, RuntimeError) as error:  # torch's writer raises RuntimeError
            self.gave_up = True
            reason = one_line(error)
            print(f"warning: no checkpoints of this stage: {reason}", file=sys.stderr)
        self.saved_at = time.monotonic()
