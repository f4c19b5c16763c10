"""What a run will cost: from records, from a measured step, and what is missing for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from support import studies, tiny_trials

from bench import capacity
from bench.data.config import DataConfig
from bench.data.loading import load as load_data
from bench.forecast import datasets, forecast, measuring, timing
from bench.forecast.timing import Timing
from bench.records.store import Store
from bench.run.session import Settings
from bench.study.file import load
from bench.study.model import Study

ONE = Settings(workers=1, device="cpu")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return load(studies.write(tmp_path), ["seeds=[0, 1]", "evaluation.epochs=4"])


def lines_of(study: Study, store: Store, how: str = "records", root: Path | None = None) -> str:
    settings = dataclasses.replace(ONE, data_root=root)
    return "\n".join(forecast.describe(study, store, settings, how))


def record_all(study: Study, store: Store, seconds: float) -> None:
    for trial in study.trials:
        epochs = [{"epoch": 1, "seconds": 1.0, "terms": {}, "metrics": {}}] * trial.search.epochs
        changes = {
            "search": {"seconds": seconds, "epochs": epochs},
            "evaluation": {"seconds": 2 * seconds, "epochs": epochs, "peak_memory_bytes": 2**30},
            "environment": {"device": "cpu"},
        }
        store.write(tiny_trials.record(trial, **changes), [])


def test_times_come_from_records_of_other_seeds_epochs_and_studies(
    study: Study, tmp_path: Path
) -> None:
    record_all(study, Store(tmp_path / "results" / "small"), 600.0)
    changes = ["name=other", "seeds=[7]", "search.epochs=4", "evaluation.epochs=2"]
    other = load(str(tmp_path / "small.yaml"), changes)
    store = Store(tmp_path / "results" / "other")
    text = lines_of(other, store)
    # 2 epochs of a search took 600 s and 2 of an evaluation 1200 s
    assert text.startswith("time      about 2.0 h for 3 trials on 1 x cpu\n")
    assert "a: search 20 min, evaluation 20 min a trial (from records, " in text
    assert "memory    about 1.0 GiB a worker" in text
    assert not store.folder.exists()
    slower = load(str(tmp_path / "small.yaml"), [*changes, "space.channels=17"])
    assert lines_of(slower, store).startswith("time      not known for 3 trials")


def test_only_what_is_left_to_run_is_counted(study: Study, tmp_path: Path) -> None:
    store = Store(tmp_path / "results" / "small")
    record_all(study, store, 600.0)
    assert lines_of(study, store) == ""
    store.record_path(study.trials[0]).unlink()
    assert lines_of(study, store).startswith("time      about 50 min for 1 trial on")


def test_a_search_that_trials_share_is_counted_once(study: Study, tmp_path: Path) -> None:
    trial = study.trials[0]
    evaluation = dataclasses.replace(trial.evaluation, cutout=3)  # type: ignore[type-var]
    varied = dataclasses.replace(trial, label="varied", evaluation=evaluation)
    both = [trial, varied]
    known = Timing(30.0, 10.0, 5.0, 0, "measured")
    estimate = forecast.Estimate({timing.find_key(trial): known for trial in both})
    assert trial.search_id == varied.search_id and len(estimate.timings) == 2
    assert forecast._add_up(both, estimate, 1) == 30 * 2 + 10 + 2 * 5 * 4


RETRAINING = [
    "methods={p: {method: pgnas, candidates: 3}}",
    "baseline=null",
    "search.retrained=2",
    "search.retrained_epochs=5",
]


def record_retraining(study: Study, store: Store) -> None:
    """2 of each kind in 600 s: 30 s an epoch; all else of the selection took 60 s."""
    for trial in study.trials:
        epochs = [{"epoch": 1, "seconds": 1.0, "terms": {}, "metrics": {}}] * trial.search.epochs
        drawn = {"guided": [[0.5], [0.6]], "uniform": [[0.4], [0.5]]}
        changes = {
            "selection": {"rule": "guided", "retrained": drawn, "retrained_seconds": 600.0},
            "search": {"seconds": 240.0, "selection_seconds": 660.0, "epochs": epochs},
            "evaluation": {"seconds": 240.0, "epochs": epochs},
            "environment": {"device": "cpu"},
        }
        store.write(tiny_trials.record(trial, **changes), [])


def test_trainings_of_candidates_are_counted(study: Study, tmp_path: Path) -> None:
    """By candidates, seeds and epochs; a record without them cannot say what they take."""
    path = str(tmp_path / "small.yaml")
    store = Store(tmp_path / "results" / "small")
    recorded = load(path, [*RETRAINING, "seeds=[0]"])
    record_retraining(recorded, store)
    other = Store(tmp_path / "results" / "other")
    more = [*RETRAINING, "search.retrained_seeds=3", "seeds=[1]", "evaluation.epochs=2"]
    text = lines_of(load(path, more), other)
    assert "p: search 5 min, 12 trainings of candidates 30 min, evaluation 4 min a trial" in text
    assert text.startswith("time      about 39 min for 1 trial on")
    # there are no more than three candidates of each kind, and null is the search's 2 epochs
    all_of_them = [*more, "search.retrained=9", "search.retrained_epochs=null"]
    assert "18 trainings of candidates 18 min" in lines_of(load(path, all_of_them), other)
    assert "not known" in lines_of(load(path, [*more, "search.retrained=0"]), other)


def test_trainings_of_candidates_are_part_of_a_shared_search(study: Study, tmp_path: Path) -> None:
    (trial,) = load(str(tmp_path / "small.yaml"), [*RETRAINING, "seeds=[0]"]).trials
    assert timing.count_retrainings(trial) == 4
    evaluation = dataclasses.replace(trial.evaluation, epochs=2, cutout=3)  # type: ignore[type-var]
    varied = dataclasses.replace(trial, label="varied", evaluation=evaluation)
    known = Timing(30.0, 10.0, 5.0, 0, "measured", retraining_epoch=3.0)
    estimate = forecast.Estimate({timing.find_key(one): known for one in (trial, varied)})
    evaluations = 5 * (trial.evaluation.epochs + 2)  # type: ignore[union-attr]
    expected = 30 * 2 + 10 + 3 * 5 * 4 + evaluations
    assert forecast._add_up([trial, varied], estimate, 1) == expected


def test_a_table_has_trained_its_candidates() -> None:
    trial = next(one for one in load("collapse").trials if one.label == "pgnas")
    asked = dataclasses.replace(trial.search, retrained=2)
    assert timing.count_retrainings(dataclasses.replace(trial, search=asked)) == 0


def test_a_step_of_a_candidates_training_is_measured() -> None:
    trial = next(one for one in load("quickstart").trials if one.label == "pgnas")
    asked = dataclasses.replace(trial.search, retrained=2, retrained_seeds=2)
    images = datasets.Images(100, 20, 50, (1, 8, 8), 10)
    plain, retrained = (
        measuring.measure(one, images, torch.device("cpu"))
        for one in (trial, dataclasses.replace(trial, search=asked))
    )
    assert plain.retraining_epoch == 0.0 < retrained.retraining_epoch


def test_a_measured_step_is_about_what_a_trial_then_takes(study: Study) -> None:
    images = datasets.count(study.trials[0].data, None)
    measured = measuring.measure(load("quickstart").trials[0], images, torch.device("cpu"))
    assert measured.source == "measured" and measured.memory > 50 * 2**20
    assert measured.search_epoch > 0 and measured.evaluation_epoch > 0


@pytest.mark.parametrize("label", ["vinnas", "pgnas", "random"])
def test_every_kind_of_method_can_be_measured(label: str) -> None:
    trial = next(trial for trial in load("quickstart").trials if trial.label == label)
    images = datasets.Images(100, 20, 50, (1, 8, 8), 10)
    before = torch.get_num_threads()
    measured = measuring.measure(trial, images, torch.device("cpu"))
    assert (measured.search_epoch > 0) == (label != "random")
    assert measured.evaluation_epoch > 0 and torch.get_num_threads() == before


def test_a_search_that_asks_a_table_trains_nothing() -> None:
    trial = next(one for one in load("collapse").trials if one.label == "local-search")
    measured = measuring.measure(
        trial, datasets.Images(100, 20, 50, (3, 8, 8), 10), torch.device("cpu")
    )
    assert measured.search_epoch == measured.evaluation_epoch == 0


def test_a_long_step_is_measured_on_few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []

    def take(batch: int, device: torch.device) -> tuple[float, int, int]:
        batches.append(batch)
        return 1.0 + 2.0 * batch, 100 + 10 * batch, 100

    monkeypatch.setattr(measuring, "_time", take)
    step = measuring._time_step(lambda batch: batch, 96, torch.device("cpu"))  # type: ignore
    assert step == measuring.Step(1.0 + 2.0 * 96, 100 + 10 * 96) and max(batches) == 8


def test_known_data_sets_are_counted_without_a_file(tmp_path: Path) -> None:
    images = datasets.count(DataConfig(name="cifar10", train_limit=1000, size=16), tmp_path)
    assert images == datasets.Images(800, 200, 10_000, (3, 16, 16), 10)
    assert not list(tmp_path.iterdir())


def test_other_data_sets_are_counted_as_they_are_loaded() -> None:
    config = DataConfig(train_limit=300, test_limit=40, size=12)
    images, data = datasets.count(config, None), load_data(config, None, torch.device("cpu"))
    counts = len(data.search.train), len(data.search.validation), len(data.test)
    assert (images.train, images.validation, images.test) == counts
    assert (images.shape, images.classes) == (data.search.shape, data.search.classes)


def test_what_would_be_downloaded_is_said_and_not_done(study: Study, tmp_path: Path) -> None:
    changed = load(str(tmp_path / "small.yaml"), ["datasets=[cifar10, mnist, digits]"])
    root = tmp_path / "data"
    text = lines_of(changed, Store(tmp_path / "results"), "none", root)
    assert f"download  cifar10 (170 MB), mnist (12 MB) to {root}" in text
    (root / "MNIST" / "raw").mkdir(parents=True)
    (root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").touch()
    text = lines_of(changed, Store(tmp_path / "results"), "none", root)
    assert "download  cifar10 (170 MB) to" in text
    assert "download  nothing" in lines_of(study, Store(tmp_path / "results"), "none", root)


def test_data_that_cannot_be_read_are_a_line_of_the_forecast(study: Study, tmp_path: Path) -> None:
    changed = load(str(tmp_path / "small.yaml"), ["datasets=['image-folder:nowhere']"])
    text = lines_of(changed, Store(tmp_path / "results"), "auto", tmp_path)
    assert "not known for 3 trials" in text and "image-folder:nowhere" in text


def test_weeks_on_a_cpu_want_a_gpu(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Timing(7 * 86400.0, 0.0, 0.0, 64 * 2**30, "measured")
    monkeypatch.setattr(measuring, "measure", lambda *arguments: slow)
    monkeypatch.setattr(capacity, "main_memory", lambda: (16 * 2**30, 8 * 2**30))
    text = lines_of(study, Store(tmp_path / "results"), "measure")
    assert "time      about 12 weeks for 6 trials" in text
    assert "warning   on this machine's CPU it takes 12 weeks: a GPU is needed" in text
    assert "64.0 GiB a worker, 8.0 GiB available: too little" in text


def test_a_full_disk_is_said(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines_of(study, Store(tmp_path / "results"), "none")
    assert "too little" not in text.partition("disk")[2]
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**7}))
    assert "10 MB free: too little" in lines_of(study, Store(tmp_path / "results"), "none")
