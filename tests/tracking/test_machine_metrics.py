"""System metrics need an extra, and say so before anything is trained."""

from __future__ import annotations

import importlib.util
import time
from datetime import UTC, datetime, timedelta

import pytest
from support import records

from bench.tracking.experiment import TrackingError
from bench.tracking.machine_metrics import MachineMetrics

PSUTIL = importlib.util.find_spec("psutil") is not None
"""Of a package of its own: once Ray is imported, a process finds the psutil that Ray brings too."""


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    with pytest.raises(TrackingError, match=r"pip install .*\[system-metrics\]"):
        MachineMetrics()


@pytest.mark.skipif(not PSUTIL, reason="psutil is not installed")
def test_samples_belong_to_the_trials_that_ran_then() -> None:
    machine = MachineMetrics(interval=0.05)
    try:
        deadline = time.monotonic() + 30
        now = datetime.now(UTC).replace(microsecond=0)
        times = {"started": now.isoformat(), "finished": (now + timedelta(hours=1)).isoformat()}
        of = records.changed(records.finished(), {"provenance": times})
        while not (values := machine.read(of)):
            assert time.monotonic() < deadline
            time.sleep(0.01)  # a thread to wait for, not a race to win
    finally:
        machine.close()
    assert "system/cpu_utilization_percentage" in {value.name for value in values}
    assert machine.read(records.finished()) == [], "it ran at another time"
