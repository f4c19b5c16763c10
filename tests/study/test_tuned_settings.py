"""Tuned settings beside the study's own: which trials they make, and what is wrong in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ConfigurationError
from bench.study.file import load
from bench.study.model import Study
from bench.study.tuned_settings import adopt, extended, with_settings

STUDY = """\
name: two
methods: {darts: {}, vinnas: {}}
datasets: [digits]
seeds: [0, 1]
evaluation: {epochs: 8}
"""
SETTINGS = """\
study: two
settings:
- for: {method: vinnas}
  evaluation: {learning_rate: 0.1, cutout: 2}
  method: {evaluation_beta: 0.5, threshold: 2.0}
  tuning: {trials: 20, seconds: 600.0}
- for: {method: darts, seed: 1}
  evaluation: {}
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "two.yaml").write_text(STUDY, encoding="utf-8")
    return load(str(tmp_path / "two.yaml"))


def written(folder: Path, text: str = SETTINGS) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tuned_trial_has_the_search_of_its_own_and_another_evaluation(
    study: Study, tmp_path: Path
) -> None:
    found = extended(study, written(tmp_path), strict=True)
    assert [trial for trial in found.trials if trial.tuning is None] == list(study.trials)
    tuned = {(t.label, t.seed): t for t in found.trials if t.tuning is not None}
    assert set(tuned) == {("vinnas", 0), ("vinnas", 1), ("darts", 1)}
    trial, own = (
        tuned["vinnas", 1],
        next(t for t in study.trials if (t.label, t.seed) == ("vinnas", 1)),
    )
    assert (trial.search_id, trial.options) == (own.search_id, own.options)
    assert (trial.evaluation.learning_rate, trial.evaluation.epochs) == (0.1, 8)
    assert trial.evaluation_options == {"evaluation_beta": 0.5, "threshold": 2.0}
    assert trial.tuning == {"trials": 20, "seconds": 300.0, "shared_by": 2}
    assert found.labels == study.labels


def test_settings_that_are_the_defaults_are_trials_of_their_own(
    study: Study, tmp_path: Path
) -> None:
    found = extended(study, written(tmp_path), strict=True)
    same = [trial for trial in found.trials if (trial.label, trial.seed) == ("darts", 1)]
    assert same[0].configuration() == same[1].configuration()
    assert same[0].id != same[1].id and same[0].stem != same[1].stem


def test_an_adopted_file_stays_with_the_study(study: Study, tmp_path: Path) -> None:
    assert with_settings(study, tmp_path / "results", None) is study
    path = written(tmp_path)
    given = with_settings(study, tmp_path / "results", path)
    adopt(path, tmp_path / "results")
    assert with_settings(study, tmp_path / "results", None).trials == given.trials


def test_with_other_methods_an_adopted_file_says_nothing(study: Study, tmp_path: Path) -> None:
    adopt(written(tmp_path), tmp_path / "results")
    other = load(str(tmp_path / "two.yaml"), ["methods=[random]"])
    assert with_settings(other, tmp_path / "results", None).trials == other.trials
    with pytest.raises(ConfigurationError, match="matches no trial of study two"):
        with_settings(other, tmp_path / "results", tmp_path / "settings.yaml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("study: two", "study: three", "not of study two"),
        ("method: vinnas}", "methods: vinnas}", "did you mean method?"),
        ("method: vinnas}", "method: vinna}", "matches no trial"),
        ("cutout: 2", "cutout: -2", "settings[0].evaluation.cutout = -2: must be"),
        ("cutout: 2", "cut: 2", "unknown key"),
        ("threshold: 2.0", "prior: ard", "no option of vinnas that the evaluation can have"),
        ("evaluation_beta: 0.5", "evaluation_beta: -1", "must be a number, at least 0"),
        ("seconds: 600.0", "seconds: many", "must be seconds"),
        ("{method: darts, seed: 1}", "{}", "is in an earlier entry too"),
        ("settings:", "setting:", "unknown key"),
    ],
)
def test_a_mistake_is_one_line(study: Study, tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        extended(study, written(tmp_path, SETTINGS.replace(old, new, 1)), strict=True)
    assert said in str(caught.value) and "\n" not in str(caught.value)
