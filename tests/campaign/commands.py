"""Commands of `bench` as processes, each in a group of its own that can be killed as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.records.store import Store

ROOT = Path(__file__).resolve().parents[2]
WITHIN = 600.0
"""Seconds that a command may take; one that takes longer counts as blocked."""
LOOK = 0.02  # seconds between looks at a process
STUDY = """\
name: small
methods:
  darts: {}
  random: {}
  pgnas: {candidates: 6, candidate_batch: 40}
  vinnas: {}
datasets: [digits]
seeds: [0]
baseline: random
data: {train_limit: 200, test_limit: 60}
space: {operations: [none, max_pool_3x3, skip_connect, sep_conv_3x3, dil_conv_3x3], nodes: 2,
  cells: 3, channels: 2}
search: {epochs: 2, batch_size: 32}
evaluation: {epochs: 3, batch_size: 32, cells: 3, channels: 2, auxiliary_weight: 0.0,
  drop_path: 0.0, cutout: 0}
gate: {seeds: [0, 1]}
"""
TRIALS = ("darts", "random", "pgnas", "vinnas")


@dataclass(frozen=True)
class Ended:
    """A command that has ended. status: negative where a signal ended it; None: it was blocked."""

    status: int | None
    out: str
    err: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.err.splitlines()

    @property
    def has_traceback(self) -> bool:
        """Whether an exception was shown as such."""
        return "Traceback (most recent call last)" in self.out + self.err


@dataclass
class Running:
    """A command at work."""

    process: subprocess.Popen[bytes]
    folder: Path
    name: str
    begun: float = field(default_factory=time.monotonic)

    @property
    def out(self) -> Path:
        """Where its standard output goes."""
        return self.folder / f"{self.name}.out"

    @property
    def err(self) -> Path:
        """Where its standard error goes."""
        return self.folder / f"{self.name}.err"

    def wait_until(self, reached: Callable[[], bool], seconds: float = WITHIN) -> bool:
        """Wait until something is so; whether it is, before the command or the time ended."""
        end = time.monotonic() + seconds
        while not reached():
            if self.process.poll() is not None or time.monotonic() > end:
                return reached()
            time.sleep(LOOK)
        return True

    def kill(self) -> None:
        """SIGKILL to the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self, seconds: float = WITHIN) -> Ended:
        """Wait for its end; what has not ended by then is killed, and its status is None."""
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(seconds)
        self.kill()
        out, err = (p.read_text(encoding="utf-8", errors="replace") for p in (self.out, self.err))
        return Ended(status, out, err, time.monotonic() - self.begun)


class Place:
    """A folder with a small study, in which commands are typed."""

    def __init__(self, folder: Path, methods: Sequence[str] = TRIALS) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.log = folder / "log"
        self.methods = tuple(methods)
        self.study = folder / "small.yaml"
        lines = STUDY.splitlines(keepends=True)
        left_out = tuple(f"  {label}:" for label in TRIALS if label not in methods)
        self.study.write_text("".join(line for line in lines if not line.startswith(left_out)))
        self._number = 0

    @property
    def results(self) -> Path:
        """The results folder of the study."""
        return self.folder / "results" / "small"

    @property
    def store(self) -> Store:
        """Its records."""
        return Store(self.results)

    def logged(self) -> list[list[str]]:
        """Lines of the workers' log: process, trial, what."""
        with contextlib.suppress(FileNotFoundError):
            return [line.split() for line in self.log.read_text().splitlines()]
        return []

    def start(self, verb: str, *arguments: str, **variables: str) -> Running:
        """Start `bench VERB small.yaml ARGUMENTS` in a new process group."""
        return self.start_raw(verb, str(self.study), *arguments, **variables)

    def start_raw(
        self,
        *arguments: str,
        cwd: Path | None = None,
        before: Callable[[], object] | None = None,
        **variables: str,
    ) -> Running:
        """Start `bench ARGUMENTS`; before: called in the new process."""
        self._number += 1
        paths = [str(ROOT), str(ROOT / "tests")]
        paths += filter(None, [os.environ.get("PYTHONPATH")])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "CAMPAIGN_LOG": str(self.log),
            **variables,
        }
        name = f"{self._number}-{arguments[0]}"
        with (
            (self.folder / f"{name}.out").open("wb") as out,
            (self.folder / f"{name}.err").open("wb") as err,
        ):
            process = subprocess.Popen(
                [sys.executable, "-m", "campaign.drive", *arguments],
                cwd=cwd or self.folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True, preexec_fn=before,
            )  # fmt: skip
        return Running(process, self.folder, name)

    def run(self, verb: str, *arguments: str, **variables: str) -> Ended:
        """`start`, and wait for the end."""
        return self.start(verb, *arguments, **variables).end()
