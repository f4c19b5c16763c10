"""Every measure against an independent implementation and against cases known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score, roc_curve
from torch import Tensor

from bench.training.uncertainty import measures

CLASSES = 7


def predictions(images: int = 400, scale: float = 1.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(log probabilities, labels): labels are drawn from somewhat flatter probabilities."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(images, CLASSES, generator=generator, dtype=torch.float64)
    labels = (0.6 * logits).softmax(-1).multinomial(1, generator=generator)[:, 0]
    return logits.log_softmax(-1), labels


def confidence_of(log_probabilities: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    values, predicted = log_probabilities.exp().max(-1)
    return values, (predicted == labels).double()


@pytest.mark.parametrize("scale", [0.1, 1.5, 8.0])
def test_likelihood_and_brier_score_are_those_of_scikit_learn(scale: float) -> None:
    logs, labels = predictions(scale=scale)
    found = measures.score(logs, labels)
    p, every = logs.exp().numpy(), list(range(CLASSES))
    assert found["nll"] == pytest.approx(log_loss(labels.numpy(), p, labels=every), rel=1e-9)
    expected = brier_score_loss(labels.numpy(), p, labels=every, scale_by_half=False)
    assert found["brier"] == pytest.approx(expected, rel=1e-9)


def test_uniform_predictions() -> None:
    labels = torch.arange(10 * CLASSES) % CLASSES
    logs = torch.full((len(labels), CLASSES), -math.log(CLASSES), dtype=torch.float64)
    found = measures.score(logs, labels)
    assert found["nll"] == pytest.approx(math.log(CLASSES))
    assert found["brier"] == pytest.approx(1 - 1 / CLASSES)
    assert found["accuracy"] == pytest.approx(1 / CLASSES)
    assert found["ece"] == pytest.approx(0, abs=1e-12)
    # all images are tied, so that leaving some out changes nothing
    for name in ("selective_80", "selective_90", "selective_95"):
        assert found[name] == pytest.approx(1 / CLASSES)
    assert found["aurc"] == pytest.approx(1 - 1 / CLASSES)
    detection = measures.detect(logs, logs[:30])
    for values in detection.values():
        assert values == {"auroc": pytest.approx(0.5), "fpr95": 1.0}


def test_certain_predictions() -> None:
    labels = torch.arange(21) % CLASSES
    certain = torch.full((21, CLASSES), -1000.0, dtype=torch.float64)
    right = certain.scatter(1, labels[:, None], 0.0)
    found = measures.score(right, labels)
    assert found["accuracy"] == found["selective_80"] == 1
    for name in ("nll", "brier", "ece", "ece_debiased", "aurc"):
        assert found[name] == pytest.approx(0, abs=1e-12), name
    wrong = certain.scatter(1, (labels[:, None] + 1) % CLASSES, 0.0)
    found = measures.score(wrong, labels)
    assert (found["accuracy"], found["brier"], found["ece"]) == (0, 2, 1)
    assert found["ece_debiased"] == pytest.approx(1)
    assert (found["nll"], found["aurc"]) == (1000, 1)
    flat = torch.full((5, CLASSES), -math.log(CLASSES), dtype=torch.float64)
    for values in measures.detect(right, flat).values():
        assert values == {"auroc": 1.0, "fpr95": 0.0}


def test_calibration_error_of_two_bins() -> None:
    """Of 50 images each: at 0.9 half are right, at 0.3 four fifths."""
    confidence = torch.tensor([0.9] * 50 + [0.3] * 50, dtype=torch.float64)
    right = torch.tensor([1.0, 0.0] * 25 + [1.0] * 40 + [0.0] * 10, dtype=torch.float64)
    found = measures.expected_calibration_error(confidence, right)
    assert found == pytest.approx((0.4 + 0.5) / 2)
    squares = (0.4**2 - 0.5**2 / 49 + 0.5**2 - 0.8 * 0.2 / 49) / 2
    found = measures.debiased_squared_error(confidence, right, bins=2)
    assert found == pytest.approx(squares)
    found = measures.debiased_calibration_error(confidence, right, bins=2)
    assert found == pytest.approx(math.sqrt(squares))


@pytest.mark.parametrize(("images", "bins"), [(400, 15), (97, 10), (9, 15), (2, 15)])
def test_debiased_error_is_that_of_the_plain_loop(images: int, bins: int) -> None:
    confidence, right = (part.numpy() for part in confidence_of(*predictions(images)))
    total = 0.0
    order = np.argsort(confidence, kind="stable")
    for part in np.array_split(order, max(1, min(bins, images // 2))):
        gap = right[part].mean() - confidence[part].mean()
        total += len(part) / images * (gap**2 - right[part].var(ddof=1) / len(part))
    found = measures.debiased_squared_error(*map(torch.from_numpy, (confidence, right)), bins)
    assert found == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("error", [0.0, 0.1])
def test_debiasing_removes_what_chance_adds(error: float) -> None:
    """Over many small samples whose confidence is too high by `error`."""
    plain, debiased = [], []
    for seed in range(400):
        generator = torch.Generator().manual_seed(seed)
        true = 0.4 + 0.5 * torch.rand(200, generator=generator, dtype=torch.float64)
        right = torch.bernoulli(true, generator=generator)
        order = true.argsort()
        gaps = [float((right - true - error)[part].mean()) for part in order.tensor_split(15)]
        plain.append(np.square(gaps).mean())
        debiased.append(measures.debiased_squared_error(true + error, right))
    assert np.mean(plain) > error**2 + 0.01
    assert np.mean(debiased) == pytest.approx(error**2, abs=0.002)


def test_one_image_has_no_debiased_error() -> None:
    assert measures.debiased_calibration_error(torch.tensor([0.7]), torch.tensor([1.0])) == 0


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95, 1.0, 0.001])
def test_selective_accuracy_of_the_plain_loop(coverage: float) -> None:
    confidence, right = confidence_of(*predictions(101))
    count = max(1, math.ceil(coverage * 101))
    kept = sorted(range(101), key=lambda image: -confidence[image])[:count]
    expected = sum(right[image].item() for image in kept) / count
    found = measures.selective_accuracy(confidence, right, coverage)
    assert found == pytest.approx(expected)


def test_area_under_risk_coverage_of_the_plain_loop() -> None:
    confidence, right = confidence_of(*predictions(101))
    order = sorted(range(101), key=lambda image: -confidence[image])
    errors = [1 - right[image].item() for image in order]
    risks = [sum(errors[:k]) / k for k in range(1, 102)]
    found = measures.area_under_risk_coverage(confidence, right)
    assert found == pytest.approx(sum(risks) / 101)


def test_selective_measures_do_not_depend_on_the_order_of_ties() -> None:
    confidence = torch.tensor([0.5, 0.9, 0.9, 0.9, 0.9], dtype=torch.float64)
    right = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    other = right[[0, 4, 3, 2, 1]]
    for values in (right, other):
        assert measures.selective_accuracy(confidence, values, 0.4) == pytest.approx(0.25)
        found = measures.area_under_risk_coverage(confidence, values)
        assert found == pytest.approx((4 * 0.75 + 0.8) / 5)


@pytest.mark.parametrize("levels", [None, 12])
def test_detection_is_that_of_scikit_learn(levels: int | None) -> None:
    """Also with many equal scores."""
    generator = torch.Generator().manual_seed(1)
    known = torch.randn(300, generator=generator, dtype=torch.float64) + 1
    unknown = torch.randn(140, generator=generator, dtype=torch.float64)
    if levels:
        known, unknown = (known * 3).round(), (unknown * 3).round()
    truth, scores = np.r_[np.ones(300), np.zeros(140)], torch.cat([known, unknown]).numpy()
    assert measures.auroc(known, unknown) == pytest.approx(roc_auc_score(truth, scores))
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    expected = fpr[np.argmax(tpr >= 0.95)]
    assert measures.false_positive_rate(known, unknown) == pytest.approx(expected)


def test_scores_of_detection() -> None:
    """By the top probability the two are alike, by the entropy one has fewer doubts."""
    known = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64).log()
    unknown = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log()
    found = measures.detect(known, unknown)
    assert found["max_probability"] == {"auroc": 0.5, "fpr95": 1.0}
    assert found["entropy"] == {"auroc": 1.0, "fpr95": 0.0}


def test_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="no image"):
        measures.score(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
