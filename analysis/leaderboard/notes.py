"""What has to be said below a leaderboard so that nobody reads too much into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from analysis.common.operations import Thresholds
from analysis.common.statistics import (
    FEWEST_RESAMPLED,
    FEWEST_SEEDS,
    LEVEL,
    RESAMPLES,
    BySeed,
    told_apart,
)
from analysis.common.trials import Record, StudyFacts


def interval_sentence() -> str:
    """What an interval in any table or figure is."""
    return (
        f"The {LEVEL * 100:.0f} % interval is the studentised bootstrap of the mean over search "
        f"seeds ({RESAMPLES:,} resamples), below {FEWEST_RESAMPLED} seeds Student's t; none below "
        f"{FEWEST_SEEDS}."
    )


def of_accuracy(
    by_dataset: Mapping[str, Mapping[str, BySeed]],
    baseline: str | None = None,
    accuracy: str = "test accuracy",
) -> list[str]:
    """What the intervals and tests are and which methods the seeds tell apart.

    accuracy: what the accuracies are, in a few words.
    """
    unseen = ", on images that neither search nor selection saw" if "test" in accuracy else ""
    lines = [
        f"- {accuracy[0].upper()}{accuracy[1:]} is the mean over seeds{unseen}. "
        + interval_sentence(),
        "- Ranks order the means. Two methods are told apart where their paired t test over seeds, "
        "corrected by Holm over all pairs of the data set, says so at 5 %; a rank's interval has "
        "the places of all methods that one is not told apart from. Told apart are:",
    ]
    for dataset, group in by_dataset.items():
        lines.append(f"  - {dataset}: {_told_apart(group)}")
    if any(baseline in group for group in by_dataset.values()):
        lines.append(
            f"- Against the baseline, {baseline}, seed by seed: how often the method was better (a "
            "tie counts half; exact interval of that share), the two-sided paired t test corrected "
            "by Holm over the methods of the data set, the mean difference with its t interval, "
            "and Hedges' g of the paired differences."
        )
    return lines


def of_quality(records: Sequence[Record], thresholds: Thresholds) -> list[str]:
    """What calibration and collapse mean here, and which records do not say."""
    records = [record for record in records if record["evaluation"].get("kind") != "tabular"]
    collapse = (
        f"- Collapsed: architectures in which {thresholds.text()}; raw values in collapse.csv."
    )
    if not records:
        return [collapse]
    silent = sum(record["evaluation"]["test"].get("ece") is None for record in records)
    lacking = f" {silent} of {len(records)} records are older and lack it." if silent else ""
    return [
        "- NLL is the mean negative log-likelihood of the test labels; ECE the expected "
        f"calibration error of 15 bins of equal width.{lacking}",
        collapse,
    ]


def _told_apart(group: Mapping[str, BySeed]) -> str:
    pairs = len(group) * (len(group) - 1) // 2
    if not pairs:
        return "one method, nothing to compare."
    apart, tested = told_apart(group)
    if not tested:
        return f"none, too few seeds for any test (at least {FEWEST_SEEDS} in common)."
    named = ", ".join(f"{better} from {worse}" for better, worse in sorted(apart))
    lacking = f"; {pairs - tested} could not be tested, too few seeds" if tested < pairs else ""
    if not apart:
        return f"none ({_pairs(pairs)}{lacking})."
    return f"{named} ({len(apart)} of {_pairs(pairs)}{lacking})."


def _pairs(count: int) -> str:
    return f"{count} pair{'s' * (count > 1)}"


def of_cost(records: Sequence[Record]) -> list[str]:
    """What the times and sizes mean, and on what hardware they were measured."""
    where = _counted(
        f"{record['environment']['hardware']} (device {record['environment']['device']}, "
        f"threads {record['environment']['threads']})"
        for record in records
    )
    return [
        "- Parameters are those of the evaluated network; non-zero are those that the method's own "
        "zeroing leaves. Sizes, times and peak memory are means over seeds; FLOPs are of "
        "one image's prediction.",
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
