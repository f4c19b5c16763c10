"""Derived randomness: every generator's seed is a hash of what it belongs to."""

from __future__ import annotations

import hashlib

import torch


def derive(*parts: object) -> int:
    """A seed in [0, 2**63), a pure function of the parts' text, e.g. (trial, purpose, epoch)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(device: torch.device | str, *parts: object) -> torch.Generator:
    """A generator on `device`, seeded by `derive(*parts)`."""
    return torch.Generator(device=device).manual_seed(derive(*parts))
