"""The page of a run: Markdown for readers, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from bench import files
from bench.run import environment
from gpu.outcome import Outcome


def write(
    out: Path, device: torch.device, outcomes: Sequence[Outcome], minutes: float, took: float
) -> list[Path]:
    """`gpu-checks` (on a CPU: `gpu-dry-run`) as .md and .json in `out`. Raises ResultsError."""
    commit, dirty = environment.code_version()
    facts = {
        **environment.describe(device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,
        "git_commit": commit,
        "git_dirty": dirty,
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": minutes,
        "seconds": round(took, 1),
    }
    name = "gpu-dry-run" if device.type == "cpu" else "gpu-checks"
    rows = [dataclasses.asdict(outcome) for outcome in outcomes]
    text = json.dumps({**facts, "checks": rows}, indent=1) + "\n"
    return [
        files.write(out / f"{name}.md", _markdown(facts, outcomes)),
        files.write(out / f"{name}.json", text),
    ]


def _markdown(facts: dict[str, object], outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.status for outcome in outcomes)
    counted = ", ".join(f"{counts[status]} {status}" for status in sorted(counts))
    cuda = f", CUDA {facts['cuda']}, cuDNN {facts['cudnn']}" if facts["cudnn"] else ""
    dry = facts["device"] == "cpu"
    lines = [
        "# What the checks of a GPU came to" + (" on a CPU: a dry run" if dry else ""),
        "",
        f"`tests/gpu/run{' --device cpu' if dry else ''}` on {facts['date']}: {facts['hardware']},"
        f" torch {facts['torch']}{cuda}, Python {facts['python']}, commit {facts['git_commit']}"
        f"{' with changes' if facts['git_dirty'] else ''}; {facts['seconds']} seconds. {counted}.",
        *(["", "A dry run shows that the checks run; its times mean nothing."] if dry else []),
        "",
        "| check | outcome | | seconds |",
        "|---|---|---|---:|",
        *(
            f"| {o.check} | {o.status} | {o.detail.replace('|', '/')} | {o.seconds:.1f} |"
            for o in outcomes
        ),
    ]
    return "\n".join(lines) + "\n"
