"""The shipped measurements of `bench speed`, part by part, on the device."""

from __future__ import annotations

from pathlib import Path

import torch

from bench import files
from bench.speed import figure, session
from gpu.outcome import Outcome

PARTS: dict[str, tuple[str, ...]] = {
    "speed": ("W2", "methods", "collapse", "data"),
    "more-speed": ("W1", "estimators", "growth", "candidates"),
}
"""By group, the most wanted first: nothing is begun after the time is over."""

DRY_RUN = ("data",)
"""What a dry run measures."""


def check(part: str, device: torch.device, folder: Path, out: Path) -> list[Outcome]:
    """Measure a part and put its files into `out`; on a CPU in tiny sizes, into `out`/quick."""
    quick = device.type == "cpu"
    if quick and part not in DRY_RUN:
        why = f"a dry run measures {', '.join(DRY_RUN)} alone; bench speed --quick has the others"
        return [Outcome(f"bench speed, {part}", "skipped", why)]
    settings = session.Settings(part, "W2", 5, None, device.type, folder, quick)
    place = out / "quick" if quick else out
    paths = [path for path in session.run(settings) if path.suffix != ".png"]
    written = [files.write(place / path.name, path.read_bytes()).name for path in paths]
    tables = [file for name in session.PARTS for file in sorted(place.glob(f"{name}*.csv"))]
    problem = figure.draw(tables, place / "speed.png")  # of all parts so far
    said = f"wrote {', '.join(written)}" + (f"; {problem}" if problem else "")
    return [Outcome(f"bench speed, {part}", "passed", said)]
