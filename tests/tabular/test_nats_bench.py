"""The official file's form, through the package nats_bench: a small file that we make."""

from __future__ import annotations

import bz2
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("nats_bench", reason="the extra `nats-bench` is not installed")

from nats_bench import ArchResults, ResultsCount

from bench.errors import ConfigurationError
from bench.space.genotype import Genotype
from bench.tabular import nats_bench
from bench.tabular.config import TabularConfig
from bench.tabular.providers import tables
from bench.tabular.table import Table

TEXTS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
)
SEEDS = (777, 888, 999)
SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def percent(index: int, dataset: str, part: str, seed: int, epochs: int) -> float:
    """Any number that differs by everything that it may be mistaken by."""
    return 90 - 40 * index - len(dataset) - len(part) / 10 - seed / 1000 - 5 * (epochs == 12)


def results(index: int, epochs: int) -> dict:
    found = ArchResults(index, TEXTS[index])
    for dataset, parts in SETS.items():
        seeds = SEEDS if epochs == 200 else SEEDS[:1]
        found.dataset_seed[dataset] = list(seeds)
        for seed in seeds:
            accuracies = dict.fromkeys(range(epochs), 50.0)
            run = ResultsCount(
                dataset, None, accuracies, dict(accuracies), 1.0, 2.0, {}, seed, epochs, None
            )
            run.train_times = dict.fromkeys(range(epochs), 1.0)
            for part in parts:
                values = {f"{part}@{epoch}": 10.0 for epoch in range(epochs)}
                values[f"{part}@{epochs - 1}"] = percent(index, dataset, part, seed, epochs)
                run.update_eval(values, dict.fromkeys(values, 1.0), dict.fromkeys(values, 1.0))
            found.all_results[dataset, seed] = run
    state: dict = found.state_dict()
    return state


def infos(index: int) -> dict:
    return {str(epochs): results(index, epochs) for epochs in (12, 200)}


def whole(folder: Path) -> Path:
    path = folder / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    data = {
        "meta_archs": list(TEXTS),
        "arch2infos": {index: infos(index) for index in range(len(TEXTS))},
        "evaluated_indexes": [0, 1],
    }
    _write(path, data)
    return path


def parts(folder: Path, cells: Sequence[int] = (0, 1)) -> Path:
    path = folder / "NATS-tss-v1_0-3ffb9-simple"
    path.mkdir()
    _write(path / "meta.pickle.pbz2", {"meta_archs": list(TEXTS)})
    for index in cells:
        _write(path / f"{index:06d}.pickle.pbz2", infos(index))
    return path


def _write(path: Path, data: object) -> None:
    with bz2.open(path, "wb") as file:
        pickle.dump(data, file)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    tables.cache_clear()


@pytest.mark.parametrize("form", [whole, parts])
@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("epochs", [12, 200])
def test_both_forms_of_the_file(
    form, split: str, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = form(tmp_path)
    monkeypatch.setenv(nats_bench.VARIABLE, str(path))
    config = TabularConfig(provider="nats-bench", split=split, epochs=epochs)  # type: ignore[arg-type]
    for _ in range(2):  # from the file, and from what was kept of it
        tables.cache_clear()
        found = tables(config)
        assert set(found) == {"cifar10", "cifar100", "ImageNet16-120"}
        of = {"validation": "x-valid", "test": "x-test"}[split]
        theirs = {
            "cifar10": ("cifar10-valid", "x-valid")
            if split == "validation"
            else ("cifar10", "ori-test"),
            "cifar100": ("cifar100", of),
            "ImageNet16-120": ("ImageNet16-120", of),
        }
        seeds = SEEDS if epochs == 200 else SEEDS[:1]
        for dataset, (name, part) in theirs.items():
            for index, text in enumerate(TEXTS):
                expected = [percent(index, name, part, seed, epochs) / 100 for seed in seeds]
                assert found[dataset].accuracies[text] == pytest.approx(expected)
                assert found[dataset].seconds[text] == (float(epochs),) * len(seeds)
            truth = found[dataset].look_up(Genotype.from_text(TEXTS[1]))
            assert (truth.rank, truth.seeds) == (2, len(seeds))
            assert found[dataset].source.split == split
            assert found[dataset].source.images == (
                3_000 if dataset == "ImageNet16-120" else 5_000 if dataset == "cifar100"
                else {"validation": 25_000, "test": 10_000}[split]
            )  # fmt: skip
    assert list(tmp_path.glob("*.json"))


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """The table of a benchmark as a new process reads it."""
    tables.cache_clear()
    monkeypatch.setenv(nats_bench.VARIABLE, str(path))
    return tables(TabularConfig(provider="nats-bench"))["cifar10"]


def test_what_was_kept_is_used_without_the_benchmark_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parts(tmp_path)
    first = load(path, monkeypatch)

    def unread(*arguments: object) -> None:
        raise AssertionError("the benchmark was read again")

    monkeypatch.setattr(nats_bench, "_collect", unread)
    assert load(path, monkeypatch).accuracies == first.accuracies


def test_other_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell more, a changed cell, the same bytes at a later time, and another place."""
    path = parts(tmp_path, cells=[0])
    assert set(load(path, monkeypatch).accuracies) == {TEXTS[0]}
    _write(path / "000001.pickle.pbz2", infos(1))
    assert set(load(path, monkeypatch).accuracies) == set(TEXTS)

    before = load(path, monkeypatch).accuracies[TEXTS[1]]
    _write(path / "000001.pickle.pbz2", infos(0))
    assert load(path, monkeypatch).accuracies[TEXTS[1]] != before

    reads = []
    collect = nats_bench._collect
    monkeypatch.setattr(nats_bench, "_collect", lambda *a: reads.append(a) or collect(*a))
    os.utime(path / "000001.pickle.pbz2", (2e9, 2e9))
    load(path, monkeypatch)
    load(path, monkeypatch)
    assert len(reads) == 1
    (kept,) = tmp_path.glob("*.json")
    moved = path.rename(tmp_path / "elsewhere-simple")
    kept.rename(tmp_path / kept.name.replace(path.name, moved.name))
    load(moved, monkeypatch)
    assert len(reads) == 2


def test_a_partial_benchmark_says_of_how_many_cells_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = load(parts(tmp_path, cells=[1]), monkeypatch)
    assert (table.source.cells, table.source.cells_of_space) == (1, 15_625)
    assert str(table.source).endswith("from nats-bench, which has 1 of 15,625 cells")
    assert table.look_up(Genotype.from_text(TEXTS[1])).rank == 1
    with pytest.raises(ConfigurationError, match=r"is not in the table .* \(1 cells\)"):
        table.look_up(Genotype.from_text(TEXTS[0]))


def test_a_file_that_is_none_or_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TabularConfig(provider="nats-bench")
    monkeypatch.delenv(nats_bench.VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="name the file with --nats-bench PATH"):
        tables(config)
    path = tmp_path / "some.pickle.pbz2"
    monkeypatch.setenv(nats_bench.VARIABLE, str(path))
    with pytest.raises(ConfigurationError, match="does not exist"):
        tables(config)
    path.write_bytes(b"this is no such file")
    with pytest.raises(ConfigurationError, match="not a NATS-Bench file"):
        tables(config)
