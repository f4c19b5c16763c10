"""Faults of disks, locks, memory, files and clocks, with what has to come of each."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import locks
from campaign import comparing, servers
from campaign.commands import ROOT, Ended, Place
from campaign.kills import ALWAYS, RUN, Unbroken
from campaign.outcome import Deadline, Part


@dataclass(frozen=True)
class Scene:
    """What a fault is tried with: a new place, the unbroken run, the row of the table."""

    part: Part
    place: Place
    unbroken: Unbroken

    def refused(self, ended: Ended, words: str) -> None:
        """Status 2 and one line with these words, before anything was trained."""
        self.ended(ended, (2,), words)
        lines = [line for line in ended.lines if not line.startswith("warning: ")]
        self.part.check(len(lines) == 1, "traceback", f"more than a line: {ended.err}")
        self.part.check(not self.place.logged(), "different", f"it trained before: {ended.err}")

    def ended(self, ended: Ended, statuses: Sequence[int], words: str = "") -> None:
        """It ended so, with these words and no traceback."""
        part = self.part
        part.count += 1
        part.check(not ended.has_traceback, "traceback", f"{ended.err[-400:]}")
        part.check(ended.status is not None, "lost", f"blocked: {ended.err[-200:]}")
        right = ended.status in statuses and words in ended.out + ended.err
        part.check(right, "different", f"status {ended.status}, not {statuses}: {ended.err[-300:]}")
        comparing.check_records(part, self.place.results / "records", "after the fault")

    def goes_on(self) -> None:
        """The same command now ends, with the results of an unbroken run."""
        self.ended(RUN.start(self.place).end(), (self.unbroken.status,))
        comparing.check_same(self.part, self.place, self.unbroken.results, "afterwards")


Skip = str | None


@dataclass(frozen=True)
class Fault:
    """expected: in words. attempt: returns the reason where this machine cannot do it."""

    name: str
    expected: str
    attempt: Callable[[Scene], Skip]
    quick: bool = False
    """Takes seconds: tried in CI too."""


def campaign(
    unbroken: Unbroken, deadline: Deadline, folder: Path, quick: bool = False
) -> Iterator[Part]:
    """Every fault, or the quick ones alone."""
    for number, fault in enumerate(fault for fault in FAULTS if fault.quick or not quick):
        part = Part(fault.name, fault.expected)
        if deadline.left:
            place = Place(folder / f"fault-{number}", unbroken.place.methods)
            try:
                part.skipped = fault.attempt(Scene(part, place, unbroken)) or ""
            except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
                part.found("different", f"the fault could not be tried: {error!r}")
        else:
            part.skipped = "no time was left"
        yield part.end()


@contextlib.contextmanager
def _mounted(folder: Path, size: int) -> Iterator[bool]:
    """A small file system of its own in a folder, where this process may mount; whether it is."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


_FULL = ("No space left on device", "disk is full", "disk I/O error", "MiB are free")


def _fill_disk(scene: Scene) -> Skip:
    whole = scene.unbroken.place.results
    needed = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    with _mounted(scene.place.folder / "results", 48 * 1024) as mounted:
        if not mounted:
            return "this process may not mount a file system"
        for share in (0.0, 0.5):
            if share:
                _remount(scene.place.folder / "results", f"size={int(share * needed)}")
            ended = RUN.start(scene.place).end()
            scene.ended(ended, (1, 2) if not share else (0, 1, 2))
            named = any(words in ended.out + ended.err for words in _FULL)
            scene.part.check(named, "different", f"it does not say that the disk is full: {ended}")
        _remount(scene.place.folder / "results", "size=256m")
        scene.goes_on()
    return None


def _limit_files(scene: Scene) -> Skip:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6144, 6144))

    arguments = ["run", str(scene.place.study), *ALWAYS, *RUN.arguments]
    scene.ended(scene.place.start_raw(*arguments, before=limit).end(), (1, 2), "File too large")
    scene.goes_on()
    return None


def _forbid_writing(scene: Scene) -> Skip:
    folder = scene.place.folder / "results"
    with _mounted(folder, 2**20) as mounted:
        if not mounted and os.getuid() == 0:
            return "root may write everywhere, and this process may not mount a file system"
        if mounted:
            _remount(folder, "ro")
        else:
            folder.chmod(0o555)
        scene.refused(RUN.start(scene.place).end(), "cannot be written")
        if not mounted:
            folder.chmod(0o755)
    return None


def _put_a_file_there(scene: Scene) -> Skip:
    (scene.place.folder / "results").write_text("not a folder")
    scene.refused(RUN.start(scene.place).end(), "cannot be written")
    return None


def _hold_lock(scene: Scene) -> Skip:
    scene.place.results.mkdir(parents=True)
    with locks.hold_run(scene.place.results):
        scene.refused(RUN.start(scene.place).end(), f"(process {os.getpid()})")
    running = RUN.start(scene.place)
    begins = running.wait_until(lambda: "trials to run" in running.err.read_text())
    scene.part.check(begins, "lost", "the lock is released and blocks")
    running.kill()
    return None


def _ask_for_gpu(scene: Scene) -> Skip:
    shutil.copytree(scene.unbroken.place.results / "records", scene.place.results / "records")
    study = str(scene.place.study)
    for verb, *more in (("run", "--set", "seeds=[1]"), ("gate",), ("tune", "--trials", "1")):
        ended = scene.place.start_raw(verb, study, *more, "--device", "cuda").end()
        scene.refused(ended, "--device cuda")
    return None


