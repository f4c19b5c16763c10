"""What has to be said below a leaderboard so that nobody reads too much into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from analysis.common import failed_searches, known_accuracies
from analysis.common.operations import CollapseThresholds
from analysis.common.text import Note, join_names
from analysis.common.trials import is_tabular, name_accuracy
from analysis.common.versions import count_mixed
from analysis.leaderboard import comparison_notes, evaluation_notes
from analysis.leaderboard.table import group_by_entry
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord


def explain(
    records: Sequence[FinishedRecord], facts: StudyFacts, thresholds: CollapseThresholds
) -> list[Note]:
    """All notes below a leaderboard; without records only what is known of the study."""
    if not records:
        return _explain_absence(facts)
    return [
        *_explain_known_accuracies(records),
        *evaluation_notes.explain(records),
        *comparison_notes.explain(records, facts, name_accuracy(records)),
        *_explain_failures(records, facts),
        *_explain_measures(records, thresholds),
        *_explain_costs(records),
        *_explain_absence(facts),
        *_explain_origin(records),
    ]


def _explain_known_accuracies(records: Sequence[FinishedRecord]) -> list[Note]:
    """What was looked up rather than measured."""
    rows = known_accuracies.tabulate(records)
    if not len(rows):
        return []
    evaluations = [record.evaluation for record in records if is_tabular(record)]
    sources = dict.fromkeys(one.sources[one.dataset].text for one in evaluations)
    details = []
    for name, of_table in rows.groupby("table", sort=False):
        means = of_table.groupby("method", sort=False).mean(numeric_only=True)
        cells = known_accuracies.name_cells(of_table)
        parts = [
            f"{label} {mean['accuracy_percent']:.2f} % (regret {mean['regret_points']:.2f} points;"
            f" better than {mean['percentile']:.0f} % of {cells} and"
            f" {mean['percentile_without_none']:.0f} % of those without none)"
            for label, mean in means.iterrows()
        ]
        details.append(f"{name}, means over seeds: {'; '.join(parts)}.")
    return [
        Note(
            "Nothing was trained for these accuracies: they are known, as the"
            f" {'; '.join(sources)}. Sizes are those of the table's own network. truth.csv has all"
            " data sets of the table, truth_epochs.csv what every epoch would have selected:",
            tuple(details),
        ),
        *_explain_asking(records),
    ]


def _explain_asking(records: Sequence[FinishedRecord]) -> list[Note]:
    """Which methods asked the table itself, and for what."""
    asks: dict[str, dict[str, None]] = {}
    for record in records:
        if record.selection.asks:
            asks.setdefault(record.selection.asks, {})[record.trial.label] = None
    return [
        Note(
            f"{join_names(list(labels))} trained no super-network: of every architecture tried, the"
            f" search asked for its {text}. Where what is asked is part of what is reported, the"
            " method maximises nearly that number and is an upper reference. cost.csv and cost.png"
            " show what it costs, in trained architectures."
        )
        for text, labels in asks.items()
    ]


def _explain_failures(records: Sequence[FinishedRecord], facts: StudyFacts) -> list[Note]:
    """Which searches failed to train, and how that shows."""
    details, judged = [], 0
    for dataset, entries in group_by_entry(records).items():
        for entry, own in entries.items():
            failures = failed_searches.count(own, facts)
            judged += failures.judged
            details += [
                f"{entry.name} on {dataset}, seed {seed}: {'; '.join(problems)}."
                for seed, problems in failures.problems.items()
            ]
    if not judged:
        return []
    return [
        Note(
            "A search failed to train where its super-network is no better than the study's worst"
            " reference cell (or than chance), where its selection with inherited weights is no"
            " better than chance (not asked where most of the selected edges are parameter-free,"
            " since they have next to no weights to inherit), or where its training loss rose over"
            " the last half. A method"
            f" that failed so on most seeds has no rank and no verdict. Failed: {len(details)} of"
            f" {judged} trials whose search was judged{':' if details else '.'}",
            tuple(details),
        )
    ]


def _explain_measures(
    records: Sequence[FinishedRecord], thresholds: CollapseThresholds
) -> list[Note]:
    """What calibration and collapse mean here, and which records do not say."""
    measured = [record for record in records if not is_tabular(record)]
    lacking = sum(record.evaluation.test.ece is None for record in measured)
    older = f" {lacking} of {len(measured)} records are older and lack it." if lacking else ""
    calibration = Note(
        "NLL is the mean negative log-likelihood of the test labels, and ECE the expected"
        f" calibration error with 15 bins of equal width.{older}"
    )
    collapse = Note(
        f"Collapsed are architectures in which {thresholds.describe()}; collapse.csv has the"
        " shares themselves."
    )
    return [calibration, collapse] if measured else [collapse]


def _explain_costs(records: Sequence[FinishedRecord]) -> list[Note]:
    """What the times and sizes mean, and on what hardware they were measured."""
    machines = _count(
        f"{record.environment.hardware} (device {record.environment.device}, "
        f"threads {record.environment.threads})"
        for record in records
    )
    return [
        Note(
            "Parameters are those of the evaluated network; non-zero parameters are those that the"
            " method's own zeroing leaves. Sizes, times and peak memory are means over seeds."
            " FLOPs are those of the prediction for one image."
        ),
        Note(f"Times are wall-clock seconds of one trial, without loading data, on: {machines}."),
        *_warn_of_mixed_hardware(records),
    ]


def _warn_of_mixed_hardware(records: Sequence[FinishedRecord]) -> list[Note]:
    models = {record.environment.model for record in records}
    if len(models) < 2:
        return []
    return [
        Note(
            f"Hardware is mixed ({', '.join(sorted(models))}): times do not compare, and the same"
            " trial can come out differently on another model."
        )
    ]


def _explain_absence(facts: StudyFacts) -> list[Note]:
    """How many trials the table lacks, if that is known."""
    counts = {"failed": facts.failed, "missing": facts.missing}
    parts = [f"{count} {name}" for name, count in counts.items() if count is not None]
    return [Note(f"Trials that are not in this table: {', '.join(parts)}.")] if parts else []


def _explain_origin(records: Sequence[FinishedRecord]) -> list[Note]:
    """Data and code behind the numbers."""
    data = {record.trial.dataset: record.data for record in records}
    return [
        *(
            Note(
                f"Data {name}: {images.train:,} training, {images.validation:,} validation and"
                f" {images.test:,} test images of {images.classes} classes; SHA-256"
                f" {images.digest[:12]}."
            )
            for name, images in data.items()
        ),
        Note(f"Code: {_count(map(_name_code, records))}."),
        *_explain_software(records),
    ]


def _explain_software(records: Sequence[FinishedRecord]) -> list[Note]:
    """The versions that the numbers depend on, and which packages had several."""
    software = Note(f"Software: {_count(map(_name_software, records))}.")
    mixed = tuple(
        f"{name} {' and '.join(f'{version} ({count})' for version, count in sorted(own.items()))}"
        for name, own in count_mixed(records).items()
    )
    if not mixed:
        return [software]
    return [software, Note("Records were made with mixed versions (number of records):", mixed)]


def _name_code(record: FinishedRecord) -> str:
    origin = record.provenance
    commit = f", commit {origin.git_commit[:12]}" if origin.git_commit else ""
    return f"{origin.version}{commit}{' with changes' if origin.git_dirty else ''}"


def _name_software(record: FinishedRecord) -> str:
    packages = record.environment.packages
    named = [f"{name} {packages[name]}" for name in ("torch", "numpy") if name in packages]
    return ", ".join([f"Python {record.environment.python}", *named])


def _count(texts: Iterable[str]) -> str:
    """Each text, with the number of trials where there are several texts."""
    counts = Counter(texts)
    if len(counts) == 1:
        return next(iter(counts))
    parts = [(text, counts[text]) for text in sorted(counts)]
    return "; ".join(f"{text} ({count} trial{'s' * (count > 1)})" for text, count in parts)
