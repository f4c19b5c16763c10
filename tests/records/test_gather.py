"""Records of several folders, shuffled, doubled, damaged, or from MLflow: the same bytes or no."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.cli.main import main
from bench.records import sequential
from bench.records.facts import REGION
from bench.records.gather import gather
from bench.records.store import Store
from bench.study.file import load
from bench.tracking import runs as tracking

FILES = ("leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html")
THREE = ("--set", "seeds=[0, 1, 2]")


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    monkeypatch.chdir(tmp_path)
    studies.write(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """results/small with nine finished trials."""
    made = Store(tmp_path / "results" / "small")
    for trial in load("small.yaml", THREE[1:]).trials:
        made.write(tiny_trials.record(trial), tiny_trials.posterior())
    return made


def bench(*arguments: str) -> int:
    return main(arguments)


def written(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_several_folders_in_any_order_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    assert bench("leaderboard", "results/small", "--baseline", "a", "--output", "whole") == 0
    paths = sorted(store.records_folder.glob("*.json"))
    random.Random(1).shuffle(paths)
    for number, path in enumerate(paths):
        for folder in {f"part{number % 3}/small", f"part{(number + 1) % 2}/small"}:  # doubled
            (tmp_path / folder / "records").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / folder / "records")
    parts = [f"part{number}/small" for number in (2, 0, 1)]
    assert bench("leaderboard", *parts, "--baseline", "a", "--output", "parts") == 0
    assert bench("leaderboard", *parts[::-1], "--baseline", "a", "--output", "again") == 0
    assert written(tmp_path / "parts") == written(tmp_path / "again")
    whole = written(tmp_path / "whole")
    assert written(tmp_path / "parts") == whole


def test_folders_of_one_name_have_tables_of_their_own(store: Store, tmp_path: Path) -> None:
    assert bench("leaderboard", "small.yaml") == 0
    own = written(store.folder)
    for number in range(2):
        shutil.copytree(store.records_folder, tmp_path / f"part{number}" / "small" / "records")
    next((tmp_path / "part0/small/records").glob("a-*.json")).unlink()
    assert bench("leaderboard", "part0/small", "part1/small") == 0
    assert written(store.folder) == own
    assert written(store.folder.with_name("small+small"))


def test_a_study_and_its_own_folder_are_one(store: Store, tmp_path: Path) -> None:
    for order in (("small.yaml", "results/small"), ("results/small", "small.yaml")):
        joined = gather(order, tmp_path / "results")
        assert joined.folder.resolve() == store.folder and joined.facts.baseline is not None


def test_a_folder_of_records_has_no_file_to_change(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("leaderboard", "results/small", *THREE) == 2
    assert "results/small is a folder of records" in capsys.readouterr().err


def test_a_truncated_or_corrupted_record_is_refused_and_nothing_written(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sorted(store.records_folder.glob("*.json"))[4]
    whole = path.read_bytes()
    text = whole.decode()
    damages = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "not text": b"\xff\xfe" + whole[2:],
        "other schema": text.replace('"schema": 1', '"schema": 7').encode(),
        "accuracy": text.replace('"accuracy": 0.', '"accuracy": 9.').encode(),
        "no evaluation": json.dumps({**json.loads(text), "evaluation": None}).encode(),
    }
    for damage in damages.values():
        path.write_bytes(damage)
        for reference in ("small.yaml", "results/small"):
            capsys.readouterr()
            assert bench("leaderboard", reference, "--output", "out") == 2
            line = capsys.readouterr().err
            assert path.name in line and line.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_records_of_one_trial_that_differ_are_refused_with_both_files(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sorted(store.records_folder.glob("*.json"))[0]
    other = tmp_path / "other" / "records" / path.name
    other.parent.mkdir(parents=True)
    changed = json.loads(path.read_text())
    changed["evaluation"]["test"]["accuracy"] = 0.123
    other.write_text(json.dumps(changed))
    assert bench("leaderboard", "results/small", "other", "--output", "out") == 2
    line = capsys.readouterr().err
    assert str(other.relative_to(tmp_path)) in line and f"results/small/records/{path.name}" in line
    changed["status"], changed["error"] = "failed", {"stage": "search", "type": "E", "message": ""}
    other.write_text(json.dumps(changed))
    assert bench("leaderboard", "results/small", "other", "--output", "out") == 0


def test_another_budget_is_refused_with_the_difference(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Store(tmp_path / "other")
    other.write(
        tiny_trials.record(load("small.yaml", ["search.epochs=9", "seeds=[7]"]).trials[0]), []
    )
    assert bench("leaderboard", "results/small", "other") == 2
    line = capsys.readouterr().err
    assert "search.epochs is 2 in results/small/records/a-digits-s0" in line
    assert "and 9 in other/records/a-digits-s7" in line and line.count("\n") == 1


def test_gates_of_joined_studies_are_said_of_each(store: Store, tmp_path: Path) -> None:
    text = (tmp_path / "small.yaml").read_text()
    (tmp_path / "other.yaml").write_text(text.replace("name: small", "name: other"))
    (tmp_path / "results" / "other").mkdir()
    gates = gather(["small.yaml", "other.yaml"], tmp_path / "results", THREE[1:]).facts.gate
    assert gates is not None and gates.count("NOT RUN") + gates.count("none.") == 2
    assert "other: Gate: " in gates and "small: Gate: " in gates


def test_joined_studies_have_one_name_and_the_region_that_both_have(
    store: Store, tmp_path: Path
) -> None:
    text = (tmp_path / "small.yaml").read_text()
    (tmp_path / "other.yaml").write_text(text.replace("name: small", "name: other"))
    results = tmp_path / "results"
    for name in ("small", "other"):
        study = load(f"{name}.yaml", THREE[1:])
        sequential.write(results / name, sequential.plan(study, [5], 1.0))
    order = ["small.yaml", "other.yaml"]
    joined = [gather(each, results, THREE[1:]) for each in (order, order[::-1])]
    assert [one.facts.name for one in joined] == ["other+small"] * 2
    assert [one.folder for one in joined] == [results / "other+small"] * 2
    assert [one.facts.region for one in joined] == [1.0, 1.0]
    other = sequential.plan(load("other.yaml", THREE[1:]), [5], 2.0)
    sequential.write(results / "other", other)
    assert gather(order, results, THREE[1:]).facts.region == REGION


def test_the_baseline_may_be_chosen(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("leaderboard", "small.yaml", *THREE, "--baseline", "b") == 0
    assert "b (baseline) " in capsys.readouterr().out
    assert bench("leaderboard", "small.yaml", *THREE, "--baseline", "bb") == 2
    assert "did you mean b?" in capsys.readouterr().err


def test_a_folder_without_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert bench("leaderboard", "empty") == 2
    assert "folder empty has no records" in capsys.readouterr().err


def test_verify_names_the_file_that_differs(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("leaderboard", "small.yaml", *THREE) == 0
    assert bench("verify", "small.yaml", *THREE) == 0
    assert "4 of 4 files are what the records say" in capsys.readouterr().out
    table = store.folder / "leaderboard.csv"
    table.write_text(table.read_text().replace(",a,", ",A,", 1))
    (store.folder / "leaderboard.tex").unlink()
    before = table.read_bytes()
    assert bench("verify", "small.yaml", *THREE) == 1
    out = capsys.readouterr().out
    assert "differs: results/small/leaderboard.csv, line " in out
    assert "missing: " in out and "leaderboard.tex" in out and "2 of 4 files" in out
    assert table.read_bytes() == before


def test_from_mlflow_gives_the_bytes_of_the_files(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"sqlite:///{tmp_path}/server.db"
    records = list(store)
    random.Random(2).shuffle(records)
    tracking.sync(records, store.folder, uri)
    assert bench("leaderboard", "small.yaml", *THREE) == 0
    assert bench("leaderboard", "small.yaml", *THREE, "--from-mlflow", uri, "--output", "out") == 0
    assert written(tmp_path / "out") == written(store.folder)
    assert bench("leaderboard", "smal", "--from-mlflow", uri, "--output", "out") == 2
    assert "no experiment 'smal' in MLflow" in capsys.readouterr().err
    run = tracking.log_trial(records[0], store.folder, uri)
    artifact = next((store.folder / logged_artifacts(run, uri)).glob("**/record.json"))
    artifact.write_text(artifact.read_text().replace("digits", "digitz"))
    assert bench("leaderboard", "small.yaml", *THREE, "--from-mlflow", uri) == 2
    assert f"MLflow run {run}" in capsys.readouterr().err


def logged_artifacts(run: str, uri: str) -> str:
    """The folder of a run's artifacts, from its location."""
    from mlflow import MlflowClient

    location = MlflowClient(tracking_uri=uri).get_run(run).info.artifact_uri
    return str(location).removeprefix("file://")
