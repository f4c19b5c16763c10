"""Studies: what a file expands into, what identifies a trial, what is said of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support import studies

from bench.errors import ConfigurationError
from bench.records.transfer.loading import load as load_with_cells
from bench.study.file import load, shipped
from bench.study.gate_file import reference_cells
from bench.study.model import Study, stem

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def read(folder: Path, *overrides: str, text: str = studies.TEXT) -> Study:
    return load(studies.write(folder, text), overrides)


def test_expansion_is_seed_by_seed_in_the_order_of_the_file(tmp_path: Path) -> None:
    study = read(tmp_path, "seeds=[3, 1]", "datasets=[digits, mnist]")
    found = [(trial.seed, trial.dataset, trial.label) for trial in study.trials]
    assert found == [(s, d, m) for s in (3, 1) for d in ("digits", "mnist") for m in "abc"]
    assert study.labels == ("a", "b", "c") and study.datasets == ("digits", "mnist")
    assert study.baseline == "a"


def test_options_are_resolved_with_defaults_and_overrides(tmp_path: Path) -> None:
    study = read(tmp_path, "methods.c.bias=0.25", "methods.c.fair=false", "datasets.digits.size=16")
    first, _, last = study.trials
    assert first.options == {
        "bias": 0.5,
        "tosses": 10,
        "fair": True,
        "side": "heads",
        "limit": None,
        "faces": ["heads", "tails"],
    }
    assert (last.options["bias"], last.options["fair"], last.options["tosses"]) == (0.25, False, 3)
    assert (first.data.name, first.data.size, first.search.epochs) == ("digits", 16, 2)
    assert first.configuration() == json.loads(json.dumps(first.configuration()))


def test_a_data_set_overrides_the_common_data_options(tmp_path: Path) -> None:
    study = read(
        tmp_path, "data.size=12", "data.flip=true", "datasets={digits: {size: 20}, mnist: {}}"
    )
    sizes = {trial.dataset: (trial.data.size, trial.data.flip) for trial in study.trials}
    assert sizes == {"digits": (20, True), "mnist": (12, True)}


def test_list_of_methods_can_be_overridden_by_key(tmp_path: Path) -> None:
    text = studies.TEXT[: studies.TEXT.index("methods")] + "methods: [coin]\ndatasets: [digits]\n"
    study = read(tmp_path, "methods.coin.tosses=7", "seeds=[0]", text=text)
    assert [trial.options["tosses"] for trial in study.trials] == [7]


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "0.001", "1.0e-3", "+1e-3"])
def test_numbers_are_read_as_yaml_1_2_does(tmp_path: Path, text: str) -> None:
    study = read(tmp_path, f"evaluation.learning_rate={text}")
    assert study.trials[0].evaluation.learning_rate == 0.001


def test_identity_depends_on_the_resolved_configuration_alone(tmp_path: Path) -> None:
    base = read(tmp_path).trials
    again = read(tmp_path, "search.batch_size=64", "notes=other words", "name=other").trials
    assert [trial.id for trial in base] == [trial.id for trial in again]
    assert len({trial.id for trial in base}) == 3
    whole = read(tmp_path, "evaluation.weight_decay=0").trials[0]
    real = read(tmp_path, "evaluation.weight_decay=0.0").trials[0]
    assert whole.id == real.id


@pytest.mark.parametrize(
    ("override", "search_too"),
    [
        ("search.epochs=3", True),
        ("space.nodes=2", True),
        ("data.train_limit=100", True),
        ("seeds=[1]", True),
        ("methods.a.tosses=11", True),
        ("evaluation.epochs=3", False),
        ("data.test_limit=100", False),
    ],
)
def test_what_changes_the_ids(tmp_path: Path, override: str, search_too: bool) -> None:
    before, after = read(tmp_path).trials[0], read(tmp_path, override).trials[0]
    assert before.id != after.id
    assert (before.search_id != after.search_id) is search_too


def test_stem_is_safe_as_a_file_name(tmp_path: Path) -> None:
    trial = read(tmp_path, "datasets={'image-folder:/data/../my images': {}}").trials[0]
    assert trial.stem == f"a-image-folder-data-..-my-images-s0-{trial.id[:8]}"
    assert "/" not in trial.stem and trial.stem == stem(trial.identity())


WRONG = {
    "misspelt method": ("methods=[coyn]", "unknown method 'coyn'; did you mean coin?"),
    "misspelt method of a label": ("methods.a.method=coyn", "methods.a: unknown method 'coyn'"),
    "unknown key": ("serach.epochs=3", "serach: unknown key; did you mean search?"),
    "unknown option": ("search.epoch=3", "search.epoch: unknown key; did you mean epochs?"),
    "unknown method option": ("methods.a.toses=3", "methods.a.toses: unknown key; did you mean"),
    "unknown data set": ("datasets=[digit]", "did you mean digits?"),
    "unknown space": ("space.name=dart", "space.name: unknown space 'dart'; did you mean darts?"),
    "negative epochs": ("search.epochs=-1", "search.epochs = -1: must be a whole number, at least"),
    "too many cells": ("evaluation.cells=101", "at least 1 and at most 100"),
    "text for a number": ("search.epochs=many", 'search.epochs = "many": must be a whole number'),
    "quoted number": ("search.epochs='3'", 'search.epochs = "3": must be a whole number'),
    "true for a whole number": ("search.epochs=true", "search.epochs = true: must be a whole"),
    "true for a number": ("evaluation.drop_path=true", "must be a number, at least 0 and less"),
    "number for true": ("data.flip=1", "data.flip = 1: must be true or false"),
    "fraction for a whole number": ("search.epochs=2.5", "search.epochs = 2.5: must be a whole"),
    "infinite": ("evaluation.learning_rate=.inf", "must be a number, greater than 0"),
    "choice": ("search.precision=float16", "must be one of float32, bfloat16"),
    "nullable": ("data.size=2", "data.size = 2: must be a whole number, at least 4 and at most"),
    "list item": ("space.operations=[none, 3]", "space.operations[1] = 3: must be a list of items"),
    "text for a list": ("space.operations=none", 'space.operations = "none": must be a list'),
    "list for a section": ("search=[1]", "search = [1]: must be a mapping"),
    "rule between options": ("methods.a.bias=0.4", "methods.a: a fair coin has bias 0.5"),
    "seeds of a kind": ("seeds=[0, 0]", "seeds = [0, 0]: must be a list of different whole"),
    "seeds negative": ("seeds=[-1]", "seeds = [-1]"),
    "seed true": ("seeds=[true]", "seeds = [true]"),
    "no seeds": ("seeds=[]", "seeds = []"),
    "seed that names no file": (f"seeds=[1{'0' * 400}]", "and below 2**63"),
    "gate's seeds of a kind": ("gate.seeds=[0, 0]", "gate.seeds = [0, 0]: must be at least two"),
    "gate's seeds negative": ("gate.seeds=[0, -1]", "gate.seeds = [0, -1]: must be at least two"),
    "gate's cell": ("gate.cells={'../a': x}", "gate.cells.../a: the name must be letters"),
    "no methods": ("methods=[]", "methods = "),
    "methods twice": ("methods=[coin, coin]", "'coin' is listed twice"),
    "baseline": ("baseline=d", 'baseline = "d": must be one of the study\'s methods'),
    "baseline a list": ("baseline=[a]", 'baseline = ["a"]: must be one of'),
    "method a list": ("methods.a.method=[coin]", "methods.a: unknown method ['coin']"),
    "name not a file's": ("name=a/b", 'name = "a/b": must be letters'),
    "name missing": ("name=", "name = null: must be text"),
    "label": ("methods={a/b: {method: coin}}", "methods.a/b: the label must be letters"),
    "name of data": ("data.name=digits", "data.name: name the data sets under datasets"),
    "override without value": ("search.epochs", "--set search.epochs: must have the form"),
    "override of no key": ("=3", "--set =3: must have the form key=value"),
    "override below a value": ("name.x=3", "name holds a single value"),
    "override not YAML": ("search.epochs=[1", "--set search.epochs=[1, line 1"),
}


LEVELS = ("[[all-sep_conv_3x3, all-skip_connect], []]", "[[1], [2]]", "[[all-sep_conv_3x3]]")


@pytest.mark.parametrize("levels", LEVELS)
def test_levels_of_a_gate_name_every_cell_and_none_is_empty(tmp_path: Path, levels: str) -> None:
    cells, _ = reference_cells(read(tmp_path).trials[0].space)
    two = {name: cells[name] for name in ("all-sep_conv_3x3", "all-skip_connect")}
    rule = "gate.levels = .*: must be at least two lists, best first, that together name every cell"
    with pytest.raises(ConfigurationError, match=rule):
        read(tmp_path, f"gate.cells={json.dumps(two)}", f"gate.levels={levels}")
    numbers = dict(zip("12", two.values(), strict=True))
    gate = read(
        tmp_path,
        f"gate.cells={yaml.safe_dump(numbers, default_flow_style=True)}",
        "gate.levels=[[1], [2]]",
    ).gate
    assert gate is not None and gate.levels == (("1",), ("2",)) and set(gate.cells) == {"1", "2"}


@pytest.mark.parametrize(("override", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_one_clear_line(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, override)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


BROKEN = {
    "unclosed": ("name: [a\nseeds: [0]\n", "small.yaml, line 2, column"),
    "tab": ("name: a\n\tseeds: [0]\n", "small.yaml, line 2, column 1: not valid YAML"),
    "a key twice": ("name: a\nseeds: [0]\nname: b\n", "line 3, column 1: not valid YAML: the key"),
    "not a mapping": ("- a\n", "must be a mapping of keys"),
    "empty": ("", "must be a mapping of keys"),
    "control character": ("name: \x00\n", "not valid YAML"),
    "tagged": ("name: !!python/object:os.system x\n", "line 1, column 7: not valid YAML"),
    "unhashable key": ("{[a]: 1}: 2\n", "not valid YAML"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_yaml_names_file_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text=text)
    assert message in str(caught.value)
    assert "small.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"x\.yaml does not exist"):
        load(str(tmp_path / "x.yaml"))
    with pytest.raises(ConfigurationError, match="is a folder, not a file"):
        load(str(tmp_path))
    with pytest.raises(ConfigurationError, match="did you mean quickstart"):
        load("quikstart")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9t\xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.yaml: not UTF-8 text"):
        load(str(tmp_path / "latin.yaml"))


def test_shipped_studies_name_themselves_and_are_described() -> None:
    found = shipped()
    assert {"quickstart", "fashion-mnist", "cifar10"} <= set(found)
    assert all(found.values())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_studies_are_right(name: str) -> None:
    study = load_with_cells(name, (), RESULTS)
    assert study.name == name
    assert len(study.trials) == len(study.labels) * len(study.datasets) * len(study.seeds)


def test_cifar10_is_at_the_darts_papers_scale() -> None:
    trial = load("cifar10").trials[0]
    assert (trial.space.cells, trial.space.channels, trial.space.nodes) == (8, 16, 4)
    assert (trial.search.epochs, trial.search.batch_size) == (50, 64)
    evaluation = trial.evaluation
    assert (evaluation.cells, evaluation.channels, evaluation.epochs) == (20, 36, 600)
    assert (evaluation.batch_size, evaluation.drop_path, evaluation.cutout) == (96, 0.2, 16)


def test_a_method_refuses_a_search_that_it_cannot_be_meant_for(tmp_path: Path) -> None:
    """In one line that names the place, before anything is trained."""
    text = studies.TEXT.replace("c: {method: coin, tosses: 3}", "c: {method: r-darts}")
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, text=text)
    message = str(raised.value)
    assert "methods.c: a search of 2 epochs is over before R-DARTS can stop" in message
    assert "\n" not in message
    study = read(tmp_path, "methods.c.window=1", "methods.c.first_epoch=1", text=text)
    assert study.labels == ("a", "b", "c")


def test_a_given_cell_of_another_space_is_refused(tmp_path: Path) -> None:
    text = studies.TEXT.replace("c: {method: coin, tosses: 3}", "c: {method: fixed}")
    text += "\nspace: {name: darts}\n" if "space:" not in text else ""
    with pytest.raises(ConfigurationError, match=r"methods\.c: genotype: cells normal of 3 nodes"):
        read(tmp_path, text=text)
