"""Data sets in a study file: by name, and one's own with a display name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import studies

from bench.data.config import DataConfig
from bench.errors import ConfigurationError
from bench.study.file import load
from bench.study.model import Study

IDS = {
    "digits": "5373ee177b226437ea78d3da34fe041342bae9e9491ee857085a02043dfdecea",
    "image-folder:/data/pets": "17fe85409e0e2e309a8b66433fa179841625724bb53b9fd94acbd3f25e012018",
}
"""Of the trials before data sets had names of their own: records carry them."""


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def read(folder: Path, datasets: str, *overrides: str) -> Study:
    text = studies.TEXT.replace("datasets: [digits]", f"datasets: {datasets}")
    return load(studies.write(folder, text), overrides)


@pytest.mark.parametrize("dataset", IDS)
def test_trials_of_names_that_there_were_keep_their_ids(dataset: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"['{dataset}']").trials[0].id == IDS[dataset]
    listed = read(tmp_path, f"[{{name: '{dataset}'}}]").trials[0]
    assert listed.id == IDS[dataset] and listed.dataset == dataset


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("folder: /data/my pets", DataConfig(name="pets", folder="/data/my pets")),
        ("npz: pets.npz", DataConfig(name="pets", npz="pets.npz")),
        ('dataset: "my.pets:open"', DataConfig(name="pets", dataset="my.pets:open")),
    ],
)
def test_ones_own_has_a_display_name(source: str, config: DataConfig, tmp_path: Path) -> None:
    study = read(tmp_path, f"[digits, {{name: pets, {source}}}]")
    assert study.datasets == ("digits", "pets")
    trial = next(trial for trial in study.trials if trial.dataset == "pets")
    assert trial.data == config
    assert trial.stem == f"a-pets-s0-{trial.id[:8]}" and str(trial) == "a on pets, seed 0"
    mapping = read(tmp_path, f"{{digits: {{}}, pets: {{{source}}}}}")
    assert [t.id for t in mapping.trials] == [t.id for t in study.trials]
    again = json.loads(json.dumps(trial.configuration()))["data"]
    assert DataConfig(**again) == config


def test_own_data_sets_have_options_and_another_path_is_another_trial(tmp_path: Path) -> None:
    one = read(tmp_path, "[{name: pets, folder: a, size: 16}]", "data.size=8", "data.flip=true")
    assert one.trials[0].data == DataConfig(name="pets", folder="a", size=16, flip=True)
    other = read(tmp_path, "[{name: pets, folder: a}]", "datasets.pets.folder=b")
    assert other.trials[0].data == DataConfig(name="pets", folder="b")
    assert one.trials[0].id != other.trials[0].id


WRONG = {
    "no source": (
        "[pets]",
        "datasets.pets: unknown data set 'pets'; .*needs a source: folder, npz",
    ),
    "two sources": (
        "[{name: pets, folder: a, npz: b}]",
        "datasets.pets: has folder and npz: one of",
    ),
    "taken": ("[{name: digits, folder: a}]", "digits is a registered data set: give yours another"),
    "unsafe": ("[{name: my/pets, folder: a}]", "'my/pets': must be at most 80 letters"),
    "long": (f"[{{name: {'x' * 81}, folder: a}}]", "must be at most 80 letters"),
    "prefix": ("[{name: 'image-folder:a', folder: a}]", "must be at most 80 letters"),
    "empty": ("[{name: pets, folder: ''}]", "datasets.pets: folder is empty"),
    "no function": ("[{name: pets, dataset: my.pets}]", "'my.pets': must be module:function"),
    "a number": ("[{name: pets, folder: 3}]", "datasets.pets.folder = 3: must be text or null"),
    "misspelt": (
        "[{name: pets, foldr: a}]",
        "datasets.pets.foldr: unknown key; did you mean folder",
    ),
    "no name": ("[{folder: a}]", "datasets = .*: must be a list of names or a mapping"),
    "twice": ("[digits, {name: digits}]", "datasets: 'digits' is listed twice"),
    "name in mapping": ("{pets: {name: cats, folder: a}}", "the data set's name is its key"),
}


@pytest.mark.parametrize(("datasets", "pattern"), WRONG.values(), ids=WRONG)
def test_wrong_data_sets_are_one_line(datasets: str, pattern: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=pattern) as caught:
        read(tmp_path, datasets)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["folder", "npz", "dataset", "name"])
def test_a_source_for_all_data_sets_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=f"data.{key}: name the data sets under datasets, with"
    ):
        read(tmp_path, "[digits]", f"data.{key}=a")
