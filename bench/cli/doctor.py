"""What this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench import capacity
from bench.cluster.file import Cluster
from bench.errors import BenchError
from bench.run import machine, packages

LEAST_PYTHON = (3, 11)
LEAST_DISK = 2 * 2**30  # bytes
GIB = 2**30


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


def examine(
    results: Path, root: Path | None, tracking_uri: str | None, cluster: Cluster | None = None
) -> Iterator[Finding]:
    """Look at everything that a run needs; changes nothing but an empty folder for results."""
    yield _check_python()
    yield from _check_packages()
    yield from _check_devices()
    yield from _check_data(root)
    yield from _check_results(results)
    yield _check_tracking(tracking_uri)
    if cluster is not None:
        yield from _check_cluster(cluster, results, root)


def _check_python() -> Finding:
    state = f"{platform.python_version()} ({sys.executable})"
    old = sys.version_info[:2] < LEAST_PYTHON
    advice = "use Python {}.{} or newer".format(*LEAST_PYTHON) if old else ""
    return Finding("Python", state, advice, hinders=old)


def _check_packages() -> Iterator[Finding]:
    try:
        required = packages.list_requirements()
    except metadata.PackageNotFoundError:
        advice = "install it, so that its methods are found: pip install -e . in its folder"
        yield Finding(packages.DISTRIBUTION, "not installed", advice, hinders=True)
        return
    yield Finding(packages.DISTRIBUTION, metadata.version(packages.DISTRIBUTION))
    for name, requirement in required.items():
        version = packages.installed_version(name)
        if version is None:
            advice = f"pip install '{requirement}'"
            yield Finding(name, "not installed", advice, hinders=True)
        else:
            yield Finding(name, version)


def _check_devices() -> Iterator[Finding]:
    yield Finding("CPU", f"{capacity.cores()} cores for this process, {platform.machine()}")
    memory = capacity.main_memory()
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
    yield Finding("workers", f"{len(machine.devices('cpu', None, 1, sys.maxsize))} by default")
    if not torch.cuda.is_available():
        yield Finding("CUDA", "no device: trials run on the CPU")
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield Finding(f"cuda:{index}", f"{device.name}, {device.total_memory / GIB:.1f} GiB")


def _check_data(root: Path | None) -> Iterator[Finding]:
    from bench.data.loading import data_root
    from bench.forecast.datasets import DOWNLOADS, find_missing

    folder = data_root(root)
    if not folder.is_dir():
        advice = "name the folder with --data-root or BENCH_DATA, or let the first use download"
        yield Finding("data root", f"{folder} does not exist", advice)
        return
    yield Finding("data root", str(folder))
    for name in DOWNLOADS:
        there = find_missing(name, folder) is None
        yield Finding(f"  {name}", "found" if there else "not there; downloaded on first use")
    for images in sorted(folder.iterdir()):
        if _has_classes(images) or all(_has_classes(images / part) for part in ("train", "test")):
            yield Finding("  image folder", f"image-folder:{images}")


def _has_classes(folder: Path) -> bool:
    """Whether at least two folders in a folder have images."""
    from bench.data.own.files import is_image

    with contextlib.suppress(OSError):
        inside = (entry for entry in os.scandir(folder) if entry.is_dir())
        return sum(any(map(is_image, os.scandir(entry))) for entry in inside) >= 2
    return False


def _check_results(results: Path) -> Iterator[Finding]:
    paths = (results.absolute(), *results.absolute().parents)
    nearest = next(path for path in paths if os.path.lexists(path))  # a link to nowhere, too
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("results", f"{results} can be written")
    else:
        advice = f"make {nearest} a folder that you may write, or choose another with --results"
        yield Finding("results", f"{results} cannot be written", advice, hinders=True)
    free = shutil.disk_usage(next(path for path in paths if path.exists())).free
    advice = "make room, or choose another place with --results" if free < LEAST_DISK else ""
    yield Finding("disk", f"{free / GIB:.1f} GiB free for results", advice)


def _check_cluster(cluster: Cluster, results: Path, root: Path | None) -> Iterator[Finding]:
    from bench.cluster.inspection import inspect

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        for subject, state in inspect(cluster, results, root, say):
            yield Finding(subject, state)
    except BenchError as error:
        yield Finding("cluster", str(error), "see --cluster in bench/README.md", hinders=True)


def _check_tracking(uri: str | None) -> Finding:
    from bench.tracking.experiment import TrackingError
    from bench.tracking.store import check_uri

    try:
        check_uri(uri)
    except TrackingError as error:
        return Finding("MLflow store", str(error), "give another --tracking-uri", hinders=True)
    if uri is None or not uri.startswith(("http://", "https://")):
        return Finding("MLflow store", uri or "embedded: mlflow.db in each study's results folder")
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5) as answer:
            return Finding("MLflow store", f"{uri} answers ({answer.status})")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        advice = "start the server; until then records are kept and `bench sync` sends them later"
        return Finding("MLflow store", f"{uri} does not answer: {reason}", advice)
