"""The ledger at a glance: a row per claim, a column per setting, a verdict in each field."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.claims.ledger import Finding, Ledger
from analysis.claims.outcome import ClaimVerdict, count_seeds
from analysis.common import plots
from analysis.common.sequential import find_level, show_level

COLOURS = {
    ClaimVerdict.SUPPORTED: "#009E73",
    ClaimVerdict.REFUTED: "#D55E00",
    ClaimVerdict.EQUIVALENT: "#56B4E9",
    ClaimVerdict.UNDECIDED: "#E6E6E6",
}
"""Told apart with every common colour vision, and named in words in every field."""
_WIDTH, _HEIGHT = 2.7, 0.62


@plots.styled
def draw(ledger: Ledger) -> Figure:
    """One field per finding, with the verdict and what `describe` says of it."""
    settings = list(dict.fromkeys(f.setting for entry in ledger.entries for f in entry.findings))
    rows = len(ledger.entries)
    figure = plots.create(4.6 + _WIDTH * len(settings), 1.7 + _HEIGHT * rows)
    axes = figure.add_subplot()
    for row, entry in enumerate(ledger.entries):
        for finding in entry.findings:
            column = settings.index(finding.setting)
            colour = COLOURS[finding.outcome.verdict]
            corner = (column - 0.48, row - 0.45)
            axes.add_patch(Rectangle(corner, 0.96, 0.9, facecolor=colour, edgecolor="none"))
            words = f"{finding.outcome.verdict}\n{describe(finding)}"
            ink = "white" if finding.outcome.verdict is ClaimVerdict.REFUTED else "black"
            axes.text(column, row, words, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xlim(-0.5, len(settings) - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks(range(len(settings)), [plots.wrap(name, 26) for name in settings])
    sentences = ["\n".join(textwrap.wrap(entry.claim.sentence, 52)) for entry in ledger.entries]
    axes.set_yticks(range(rows), sentences)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    looks = {finding.looks for entry in ledger.entries for finding in entry.findings}
    levels = " or ".join(sorted({show_level(find_level(one)) for one in looks}))
    plots.add_caption(
        figure,
        f"Each field is what a setting says of a claim: the verdict, the estimate with its {levels}"
        " % interval, the seeds, and the gates that were not passed: then nothing is decided."
        " claims.md says what would decide it. An empty field: no records.",
    )
    return figure


def describe(finding: Finding) -> str:
    """The estimate with its interval, the seeds, and the gates that were not passed."""
    outcome = finding.outcome
    lines = []
    if outcome.estimate is not None:
        sign = "+" if outcome.unit in ("points", "of the edges", "options") else ""
        form = f"{sign}.{0 if outcome.unit == 'options' else 2}f"
        words = f"{outcome.estimate:{form}}"
        if outcome.low is not None and outcome.high is not None:
            words += f" ({outcome.low:{form}} to {outcome.high:{form}})"
        lines.append(f"{words} {outcome.unit}; {count_seeds(outcome.seeds)}")
    gates = {"setting": finding.setting_gate, "search": finding.search_gate}
    open_gates = [
        f"{name} {gates[name]}" for name in gates if gates[name] in ("failed", "not known")
    ]
    if open_gates:
        lines.append(f"gates: {', '.join(open_gates)}")
    return "\n".join(lines)
