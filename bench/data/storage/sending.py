"""Batches of images that are not on the device, gathered and sent there ahead of their use."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

AHEAD = 2
"""Batches that are on their way while another is computed with."""


def gather(images: Tensor, rows: Tensor) -> Tensor:
    """images[rows] of host memory or of a mapped file, in new memory. rows: int64 on the host.

    By NumPy in this thread alone, without Python's lock: others go on while a disk is waited for.
    """
    batch = torch.empty(len(rows), *images.shape[1:], dtype=torch.uint8)
    _fill(batch, images, rows)
    return batch


def _fill(batch: Tensor, images: Tensor, rows: Tensor) -> None:
    """Write images[rows] into a batch; only that part of a mapped file is read."""
    into, pixels = batch.numpy(), images.numpy()
    if images.is_contiguous():
        np.take(pixels, rows.numpy(), axis=0, out=into, mode="clip")  # "raise" would copy
        return
    for place, row in enumerate(rows.tolist()):  # a window of every image
        into[place] = pixels[row]


def send(images: Tensor, batches: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The images of every batch, uint8 [batch, channels, height, width] on the device, in order.

    images: in host memory or in a mapped file; batches: the rows of each, int64 on the host. A
    thread works up to AHEAD batches ahead of the one that was taken, which on the host is written
    over once the next one is asked for.
    """
    kind = _Copies if device.type == "cuda" else _Plain
    way: _Way = kind(images, batches, device)
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool, contextlib.ExitStack() as end:
        end.callback(lambda: [future.cancel() for future in waiting])
        for rows in batches:
            waiting.append(pool.submit(way.start, rows))
            if len(waiting) > AHEAD:
                yield way.finish(waiting.popleft().result())
        while waiting:
            yield way.finish(waiting.popleft().result())


class _Way(Protocol):
    """How a batch gets to the device: `start` in the thread, `finish` where it is used."""

    def start(self, rows: Tensor) -> Any: ...

    def finish(self, started: Any) -> Tensor: ...


def _shape_longest(images: Tensor, batches: Sequence[Tensor]) -> tuple[int, ...]:
    """Of a buffer that has room for each of the batches."""
    return (max(map(len, batches), default=0), *images.shape[1:])


class _Plain:
    """To the memory of the host, where it is used.

    In the same few buffers: batches of new memory, made in one thread and released in another, left
    gaps between others that grew to twice the memory of a process.
    """

    def __init__(self, images: Tensor, batches: Sequence[Tensor], device: torch.device) -> None:
        self.images = images
        shape = _shape_longest(images, batches)
        self.buffers = deque(torch.empty(shape, dtype=torch.uint8) for _ in range(AHEAD + 1))

    def start(self, rows: Tensor) -> Tensor:
        buffer = self.buffers[0]
        self.buffers.rotate(-1)
        batch = buffer[: len(rows)]
        _fill(batch, self.images, rows)
        return batch

    def finish(self, started: Tensor) -> Tensor:
        return started


class _Copies:
    """To a CUDA device, through a few buffers of pinned memory, on a stream beside the computing.

    A buffer is filled again only when the copy out of it has ended.
    """

    def __init__(self, images: Tensor, batches: Sequence[Tensor], device: torch.device) -> None:
        self.images, self.device = images, device
        self.stream = torch.cuda.Stream(device)
        shape = _shape_longest(images, batches)
        self.buffers = deque(
            (torch.empty(shape, dtype=torch.uint8, pin_memory=True), torch.cuda.Event())
            for _ in range(AHEAD + 1)
        )

    def start(self, rows: Tensor) -> tuple[Tensor, torch.cuda.Event]:
        buffer, copied = self.buffers[0]
        self.buffers.rotate(-1)
        copied.synchronize()  # an event that was never recorded is past
        batch = buffer[: len(rows)]
        _fill(batch, self.images, rows)
        with torch.cuda.stream(self.stream):
            sent = batch.to(self.device, non_blocking=True)
            copied.record(self.stream)
        return sent, copied

    def finish(self, started: tuple[Tensor, torch.cuda.Event]) -> Tensor:
        sent, copied = started
        current = torch.cuda.current_stream(self.device)
        current.wait_event(copied)
        sent.record_stream(current)  # its memory is not given away before the batch was used
        return sent
