"""What the machine does while trials run: MLflow's system metrics, sampled in this process.

They are no part of records: where the server is away, they are lost.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from bench.records.schema import RunRecord
from bench.tracking.export import Value, to_milliseconds
from bench.tracking.store import list_monitors

INTERVAL = 5.0
"""Seconds between samples."""
_KEPT = 100_000  # samples, six days


class MachineMetrics:
    """Samples of processor, memory, disk, network and GPUs, of the whole machine.

    Raises TrackingError where they cannot be measured: the extra `system-metrics` is missing.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        self._monitors = list_monitors()
        self._samples: deque[tuple[int, dict[str, float]]] = deque(maxlen=_KEPT)
        self._interval = interval
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="machine metrics", daemon=True)
        self._thread.start()

    def read(self, record: RunRecord) -> list[Value]:
        """What was measured while a trial ran, by MLflow's names; steps count the samples."""
        begin = to_milliseconds(record.provenance.started)
        end = to_milliseconds(record.provenance.finished) + 999  # records have whole seconds
        within = [sample for sample in list(self._samples) if begin <= sample[0] <= end]
        return [
            Value(f"system/{name}", value, moment, step)
            for step, (moment, values) in enumerate(within)
            for name, value in values.items()
        ]

    def close(self) -> None:
        """Stop sampling."""
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            values: dict[str, float] = {}
            for monitor in self._monitors:
                monitor.collect_metrics()
                values |= monitor.aggregate_metrics()
                monitor.clear_metrics()
            self._samples.append((round(time.time() * 1000), values))
            if self._end.wait(self._interval):
                return
