"""Ways of predicting with networks that were really trained, for a step or two."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import tiny

from bench.data.loading import load
from bench.errors import DataError
from bench.noise import Noise
from bench.records.evaluation_parts import Uncertainty
from bench.records.schema import FinishedRecord
from bench.run.trial import evaluation_method
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.training.config import EvaluationConfig, UncertaintyConfig
from bench.training.discrete import EvaluationArguments
from bench.training.evaluation import EvaluationOutcome, evaluate
from bench.training.trainer import no_report
from bench.training.uncertainty.outside import load_outside
from bench.training.uncertainty.predicting import (
    Arguments,
    Way,
    by_draws,
    by_ensemble,
    by_means,
    predict,
)
from methods.variational.gaussian import gaussians

CELL = (("sep_conv_3x3", 0), ("skip_connect", 1))
GENOTYPE = Genotype("darts", {"normal": (CELL, CELL), "reduce": (CELL, CELL)})
WHOLE = UncertaintyConfig(passes=3, corruptions=("contrast", "gaussian_noise"), strengths=(1, 5))


def train(options: Mapping[str, Any] | None = None) -> tuple[Arguments, EvaluationOutcome]:
    """VINNAS's evaluation of a fixed cell."""
    trial = tiny.trial("vinnas", options, evaluation={"epochs": 2})
    data = load(tiny.DATA, None, tiny.CPU)
    method = evaluation_method(trial, data.search)
    assert isinstance(trial.evaluation, EvaluationConfig)
    arguments = EvaluationArguments(GENOTYPE, method, trial.evaluation, data, tiny.DATA, seed=1)
    return arguments, evaluate(arguments)


def make_draws(arguments: Arguments, outcome: EvaluationOutcome, passes: int = 3) -> Way:
    way = by_draws(arguments, outcome.network, passes, 1.0)
    assert way is not None
    return way


@pytest.fixture(scope="module")
def trained() -> tuple[Arguments, EvaluationOutcome]:
    return train({"initial_log_variance": -5.0})


def test_the_network_by_its_means_is_the_one_that_is_reported(
    trained: tuple[Arguments, EvaluationOutcome],
) -> None:
    arguments, outcome = trained
    logs = predict(by_means(outcome.network, 1.0), arguments.data.test)
    assert logs.dtype == torch.float64
    assert torch.allclose(logs.exp().sum(-1), torch.ones(len(logs), dtype=torch.float64))
    labels = arguments.data.test.labels
    accuracy = float((logs.argmax(-1) == labels).double().mean())
    assert accuracy == pytest.approx(outcome.result["test"]["accuracy"])
    loss = torch.nn.functional.nll_loss(logs, labels)
    assert float(loss) == pytest.approx(outcome.result["test"]["nll"], rel=1e-5)


def test_averages_are_those_of_probabilities(trained: tuple[Arguments, EvaluationOutcome]) -> None:
    arguments, outcome = trained
    test, way = arguments.data.test, make_draws(arguments, outcome)
    each = [predict(Way([one], 1, 0.0), test) for one in way.passes]
    assert len(each) == 3 and not torch.allclose(each[0], each[1])
    expected = torch.stack(each).exp().mean(0)
    assert torch.allclose(predict(way, test).exp(), expected, atol=1e-12)
    again = predict(make_draws(arguments, outcome), test)
    assert torch.equal(again, predict(way, test))


def test_draws_leave_the_network_as_it_was(trained: tuple[Arguments, EvaluationOutcome]) -> None:
    arguments, outcome = trained
    before = {name: value.clone() for name, value in outcome.network.state_dict().items()}
    predict(make_draws(arguments, outcome), arguments.data.test)
    for name, value in outcome.network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_draws_without_variance_are_the_means() -> None:
    """Batch statistics are estimated anew with the draws, and come out as those of the means."""
    arguments, outcome = train({"initial_log_variance": -60.0, "threshold": 5.0})
    test = arguments.data.test
    expected = predict(by_means(outcome.network, 1.0), test)
    assert torch.allclose(predict(make_draws(arguments, outcome), test), expected, atol=1e-5)


