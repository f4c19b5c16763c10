"""Measures of predictive distributions, as pure functions of them.

`log_probabilities` are float64 [images, classes], their exponentials sum to 1 over the classes;
`labels` are int64 [images]; all on the CPU. The confidence of a prediction is its largest
probability, the prediction is right where that class is the label.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = 15
COVERAGES = (0.8, 0.9, 0.95)
"""Shares of the images that are predicted where the least confident are left out."""
PASSED = 0.95
"""Share of the known images that a detector of unknown ones lets pass."""


def score(log_probabilities: Tensor, labels: Tensor) -> dict[str, float]:
    """Every measure of predictions whose labels are known.

    accuracy, ece, ece_debiased, aurc and selective_80, _90, _95 (`selective_accuracy` at
    `COVERAGES`) are fractions, nll is in nats per image, brier between 0 and 2. Raises ValueError
    where there is no image.
    """
    if not len(labels):
        raise ValueError("no image is predicted")
    confidence, predicted = log_probabilities.max(-1)
    right = (predicted == labels).double()
    selective = {
        f"selective_{100 * coverage:.0f}": selective_accuracy(confidence, right, coverage)
        for coverage in COVERAGES
    }
    return {
        "accuracy": float(right.mean()),
        "nll": nll(log_probabilities, labels),
        "brier": brier(log_probabilities, labels),
        "ece": expected_calibration_error(confidence.exp(), right),
        "ece_debiased": debiased_calibration_error(confidence.exp(), right),
        **selective,
        "aurc": area_under_risk_coverage(confidence, right),
    }


def nll(log_probabilities: Tensor, labels: Tensor) -> float:
    """Mean negative log-likelihood of the labels, nats per image."""
    return float(F.nll_loss(log_probabilities, labels))


def brier(log_probabilities: Tensor, labels: Tensor) -> float:
    """Mean squared distance of the probabilities to the label's, summed over the classes.

    Brier 1950, Monthly Weather Review 78:1; between 0 and 2.
    """
    certain = F.one_hot(labels, log_probabilities.shape[-1])
    return float((log_probabilities.exp() - certain).square().sum(-1).mean())


def expected_calibration_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """ECE: over bins of confidence, the mean of |accuracy - mean confidence|, weighted by images.

    Bins of equal width from 0 to 1 (Guo, Pleiss, Sun and Weinberger 2017, arXiv 1706.04599), as in
    the leaderboard. confidence: float64 [images], probabilities; right: float64 [images], 0 or 1.
    """
    numbers = (confidence * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, numbers, right - confidence)
    return float(gaps.abs().sum()) / len(right)


def debiased_calibration_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """The root of `debiased_squared_error`, a fraction; 0 where that is below 0."""
    return math.sqrt(max(0.0, debiased_squared_error(confidence, right, bins)))


def debiased_squared_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """Squared calibration error (L2) without what chance adds to it, over equally filled bins.

    sum_b n_b / n [ (a_b - c_b)^2 - a_b (1 - a_b) / (n_b - 1) ], with the accuracy a_b and the mean
    confidence c_b of the n_b images of bin b: the second term estimates the variance of a_b, which
    the plain square counts as error, so that few images look badly calibrated (Kumar, Liang and Ma
    2019, arXiv 1909.10155, definition 5.2; Roelofs, Cain, Shlens and Mozer 2022, arXiv 2012.08668,
    on equally filled bins). Unbiased for the binned error, so that it can be below 0. A bin has at
    least two images: few images have fewer bins, one image has no such error (0). Arguments as of
    `expected_calibration_error`; equal confidences keep the order of the images.
    """
    if len(right) < 2:
        return 0.0
    order = confidence.argsort(stable=True)
    parts = order.tensor_split(min(bins, len(order) // 2))
    sizes = torch.tensor([len(part) for part in parts], dtype=torch.float64)
    accuracy = torch.stack([right[part].mean() for part in parts])
    gaps = accuracy - torch.stack([confidence[part].mean() for part in parts])
    squares = gaps.square() - accuracy * (1 - accuracy) / (sizes - 1)
    return float((squares * sizes).sum() / sizes.sum())


def selective_accuracy(confidence: Tensor, right: Tensor, coverage: float) -> float:
    """Accuracy on the share `coverage` of the images of which the network is most confident.

    At least one image counts, and of a broken number the next whole one (El-Yaniv and Wiener 2010,
    JMLR 11:1605). Of images with equal confidence that do not all fit, the expected accuracy of a
    random choice counts. confidence may be on any increasing scale.
    """
    count = max(1, math.ceil(coverage * len(right) - 1e-9))
    return 1 - float(_errors_by_confidence(confidence, right)[:count].mean())


def area_under_risk_coverage(confidence: Tensor, right: Tensor) -> float:
    """AURC: the mean, over k = 1, ..., images, of the error on the k most confident images.

    Geifman, Uziel and El-Yaniv 2019, arXiv 1805.08206; lower is better. Ties as above.
    """
    errors = _errors_by_confidence(confidence, right).cumsum(0)
    return float((errors / torch.arange(1, len(errors) + 1)).mean())


def _errors_by_confidence(confidence: Tensor, right: Tensor) -> Tensor:
    """Expected errors from the most to the least confident image; ties are in random order."""
    _, numbers, counts = confidence.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, numbers, 1 - right)
    return (sums / counts)[numbers.sort(descending=True).values]


def detect(known: Tensor, unknown: Tensor) -> dict[str, dict[str, float]]:
    """How well images of another data set are told from the study's, by a network's doubts.

    known, unknown: log probabilities of the test images and of the others. By the largest
    probability (`max_probability`; Hendrycks and Gimpel 2017, arXiv 1610.02136) and by the entropy
    of the prediction (`entropy`): auroc and fpr95, see `auroc` and `false_positive_rate`.
    """
    scores = {"max_probability": _largest, "entropy": _negative_entropy}
    return {
        name: {
            "auroc": auroc(sure(known), sure(unknown)),
            "fpr95": false_positive_rate(sure(known), sure(unknown)),
        }
        for name, sure in scores.items()
    }


def _largest(log_probabilities: Tensor) -> Tensor:
    return log_probabilities.amax(-1)


def _negative_entropy(log_probabilities: Tensor) -> Tensor:
    return (log_probabilities.exp() * log_probabilities).nan_to_num(0.0).sum(-1)


def auroc(known: Tensor, unknown: Tensor) -> float:
    """Probability that a known image scores higher than an unknown one; equal scores count half.

    known, unknown: float64 [images], any scale that is higher for known images; 0.5 is chance.
    """
    _, numbers, counts = torch.cat([known, unknown]).unique(return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0) - (counts - 1) / 2  # from 1; those of equal scores are their mean
    excess = float(ranks[numbers[: len(known)]].sum()) - len(known) * (len(known) + 1) / 2
    return excess / (len(known) * len(unknown))


def false_positive_rate(known: Tensor, unknown: Tensor, passed: float = PASSED) -> float:
    """Share of the unknown images that pass where the share `passed` of the known ones does.

    The threshold is the highest one that at least that share of the known images reaches (Liang, Li
    and Srikant 2018, arXiv 1706.02690: FPR at 95 % TPR). Arguments as of `auroc`.
    """
    place = math.ceil(passed * len(known) - 1e-9)
    threshold = known.sort(descending=True).values[place - 1]
    return float((unknown >= threshold).double().mean())
