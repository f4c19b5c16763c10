"""The command behind `tests/gpu/run`: groups of checks, one after another, and their page."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench.errors import BenchError
from bench.run import machine
from bench.speed import report
from gpu import checks, page, trials
from gpu.outcome import Outcome

GRACE = 300.0
"""Seconds that a check which has begun may take after the minutes are over; then it is ended."""

FAILED, REFUSED = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 where something failed or differs, 2 for what cannot be meant."""
    trials.adopt_methods()
    options = _parser().parse_args(arguments)
    try:
        machine.refuse_absent_cuda(options.device)
        device = torch.device(options.device)
        out = options.out or report.folder(trials.ROOT / "results", device)
        started = time.time()
        until = started + 60 * options.minutes
        outcomes: list[Outcome] = []
        for group in options.groups.split(",") if options.groups else checks.groups():
            for outcome in run_group(group, options.device, out, until, options.trials):
                print(outcome.line, flush=True)
                outcomes.append(outcome)
        took = time.time() - started
        for path in page.write(out, device, outcomes, options.minutes, took):
            print(path)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    return FAILED if any(outcome.bad for outcome in outcomes) else 0


def run_group(
    group: str, device: str, out: Path, until: float, only: str | None
) -> Iterator[Outcome]:
    """The outcomes of a group, as they come; a process that died or hung is one more."""
    if time.time() >= until:
        yield Outcome(group, "skipped", "the minutes were over")
        return
    labels, started = only.split(",") if only else [], time.time()
    command = [sys.executable, "-m", "gpu.checks", group, device, str(out), str(until), *labels]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    hung = threading.Timer(max(0.0, until - time.time()) + GRACE, process.kill)
    hung.start()
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            yield Outcome(**json.loads(line))
    code = process.wait()
    late = not hung.is_alive() and code < 0
    hung.cancel()
    if code:
        why = f"its process ended with status {code}"
        if late:
            why = f"was ended in a check, {GRACE:.0f} s after the minutes were over"
        yield Outcome(group, "failed", why, time.time() - started)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/gpu/run", description=(__doc__ or "").strip())
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a dry run")
    parser.add_argument("--minutes", type=_minutes, default=20.0, help="begin nothing after them")
    parser.add_argument("--out", type=Path, help="default: results/speed/<the device's name>")
    parser.add_argument("--groups", type=_groups, help=f"some of {','.join(checks.groups())}")
    parser.add_argument("--trials", help="labels of golden trials (default: all)")
    return parser


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value < 10_000:
        raise argparse.ArgumentTypeError(f"{text}: must be more than 0")
    return value


def _groups(text: str) -> str:
    for name in text.split(","):
        if name not in checks.groups():
            known = ", ".join(checks.groups())
            raise argparse.ArgumentTypeError(f"{name}: no such group; there are {known}")
    return text


if __name__ == "__main__":
    sys.exit(main())
