"""The LaTeX table: pdfLaTeX takes it, it fits the page, the best is bold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support import synthetic
from support.synthetic import with_accuracies

from analysis import write_leaderboard
from analysis.leaderboard import latex
from bench.errors import ConfigurationError

NAME = 'a_b&c%$#{}~^\\<|>-\u00e9\u03b1"`'
DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,graphicx}
\begin{document}
\input{leaderboard}
See Table~\ref{tab:synthetic-1}.
\end{document}
"""


def write(folder: Path, columns: list[str]) -> str:
    records = [
        *with_accuracies("random", [0.70, 0.72, 0.74, 0.76, 0.78]),
        *with_accuracies(NAME, [0.90, 0.92, 0.94, 0.96, 0.98]),
    ]
    facts = synthetic.facts(["random", NAME])
    return write_leaderboard(folder, records, facts, columns=columns)[2].read_text()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed here")
@pytest.mark.parametrize("columns", [[], list(latex.COLUMNS)])
def test_it_compiles_and_fits_the_text(columns: list[str], tmp_path: Path) -> None:
    write(tmp_path, columns)
    (tmp_path / "page.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull" not in done.stdout and "undefined" not in done.stdout


def test_the_columns_are_those_named_and_the_best_is_bold(tmp_path: Path) -> None:
    text = write(tmp_path, ["method", "accuracy", "nll"])
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert [line.count(" & ") for line in rows] == [2, 2, 2]
    assert rows[1].split(" & ")[1].startswith(r"\textbf{94.00 ")
    assert r"\textbf" not in rows[2].split(" & ")[1]
    assert r"\caption{" in text and r"\label{tab:synthetic-1}" in text


def test_names_are_escaped() -> None:
    escaped = latex.escape(NAME)
    assert escaped.startswith(r"a\_b\&c\%\$\#\{\}\textasciitilde{}") and "U+03B1" in escaped
    assert latex.escape("-0.28 to +7.87, all-3x3") == "$-$0.28 to +7.87, all-3x3"


def test_a_wrong_column_is_named_with_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--columns acuracy: did you mean accuracy"):
        write(tmp_path, ["acuracy"])
