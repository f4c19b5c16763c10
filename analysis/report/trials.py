"""The report's section of each trial: what it was, did and cost, and how to run it again."""

from __future__ import annotations

import base64
import io
import re
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from analysis import cells
from analysis.common import plots
from analysis.common.pages import HtmlTable
from analysis.common.plots import Looks
from analysis.common.trials import (
    TRIAL_COLUMNS,
    average_accuracy,
    identify,
    name_accuracy,
    name_method,
)
from bench.records.parts import Stage
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.study import yaml

HEADINGS = (
    ("trial", False), ("method", False), ("data set", False), ("seed", True),
    ("{accuracy}, %", True), ("non-zero parameters", True), ("search time, s", True),
    ("evaluation time, s", True),
)  # fmt: skip


def tabulate(records: Sequence[FinishedRecord]) -> HtmlTable:
    """A sortable table of all trials, each with a link to its section."""
    texts, keys = [], []
    for record in records:
        names, evaluation = identify(record), record.evaluation
        accuracy = average_accuracy(record)
        link = Markup('<a href="#{}">{}</a>').format(_anchor(record), names["trial"])
        place = [name_method(record), names["dataset"], names["seed"]]
        seconds = [record.search.total_seconds, evaluation.total_seconds]
        values = [evaluation.nonzero_parameters, *seconds]
        numbers = [f"{accuracy:.2f}", *(f"{value:,.0f}" for value in values)]
        texts.append([link, *map(str, place), *numbers])
        keys.append([names["trial"], *place, accuracy, *values])
    name = name_accuracy(records)
    headings = [(text.format(accuracy=name), numeric) for text, numeric in HEADINGS]
    return HtmlTable(headings, texts, keys)


def describe(
    record: FinishedRecord, posterior: pd.DataFrame, looks: Looks, *, is_whole: bool
) -> dict[str, Any]:
    """What the template shows of a trial.

    posterior: rows of all trials' last epochs; is_whole: with the drawn cell and the histories,
    which take most of the space.
    """
    trial = record.trial
    accuracy = average_accuracy(record)
    own = posterior[(posterior["trial"] == trial.id[:8]) & (posterior["method"] == trial.label)]
    tables = {
        "History of the search": _tabulate_history(record.search),
        "History of the evaluation": _tabulate_history(record.evaluation),
        "Posterior at the end of the search": _tabulate_posterior(own),
    }
    return {
        "anchor": _anchor(record),
        "title": f"{name_method(record)}, {trial.dataset}, seed {trial.seed}: {accuracy:.2f} %",
        "picture": embed_figure(cells.picture(record, looks)) if is_whole else "",
        "results": _list_results(record),
        "tables": {name: table for name, table in tables.items() if is_whole and table.texts},
        "provenance": _list_provenance(record),
        "run": _describe_run(record),
        **_describe_rerun(record),
    }


def say_once(sections: Sequence[dict[str, Any]]) -> None:
    """Leave a configuration, and what is known of a run, with the first trial of them.

    In the others `earlier` has that trial's section.
    """
    for part in ("configuration", "run"):
        first: dict[str, dict[str, Any]] = {}
        for section in sections:
            known = first.setdefault(section[part], section)
            if known is not section:
                section[part] = ""
                section.setdefault("earlier", {})[part] = known


def describe_failure(record: FailedRecord) -> dict[str, Any]:
    """What the template shows of a trial that failed: where, and with what error."""
    error, trial = record.error, record.trial
    return {
        "title": f"{trial.label}, {trial.dataset}, seed {trial.seed}: failed",
        "message": f"{error.stage}: {error.type}: {error.message}\n{error.traceback}".rstrip(),
        **_describe_rerun(record),
    }


def embed(picture: Path) -> str:
    """A picture as a data URL of WebP without loss, a fifth smaller; empty without the file."""
    if not picture.is_file():
        return ""
    buffer = io.BytesIO()
    with Image.open(picture) as drawn:
        drawn.convert("RGB").save(buffer, "webp", lossless=True, quality=75)
    return _make_url("webp", buffer.getvalue())


_BREAK = re.compile(rb"\s*\n\s*")
"""Between the elements of an SVG, and the points of its paths, as a file has them."""


def embed_figure(figure: Figure) -> str:
    """A figure of few lines as a data URL of an SVG, without its indentation."""
    drawn = _BREAK.sub(b" ", plots.render(figure, "svg"))
    return _make_url("svg+xml", drawn)