def test_draws_have_the_posteriors_law(trained: tuple[Arguments, EvaluationOutcome]) -> None:
    arguments, outcome = trained
    method: Any = arguments.method
    network = copy.deepcopy(outcome.network)
    layers: list[Any] = gaussians(network)
    first = max(layers, key=lambda layer: layer.weight.numel())
    mean, deviation = first.weight.detach().clone(), first.deviation.detach()
    first.weight.data.view(-1)[0] = 0.0  # a weight that was zeroed
    means = copy.deepcopy(network.state_dict())
    noise, drawn = Noise(), []
    noise.reseed("a test")
    for _ in range(150):
        network.load_state_dict(means)
        assert method.draw(network, noise)
        drawn.append(first.weight.detach().clone())
    values = torch.stack(drawn)
    alive = mean.square().log() > deviation.square().log() - method.threshold
    alive.view(-1)[0] = False
    z = (values.mean(0) - mean)[alive] / deviation[alive] * 150**0.5
    assert float(z.abs().max()) < 5 and abs(float(z.mean())) < 0.5
    spread = (values.std(0) / deviation)[alive]
    assert float(spread.mean()) == pytest.approx(1, abs=0.03)
    assert bool((values[:, ~alive] == 0).all())


@pytest.mark.parametrize(
    ("name", "options"), [("vinnas", {"evaluation": "deterministic"}), ("darts", {})]
)
def test_networks_without_gaussian_weights_have_no_draws(
    name: str, options: Mapping[str, Any]
) -> None:
    trial = tiny.trial(name, options)
    data = load(tiny.DATA, None, tiny.CPU)
    method = evaluation_method(trial, data.search)
    assert isinstance(trial.evaluation, EvaluationConfig)
    arguments = EvaluationArguments(GENOTYPE, method, trial.evaluation, data, tiny.DATA, seed=1)
    assert by_draws(arguments, evaluate(arguments).network, 3, 1.0) is None


def test_members_differ_and_the_first_is_the_network_itself(
    trained: tuple[Arguments, EvaluationOutcome],
) -> None:
    arguments, outcome = trained
    asked: list[int] = []

    def of_member(number: int) -> tuple[Any, None]:
        asked.append(number)
        return no_report, None

    way = by_ensemble(arguments, outcome.network, 3, 1.0, of_member)
    assert asked == [1, 2] and way.trainings == 3 and way.seconds > 1
    test = arguments.data.test
    each = [predict(Way([one], 1, 0.0), test) for one in way.passes]
    assert torch.equal(each[0], predict(by_means(outcome.network, 1.0), test))
    assert not any(torch.allclose(each[one], each[other]) for one, other in [(0, 1), (1, 2)])
    assert torch.allclose(predict(way, test).exp(), torch.stack(each).exp().mean(0), atol=1e-12)


# -- whole trials -------------------------------------------------------------------------------


def write_images(folder: Path, size: tuple[int, int], mode: str = "L") -> str:
    """Noise in two classes, as a data set of one's own."""
    generator = np.random.default_rng(0)
    for number in range(40):
        shape = (*size, 3) if mode == "RGB" else size
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        path = folder / f"class-{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return f"image-folder:{folder}"


def whole_trial(name: str, outside: str | None, **more: Any) -> Trial:
    values = {"passes": 3, "corruptions": WHOLE.corruptions, "strengths": (1, 5)}
    config = UncertaintyConfig(outside=outside, **{**values, **more})
    return tiny.trial(name, evaluation={"uncertainty": config})


def measured(record: Any) -> Uncertainty:
    assert isinstance(record, FinishedRecord), record
    assert record.evaluation.uncertainty is not None
    return record.evaluation.uncertainty


