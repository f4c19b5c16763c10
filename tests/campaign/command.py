"""The campaign: its options, its parts in order, its page."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from campaign import kills, outcome
from campaign.outcome import Deadline, Part

PARTS = ("inputs", "faults", "kills")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; exit status 1 where something was not as expected.

    The page is written after each part, so that Ctrl-C keeps what has ended.
    """
    options = _parse(arguments)
    shown = " ".join(f"--{name} {vars(options)[name]}" for name in _SHOWN)
    folder = Path(tempfile.mkdtemp(prefix="bench-campaign-"))
    parts = list[Part]()
    try:
        for part in run(options, folder):
            parts.append(part)
            path = outcome.write(options.out, parts, f"python tests/campaign/run.py {shown}")
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what ended before", file=sys.stderr)
        return 130
    failed = any(part.problems for part in parts)
    print(path if not failed else f"{path}; what was left is in {folder}")
    if not failed:
        shutil.rmtree(folder)
    return int(failed)


_SHOWN = ("minutes", "kills", "inputs", "seed")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python tests/campaign/run.py", description=__doc__)
    parser.add_argument("--minutes", type=float, default=180, help="begin nothing after this time")
    parser.add_argument("--kills", type=int, default=200, help="of run, gate and tune together")
    parser.add_argument("--inputs", type=int, default=10_000, help="bad inputs, of all kinds")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="these parts alone")
    parser.add_argument("--out", type=Path, default=Path("results/reliability.md"))
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, folder: Path) -> Iterator[Part]:
    """The parts, in order, each at its end; `folder` is for what they write."""
    deadline, draw = Deadline(options.minutes), random.Random(options.seed)
    if "inputs" in options.only:
        from campaign import inputs

        yield from inputs.campaign(options.inputs, deadline.share(0.4), folder / "inputs")
    if not {"faults", "kills"} & set(options.only):
        return
    print("the unbroken runs", file=sys.stderr)
    unbroken = kills.prepare(folder, ("run", "gate", "tune"))
    if "faults" in options.only:
        from campaign import faults

        yield from faults.campaign(unbroken[0], deadline.share(0.4), folder / "faults")
    if "kills" in options.only:
        for number, one in enumerate(unbroken):
            share = options.kills * 3 // 5 if one.command is kills.RUN else options.kills // 5
            until = deadline.share((0.6, 0.5, 1.0)[number])
            yield kills.campaign(one, share, until, folder / "kills", draw)
