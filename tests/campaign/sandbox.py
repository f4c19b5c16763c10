"""Commands of `bench` within this process, in a folder of their own, with every write watched."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from bench.cli.main import main
from campaign.commands import ROOT
from campaign.outcome import Kind

WITHIN = 30  # seconds of computing of one command
MEMORY = 6 * 2**30  # bytes of address space beyond what is in use
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),), "os.remove": ((0, 1),), "os.rmdir": ((0, 1),), "os.chmod": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)), "os.link": ((0, 2), (1, 3)), "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),), "sqlite3.connect": ((0, None),),
}  # fmt: skip
"""Audit events -> which arguments are paths that are changed, and the folder that each is in."""


class _TooLong(BaseException):
    """No handler of the product's catches it."""


@dataclass(frozen=True)
class Outcome:
    """What a command came to. error: a traceback's last line and where it was raised."""

    status: int | None
    out: str
    err: str
    error: str = ""
    outside: tuple[str, ...] = ()

    def problems(self, allowed: Sequence[int] = (0, 2)) -> Iterator[tuple[Kind, str]]:
        """What is wrong with that."""
        for path in self.outside:
            yield "outside", f"{path} was written"
        if self.error:
            yield ("lost" if "_TooLong" in self.error else "traceback"), self.error
            return
        if self.status not in allowed:
            yield "different", f"status {self.status}: {self.err[-300:]}"
        if "Traceback (most recent call last)" in self.out + self.err:
            yield "traceback", f"shown with status {self.status}: {self.err[-300:]}"
        if self.status == 2:
            lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
            if len(lines) != 1:
                yield "traceback", f"{len(lines)} lines on standard error: {lines[:3]!a}"
            elif not lines[0].startswith("bench: ") or not lines[0].isprintable():
                yield "traceback", f"not one clear line: {lines[0]!a:.200}"


@dataclass
class Sandbox:
    """A folder with home/, here/ (where commands are typed), scratch/ and results/.

    Commands may write to the last two alone.
    """

    folder: Path
    _written: list[str] = field(default_factory=list)
    _watching: bool = False

    def __post_init__(self) -> None:
        for name in ("home", "here", "scratch", "results"):
            (self.folder / name).mkdir(parents=True)
        sys.addaudithook(self._watch)

    @property
    def results(self) -> Path:
        """The folder of all results."""
        return self.folder / "results"

    @property
    def here(self) -> Path:
        """Where commands are typed."""
        return self.folder / "here"

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: working folder, home, temporary files, a limit of memory."""
        folder, limit = Path.cwd(), resource.getrlimit(resource.RLIMIT_AS)
        environment = dict(os.environ)
        handler = signal.signal(signal.SIGPROF, _stop)
        scratch = str(self.folder / "scratch")
        os.environ |= {"HOME": str(self.folder / "home"), "TMPDIR": scratch, "COLUMNS": "80"}
        os.environ |= {"MPLCONFIGDIR": scratch, "CUDA_VISIBLE_DEVICES": ""}
        tempfile.tempdir = scratch
        os.chdir(self.here)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limit[1]))
        try:
            import matplotlib.font_manager  # noqa: F401  (what it says of its first time is not ours)

            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limit)
            os.chdir(folder)
            tempfile.tempdir = None
            signal.signal(signal.SIGPROF, handler)
            os.environ.clear()
            os.environ |= environment

    def run(self, *arguments: str) -> Outcome:
        """`bench ARGUMENTS`, in this process."""
        out, err, error, status = io.StringIO(), io.StringIO(), "", None
        self._written, self._watching = [], True
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                signal.setitimer(signal.ITIMER_PROF, WITHIN)
                try:
                    status = main(arguments)
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
        except BaseException as raised:  # whatever gets as far as here would be a traceback
            if isinstance(raised, KeyboardInterrupt):
                raise
            error = _describe(raised)
        finally:
            self._watching = False
        return Outcome(status, out.getvalue(), err.getvalue(), error, tuple(self._written))

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        paths: Sequence[Any] = ()
        if event == "open":
            path, _, flags = arguments
            paths = (path,) if flags and flags & _WRITES else ()
        elif event in _CHANGES:
            paths = [_resolve(arguments, *indices) for indices in _CHANGES[event]]
        self._written += [str(path) for path in paths if not self._may_write(path)]

    def _may_write(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a descriptor, whose opening was seen
        full = os.path.realpath(os.fsdecode(path))
        allowed = tuple(f"{self.folder.resolve()}/{name}/" for name in ("results", "scratch"))
        return (
            f"{full}/".startswith(allowed) or full == os.devnull or "__pycache__" in full
            or full.startswith("/proc/") or path in (":memory:", b":memory:")
        )  # fmt: skip


def _resolve(arguments: tuple[Any, ...], path: int, folder: int | None) -> Any:
    """A path among the arguments of an event, in the open folder that it is relative to."""
    descriptor = -1 if folder is None else arguments[folder]
    if isinstance(descriptor, int) and descriptor >= 0:
        return os.path.join(f"/proc/self/fd/{descriptor}", os.fsdecode(arguments[path]))  # noqa: PTH118
    return arguments[path]


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise _TooLong


def _describe(error: BaseException) -> str:
    """Exception, and the last place of our own code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if str(ROOT) in frame.filename]
    at = (ours or frames)[-1]
    said = " ".join(str(error).split())[:160]
    return f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno} ({at.name}): {said!a}"
