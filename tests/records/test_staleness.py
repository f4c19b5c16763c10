"""What is stale and why: another engine, configuration or data; `--stale` reruns such records."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import records, studies, tiny_trials

from bench import ENGINE_VERSION
from bench.errors import ResultsError
from bench.records import schema, status
from bench.records.staleness import explain_configuration, explain_engine
from bench.records.store import Store
from bench.run import beforehand, session
from bench.study.file import load
from bench.study.model import Study


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def test_a_record_is_stale_when_another_engine_made_it(tmp_path: Path) -> None:
    trial = load(studies.write(tmp_path)).trials[0]
    record = tiny_trials.record(trial, provenance={"engine_version": ENGINE_VERSION})
    assert explain_engine(record) is None
    other = {"version": "0.0.1", "git_commit": "0" * 40, "git_dirty": True}
    record = records.changed(record, {"provenance": other})
    assert explain_engine(record) is None, "the package's version and commit do not make numbers"
    record = records.changed(record, {"provenance": {"engine_version": ENGINE_VERSION + 1}})
    assert explain_engine(record) == (
        f"made by engine version {ENGINE_VERSION + 1}, this is {ENGINE_VERSION}"
    )


def test_a_record_from_before_engines_were_numbered_is_stale(tmp_path: Path) -> None:
    values = schema.plain(tiny_trials.record(load(studies.write(tmp_path)).trials[0]))
    del values["provenance"]["engine_version"]
    record = schema.parse(values, "an old record")
    assert isinstance(record, schema.FinishedRecord)
    assert explain_engine(record) == f"made by engine version 0, this is {ENGINE_VERSION}"


def test_another_configuration_is_named(tmp_path: Path) -> None:
    path = studies.write(tmp_path)
    now = load(path).trials[1]
    old = load(path, ["search.epochs=9", "methods.b.tosses=7"]).trials[1]
    record = tiny_trials.record(old)
    assert explain_configuration(record, now) == (
        "made with another configuration: method.tosses was 7, is 2, search.epochs was 9, is 2"
    )
    assert explain_configuration(record, load(path).trials[0]) is None


def test_run_makes_stale_trials_anew_only_when_asked(tmp_path: Path) -> None:
    """The search too, which it must not take over from the record that is stale."""
    study, store = load(studies.write(tmp_path)), Store(tmp_path / "results")
    for number, trial in enumerate(study.trials):
        made = {"engine_version": ENGINE_VERSION + (number == 1), "command": "the first"}
        store.write(tiny_trials.record(trial, provenance=made), [])
    for stale, labels in ((False, []), (True, ["b"])):
        settings = session.Settings(
            stale=stale, device="cpu", workers=1, execute="support.tiny_trials:run"
        )
        session.run(study, store, settings, lambda *_: [], tracked=False)
        finished = store.standing(study.trials).finished
        anew = [record for record in finished if record.provenance.command != "the first"]
        assert [record.trial.label for record in anew] == labels
        assert all(record.search.reused is None for record in finished)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of 24 training and 12 test images in two classes."""
    for part, count, dark in (("train", 12, 0), ("test", 6, 50)):
        for shade, label in enumerate(("cat", "dog")):
            (tmp_path / "pets" / part / label).mkdir(parents=True)
            for number in range(count):
                add_image(
                    tmp_path / "pets" / part / label / f"{number}.png", dark + 100 * shade + number
                )
    return tmp_path / "pets"


def add_image(path: Path, level: int) -> None:
    from PIL import Image

    Image.new("L", (8, 8), level).save(path)


def run(study: Study, store: Store, stale: bool = False) -> list[str]:
    """The labels of the trials that were run."""
    before = {record.trial.id: record.provenance for record in store}
    settings = session.Settings(
        stale=stale, device="cpu", workers=1, execute="support.tiny_trials:run"
    )
    session.run(study, store, settings, lambda *_: [], tracked=False)
    return [r.trial.label for r in store if r.data and before.get(r.trial.id) != r.provenance]


def test_a_data_set_that_grew_is_known_before_anything_is_trained(
    tmp_path: Path, pets: Path
) -> None:
    change = [f"datasets={{'image-folder:{pets}': {{}}}}"]
    path, store = studies.write(tmp_path), Store(tmp_path / "results")
    study, more = load(path, change), load(path, [*change, "seeds=[0, 1]"])
    assert run(study, store) == ["a", "b", "c"]
    digests = beforehand.read_own_digests(study, store.standing(study.trials), None)
    assert [
        line[:8]
        for line in status.describe(study, store.standing(study.trials), store.folder, digests)
    ][:3] == ["finished"] * 3

    add_image(pets / "train" / "cat" / "new.png", 250)
    tiny_trials.digest.cache_clear()
    digests = beforehand.read_own_digests(study, store.standing(study.trials), None)
    lines = list(status.describe(study, store.standing(study.trials), store.folder, digests))
    assert [line[:5] for line in lines[:3]] == ["stale"] * 3
    assert all("was other images: digest" in line for line in lines[:3])
    assert "3 finished (3 of them by another engine or on other data" in lines[3]
    kept = {record.trial.id: record for record in store}
    with pytest.raises(ResultsError) as caught:
        run(more, store)
    message = str(caught.value)
    assert "3 finished trials were trained when image-folder:" in message
    assert "`bench run --stale` (of" in message and "\n" not in message
    assert {record.trial.id: record for record in store} == kept, "nothing was trained"

    run(more, store, stale=True)
    now = {record.data.digest for record in store if record.data}
    assert now == set(digests.values()) and len(list(store)) == 6
    assert run(more, store) == []


def test_a_run_of_stale_trials_that_was_broken_off_is_found_again(
    tmp_path: Path, pets: Path
) -> None:
    """Some trials of the old images, some of the new: nothing is missing, yet nothing compares."""
    change = [f"datasets={{'image-folder:{pets}': {{}}}}"]
    study, store = load(studies.write(tmp_path), change), Store(tmp_path / "results")
    for number, trial in enumerate(study.trials):
        digest = {"digest": tiny_trials.digest(trial.data) if number else "e" * 64}
        store.write(tiny_trials.record(trial, data=digest), [])
    with pytest.raises(ResultsError, match="1 finished trials were trained when"):
        run(study, store)


def test_a_data_set_that_is_not_here_is_not_stale(tmp_path: Path) -> None:
    study = load(studies.write(tmp_path), ["datasets={'image-folder:/not/here': {}}"])
    store = Store(tmp_path / "results")
    store.write(tiny_trials.record(study.trials[0]), [])
    assert beforehand.read_own_digests(study, store.standing(study.trials), None) == {}
