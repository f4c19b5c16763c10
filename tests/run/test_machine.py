"""What a machine offers to a run: cores within affinity and quota, devices for workers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bench import capacity
from bench.errors import ConfigurationError
from bench.run import machine


@pytest.fixture
def six_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of six cores; the file of its container's quota."""
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    monkeypatch.setattr(capacity, "QUOTA", quota)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return quota


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        (None, 6),
        ("max 100000", 6),
        ("900000 100000", 6),
        ("450000 100000", 4),
        ("50000 100000", 1),
        ("damaged", 6),
    ],
)
def test_cores_are_those_of_affinity_and_quota(
    six_cores: Path, quota: str | None, cores: int
) -> None:
    if quota is not None:
        six_cores.write_text(quota)
    assert capacity.cores() == cores


@pytest.mark.parametrize(
    ("workers", "threads", "trials", "expected"),
    [
        (None, 1, 100, 6),
        (None, 2, 100, 3),
        (None, 4, 100, 1),
        (None, 10_000, 100, 1),
        (None, 1, 1, 1),
        (5, 1, 3, 3),
        (5, 10_000, 9, 5),
    ],
)
def test_number_of_workers(
    six_cores: Path, workers: int | None, threads: int, trials: int, expected: int
) -> None:
    assert machine.devices("cpu", workers, threads, trials) == ["cpu"] * expected


@pytest.mark.parametrize(
    ("wanted", "workers", "expected"),
    [
        ("auto", None, ["cuda:0", "cuda:1"]),
        ("cuda", 2, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]),
        ("cpu", 2, ["cpu", "cpu"]),
    ],
)
def test_cuda_workers_are_dealt_out_over_the_devices(
    monkeypatch: pytest.MonkeyPatch, wanted: str, workers: int | None, expected: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "ones", lambda size, device: torch.zeros(size))  # as if it computed
    assert machine.devices(wanted, workers, 1, 9) == expected


def test_cuda_where_there_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="torch finds no CUDA device"):
        machine.devices("cuda", None, 1, 9)
    assert machine.devices("auto", 1, 1, 9) == ["cpu"]