def test_a_record_has_every_way_on_every_kind_of_image(tmp_path: Path) -> None:
    outside = write_images(tmp_path / "noise", (12, 12))
    record = tiny.run(whole_trial("vinnas", outside), tmp_path / "one").record
    found = measured(record)
    assert list(found.predictions) == ["deterministic", "draws", "ensemble"]
    for way, prediction in found.predictions.items():
        assert prediction.passes == (1 if way == "deterministic" else 3)
        assert prediction.trainings == (3 if way == "ensemble" else 1)
        assert set(prediction.corrupted) == set(WHOLE.corruptions)
        assert all(set(values) == {"1", "5"} for values in prediction.corrupted.values())
        assert prediction.detection is not None
    assert isinstance(record, FinishedRecord)
    own = found.predictions["deterministic"].test
    assert own.accuracy == pytest.approx(record.evaluation.test.accuracy)
    assert own.ece == pytest.approx(record.evaluation.test.ece, abs=1e-6)
    assert found.outside is not None
    assert found.outside.images == 40
    assert found.outside.changes == ["resized from 12x12 to 8x8 pixels (antialiased bilinear)"]
    assert record.evaluation.uncertainty_seconds > 0
    # the same trial without it: the same network, and no word of it in the record
    plain = tiny.run(tiny.trial("vinnas"), tmp_path / "two").record
    values, others = (tiny.lasting(one)["evaluation"] for one in (record, plain))
    del values["uncertainty"]
    for part in (values, others):
        del part["inference"]
    assert values == others


def test_an_interrupted_ensemble_goes_on_to_the_same_record(tmp_path: Path) -> None:
    trial = whole_trial("random", None)
    whole = tiny.run(trial, tmp_path / "whole").record
    assert list(measured(whole).predictions) == ["deterministic", "ensemble"]
    seen: list[Any] = []

    def stop_at_the_second_member(progress: Any) -> None:
        seen.extend([progress] if progress.stage == "evaluation" and progress.epoch == 1 else [])
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.run(trial, tmp_path / "cut", stop_at_the_second_member)
    resumed = tiny.run(trial, tmp_path / "cut").record
    one, other = (tiny.lasting(record)["evaluation"] for record in (whole, resumed))
    for part in (one, other):
        del part["inference"]
    assert one == other


@pytest.mark.parametrize("name", ["random", "pgnas"])
def test_without_an_ensemble_nothing_more_is_trained(name: str, tmp_path: Path) -> None:
    """Neither has a posterior of its networks' weights; PGNAS's draws are of architectures."""
    trial = whole_trial(name, None, ensemble=False, corruptions=())
    found = measured(tiny.run(trial, tmp_path).record)
    assert list(found.predictions) == ["deterministic"] and found.seconds == 0
    assert found.outside is None and not found.predictions["deterministic"].corrupted


# -- outside images -----------------------------------------------------------------------------


def test_outside_images_are_normalised_as_the_studys(tmp_path: Path) -> None:
    known = load(tiny.DATA, None, tiny.CPU).test
    outside = load_outside(write_images(tmp_path, (8, 8)), known, None)
    assert outside.facts["changes"] == [] and outside.facts["images"] == 40
    raw = outside.split.pool.images[:4].float()
    expected = (raw - known.pool.mean[:, None, None]) / known.pool.std[:, None, None]
    assert torch.allclose(next(iter(outside.split.sequential(4))).images, expected)


def test_no_more_outside_images_than_test_images(tmp_path: Path) -> None:
    known = load(tiny.DATA, None, tiny.CPU).test
    few = type(known)(known.pool, known.indices[:7])
    assert len(load_outside(write_images(tmp_path, (8, 8)), few, None).split) == 7


def test_colour_is_refused_where_a_network_sees_grey(tmp_path: Path) -> None:
    known = load(tiny.DATA, None, tiny.CPU).test
    name = write_images(tmp_path, (8, 8), "RGB")
    with pytest.raises(DataError, match="has images of 3 channels, the study's have 1: choose"):
        load_outside(name, known, None)
