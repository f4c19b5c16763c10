"""What a terminal shows while trials run, and what a file gets; by a clock of the test's own."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.run import display as displays
from bench.run import progress as progresses
from bench.run.display import Display
from bench.run.messages import EpochDone
from bench.run.progress import Progress, average_seconds
from bench.study.file import load
from bench.study.model import Trial


class Terminal(io.StringIO):
    """A terminal of 80 columns that knows what it shows."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines that are to be seen after everything that was written."""
        lines = [""]
        row = column = 0
        for token in re.findall(r"\x1b\[\d*[AJ]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if token.endswith("A") and token.startswith("\x1b"):
                row -= int(token[2:-1])
            elif token == "\x1b[J":
                lines[row] = lines[row][:column]
                del lines[row + 1 :]
            elif token == "\r":
                column = 0
            elif token == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            else:
                lines[row] = lines[row][:column].ljust(column) + token
                column += len(token)
        return lines


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(displays, "time", clock)
    monkeypatch.setattr(progresses, "time", clock)
    monkeypatch.setattr(displays, "TICK", 3600.0)
    monkeypatch.setenv("TERM", "xterm")
    return clock


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return list(load(studies.write(tmp_path), ["seeds=[0, 1]"]).trials)


def test_every_worker_has_a_line_with_trial_epoch_and_loss(
    clock: Clock, trials: list[Trial]
) -> None:
    terminal = Terminal()
    with Display(terminal) as display:
        progress = Progress(6, 0, 2, list(trials), display)
        first, second = trials[:2]
        progress.started(first)
        progress.started(second)
        clock.now += 7
        display.redraw()
        head, one, two = terminal.screen()
        assert head == "[............] 0/6 trials  00:07  time left known after the first trial"
        assert one.split() == ["a", "s0", "starting", "00:07"]
        progress.advanced(first, EpochDone("search", 0, 2))
        terms = {"architecture.cross_entropy": 9.0, "weights.cross_entropy": 1.25, "weights.kl": 3}
        progress.advanced(first, EpochDone("search", 1, 2, terms))
        progress.advanced(second, EpochDone("evaluation", 600, 600, {"train.cross_entropy": 0.5}))
        _, one, two = terminal.screen()
        assert one.split() == ["a", "s0", "search", "1/2", "loss", "1.250", "00:07"]
        assert two.split() == ["b", "s0", "measuring", "loss", "0.500", "00:07"]
        clock.now += 3
        progress.ended(first, tiny_trials.record(first))
        said, head, two = terminal.screen()
        assert said.startswith("[1/6] a on digits, seed 0: test accuracy 0.9")
        assert head.startswith("[##..........] 1/6 trials  00:10  about ")
        assert all(len(line) < 80 for line in terminal.screen())
    assert terminal.screen() == [said, ""]


def test_long_names_and_more_workers_than_rows_fit(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    long = "coin-with-a-name-that-is-longer-than-any-column-could-be"
    changes = [f"methods={{{long}: {{method: coin}}}}", "baseline=null", f"seeds={list(range(40))}"]
    study = load(studies.write(tmp_path), changes)
    terminal = Terminal()
    with Display(terminal) as display:
        progress = Progress(40, 0, 40, list(study.trials), display)
        for trial in study.trials:
            progress.started(trial)
            progress.advanced(trial, EpochDone("evaluation", 1, 600, {"cross_entropy": 123.456}))
        lines = terminal.screen()
        assert len(lines) == 23 and lines[-1] == "  and 19 more"
        assert all(len(line) < 80 and "loss 123.456" in line for line in lines[1:-1])


def test_the_estimate_is_of_the_whole_run_and_begins_with_earlier_trials(
    clock: Clock, trials: list[Trial]
) -> None:
    earlier = [tiny_trials.record(trial) for trial in trials[:3]]
    known = average_seconds(earlier)
    each = earlier[0].search.total_seconds + earlier[0].evaluation.total_seconds
    assert known["a", "digits"] == pytest.approx(each)
    progress = Progress(6, 3, 1, trials[3:], Display(io.StringIO()), dict.fromkeys(known, 600.0))
    assert progress.time_left() == "about 30 min left"
    progress.started(trials[3])
    clock.now += 300
    assert progress.time_left() == "about 25 min left"
    # an epoch of the present stage says more than earlier trials do
    progress.advanced(trials[3], EpochDone("search", 0, 10))
    clock.now += 100
    progress.advanced(trials[3], EpochDone("search", 1, 10))
    assert progress.time_left() == "about 35 min left"


def test_the_first_of_its_kind_says_what_others_of_it_take(
    clock: Clock, trials: list[Trial]
) -> None:
    kinds = {label: [t for t in trials if t.label == label] for label in ("a", "b")}
    waiting = [*kinds["a"], *kinds["b"]]
    known = {("b", "digits"): 0.0}
    progress = Progress(len(waiting), 0, 1, waiting, Display(io.StringIO()), known)
    first, *others = kinds["a"]
    progress.started(first)
    progress.advanced(first, EpochDone("search", 0, 10))
    clock.now += 600
    progress.advanced(first, EpochDone("search", 1, 10))
    assert len(others) == 1
    assert progress.time_left() == "about 3.2 h left"  # 9 epochs and 10, of 10 minutes


def test_trainings_of_candidates_are_a_stage_of_the_first_of_its_kind(
    clock: Clock, trials: list[Trial]
) -> None:
    both = [trial for trial in trials if trial.label == "a"]
    progress = Progress(2, 0, 1, both, Display(io.StringIO()), {("b", "digits"): 0.0})
    progress.started(both[0])
    progress.advanced(both[0], EpochDone("search", 0, 1))
    clock.now += 600
    progress.advanced(both[0], EpochDone("search", 1, 1))
    progress.advanced(both[0], EpochDone("retraining", 0, 4))
    clock.now += 1200
    progress.advanced(both[0], EpochDone("retraining", 1, 4))
    # three epochs of 20 minutes, and of the other trial 10 minutes of search and four epochs
    assert progress.time_left() == "about 2.5 h left"


def test_a_resumed_stage_counts_its_own_epochs_alone(clock: Clock, trials: list[Trial]) -> None:
    progress = Progress(1, 0, 1, trials[:1], Display(io.StringIO()), {("a", "digits"): 0.0})
    progress.started(trials[0])
    progress.advanced(trials[0], EpochDone("search", 0, 100))
    clock.now += 5
    progress.advanced(trials[0], EpochDone("search", 91, 100))  # 90 were in the checkpoint
    assert progress.time_left() == "about 45 s left"


def test_a_file_gets_few_short_lines(clock: Clock, trials: list[Trial]) -> None:
    log = io.StringIO()
    display = Display(log)
    progress = Progress(6, 0, 6, list(trials), display)
    for trial in trials:
        progress.started(trial)
    for _ in range(24 * 3600):
        clock.now += 1
        display.on_tick()
    lines = log.getvalue().splitlines()
    assert 20 < len(lines) < 100
    assert all(line.startswith("[0/6] ") and len(line) <= 100 for line in lines)
    assert "\x1b" not in log.getvalue() and "\r" not in log.getvalue()
    assert lines[0].startswith("[0/6] 01:00, time left known after the first trial; a s0 starting")


def test_what_others_print_stands_above_the_drawing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with Display(terminal) as display:
        display.note("reading")
        print("a warning", "of somebody")
        print("half a ", end="")
        display.redraw()
        print("line")
        assert terminal.screen() == ["a warning of somebody", "half a line", "00:00  reading"]
    print("after")
    assert terminal.screen() == ["a warning of somebody", "half a line", "after", ""]


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_nothing_is_drawn_where_nothing_can_be(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    stream: io.StringIO = Terminal() if term == "dumb" else io.StringIO()
    with Display(stream) as display:
        display.note("reading")
        display.say("a line")
    assert stream.getvalue() == "a line\n"


def test_the_clock_ticks_by_itself_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(displays, "TICK", 0.01)
    with os.fdopen(theirs, "w") as stream, Display(stream) as display:
        drawn = iter(range(10**6))
        display.show(lambda columns: [f"drawing {next(drawn)}"])
        seen = b""
        while b"drawing 3" not in seen:
            seen += os.read(ours, 1000)
    os.close(ours)
