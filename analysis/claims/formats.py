"""The ledger as a table, as a page, and as the sentences that other pages take over."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.claims.ledger import Entry, Finding, Ledger
from analysis.claims.outcome import ClaimVerdict
from analysis.common import sequential, text
from analysis.common.rank_statistics import EXACTNESS
from analysis.common.text import Note
from bench.claims.model import RULES

COLUMNS = (
    "claim", "sentence", "source", "rule", "study", "dataset", "verdict", "seeds",
    "estimate", "estimate_low", "estimate_high", "unit", "detectable",
    "setting_gate", "search_gate", "basis", "decides",
)  # fmt: skip
_KINDS = {rule: kind for kind, rule in RULES.items()}
_SUMMARY = ("claim", "source", "verdict", "settings that decide it")
_DETAILS = (
    "claim", "setting", "verdict", "seeds", "numbers", "smallest difference seen", "gates",
    "what would decide it",
)  # fmt: skip


def tabulate(ledger: Ledger) -> pd.DataFrame:
    """One row per (claim, study, data set); the columns are `COLUMNS`."""
    rows = [_list_values(entry, finding) for entry in ledger.entries for finding in entry.findings]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _list_values(entry: Entry, finding: Finding) -> dict[str, Any]:
    claim, outcome = entry.claim, finding.outcome
    return {
        "claim": claim.name,
        "sentence": claim.sentence,
        "source": claim.source,
        "rule": _KINDS[type(claim.rule)],
        "study": finding.study,
        "dataset": finding.dataset,
        "verdict": str(outcome.verdict),
        "seeds": outcome.seeds,
        "estimate": outcome.estimate,
        "estimate_low": outcome.low,
        "estimate_high": outcome.high,
        "unit": outcome.unit,
        "detectable": outcome.detectable,
        "setting_gate": finding.setting_gate,
        "search_gate": finding.search_gate,
        "basis": outcome.basis,
        "decides": "; ".join(outcome.needs),
    }


def format_page(ledger: Ledger, title: str) -> str:
    """claims.md: the verdicts, then what each setting says, then how to read them."""
    summary = [
        [entry.claim.sentence, entry.claim.source, f"**{entry.verdict}**", _count_settings(entry)]
        for entry in ledger.entries
    ]
    details = [_list_texts(entry, one) for entry in ledger.entries for one in entry.findings]
    lines = [
        *text.format_heading(f"Claims: {text.escape(title)}"),
        *text.format_table(_SUMMARY, [False] * len(_SUMMARY), summary),
        "",
        "What each setting says:",
        "",
        *text.format_table(_DETAILS, [name == "seeds" for name in _DETAILS], details),
        "",
        *text.format_notes(_explain(ledger)),
    ]
    return "\n".join([*lines, ""])


def format_sentences(ledger: Ledger) -> str:
    """A list of the claims with their verdicts and what these rest on, as Markdown."""
    notes = []
    for entry in ledger.entries:
        verdict = str(entry.verdict).capitalize()
        sentence, source = text.escape(entry.claim.sentence), text.escape(entry.claim.source)
        notes.append(Note(f"**{verdict}**: {sentence} ({source}). {justify(entry)}"))
    return "\n".join([*text.format_notes(notes), ""])


def format_short(ledger: Ledger) -> str:
    """A line a verdict: the claims that have it, and the settings that decide them."""
    lines: dict[ClaimVerdict, list[str]] = {}
    for entry in ledger.entries:
        decided = [text.escape(one.setting) for one in _list_decided(entry)]
        if len(entry.decided_verdicts) > 1:
            decided.append("which disagree")
        settings = f" ({', '.join(decided)})" if decided else ""
        lines.setdefault(entry.verdict, []).append(f"{text.escape(entry.claim.sentence)}{settings}")
    return "".join(
        f"- **{str(verdict).capitalize()}**: {'; '.join(lines[verdict])}.\n"
        for verdict in ClaimVerdict
        if verdict in lines
    )


def justify(entry: Entry) -> str:
    """What decides a claim, or what it would take where nothing does."""
    decided = _list_decided(entry)
    if decided:
        contrary = "The settings disagree. " if len(entry.decided_verdicts) > 1 else ""
        parts = [f"{one.setting}: {text.escape(one.outcome.basis)}." for one in decided]
        return contrary + " ".join(parts)
    first = dict.fromkeys(finding.outcome.needs[0] for finding in entry.findings)
    settings = ", ".join(finding.setting for finding in entry.findings)
    return f"Not decided by {settings}; it would take {'; '.join(first)}."


def _list_decided(entry: Entry) -> list[Finding]:
    return [one for one in entry.findings if one.outcome.verdict in entry.decided_verdicts]


def _count_settings(entry: Entry) -> str:
    decided = _list_decided(entry)
    names = f": {', '.join(one.setting for one in decided)}" if decided else ""
    contrary = ", which disagree" if len(entry.decided_verdicts) > 1 else ""
    return f"{len(decided)} of {len(entry.findings)}{names}{contrary}"


def _list_texts(entry: Entry, finding: Finding) -> list[str]:
    outcome = finding.outcome
    sees = "" if outcome.detectable is None else f"{outcome.detectable:.2f} {outcome.unit}"
    gates = {"setting": finding.setting_gate, "search": finding.search_gate}
    return [
        entry.claim.name,
        finding.setting,
        str(outcome.verdict),
        str(outcome.seeds or ""),
        outcome.basis,
        sees,
        ", ".join(f"{name} {state}" for name, state in gates.items() if state),
        "; ".join(outcome.needs),
    ]


def _explain(ledger: Ledger) -> list[Note]:
    notes = [
        Note(
            "A verdict is what a rule makes of the records (bench/claims/papers.yaml, or the"
            " study's own claims); no one writes it. Supported, refuted and equivalent are said"
            " only where the gates that a claim needs were passed; undecided says what is missing."
            " Over several settings the verdict is that of those that decide, if they agree."
        ),
        Note(
            "Differences and ratios are Hodges-Lehmann shifts with the 95 % interval of the"
            f" rank test ({EXACTNESS}), those of distances between cells differences of means with"
            " Welch's t; each claim is tested by itself, at 5 %, not corrected for their number."
            " Not worse and equivalent are refuted where the difference is beyond the region that"
            " the claim allows, by its 90 % interval. Shares have exact intervals (Clopper and"
            " Pearson). The smallest difference seen is the one that so many seeds find with a"
            " probability of 80 %."
        ),
        Note(
            "Gates: `setting` is the study's gate (reference cells come out in their known order),"
            " `search` that the searches learned on most seeds of every method that is named."
        ),
    ]
    looks = dict.fromkeys(one.looks for entry in ledger.entries for one in entry.findings)
    for one in filter(None, looks):
        notes.append(
            Note(
                f"Where seeds were added until the verdict ({sequential.describe_looks(one)}), a"
                " claim is judged by the seeds of the look that decides it, at the error and with"
                " the interval of that look, so that it is 5 % over all looks."
            )
        )
    if ledger.absent:
        notes.append(
            Note(f"Claims about {', '.join(ledger.absent)} are not listed: no trial of it here.")
        )
    return notes