def _make_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _describe_rerun(record: RunRecord) -> dict[str, str]:
    """The configuration as YAML, and the commands that run the trial of the record again."""
    study, commit = record.trial.study, record.provenance and record.provenance.git_commit
    commands = [f"git checkout {commit}"] if commit else []
    path = f"results/{study}/records/{record.trial.stem}.json"
    finished = isinstance(record, FinishedRecord)
    commands.append(shlex.join(["bench", *(("rerun", path) if finished else ("run", study))]))
    return {"configuration": yaml.dump(record.configuration), "commands": "\n".join(commands)}


def _anchor(record: FinishedRecord) -> str:
    return f"trial-{record.trial.label}-{record.trial.id[:8]}"


def _list_results(record: FinishedRecord) -> dict[str, str]:
    search, evaluation, test = record.search, record.evaluation, record.evaluation.test
    selection = sorted(record.selection.model_dump(exclude_unset=True).items())
    name, trainings = evaluation.accuracy_name, len(evaluation.all)
    return {
        f"{name[0].upper()}{name[1:]}": f"{average_accuracy(record):.2f} % of {test.images:,}"
        f" images{f', mean of {trainings} trainings' if trainings > 1 else ''}",
        "Negative log-likelihood": _format(test.nll, "{:.4f} nats"),
        "Calibration error": _format(test.ece, "{:.4f} (15 bins)"),
        "Parameters": f"{evaluation.parameters:,}, of which {evaluation.nonzero_parameters:,} are"
        " not zero",
        "FLOPs": f"{evaluation.flops:,} per image",
        "Search": f"{search.seconds:,.1f} s, selection {search.selection_seconds:,.1f} s, peak"
        f" memory {_format_memory(search)}",
        "Evaluation": f"{evaluation.total_seconds:,.1f} s, peak memory"
        f" {_format_memory(evaluation)}",
        "Hardware": f"{record.environment.hardware}, {record.environment.device}",
        "Selection": ", ".join(
            f"{key} {_shorten(value)}" for key, value in selection if _is_short(value)
        ),
        "Genotype": record.genotype_digest,
    }


def _tabulate_history(stage: Stage) -> HtmlTable:
    """Every epoch's loss terms and metrics."""
    values = [epoch.terms | epoch.metrics for epoch in stage.epochs]
    columns = sorted({name for row in values for name in row})
    texts = [
        [str(epoch.epoch), f"{epoch.seconds:.1f}", *(_shorten(row.get(name)) for name in columns)]
        for epoch, row in zip(stage.epochs, values, strict=True)
    ]
    return HtmlTable([(name, True) for name in ("epoch", "seconds", *columns)], texts)


def _tabulate_posterior(rows: pd.DataFrame) -> HtmlTable:
    """Posterior rows of one trial, without columns that the method does not have."""
    known = rows.drop(columns=[*TRIAL_COLUMNS, "epoch"]).dropna(axis=1, how="all")
    headings = [(str(name), name not in ("cell", "operation")) for name in known.columns]
    return HtmlTable(headings, [list(map(_shorten, row)) for row in known.itertuples(index=False)])


def _list_provenance(record: FinishedRecord) -> dict[str, str]:
    origin, trial = record.provenance, record.trial
    return {
        "Trial": trial.id,
        "Search": trial.search_id,
        "Started": origin.started,
        "Finished": origin.finished,
    }


def _describe_run(record: FinishedRecord) -> str:
    """In lines what trials of one command share: code, command, data, packages and platform."""
    origin, environment = record.provenance, record.environment
    packages = [f"{name} {version}" for name, version in environment.packages.items()]
    parts = [
        f"commit {origin.git_commit}{' with changes' if origin.git_dirty else ''},"
        f" version {origin.version}",
        origin.command,
        f"data: SHA-256 {record.data.digest}",
        ", ".join([f"Python {environment.python}", *packages]),
        environment.platform,
    ]
    whole: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}  # names, paths
    return "\n".join(line for part in parts for line in textwrap.wrap(part, 100, **whole))


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) or (isinstance(value, list) and not value)


def _format(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _format_memory(stage: Stage) -> str:
    bytes_ = stage.peak_memory_bytes
    return "unknown" if bytes_ is None else f"{bytes_ / 2**20:,.0f} MiB"


def _shorten(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
