"""Everything that `write_all` leaves: the same bytes from the same records, without torch."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import known, synthetic, zeroing

from analysis import cells, write_all
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord, parse, plain

METHODS = {"darts": 0.0, "vinnas-without-kl": 0.9, "random": 0.0}
EXPECTED = [
    "leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html",
    "claims.md", "claims.csv", "claims.png", "collapse.csv", "collapse_epochs.csv",
    "collapse_seeds.csv", "collapse_edges.csv", "collapse.png",
    "collapse_epochs.png", "collapse_signals.png",
    "sparsity.csv", "sparsity_layers.csv", "sparsity_path.csv", "sparsity.png",
    "posterior.csv", "posterior_confidence.csv", "posterior_correlation.csv", "constraints.txt",
]  # fmt: skip


def records() -> list[FinishedRecord]:
    given = synthetic.records(METHODS, ["digits", "image-folder:/a/b"], epochs=3)
    # one method with a single seed, and missing altogether on one data set
    return [
        one
        for one in given
        if one.trial.label != "random" or (one.trial.seed, one.trial.dataset) == (0, "digits")
    ]


FACTS = synthetic.facts(list(METHODS), ["digits", "image-folder:/a/b"])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_bytes_whatever_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = records()
    monkeypatch.setattr(cells, "MOST", len(given))
    paths = write_all(tmp_path / "one", given, FACTS)
    assert [path.name for path in paths[: len(EXPECTED)]] == EXPECTED
    assert len(paths) == len(EXPECTED) + len(given)
    again = json.loads(json.dumps([plain(one) for one in given + given[:3]]))
    shuffled = [parse(one, "read again") for one in again]  # some twice
    random.Random(0).shuffle(shuffled)
    write_all(tmp_path / "two", shuffled, FACTS)
    first = contents(tmp_path / "one")
    assert set(first) == {str(path.relative_to(tmp_path / "one")) for path in paths}
    assert contents(tmp_path / "two") == first


def test_tuned_evaluations_are_no_further_seeds_of_any_topic_but_the_leaderboard(
    tmp_path: Path,
) -> None:
    given = records()
    tuned = [
        synthetic.change(one, {"tuning": {"seconds": 1.0}, "trial.id": one.trial.id[::-1]})
        for one in given
    ]
    write_all(tmp_path / "plain", given, FACTS)
    write_all(tmp_path / "both", [*tuned, *given], FACTS)
    plain_files, both = contents(tmp_path / "plain"), contents(tmp_path / "both")
    own = {name for name in plain_files if not re.match("leaderboard|cells/|constraints", name)}
    assert {name for name in own if both[name] != plain_files[name]} == set()
    assert both["leaderboard.csv"].count(b"\n") > plain_files["leaderboard.csv"].count(b"\n")
    only = write_all(tmp_path / "tuned", tuned, FACTS)
    assert {"leaderboard.md", "constraints.txt"} <= {path.name for path in only}


def test_same_bytes_in_another_process_and_without_torch(tmp_path: Path) -> None:
    given = records()[:2]
    write_all(tmp_path / "one", given, FACTS)
    (tmp_path / "records.json").write_text(json.dumps([plain(one) for one in given]))
    program = (
        "import json, sys, pathlib, matplotlib\n"
        "matplotlib.rcParams['font.size'] = 30\n"  # the user's own settings
        "import analysis\n"
        "assert 'pandas' not in sys.modules, 'the door imports more than it needs'\n"
        "from bench.records.facts import StudyFacts\n"
        "from bench.records.schema import parse\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "records = [parse(one, '') for one in json.loads((folder / 'records.json').read_text())]\n"
        f"analysis.write_all(folder / 'two', records, {FACTS!r})\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "import matplotlib.pyplot\n"
        "assert not matplotlib.pyplot.get_fignums()\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_figures_of_every_topic_are_the_same_twice(tmp_path: Path) -> None:
    candidates = {"mean": 0.0, "std": 0.0, "best": 0.0, "accuracies": [0.5, 0.6, 0.9]}
    retrained = {"guided": [0.7, 0.6, 0.8], "uniform": [0.7, 0.8, 0.9]}
    selection = {"guided": candidates, "uniform": candidates, "retrained": retrained}
    changes = {"selection": selection, "search.epochs.0.diagnostics": {"alive": 3}}
    given = [
        *[zeroing.measured("vinnas", seed) for seed in range(3)],
        *[known.record("darts", seed) for seed in range(3)],
        *[synthetic.record("pgnas", seed=seed, changes=changes) for seed in range(3)],
    ]
    labels = ["darts", "vinnas", "pgnas"]
    for record, each in enumerate(given):
        epochs = {"configuration.search.epochs": 8}
        given[record] = synthetic.change(each, epochs)
    facts = synthetic.facts(labels, base="darts", variations={"vinnas": {}})
    for folder in ("one", "two"):
        write_all(tmp_path / folder, given, facts)
        given = given[::-1]
    first = contents(tmp_path / "one")
    assert contents(tmp_path / "two") == first
    assert {
        "alive.png", "candidates.png", "inheritance.png", "sparsity_path.png", "sparsity_cost.png",
        "truth.png", "ablation.png", "collapse_prediction.csv",
    } <= set(first)  # fmt: skip


def test_pictures_carry_neither_date_nor_version(tmp_path: Path) -> None:
    write_all(tmp_path, records()[:1], FACTS)
    for name, content in contents(tmp_path).items():
        if name.endswith(".png"):
            assert b"tEXt" not in content and b"tIME" not in content, name


def test_no_records_give_empty_tables_and_no_figures(tmp_path: Path) -> None:
    write_all(tmp_path, [], FACTS)
    tables = {name for name in EXPECTED if not name.endswith(("png", "txt"))}
    assert set(contents(tmp_path)) == {name for name in tables if not name.startswith("claims")}


def test_records_without_genotypes_by_epoch_have_no_timeline(tmp_path: Path) -> None:
    given = [synthetic.record(seed=seed, epochs=0) for seed in range(3)]
    names = [path.name for path in write_all(tmp_path, given, synthetic.facts(["darts"]))]
    assert "collapse_epochs.png" not in names and "collapse.png" in names


def test_labels_and_data_sets_that_the_study_does_not_name_come_last(tmp_path: Path) -> None:
    given = [synthetic.record("zoo"), synthetic.record("abc"), synthetic.record("darts")]
    write_all(tmp_path, given, synthetic.facts(["darts"], ["mnist"]))
    lines = (tmp_path / "sparsity.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == ["darts", "abc", "zoo"]


def test_nothing_is_written_where_records_cannot_be_compared(tmp_path: Path) -> None:
    given = records()
    given[1] = synthetic.change(given[1], {"data.digest": "0" * 64})
    with pytest.raises(ResultsError):
        write_all(tmp_path, given, FACTS)
    assert contents(tmp_path) == {}
