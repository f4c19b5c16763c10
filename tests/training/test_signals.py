"""What a search measures of its own collapse: right values, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support import tiny

from analysis.collapse.tables import tabulate_epochs
from analysis.common.operations import CollapseThresholds
from bench import plugins
from bench.data.loading import load
from bench.space.mixture import CellMixture, Mixture
from bench.training.measure import measure
from bench.training.search import SearchArguments, build
from bench.training.signals import HESSIAN_IMAGES, signals

ASKED = {"discretisation_gap": True, "eigenvalue": True, "epochs": 2}
TRAINED = [
    name
    for name in plugins.list_methods()
    if name not in ("random", "fixed") and not plugins.load_method(name).needs_table
]


@pytest.mark.parametrize("name", TRAINED)
def test_the_search_is_the_same_but_for_them(name: str, tmp_path: Path) -> None:
    wide = {"channels": 4}  # pc-darts splits them
    plain, asked = (
        tiny.run(tiny.trial(name, search=search, space=wide), tmp_path / folder).record
        for folder, search in {"plain": {"epochs": 2}, "asked": ASKED}.items()
    )
    assert plain.status == asked.status == "finished", asked.error
    plain, asked = tiny.lasting(plain), tiny.lasting(asked)
    for one, other in zip(plain["search"]["epochs"], asked["search"]["epochs"], strict=True):
        measured = other.pop("collapse")
        assert {"supernet_validation_accuracy", "discretised_validation_accuracy"} <= set(measured)
        assert all(0 <= v <= 1 for k, v in measured.items() if k.endswith("accuracy"))
        assert one == other
    assert plain["evaluation"] == asked["evaluation"]


def prepared(name: str) -> tuple[Any, Any, Any, Any]:
    trial = tiny.trial(name, search=ASKED)
    data = load(trial.data, None, tiny.CPU).search
    kind = plugins.load_method(name)
    made, supernet = build(
        SearchArguments(kind, kind.Config(), trial.space, trial.search, data, trial.data, 0)
    )
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(0))
    return made, supernet, data, trial


def test_values_are_those_of_the_definition() -> None:
    """DARTS: the full Hessian of the loss in all alphas, the mixture, and the strongest cell."""
    darts, supernet, data, trial = prepared("darts")
    found = signals(darts, supernet, data.validation, trial.search)
    assert darts.training
    assert supernet.training
    assert all(parameter.grad is None for parameter in supernet.parameters())
    assert all(parameter.requires_grad for parameter in supernet.parameters())

    kept = supernet.genotype_mixture(darts.current())
    mixed = data.validation.mixed()  # the networks normalise by the batch that they see
    whole = measure(lambda x: supernet(x, darts.mixture(len(x))), mixed, 32)
    left = measure(lambda x: supernet(x, kept), mixed, 32)
    assert found["supernet_validation_accuracy"] == whole["accuracy"]
    assert found["discretised_validation_accuracy"] == left["accuracy"]

    split, keys = data.validation, list(darts.alpha)
    count = min(len(split), HESSIAN_IMAGES)
    images, labels = split.select(torch.linspace(0, len(split) - 1, count).round().long())

    def loss(flat: torch.Tensor) -> torch.Tensor:
        sizes = [darts.alpha[key].numel() for key in keys]
        parts = [p.view_as(darts.alpha[k]) for k, p in zip(keys, flat.split(sizes), strict=True)]
        cells = [CellMixture(part.softmax(-1)) for part in parts]
        mixture = Mixture(dict(zip(keys, cells, strict=True)))
        return F.cross_entropy(supernet(images, mixture), labels)

    flat = torch.cat([darts.alpha[key].detach().flatten() for key in keys])
    hessian = torch.autograd.functional.hessian(loss, flat)
    expected = float(torch.linalg.eigvalsh(hessian.double())[-1])
    assert found["dominant_eigenvalue"] == pytest.approx(expected, rel=2e-3)


def test_nothing_is_measured_unasked() -> None:
    darts, supernet, data, _ = prepared("darts")
    assert signals(darts, supernet, data.validation, tiny.SEARCH) == {}


def test_the_timeline_has_their_columns(tmp_path: Path) -> None:
    record = tiny.run(tiny.trial("darts", search=ASKED), tmp_path).record
    rows = tabulate_epochs([record], CollapseThresholds(), tmp_path)
    both = rows[rows["cell"] == "both"]
    kept = [epoch.collapse for epoch in record.search.epochs]
    gaps = [
        100 * (k["supernet_validation_accuracy"] - k["discretised_validation_accuracy"])
        for k in kept
    ]
    assert list(both["discretisation_gap_points"]) == pytest.approx(gaps)
    assert list(both["dominant_eigenvalue"]) == [k["dominant_eigenvalue"] for k in kept]
