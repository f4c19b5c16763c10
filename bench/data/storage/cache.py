"""Decoded images in files that are mapped into memory: made once, a chunk at a time.

Below the data root, `decoded/NAME-SUBJECT-KEY/` has `train.images` and `test.images` (uint8, the
images one after another), `state.json` (how far they are, what they were made of) and files
`survey-*.json` (what was found out about them). SUBJECT is a digest of the options that decide
which images these are, KEY one of that and of the files that they come from: other files are
another folder, and the old one is removed. A process that is killed leaves a state from which the
next one goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from bench import files, locks
from bench.data.config import DataConfig
from bench.data.division import Division
from bench.data.storage.making import Making, State, map_images, read_state
from bench.errors import DataError, ResultsError

FOLDER = "decoded"
FORMAT = 1


@dataclass(frozen=True)
class Cache:
    """A complete cache. images, test_images: mapped, uint8 [n, channels, height, width].

    folder: None where it was made for this process alone, and is gone with it.
    """

    images: Tensor
    test_images: Tensor
    folder: Path | None

    def read_survey(self, key: str) -> Mapping[str, Any] | None:
        """What was kept under a key, if anything."""
        if self.folder is None:
            return None
        try:
            content = json.loads((self.folder / f"survey-{key[:16]}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and content.get("key") == key else None

    def keep_survey(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep plain data under a key, where the folder may be written."""
        if self.folder is not None:
            with contextlib.suppress(ResultsError):
                path = self.folder / f"survey-{key[:16]}.json"
                files.write(path, json.dumps({"key": key, **content}))


def open_cache(division: Division, config: DataConfig, root: Path) -> Cache:
    """The images of a division, from their cache below the data root, which is made if need be.

    Processes that want the same one wait for each other. A source that cannot say whether its
    images have changed has one made for every process. Raises DataError, of one line, where an
    image is damaged or has another size, and where there is no room.
    """
    place = root / FOLDER
    subject, key = _identify(division, config)
    try:
        if key is None:
            return _make_private(division, config, place)
        stem = f"{re.sub(r'[^A-Za-z0-9._]+', '-', config.name)[-60:].strip('-.')}-{subject[:12]}"
        folder = place / f"{stem}-{key[:12]}"
        state = read_state(folder, key)
        if state is None or not state.complete:
            with locks.wait_for(place / f".{folder.name}.lock"):
                state = Making(division, config, folder, key).run()
            _remove_older(place, stem, folder)
        return _open(division, folder, state, folder)
    except (OSError, ResultsError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{config.name}: its decoded images cannot be kept in {place}: {reason}; name another"
            " data root with --data-root or BENCH_DATA, or set data.storage to device"
        ) from error


def _identify(division: Division, config: DataConfig) -> tuple[str, str | None]:
    """Digests of which images these are, and of what they are made of (None: nothing tells)."""
    source = division.source
    options = [config.name, source.place, config.size, config.fit]
    limits = [config.train_limit, config.test_limit, config.split_seed]
    subject = _digest(json.dumps([FORMAT, *options, *(limits if _is_drawn(division) else [])]))
    parts = [
        (source.train, division.pool, division.pool_labels),
        (division.test_part, division.test, division.test_labels),
    ]
    texts = [subject]
    for part, positions, labels in parts:
        if part.identify is None:
            return subject, None
        texts += [part.identify(positions)]
        texts += [_digest(tensor.numpy().tobytes()) for tensor in (positions, labels)]
    return subject, _digest("\n".join(texts))


def _is_drawn(division: Division) -> bool:
    """Whether the seed or a limit decides which images are used."""
    source = division.source
    whole = len(division.pool) == len(source.train.labels)
    return source.test is None or not whole or len(division.test) < len(source.test.labels)


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _open(division: Division, folder: Path, state: State, keep: Path | None) -> Cache:
    changed = Counter(state.train.changed) + Counter(state.test.changed)
    division.source.remarks.changed.clear()
    division.source.remarks.changed.update(changed)
    train, test = (
        map_images(folder / f"{name}.images", (part.images, *part.shape))
        for name, part in (("train", state.train), ("test", state.test))
    )
    return Cache(train, test, keep)


def _make_private(division: Division, config: DataConfig, place: Path) -> Cache:
    prefix = f".private-{socket.gethostname()}-"
    for left in place.glob(f"{prefix}*"):  # by processes that were killed
        if not _is_alive(left.name.removeprefix(prefix).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    folder = place / f"{prefix}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        state = Making(division, config, folder, "").run()
        return _open(division, folder, state, None)  # what is mapped stays until it is let go
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: str) -> bool:
    """Whether this machine has a process of this number, or none can be asked for."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True


def _remove_older(place: Path, stem: str, kept: Path) -> None:
    """Remove caches of the same images from files that have changed since."""
    for other in place.glob(f"{stem}-*"):
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
