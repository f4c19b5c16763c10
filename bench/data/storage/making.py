"""Making the files of a cache: a chunk at a time, from where an earlier process was stopped."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from bench import files
from bench.data.config import DataConfig
from bench.data.division import Division
from bench.data.source import Part
from bench.data.storage.placement import format_bytes
from bench.durations import format_duration
from bench.errors import DataError

STATE = "state.json"
CHUNK_BYTES = 1 << 22  # of decoded images at a time
MARK_SECONDS = 1.0  # between two notes of how far it is
TELL_SECONDS = 10.0  # between two lines about it
ROOM = 64 << 20  # bytes to be left on the disk


class PartState(BaseModel):
    """A part's file: how many images it will have, and has; the shape of one; what was changed."""

    images: int
    done: int = 0
    shape: tuple[int, int, int] = (0, 0, 0)
    changed: dict[str, int] = {}

    @property
    def bytes(self) -> int:
        """Of the whole file."""
        return self.images * self.shape[0] * self.shape[1] * self.shape[2]


class State(BaseModel):
    """How far a cache is. key: what it is made of."""

    key: str
    train: PartState
    test: PartState
    complete: bool = False

    @property
    def images(self) -> int:
        """How many it will have."""
        return self.train.images + self.test.images

    @property
    def done(self) -> int:
        """How many it has."""
        return self.train.done + self.test.done


def read_state(folder: Path, key: str) -> State | None:
    """What is there, if it is of this key and its files are as long as it says."""
    try:
        state = State.model_validate_json((folder / STATE).read_text("utf-8"))
        for part in ("train", "test"):
            own: PartState = getattr(state, part)
            if own.done and (folder / f"{part}.images").stat().st_size != own.bytes:
                return None
    except (OSError, ValidationError):
        return None
    return state if state.key == key else None


def map_images(path: Path, shape: tuple[int, ...]) -> Tensor:
    """A file of bytes as a tensor that is read when it is used; it cannot be written to.

    Its pages are the system's, which takes them back where memory is short.
    """
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it cannot be written to is meant
        return torch.frombuffer(mapping, dtype=torch.uint8).view(shape)


class Making:
    """One process's work on a cache, from what an earlier one has left."""

    def __init__(self, division: Division, config: DataConfig, folder: Path, key: str) -> None:
        self.division, self.config, self.folder = division, config, folder
        self.begun = self.marked = self.told = time.monotonic()
        self.state = read_state(folder, key) or State(
            key=key,
            train=PartState(images=len(division.pool)),
            test=PartState(images=len(division.test)),
        )
        self.found = self.state.done
        """Images that an earlier process had decoded."""

    def run(self) -> State:
        """Decode what is missing. Raises DataError, OSError and ResultsError."""
        state, division = self.state, self.division
        if state.complete:  # another process was faster
            return state
        self.folder.mkdir(parents=True, exist_ok=True)
        self._decode("train", division.source.train, division.pool)
        self._decode("test", division.test_part, division.test)
        if state.train.shape[0] != state.test.shape[0]:  # one is grey throughout, the other is not
            self._widen("train" if state.train.shape[0] == 1 else "test")
        state.complete = True
        self._mark()
        return state

    def _decode(self, name: str, part: Part, positions: Tensor) -> None:
        own: PartState = getattr(self.state, name)
        path = self.folder / f"{name}.images"
        while own.done < own.images:
            for images, changed in self._read(own, part, positions):
                channels = images.shape[1]
                if own.done == 0:
                    own.shape = (channels, images.shape[2], images.shape[3])
                    self._reserve(path, own)
                elif channels > own.shape[0]:  # the first one that is not grey
                    self._widen(name)
                    break  # and this chunk is read again
                own.changed = dict(Counter(own.changed) + changed)
                self._append(path, own, images)

    def _read(
        self, own: PartState, part: Part, positions: Tensor
    ) -> Iterator[tuple[Tensor, Counter[str]]]:
        """Images from `own.done` on, in chunks, with what was changed of them.

        They have as many channels as those before them, or more.
        """
        step = 1
        while own.done < own.images:
            some = positions[own.done : own.done + step]
            before = Counter(self.division.source.remarks.changed)
            images = part.read(some, self.config.sizing)
            changed = Counter(self.division.source.remarks.changed) - before
            if own.done and images.shape[2:] != own.shape[1:]:
                part.read(torch.stack([positions[0], some[0]]), None)  # raises, with their names
                raise DataError(f"{self.config.name}: set data.size to resize all images")
            if own.done and images.shape[1] < own.shape[0]:
                images = images.expand(-1, own.shape[0], -1, -1)
            step = max(1, CHUNK_BYTES // images[0].numel())
            yield images, changed

    def _append(self, path: Path, own: PartState, images: Tensor) -> None:
        with path.open("r+b") as file:
            file.seek(own.done * images[0].numel())
            file.write(images.contiguous().numpy().data)
            own.done += len(images)
            if time.monotonic() - self.marked > MARK_SECONDS or own.done == own.images:
                file.flush()
                os.fsync(file.fileno())
                self._mark()

    def _mark(self) -> None:
        """Write down how far it is, and say it where that takes long."""
        files.write(self.folder / STATE, self.state.model_dump_json())
        self.marked = time.monotonic()
        state, now = self.state, self.marked
        if now - self.told > TELL_SECONDS and self.found < state.done < state.images:
            self.told = now
            left = (now - self.begun) / (state.done - self.found) * (state.images - state.done)
            print(
                f"{self.config.name}: {state.done:,} of {state.images:,} images decoded, about"
                f" {format_duration(left)} left",
                file=sys.stderr,
            )

    def _reserve(self, path: Path, own: PartState) -> None:
        """Make room on the disk for a part. Raises DataError where there is none."""
        whole = own.bytes
        if own is self.state.train:  # the other part's images are as large
            whole += own.bytes // max(1, own.images) * self.state.test.images
        present = path.stat().st_size if path.exists() else 0
        free = shutil.disk_usage(self.folder).free
        if free + present < whole + ROOM:
            raise DataError(
                f"{self.config.name}: {format_bytes(whole)} of decoded images do not fit into"
                f" {self.folder.parent}, where {format_bytes(free)} are free: make room, name"
                " another data root with --data-root or BENCH_DATA, or set data.size"
            )
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, own.bytes)
            else:
                file.truncate(own.bytes)

    def _widen(self, name: str) -> None:
        """Give a part's grey images three equal channels."""
        own: PartState = getattr(self.state, name)
        path, wide = (self.folder / f"{name}.{end}" for end in ("images", "wide"))
        grey = map_images(path, (own.images, *own.shape))
        own.shape = (3, *own.shape[1:])
        self._reserve(wide, own)
        step = max(1, CHUNK_BYTES // (3 * grey[0].numel()))
        with wide.open("r+b") as file:
            for start in range(0, own.done, step):
                some = grey[start : min(start + step, own.done)]
                file.write(some.expand(-1, 3, -1, -1).contiguous().numpy().data)
            file.flush()
            os.fsync(file.fileno())
        wide.replace(path)
        self._mark()
