"""What has to be said below a leaderboard so that nobody reads too much into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from analysis.statistics import FEWEST_SEEDS, LEVEL, RESAMPLES, Summary
from analysis.trials import Record, StudyFacts

FEW_SEEDS = 10
"""Below this the bootstrap's interval is known to be clearly too narrow, and the notes say so."""


def interval_sentence() -> str:
    """What an interval in any table or figure is."""
    return (
        f"The interval is the {LEVEL * 100:.0f} % percentile bootstrap of the mean over seeds "
        f"({RESAMPLES:,} resamples; none below {FEWEST_SEEDS} seeds)."
    )


def of_accuracy(by_dataset: Mapping[str, Mapping[str, Summary]]) -> list[str]:
    """What the interval is, how far to trust it, and which methods it tells apart."""
    lines = [
        "- Test accuracy is the mean over seeds, on images that neither search nor selection saw. "
        + interval_sentence()
    ]
    seeds = {one.seeds for group in by_dataset.values() for one in group.values()}
    stated = {number for number in seeds if number >= FEWEST_SEEDS}
    if FEWEST_SEEDS in stated:
        lines.append(
            "- With three seeds the interval is the range of the three values: it contains the "
            "true mean in 75 % of cases, not 95 % (for noise that is symmetric), and two equal "
            "methods have ranges apart from each other in 10 % of cases."
        )
    elif stated and min(stated) < FEW_SEEDS:
        lines.append(
            f"- With {min(stated)} seeds this interval is too narrow: it contains the true mean "
            "clearly less often than in 95 % of cases."
        )
    lines.append(
        "- Ranks order the means. Methods whose intervals overlap, or that have none, are not "
        "told apart:"
    )
    for dataset, group in by_dataset.items():
        lines.append(f"  - {dataset}: {_told_apart(group)}")
    return lines


def _told_apart(group: Mapping[str, Summary]) -> str:
    by_mean = sorted(group, key=lambda label: -group[label].mean)
    apart = [
        f"{better} from {worse}"
        for better, worse in combinations(by_mean, 2)
        if group[better].apart_from(group[worse])
    ]
    pairs = len(group) * (len(group) - 1) // 2
    if not pairs:
        return "one method, nothing to compare."
    if not apart:
        return f"no interval is apart from another ({pairs} pairs)."
    return f"apart are {', '.join(apart)} ({len(apart)} of {pairs} pairs)."


def of_cost(records: Sequence[Record]) -> list[str]:
    """What the times and sizes mean, and on what hardware they were measured."""
    where = _counted(
        f"{record['environment']['hardware']} (device {record['environment']['device']}, "
        f"threads {record['environment']['threads']})"
        for record in records
    )
    return [
        "- Parameters are those of the evaluated network; non-zero are those that the method's own "
        "zeroing leaves. Sizes and times are means over seeds.",
        f"- Times are wall-clock seconds of one trial, without loading data, on: {where}.",
    ]


def of_trials(study: StudyFacts) -> list[str]:
    """How many trials the table lacks, if the caller knows."""
    known = {"failed": study.failed, "missing": study.missing}
    parts = [f"{name} {count}" for name, count in known.items() if count is not None]
    return [f"- Trials not in this table: {', '.join(parts)}."] if parts else []


def of_origin(records: Sequence[Record]) -> list[str]:
    """Data and code behind the numbers."""
    lines = []
    data = {str(record["trial"]["dataset"]): record["data"] for record in records}
    for name, facts in data.items():
        lines.append(
            f"- Data {name}: {facts['train']:,} training, {facts['validation']:,} validation, "
            f"{facts['test']:,} test images, {facts['classes']} classes; SHA-256 "
            f"{str(facts['digest'])[:12]}."
        )
    lines.append(f"- Code: {_counted(_code(record) for record in records)}.")
    lines.append(f"- Software: {_counted(_software(record) for record in records)}.")
    return lines


def _code(record: Record) -> str:
    origin = record["provenance"]
    commit = f", commit {origin['git_commit'][:12]}" if origin.get("git_commit") else ""
    return f"{origin['version']}{commit}{' with changes' if origin.get('git_dirty') else ''}"


def _software(record: Record) -> str:
    environment = record["environment"]
    packages = environment.get("packages", {})
    named = [f"{name} {packages[name]}" for name in ("torch", "numpy") if name in packages]
    return ", ".join([f"Python {environment['python']}", *named])


def _counted(texts: Iterable[str]) -> str:
    counts = Counter(texts)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{text} ({counts[text]} trials)" for text in sorted(counts))
