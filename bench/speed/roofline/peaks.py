"""What the machine can do at best: a large matrix product, and a pass over arrays out of memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from bench.speed.context import Context
from bench.speed.timing import Samples, alternate, seconds

MACHINE = "machine"
PRODUCT, TRIAD = "matrix product", "memory bandwidth"
"""Quantities: operations a second, bytes a second."""

SIDE = {"cpu": 2048, "cuda": 8192}
"""Of the square float32 matrices. A product does side / 6 operations per byte that it has to move:
341 and 1,365, far more than a machine can do in the time of a byte."""

SMALLEST_ARRAY, CACHES = 128 * 2**20, 4
"""Bytes of each of the triad's three arrays: at least the one, and so many last-level caches."""

PASSES = 5
QUICK_SIDE, QUICK_ARRAY = 256, 2**20


class Peaks:
    """Arrays to measure a device with, as often as wanted, on the threads that torch is set to."""

    def __init__(self, device: torch.device, quick: bool = False) -> None:
        self.device = device
        self.side = QUICK_SIDE if quick else SIDE[device.type]
        self.bytes = QUICK_ARRAY if quick else max(SMALLEST_ARRAY, CACHES * last_cache(device))
        self._left, self._right = (torch.rand(self.side, self.side).to(device) for _ in range(2))
        self._product = torch.empty_like(self._left)
        length = self.bytes // self._left.element_size()
        self._arrays = [torch.full((length,), float(i), device=device) for i in range(3)]

    def product(self) -> dict[str, float]:
        """Operations a second of the product of two square float32 matrices, 2 side^3 of them.

        On CUDA in TensorFloat-32, as torch computes convolutions there.
        """
        with _as_convolutions(self.device):
            time = seconds(self._multiply, self.device)
        return {PRODUCT: 2 * self.side**3 / time}

    def triad(self) -> dict[str, float]:
        """Bytes a second of a = b + s c (STREAM's triad): two arrays read, one written.

        What the processor reads of `a` before it overwrites it does not count, as with STREAM.
        """
        time = seconds(self._add, self.device)
        return {TRIAD: PASSES * 3 * self.bytes / time}

    def _multiply(self) -> None:
        torch.mm(self._left, self._right, out=self._product)

    def _add(self) -> None:
        a, b, c = self._arrays
        for _ in range(PASSES):
            torch.add(b, c, alpha=3.0, out=a)


@contextlib.contextmanager
def _as_convolutions(device: torch.device) -> Iterator[None]:
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def last_cache(device: torch.device) -> int:
    """Bytes of the device's last-level cache; 32 MiB where the system does not tell."""
    if device.type == "cuda":
        return int(getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 2**25))
    sizes = [2**25]
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            text = file.read_text().strip()
            sizes.append(int(text[:-1]) * units[text[-1]])
    return max(sizes)


def alternate_with_machine(
    works: Mapping[str, Callable[[], Mapping[str, float]]], context: Context, warm_up: int = 1
) -> tuple[dict[str, Samples], Samples]:
    """`timing.alternate` with the machine's two measurements in turns with the works.

    Returns the works' samples, and the machine's by `PRODUCT` and `TRIAD`.
    """
    peaks = Peaks(context.device, context.quick)
    peaks.product(), peaks.triad()
    machine = {PRODUCT: peaks.product, TRIAD: peaks.triad}
    samples = alternate({**works, **machine}, context.repeats, context.tick, warm_up)
    rates = {name: samples.pop(name)[name] for name in machine}
    return samples, rates
