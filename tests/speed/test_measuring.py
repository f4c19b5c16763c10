"""How `bench speed` measures and what it writes."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from bench import plugins
from bench.errors import BenchError, ConfigurationError
from bench.speed import growth, kernels, report, session, steps, timing
from bench.speed.context import Context
from bench.speed.scales import SCALES, Scale, data_of, shrunk
from bench.speed.worker import Variant, Worker
from bench.study.file import load as load_study

CPU = torch.device("cpu")


def test_median_and_quartiles() -> None:
    assert timing.Spread.of([5, 1, 3, 2, 4]) == timing.Spread(3, 2, 4)
    assert timing.Spread.of([7.0]) == timing.Spread(7, 7, 7)
    with pytest.raises(ValueError, match="nothing was measured"):
        timing.Spread.of([])


def test_ratios_are_taken_by_round() -> None:
    # the machine was slow in the last round: the ratio does not notice
    assert timing.ratios([2, 2, 20], [1, 1, 10]) == timing.Spread(2, 2, 2)


def test_works_alternate_and_take_turns_to_be_first() -> None:
    calls: list[str] = []

    def work(name: str) -> dict[str, float]:
        calls.append(name)
        return {"count": calls.count(name)}

    shares: list[float] = []
    found = timing.alternate(
        {name: lambda n=name: work(n) for name in "abc"},  # type: ignore[misc]
        repeats=3,
        tick=shares.append,
    )
    rounds = [calls[i : i + 3] for i in range(0, 12, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert Counter(one[0] for one in rounds[:3]) == {"a": 1, "b": 1, "c": 1}
    assert found["a"]["count"] == [2, 3, 4]  # the first round only warms up
    assert shares == sorted(shares) and shares[-1] == 1


def test_kernel_calls_of_known_work() -> None:
    x = torch.ones(4, 4)
    assert kernels.count(lambda: x.t().view(-1) if x.t().is_contiguous() else x.t(), CPU) == 0
    assert kernels.count(lambda: (x + x).mul_(2).transpose(0, 1), CPU) == 2


@pytest.mark.slow
def test_a_fused_step_has_at_most_a_quarter_of_the_kernel_calls() -> None:
    scale = Scale("small", cells=3, channels=8, shape=(1, 16, 16), batch=16)
    fused, textbook = steps.make("darts", scale, CPU), steps.PlainStep(scale, CPU)
    counts = []
    for step in (fused.step, textbook.step):
        step()
        counts.append(kernels.count(step, CPU))
    assert counts[0] <= counts[1] / 4


def test_synthetic_data_can_be_told_apart_and_are_the_same_twice() -> None:
    scale = shrunk(SCALES["W2"])
    first, second = (data_of(scale, CPU, 200, 20) for _ in range(2))
    assert torch.equal(first.train.pool.images, second.train.pool.images)
    images, labels = next(first.train.sequential(200))
    means = torch.stack([images[labels == label].mean(0) for label in range(scale.classes)])
    nearest = torch.cdist(images.flatten(1), means.flatten(1)).argmin(1)
    assert (nearest == labels).float().mean() > 0.9
    assert len(first.validation) == 20


def test_methods_are_found_in_a_checkout_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = steps.load("darts")
    monkeypatch.setattr(plugins, "list_methods", dict)  # no entry points on this machine
    assert steps.load("darts") is installed


def test_csv_and_environment(tmp_path: Path) -> None:
    context = Context(CPU, 2, 3, True, {"W1": 1.0})
    samples = {"a": {"step": [1.0, 2.0, 3.0]}, "b": {"step": [3.0, 6.0, 9.0]}}
    made = report.Section("W1", "W1", "a").rows(samples)
    place = report.folder(tmp_path, CPU)
    assert place.parent == tmp_path / "speed"
    written = report.write(place, "W1", made, context, SCALES["W1"])
    assert [path.name for path in written] == ["W1.csv", "W1.json"]
    with written[0].open(newline="") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == report.COLUMNS
    assert (first["median"], first["ratio"], second["reference"]) == ("2", "", "a")
    assert (second["median"], second["low"], second["high"], second["ratio"]) == (
        *("6", "4.5", "7.5", "3"),
    )
    facts = json.loads(written[1].read_text())
    assert facts["threads"] == 2 and facts["hardware"] and facts["packages"]["torch"]
    assert facts["scale"] == {"W1": SCALES["W1"].description}
    table = report.table(made).splitlines()
    assert table[0].startswith("W1") and table[2].endswith("3x")
    assert max(map(len, table)) <= 80


def test_parts_are_checked() -> None:
    assert session.parts("growth,W1") == ["W1", "growth"]
    with pytest.raises(ConfigurationError, match="did you mean methods"):
        session.parts("method")


def test_the_scale_of_collapse_is_that_of_the_study() -> None:
    study, scale = load_study("collapse"), SCALES["collapse"]
    assert scale.space == study.trials[0].space
    assert scale.batch == study.trials[0].search.batch_size
    assert scale.shape == (3, study.trials[0].data.size, study.trials[0].data.size)
    assert scale.description == (
        "NAS-Bench-201, 1 cell, 8 channels, 3 nodes, 5 operations, batch 64, 3x16x16"
    )
    step = steps.make("darts", shrunk(scale), CPU)
    assert torch.isfinite(step.step()).all()


@pytest.mark.slow
def test_every_method_of_the_part_collapse_steps() -> None:
    context = Context(CPU, 1, 1, True, {"collapse": 1.0}, stream=io.StringIO())
    context.begin("collapse")
    part, _ = session.PARTS["collapse"]
    rows = part(context, shrunk(SCALES["collapse"]))
    steps_of = {row.variant for row in rows if row.quantity == "step"}
    assert {"darts, order 1", "vinnas, Gaussian weights", "pgnas, slice, example"} <= steps_of
    assert {row.scale for row in rows} == {"collapse, tiny"}


def test_growth_leaves_out_half_a_cell() -> None:
    assert list(growth.sizes(SCALES["collapse"])) == [
        growth.ALONE, "4 channels", "16 channels", "2 cells", "batch 32", "batch 128",
    ]  # fmt: skip
    assert "2 cells" in growth.sizes(SCALES["W2"])


def test_a_process_that_dies_is_one_line() -> None:
    scale = Scale("W0", 3, 4, (1, 8, 8), 2, nodes=2)
    worker = Worker(Variant(), scale, torch.device("meta"), 1)
    try:
        with pytest.raises(BenchError, match=r"fused at W0 failed \(status 1\)"):
            worker.ask("peak")
    finally:
        worker.close()


def test_variance_is_measured_in_a_studys_own_search(tmp_path: Path) -> None:
    """At the weights of its start, its first and its last epoch, on its data."""
    study = tmp_path / "mine.yaml"
    study.write_text(
        "name: mine\ndescription: tiny\nmethods: {v: {method: vinnas}}\ndatasets: [digits]\n"
        "seeds: [3]\ndata: {train_limit: 64}\nsearch: {epochs: 2, batch_size: 16}\n"
        "space: {operations: [none, skip_connect, sep_conv_3x3], nodes: 1, cells: 2, channels: 4}\n"
    )
    settings = session.Settings(
        "variance", "W2", 1, 1, "cpu", tmp_path, True, str(study), data_root=None
    )
    paths = session.run(settings)
    found = list(csv.DictReader((paths[0]).open()))
    assert paths[0].name == "variance-mine.csv"
    states = {row["section"] for row in found}
    assert states == {
        "variance, fresh",
        "variance, early (after epoch 1 of 2)",
        "variance, late (after epoch 2)",
    }
    assert {row["variant"] for row in found} >= {"lrt", "mixed", "mean"}
    facts = json.loads(paths[1].read_text())
    assert facts["scale"] == {"mine": "2 cells, 4 channels, 1 nodes, 3 operations, batch 16, 1x8x8"}
    study.write_text(study.read_text().replace("method: vinnas", "method: darts"))
    with pytest.raises(ConfigurationError, match="no trial of the method vinnas"):
        session.run(settings)
