"""How noisy the gradient is that each of VINNAS's estimators hands to the weights' means."""

from __future__ import annotations

import statistics
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.config import DataConfig
from bench.data.splits import Batch, Split
from bench.errors import ConfigurationError
from bench.method import Method
from bench.space.cpu.memory_format import arrange
from bench.space.supernet import Supernet
from bench.speed.context import Context
from bench.speed.method_steps import ESTIMATORS
from bench.speed.report import Row, Section
from bench.speed.scales import Scale, data_of
from bench.speed.steps import load
from bench.training.config import SearchConfig
from bench.training.search import Prepared, SearchArguments, prepare

if TYPE_CHECKING:
    from bench.study.model import Trial

EARLY, EPOCHS = 1, 8
"""Epochs of the search after which is measured: the first, and the last one."""


def variance(context: Context, scale: Scale) -> list[Row]:
    """Total variance (trace of the covariance) of the mean weights' cross-entropy gradient.

    At the weights that VINNAS's own search has: fresh, after its first epoch, and at its end; the
    quantiles of their log_alpha there are rows of their own. Over batches and noise (of the weights
    and of the relevances z) together, and over the noise within a batch alone; against lrt on the
    same batches. `mean` has no noise but that of z. A sample is one batch's contribution; rows hold
    the mean over the batches and its ratio, for a median of contributions means nothing.
    """
    name = f"{scale.name}, small" if scale.shape[1] > 14 else scale.name
    scale = scale.limited(name, cells=3, channels=4, nodes=2, side=14, batch=32)
    epochs, steps = (2, 4) if context.quick else (EPOCHS, 125)
    data = data_of(scale, context.device, scale.batch * steps)
    budget = SearchConfig(epochs=epochs, batch_size=scale.batch)
    vinnas = load("vinnas")
    search = prepare(
        SearchArguments(
            vinnas,
            vinnas.Config(variational_weights=True),
            scale.space,
            budget,
            data,
            DataConfig(),
            0,
        )
    )
    batches = 3 if context.quick else 8
    return _measure(context, search, scale, data.train, batches)


def find_trial(study: str) -> Trial:
    """The first search by VINNAS of a study. Raises ConfigurationError where it has none."""
    from bench.study.file import load as load_study  # not on a bare machine

    trial = next((trial for trial in load_study(study).trials if trial.method == "vinnas"), None)
    if trial is None:
        raise ConfigurationError(f"--study {study}: it has no trial of the method vinnas")
    return trial


def variance_of_study(context: Context, trial: Trial, root: Path | None) -> tuple[list[Row], Scale]:
    """The same in a study's search by VINNAS, on its data, and the study's scale.

    The search has Gaussian weights, whether the study's has or not. Raises DataError where its
    data cannot be read.
    """
    from bench.data import loading  # not on a bare machine

    data = loading.load(trial.data, root, context.device).search
    kind, budget, space = load("vinnas"), trial.search, trial.space
    options = kind.Config(**{**trial.options, "variational_weights": True})
    search = prepare(SearchArguments(kind, options, space, budget, data, trial.data, trial.seed))
    scale = Scale(
        name=trial.study,
        cells=space.cells,
        channels=space.channels,
        shape=data.shape,
        batch=budget.batch_size,
        nodes=space.nodes,
        classes=data.classes,
        operations=space.operations,
    )
    batches = 3 if context.quick else 12
    return _measure(context, search, scale, data.train, batches), scale


def _measure(
    context: Context, search: Prepared, scale: Scale, train: Split, batches: int
) -> list[Row]:
    """Runs the search; measures on its way, on the first batches of another epoch's order."""
    assert search.trainer is not None
    epochs = search.trainer.options.epochs
    order = train.epoch(scale.batch, epochs + 1, 1)
    fixed = [Batch(arrange(images), labels) for images, labels in islice(order, batches)]
    draws = 2 if context.quick else 6
    result: list[Row] = []

    def look(state: str) -> None:
        result.extend(_measure_state(search, scale, state, fixed, draws))

    after = search.trainer.hooks.after

    def measured(epoch: int) -> dict[str, Any]:
        report = after(epoch)
        if epoch == EARLY:
            look(f"early (after epoch 1 of {epochs})")
        if epoch == epochs:
            look(f"late (after epoch {epochs})")
        context.tick(epoch / epochs)
        return report

    search.trainer.hooks.after = measured
    look("fresh")
    search.trainer.run()
    return result


def _measure_state(
    search: Prepared, scale: Scale, state: str, batches: list[Batch], draws: int
) -> list[Row]:
    """Rows at the search's present weights, which stay as they are."""
    method, supernet = search.method, search.supernet
    layers = [layer for layer in supernet.modules() if hasattr(layer, "log_variance")]
    section = Section(f"variance, {state}", scale.name, "lrt")
    rates = torch.cat([_log_alpha(layer) for layer in layers])
    result = []
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        value = float(rates.quantile(share))
        result.append(section.row("weights", f"log_alpha, {share:.0%} quantile", [value], ""))
    kept = {name: value.clone() for name, value in supernet.state_dict().items()}
    variances = {}
    for parameter in supernet.parameters():
        parameter.requires_grad_(True)
    for name in (*ESTIMATORS, "mean"):
        for layer in layers:
            layer.estimator = name  # type: ignore[assignment]
        variances[name] = _variances(method, supernet, batches, draws)
        supernet.load_state_dict(kept)
    for layer in layers:
        layer.estimator = method.config.estimator
    for name, values in variances.items():
        for number, quantity in enumerate(("batches and noise", "noise alone")):
            against = variances["lrt"][number]
            row = section.row(name, quantity, values[number], "", against=against)
            mean = statistics.fmean(values[number])
            ratio = None if name == "lrt" else mean / statistics.fmean(against)
            result.append(replace(row, median=mean, ratio=ratio, note="means, not medians"))
    return result


@torch.no_grad()
def _log_alpha(layer: nn.Module) -> Tensor:
    weight, spread = layer.get_parameter("weight"), layer.get_parameter("log_variance")
    return (spread - weight.square().log()).flatten()


def _variances(
    method: Method, supernet: Supernet, batches: list[Batch], draws: int
) -> tuple[list[float], list[float]]:
    """One value per batch: its contribution to the total variance, and its own variance by noise.

    The mean over the batches estimates the trace of the covariance, in the first case up to the
    small correction for the mean's own error.
    """
    parameters = [p for n, p in supernet.named_parameters() if not n.endswith("log_variance")]
    supernet.train()
    method.train()
    supernet.noise.reseed("variance")

    def gradient(batch: Batch) -> Tensor:
        logits = supernet(batch.images, method.mixture(len(batch.labels)))
        parts = torch.autograd.grad(F.cross_entropy(logits, batch.labels), parameters)
        return torch.cat([part.flatten() for part in parts])

    means, squares, noise = [], [], []
    for batch in batches:
        gradients = torch.stack([gradient(batch) for _ in range(draws)]).double()
        means.append(gradients.mean(0))
        squares.append(gradients.square().sum(1).mean().item())
        noise.append(gradients.var(0).sum().item())
    centre = torch.stack(means).mean(0).square().sum().item()
    return [square - centre for square in squares], noise
