"""Files under the data root: found, or downloaded once and moved into place when complete."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from bench import locks
from bench.errors import DataError

TIMEOUT = 30  # seconds without an answer
HOW = "or name a folder that has it with --data-root or BENCH_DATA"


def ensure(name: str, root: Path, files: list[str], fetch: Callable[[Path], object]) -> list[Path]:
    """Where `files` (relative to `root`) are, each perhaps with `.gz` added.

    When none is there, `fetch(folder)` downloads all of them to an empty folder. When only some
    are, nothing is downloaded: files of two editions of a data set must not be mixed.

    Raises DataError, of one line, when a file is missing or the download fails; LockError.
    """
    present = [_find(root / file) for file in files]
    if any(present) and not all(present):
        # Another process may just be moving its download into place, a file at a time.
        with contextlib.suppress(locks.LockError, OSError), locks.wait_for(root / f".{name}.lock"):
            present = [_find(root / file) for file in files]
    if not any(present):
        try:
            _download(name, root, files, fetch)
        except (DataError, locks.LockError):
            raise
        except ImportError as error:
            raise DataError(f"{name}: downloading needs torchvision: {error}") from error
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            reason = " ".join(str(error).split())
            raise DataError(
                f"{name}: {root / files[0]} is missing and cannot be downloaded; "
                f"put it there, {HOW} ({reason[:300]})"
            ) from error
        present = [_find(root / file) for file in files]
    paths = []
    for file, path in zip(files, present, strict=True):
        if path is None:
            raise DataError(
                f"{name}: {root / file} is missing though other files of the data set are there; "
                f"put it there, or delete those to download all again, {HOW}"
            )
        paths.append(path)
    return paths


def damaged(name: str, path: Path, reason: str) -> DataError:
    """The error for a file that is not what it should be."""
    return DataError(
        f"{name}: {path} {reason}; replace it, or delete all files of the data set "
        f"to download them again, {HOW}"
    )


def _find(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    return path if path.is_file() else packed if packed.is_file() else None


def _download(name: str, root: Path, files: list[str], fetch: Callable[[Path], object]) -> None:
    staging = root / f".downloading-{name}"
    with locks.wait_for(root / f".{name}.lock"):
        if any(_find(root / file) for file in files):
            return  # another process was faster
        shutil.rmtree(staging, ignore_errors=True)
        timeout = socket.getdefaulttimeout()
        socket.setdefaulttimeout(TIMEOUT)
        try:
            staging.mkdir()
            fetch(staging)
            for file in files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (staging / file).replace(root / file)
        finally:
            socket.setdefaulttimeout(timeout)
            shutil.rmtree(staging, ignore_errors=True)
