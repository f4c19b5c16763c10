"""Constraints files: what pip takes, and how records of several versions are parted."""

from __future__ import annotations

import random
from pathlib import Path

from packaging.requirements import Requirement
from support import synthetic

from analysis import versions, write_leaderboard
from bench.records.schema import FinishedRecord


def record(seed: int, python: str = "3.11.7", **packages: str) -> FinishedRecord:
    environment = {"environment.packages": packages, "environment.python": python}
    return synthetic.record("darts", seed=seed, changes=environment)


def read(text: object) -> dict[str, str]:
    """Package -> specifier, as pip reads the file."""
    lines = [line for line in str(text).splitlines() if not line.startswith("#")]
    return {one.name: str(one.specifier) for one in map(Requirement, lines)}


def test_records_of_one_environment_make_one_file() -> None:
    files = versions.make([record(seed, torch="2.14.1+cpu", numpy="2.4.6") for seed in range(3)])
    assert list(files) == ["constraints.txt"]
    assert read(files["constraints.txt"]) == {"numpy": "==2.4.6", "torch": "==2.14.1+cpu"}
    assert str(files["constraints.txt"]).startswith(
        "# Package versions of 3 of 3 records, Python 3.11.7.\n"
    )


def test_older_records_that_name_less_join_those_with_which_they_agree() -> None:
    given = [record(0, torch="2.14.1"), record(1, torch="2.14.1", scipy="1.17.1")]
    files = versions.make(given)
    assert read(files["constraints.txt"]) == {"scipy": "==1.17.1", "torch": "==2.14.1"}
    assert len(files) == 1


def test_mixed_versions_are_parted_the_most_frequent_first_in_whichever_order() -> None:
    given = [
        *(record(seed, torch="2.14.1") for seed in range(2)),
        *(record(seed, torch="2.15.0") for seed in range(2, 5)),
        record(5, python="3.12.0", torch="2.15.0"),
    ]
    files = versions.make(given)
    heads = {name: str(text).splitlines() for name, text in files.items()}
    assert heads == {
        "constraints.txt": [
            "# Package versions of 3 of 6 records, Python 3.11.7.",
            "torch==2.15.0",
        ],
        "constraints-2.txt": [
            "# Package versions of 2 of 6 records, Python 3.11.7.",
            "torch==2.14.1",
        ],
        "constraints-3.txt": [
            "# Package versions of 1 of 6 records, Python 3.12.0.",
            "torch==2.15.0",
        ],
    }
    random.Random(0).shuffle(given)
    assert versions.make(given) == files


def test_without_records_there_is_no_file() -> None:
    assert versions.make([]) == {}


def test_the_leaderboard_says_what_is_mixed(tmp_path: Path) -> None:
    facts = synthetic.facts(["darts"])

    def notes(given: list[FinishedRecord]) -> str:
        write_leaderboard(tmp_path, given, facts)
        return (tmp_path / "leaderboard.md").read_text()

    one = [record(seed, torch="2.14.1", numpy="2.4.6") for seed in range(2)]
    assert "mixed versions" not in notes(one)
    mixed = notes([*one, record(2, torch="2.15.0", numpy="2.4.6")])
    assert (
        "- Records were made with mixed versions (number of records):\n"
        "  - torch 2.14.1 (2) and 2.15.0 (1)\n"
    ) in mixed
