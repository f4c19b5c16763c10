"""Every method of ours passes the conformance kit."""

from __future__ import annotations

import pytest
import torch

from bench import plugins
from bench.testing.conformance import MethodConformance, images
from bench.testing.reachability import shared

CELL = "[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 1), ('skip_connect', 2)]"


@pytest.mark.slow
class TestBaLeNas(MethodConformance):
    method = "balenas"


@pytest.mark.slow
class TestBayesNas(MethodConformance):
    method = "bayesnas"


@pytest.mark.slow
class TestDarts(MethodConformance):
    method = "darts"


@pytest.mark.slow
class TestDrNas(MethodConformance):
    method = "drnas"


@pytest.mark.slow
class TestFixed(MethodConformance):
    """Its default is a cell of another space."""

    method = "fixed"
    options = {  # noqa: RUF012 - a ClassVar of the base class
        "genotype": f"Genotype(normal={CELL}, normal_concat=range(2, 4),"
        f" reduce={CELL}, reduce_concat=range(2, 4))"
    }


@pytest.mark.slow
class TestGdas(MethodConformance):
    """80 updates of 3e-4 on one noisy draw each are too few; see the class for idle_gradient."""

    method = "gdas"
    toy_options = {  # noqa: RUF012
        "idle_gradient": False,
        "alpha_learning_rate": 0.01,
        "learning_rate": 0.1,
        "temperature": 1.0,
    }
    toy_epochs = 12


@pytest.mark.slow
class TestLocalSearch(MethodConformance):
    """The kit's other space has networks for cells with an operation on every edge."""

    method = "local-search"
    options = {"architectures": 40, "none": False}  # noqa: RUF012


@pytest.mark.slow
class TestOptunaTpe(MethodConformance):
    method = "optuna-tpe"
    options = {"architectures": 40, "none": False}  # noqa: RUF012


@pytest.mark.slow
class TestPcDarts(MethodConformance):
    method = "pc-darts"


@pytest.mark.slow
class TestPgnas(MethodConformance):
    method = "pgnas"
    options = {"candidates": 20}  # noqa: RUF012


@pytest.mark.slow
class TestRDarts(MethodConformance):
    method = "r-darts"
    options = {"images": 32, "lanczos_steps": 3}  # noqa: RUF012


@pytest.mark.slow
class TestRandom(MethodConformance):
    method = "random"


@pytest.mark.slow
class TestRandomSearch(MethodConformance):
    method = "random-search"


@pytest.mark.slow
class TestRegularisedEvolution(MethodConformance):
    method = "regularised-evolution"
    options = {"architectures": 40, "none": False}  # noqa: RUF012


@pytest.mark.slow
class TestSnas(MethodConformance):
    method = "snas"


@pytest.mark.slow
class TestVinnas(MethodConformance):
    method = "vinnas"


def test_no_method_of_ours_is_left_out() -> None:
    tested = {kind.method for kind in MethodConformance.__subclasses__()}
    ours = {
        name for name, entry in plugins.list_methods().items() if entry.value.startswith("methods.")
    }
    assert ours <= tested


def test_the_walk_finds_what_is_hidden() -> None:
    """Else the kit's test of test labels would say nothing."""
    data = images()
    labels = data.test.pool.labels
    assert shared([labels], {"deep": [lambda: data]})
    assert shared([labels], (labels.clone(),))
    assert not shared([labels], data.search)
    holder = torch.nn.Module()
    holder.hidden = labels[3:]
    assert shared([labels], holder)
