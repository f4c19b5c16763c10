"""Checkpoints of a stage of a trial: written atomically, not more often than pays."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench import files

SECONDS_BETWEEN = 15.0


class Checkpoint:
    """One file. A checkpoint that cannot be read, or is of other code, counts as none."""

    def __init__(self, path: Path, identity: str) -> None:
        """identity: of the trial and the code; another one's checkpoint is not resumed."""
        self.path, self.identity = path, identity
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None."""
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception:  # a damaged checkpoint only costs the time to train again
            return None
        return state if state.get("identity") == self.identity else None

    def save(self, state: Callable[[], dict[str, Any]], force: bool = False) -> None:
        """Save `state()`, unless the last save was a moment ago. Raises ResultsError."""
        if not force and time.monotonic() - self.saved_at < SECONDS_BETWEEN:
            return
        with files.replacing(self.path) as scratch:
            torch.save({**state(), "identity": self.identity}, scratch)
        self.saved_at = time.monotonic()
