"""How many workers are fastest on a machine: measured once, kept, used from then on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from support import studies

from bench import capacity
from bench.forecast import throughput
from bench.records.store import Store
from bench.run import machine
from bench.run.session import Settings
from bench.study.file import load
from bench.study.model import Study

CPU = Settings(device="cpu")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Of six trials whose first method trains nothing, on a machine of three cores."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(capacity, "cores", lambda: 3)
    monkeypatch.setattr(throughput, "SECONDS", 0.2)
    methods = "methods={random: {}, darts: {}}"
    return load(studies.write(tmp_path), [methods, "baseline=random", "seeds=[0, 1, 2]"])


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({1: 10.0, 2: 19.0, 4: 30.0}, 4),
        ({1: 10.0, 2: 19.0, 4: 18.0}, 2),
        ({1: 10.0, 2: 19.0, 4: 19.3}, 2),  # too little for twice the memory
        ({1: 5.0}, 1),
    ],
)
def test_the_fastest_number_is_chosen(rates: dict[int, float], expected: int) -> None:
    assert throughput.choose(rates) == expected


def test_candidates_are_parts_of_the_cores() -> None:
    assert throughput.list_candidates(64) == [16, 32, 48, 64]
    assert throughput.list_candidates(3) == [1, 2, 3]


def test_it_is_measured_once_and_kept(study: Study, tmp_path: Path) -> None:
    store, said = Store(tmp_path / "results" / "small"), list[str]()
    throughput.measure_once(study, store, CPU, said.append)
    assert said[0] == "measuring once how many workers are fastest on 3 cores"
    kept = json.loads(machine.fastest_file().read_text())[machine.fastest_key(1)]
    assert set(kept["steps a second"]) == {"1", "2", "3"}
    assert min(kept["steps a second"].values()) > 0
    assert len(said) == 2
    assert said[1].startswith(f"{kept['workers']} workers are fastest (steps a second by workers:")
    assert len(machine.devices("cpu", None, 1, 100)) == kept["workers"]
    throughput.measure_once(study, store, CPU, said.append)
    assert len(said) == 2


def test_a_kept_number_is_for_these_cores_and_threads(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    throughput.keep(1, 2, {2: 20.0, 3: 19.0})
    assert len(machine.devices("cpu", None, 1, 100)) == 2
    assert len(machine.devices("cpu", 3, 1, 100)) == 3, "what the user says comes first"
    assert len(machine.devices("cpu", None, 3, 100)) == 1
    monkeypatch.setattr(capacity, "cores", lambda: 8)
    assert len(machine.devices("cpu", None, 1, 100)) == 8


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"%s": 3}', '{"%s": {"workers": null}}'])
def test_a_damaged_file_is_as_none(study: Study, text: str) -> None:
    path = machine.fastest_file()
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("%s", machine.fastest_key(1)))
    assert len(machine.devices("cpu", None, 1, 100)) == 3
    throughput.keep(1, 2, {2: 20.0})
    assert len(machine.devices("cpu", None, 1, 100)) == 2


@pytest.mark.parametrize("changed", [{"workers": 2}, {"workers": 1}], ids=["two", "one"])
def test_nothing_is_measured_where_it_does_not_matter(
    study: Study, tmp_path: Path, changed: dict[str, object]
) -> None:
    settings = dataclasses.replace(CPU, **changed)  # type: ignore[arg-type]
    store = Store(tmp_path / "results" / "small")
    throughput.measure_once(study, store, settings, pytest.fail)
    few = dataclasses.replace(study, trials=study.trials[:2])
    throughput.measure_once(few, store, CPU, pytest.fail)


def test_what_cannot_be_kept_changes_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file, where a folder would be")
    monkeypatch.setattr(throughput, "measure", lambda *arguments: {1: 1.0, 2: 2.0, 3: 1.0})
    throughput.measure_once(study, Store(tmp_path / "results" / "small"), CPU, lambda line: None)
    assert len(machine.devices("cpu", None, 1, 100)) == 3