def _kill_worker(scene: Scene) -> Skip:
    def first_epoch() -> bool:  # of a stage that has another one to come
        lines = scene.place.logged()
        return bool(lines) and lines[-1][-1] == "1"

    running = RUN.start(scene.place)
    if running.wait_until(first_epoch):
        process, stem, *_ = scene.place.logged()[-1]
        os.kill(int(process), signal.SIGKILL)
        scene.ended(running.end(), (1,), "ended by SIGKILL (out of memory?)")
        failed = [record.trial.stem for record in scene.place.store if record.status == "failed"]
        scene.part.check(failed == [stem], "lost", f"{failed} failed, not {stem} alone")
    scene.goes_on()
    return None


def _limit_memory(scene: Scene) -> Skip:
    label = scene.place.methods[0]
    running = scene.place.start("run", *ALWAYS, *RUN.arguments, CAMPAIGN_MEMORY=label)
    scene.ended(running.end(), (1,))
    failed = [record for record in scene.place.store if record.status == "failed"]
    labels = [record.trial.label for record in failed]
    scene.part.check(labels == [label], "lost", f"{labels} failed, not {label} alone")
    said = [f"{record.error.type}: {record.error.message}" for record in failed if record.error]
    scene.part.note = "; ".join(said)[:120]
    scene.goes_on()
    return None


def _damage_checkpoints(scene: Scene) -> Skip:
    running = RUN.start(scene.place)
    running.wait_until(lambda: any(line[2] == "evaluation" for line in scene.place.logged()))
    running.kill()
    for number, path in enumerate(sorted(scene.place.results.rglob("checkpoints/*/*.pt"))):
        content = path.read_bytes()
        half = len(content) // 2
        path.write_bytes(content[:half] if number % 2 else b"\0" * half + content[half:])
        scene.part.count += 1
    scene.goes_on()
    return None


def _damage_record(scene: Scene) -> Skip:
    folder = scene.place.results / "records"
    shutil.copytree(scene.unbroken.place.results / "records", folder)
    path = sorted(folder.glob("*.json"))[0]
    path.write_bytes(path.read_bytes()[:1000])
    ended = RUN.start(scene.place).end()
    path.unlink()
    scene.refused(ended, f"{path.name} is damaged")
    scene.goes_on()
    return None


def _set_clock_back(scene: Scene) -> Skip:
    compiler = shutil.which("cc")
    if compiler is None:
        return "there is no C compiler"
    library, moment = scene.place.folder / "clock.so", scene.place.folder / "back"
    source = str(ROOT / "tests" / "campaign" / "clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), source], check=True)
    clock = {"LD_PRELOAD": str(library), "CAMPAIGN_CLOCK": str(moment)}
    running = scene.place.start("run", *ALWAYS, *RUN.arguments, **clock)
    running.wait_until(lambda: len(scene.place.logged()) > 1)
    moment.touch()
    scene.ended(running.end(), (scene.unbroken.status,))
    comparing.check_same(scene.part, scene.place, scene.unbroken.results, "a day back")
    comparing.check_tracked(scene.part, scene.place, "a day back")
    went_back = [r for r in scene.place.store if r.provenance.finished < r.provenance.started]
    scene.part.note = f"{len(went_back)} trials ended before they began"
    return None


_GOES_ON = "then the same command ends, equal to an unbroken run"
FAULTS = (
    Fault(
        "disk full (tmpfs of 48 KiB, then of half of what is needed)",
        f"status 1 or 2, the file is named, records are whole; with space, {_GOES_ON}",
        _fill_disk,
    ),
    Fault(
        "files limited to 6 KiB (RLIMIT_FSIZE)",
        f"status 1 or 2, the file is named; without the limit, {_GOES_ON}",
        _limit_files,
    ),
    Fault("results read-only", "refused in one line, nothing trained", _forbid_writing),
    Fault(
        "results are a file",
        "refused in one line, nothing trained",
        _put_a_file_there,
        quick=True,
    ),
    Fault(
        "lock held by another process",
        "refused in one line that names the process; once released, the run begins",
        _hold_lock,
    ),
    Fault(
        "no GPU, `--device cuda` (run, gate, tune)",
        "refused in one line, nothing trained",
        _ask_for_gpu,
    ),
    Fault(
        "SIGKILL of one worker",
        f"status 1, a failed record that says so, the others finish; {_GOES_ON}",
        _kill_worker,
    ),
    Fault(
        "a worker out of memory (RLIMIT_AS)",
        f"status 1, a failed record that says so, the others finish; {_GOES_ON}",
        _limit_memory,
    ),
    Fault("damaged checkpoints", f"only time is lost: {_GOES_ON}", _damage_checkpoints),
    Fault(
        "a damaged record",
        f"refused in one line that names it, nothing trained; once deleted, {_GOES_ON}",
        _damage_record,
        quick=True,
    ),
    Fault(
        "clock set back by a day in the middle",
        "status 0, results and MLflow as in an unbroken run",
        _set_clock_back,
    ),
    Fault(
        "MLflow server gone in the middle of a run, and back",
        "one warning, results equal to an unbroken run's; `bench sync` sends the rest, once each",
        servers.restart_mlflow,
    ),
    Fault(
        "PostgreSQL restarted during `bench tune`",
        "status 0, or 2 in one line; the same command ends, every setting finished once",
        servers.restart_postgresql,
    ),
)
