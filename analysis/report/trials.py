"""The report's section of each trial: what it was, did and cost, and how to run it again."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.common.trials import Record, identity, is_tuned, search_seconds, stem
from analysis.report import page, rerun
from analysis.report.page import Markup, escape


def overview(records: Sequence[Record]) -> str:
    """A sortable table of all trials, each with a link to its section."""
    headings = [("trial", False), ("method", False), ("data set", False), ("seed", True),
                ("test accuracy, %", True), ("non-zero parameters", True), ("search, s", True),
                ("evaluation, s", True)]  # fmt: skip
    texts, keys = [], []
    for record in records:
        names, facts = identity(record), record["evaluation"]
        label = names["method"] + (" (tuned)" if is_tuned(record) else "")
        accuracy = 100 * facts["test"]["accuracy"]
        link = Markup(f'<a href="#{_anchor(record)}">{names["trial"]}</a>')
        values = [accuracy, facts["nonzero_parameters"], search_seconds(record),
                  facts["seconds"]]  # fmt: skip
        texts.append([link, label, names["dataset"], str(names["seed"]), f"{accuracy:.2f}",
                      *(f"{value:,.0f}" for value in values[1:])])  # fmt: skip
        keys.append([names["trial"], label, names["dataset"], names["seed"], *values])
    return page.table(headings, texts, keys)


def section(record: Record, posterior: pd.DataFrame, picture: Path) -> str:
    """One trial, folded. `posterior`: its rows of the last epoch; `picture`: its drawn cells."""
    names = identity(record)
    accuracy = 100 * record["evaluation"]["test"]["accuracy"]
    title = f"{names['method']}{' (tuned)' if is_tuned(record) else ''}, {names['dataset']}, "
    title += f"seed {names['seed']}: {accuracy:.2f} %"
    parts = [
        image(picture, f"The cells that {title} found"),
        _results(record),
        _folded("Configuration", _pre(_yaml(record["configuration"]))),
        *(_history(record, stage) for stage in ("search", "evaluation")),
        _posterior(posterior),
        _folded("Provenance", _provenance(record)),
        _folded("Run this trial alone", _again(record)),
    ]
    return (
        f'<details class="trial" id="{_anchor(record)}"><summary>{escape(title)}</summary>\n'
        + "\n".join(filter(None, parts))
        + "\n</details>"
    )


def failed(record: Record) -> str:
    """A trial that failed: where, and with what error."""
    error, trial = record["error"], record["trial"]
    title = f"{trial['label']}, {trial['dataset']}, seed {trial['seed']}: failed"
    said = f"{error['stage']}: {error['type']}: {error['message']}\n{error.get('traceback') or ''}"
    again = _folded("Run this trial alone", _again(record))
    return (
        f'<details class="trial"><summary>{escape(title)}</summary>\n{_pre(said.rstrip())}\n'
        f"{again}\n</details>"
    )


def image(path: Path, alt: str) -> str:
    """A picture inside the page; nothing where there is no file."""
    if not path.is_file():
        return ""
    content = base64.b64encode(path.read_bytes()).decode()
    source = f"data:image/png;base64,{content}"
    return f'<figure class="wide" tabindex="0"><img src="{source}" alt="{escape(alt)}"></figure>'


def _anchor(record: Record) -> str:
    trial = record["trial"]
    return f"trial-{trial['label']}-{trial['id'][:8]}"


def _results(record: Record) -> str:
    search, facts = record["search"], record["evaluation"]
    test, environment = facts["test"], record["environment"]
    selection = {k: v for k, v in (record.get("selection") or {}).items() if _is_plain(v)}
    told = {
        "Test accuracy": f"{100 * test['accuracy']:.2f} % of {test['images']:,} images",
        "Negative log-likelihood": _known(test.get("nll"), "{:.4f} nats"),
        "Calibration error": _known(test.get("ece"), "{:.4f} (15 bins)"),
        "Parameters": f"{facts['parameters']:,}, {facts['nonzero_parameters']:,} not zero",
        "FLOPs": f"{facts['flops']:,} an image",
        "Search": f"{search['seconds']:,.1f} s, selection {search.get('selection_seconds', 0):,.1f}"
        f" s, peak memory {_known(search['peak_memory_bytes'], '{:,.0f} MiB', 2**-20)}",
        "Evaluation": f"{facts['seconds']:,.1f} s, peak memory "
        f"{_known(facts['peak_memory_bytes'], '{:,.0f} MiB', 2**-20)}",
        "Where": f"{environment['hardware']}, {environment['device']}",
        "Selection": ", ".join(f"{key} {_short(value)}" for key, value in selection.items()),
        "Genotype": str(record["genotype_digest"]),
    }
    return _pairs(told)


def _history(record: Record, stage: str) -> str:
    """Every epoch's terms and metrics as a table."""
    epochs = record[stage]["epochs"]
    values = [{**(row.get("terms") or {}), **(row.get("metrics") or {})} for row in epochs]
    columns = sorted({name for row in values for name in row})
    if not epochs:
        return ""
    texts = [
        [str(row["epoch"]), f"{row['seconds']:.1f}", *(_short(one.get(name)) for name in columns)]
        for row, one in zip(epochs, values, strict=True)
    ]
    headings = [(name, True) for name in ("epoch", "seconds", *columns)]
    return _folded(f"History of the {stage}", page.table(headings, texts))


def _posterior(rows: pd.DataFrame) -> str:
    """The posterior after the last epoch, without columns that the method does not have."""
    if not len(rows):
        return ""
    known = rows.drop(columns=["method", "dataset", "seed", "trial", "epoch"]).dropna(
        axis=1, how="all"
    )
    headings = [(str(name), name not in ("cell", "operation")) for name in known.columns]
    texts = [[_short(value) for value in row] for row in known.itertuples(index=False)]
    return _folded("Posterior at the end of the search", page.table(headings, texts))


def _provenance(record: Record) -> str:
    made, environment = record["provenance"], record["environment"]
    told = {
        "Trial": record["trial"]["id"],
        "Search": record["trial"]["search_id"],
        "Commit": f"{made['git_commit']}{' with changes' if made.get('git_dirty') else ''}",
        "Version": made["version"],
        "Started": made["started"],
        "Finished": made["finished"],
        "Command": made["command"],
        "Data": f"SHA-256 {record['data']['digest']}",
        "Software": ", ".join(
            [f"Python {environment['python']}"]
            + [f"{name} {version}" for name, version in environment.get("packages", {}).items()]
        ),
        "Platform": environment.get("platform", ""),
    }
    return _pairs(told)


def _again(record: Record) -> str:
    name = f"{stem(record)}.yaml"
    commit = record["provenance"].get("git_commit")
    lines = [f"git checkout {commit}"] if commit else []
    lines.append(f"bench run {shlex.quote(name)} --results rerun")
    return (
        f"<p>Save this as <code>{escape(name)}</code>; it is this trial and no other (the same "
        "id):</p>\n"
        + _pre(rerun.study_file(record))
        + "\n<p>and run</p>\n"
        + _pre("\n".join(lines))
    )


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>\n{body}\n</details>"


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _pairs(told: Mapping[str, str]) -> str:
    rows = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(text))}</dd>"
        for name, text in told.items()
        if text
    )
    return f"<dl>\n{rows}\n</dl>"


def _yaml(data: Any) -> str:
    return str(yaml.safe_dump(data, allow_unicode=True, default_flow_style=None))


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) or (isinstance(value, list) and not value)


def _known(value: float | None, form: str, scale: float = 1.0) -> str:
    return "" if value is None else form.format(scale * value)


def _short(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
