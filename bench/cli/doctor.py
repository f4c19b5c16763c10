"""What this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.run import machine

DISTRIBUTION = "bench-bayesian-nas"
LEAST_PYTHON = (3, 11)
LEAST_DISK = 2 * 2**30  # bytes
GIB = 2**30

# Where a data set's files are, below the data root.
_FILES = {
    "mnist": "MNIST/raw/train-images-idx3-ubyte*",
    "fashion-mnist": "FashionMNIST/raw/train-images-idx3-ubyte*",
    "kmnist": "KMNIST/raw/train-images-idx3-ubyte*",
    "svhn": "train_32x32.mat",
    "cifar10": "cifar-10-batches-py/data_batch_1",
    "cifar100": "cifar-100-python/train",
}


@dataclass(frozen=True)
class Finding:
    """One line about this machine; `advice` is what to do where something is missing."""

    subject: str
    state: str
    advice: str = ""
    hinders: bool = False
    """Whether `bench run` cannot work at all like this."""

    def __str__(self) -> str:
        mark = "MISSING" if self.hinders else "note" if self.advice else "ok"
        line = f"{mark:8}{self.subject:20}{self.state}"
        return line + (f"\n{'':28}-> {self.advice}" if self.advice else "")


def examine(results: Path, root: Path | None, tracking_uri: str | None) -> Iterator[Finding]:
    """Look at everything that a run needs; changes nothing but an empty folder for results."""
    yield _python()
    yield from _packages()
    yield from _compute()
    yield from _data(root)
    yield _results(results)
    yield _disk(results)
    yield _tracking(tracking_uri)


def _python() -> Finding:
    state = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] < LEAST_PYTHON:
        advice = "use Python {}.{} or newer".format(*LEAST_PYTHON)
        return Finding("Python", state, advice, hinders=True)
    return Finding("Python", state)


def _packages() -> Iterator[Finding]:
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        advice = "install it, so that its methods are found: pip install -e . in its folder"
        yield Finding(DISTRIBUTION, "not installed", advice, hinders=True)
        return
    yield Finding(DISTRIBUTION, metadata.version(DISTRIBUTION))
    for requirement in required:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            yield Finding(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            advice = f"pip install '{requirement}'"
            yield Finding(name, "not installed", advice, hinders=True)


def _compute() -> Iterator[Finding]:
    yield Finding("CPU", f"{machine.cores()} cores for this process, {platform.machine()}")
    memory = machine.memory()
    if memory:
        total, available = (size / GIB for size in memory)
        advice = "close other programs, or run fewer --workers" if available < 2 else ""
        yield Finding("memory", f"{total:.1f} GiB, {available:.1f} GiB available", advice)
    try:
        import torch
    except ImportError as error:
        yield Finding("torch", f"cannot be imported: {error}", "pip install torch", hinders=True)
        return
    yield Finding("threads", f"{torch.get_num_threads()} by torch's choice; a trial uses its own")
    if not torch.cuda.is_available():
        yield Finding("CUDA", "no device: trials run on the CPU")
    else:
        for index in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(index)
            yield Finding(f"cuda:{index}", f"{device.name}, {device.total_memory / GIB:.1f} GiB")


def _data(root: Path | None) -> Iterator[Finding]:
    from bench.data.loading import data_root

    folder = data_root(root)
    if not folder.is_dir():
        advice = "name the folder with --data-root or BENCH_DATA, or let the first use download"
        yield Finding("data root", f"{folder} does not exist", advice)
        return
    yield Finding("data root", str(folder))
    for name, pattern in _FILES.items():
        if any(folder.glob(pattern)):
            yield Finding(f"  {name}", "found")
        else:
            yield Finding(f"  {name}", "not there; downloaded on first use")
    for images in sorted(folder.iterdir()):
        if (images / "train").is_dir() and (images / "test").is_dir():
            yield Finding("  image folder", f"image-folder:{images}")


def _results(results: Path) -> Finding:
    nearest = next(
        path for path in (results.absolute(), *results.absolute().parents) if path.exists()
    )
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("results", f"{results} can be written")
    advice = f"make {nearest} a folder that you may write, or choose another with --results"
    return Finding("results", f"{results} cannot be written", advice, hinders=True)


def _disk(results: Path) -> Finding:
    nearest = next(
        path for path in (results.absolute(), *results.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(nearest).free
    advice = "make room, or choose another place with --results" if free < LEAST_DISK else ""
    return Finding("disk", f"{free / GIB:.1f} GiB free for results", advice)


def _tracking(uri: str | None) -> Finding:
    if uri is None or not uri.startswith(("http://", "https://")):
        return Finding("MLflow store", uri or "embedded: mlflow.db in each study's results folder")
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5) as answer:
            return Finding("MLflow store", f"{uri} answers ({answer.status})")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        advice = "start the server; until then records are kept and `bench sync` sends them later"
        return Finding("MLflow store", f"{uri} does not answer: {reason}", advice)
