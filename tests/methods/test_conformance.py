"""Every method of ours passes the conformance kit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench import method
from bench.testing.conformance import MethodConformance, images
from bench.testing.reachability import shared

CELL = "[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 1), ('skip_connect', 2)]"
SETTINGS: dict[str, dict[str, Any]] = {
    "fixed": {  # its default is a cell of another space
        "options": {
            "genotype": f"Genotype(normal={CELL}, normal_concat=range(2, 4),"
            f" reduce={CELL}, reduce_concat=range(2, 4))"
        },
    },
    "gdas": {
        # 80 updates of 3e-4 on one noisy draw each are too few; see the class for idle_gradient
        "toy_options": {
            "idle_gradient": False,
            "alpha_learning_rate": 0.01,
            "learning_rate": 0.1,
            "temperature": 1.0,
        },
        "toy_epochs": 12,
    },
    "pgnas": {"options": {"candidates": 20}},
    "r-darts": {"options": {"images": 32, "lanczos_steps": 3}},
}
OURS = [name for name, entry in method.names().items() if entry.value.startswith("methods.")]

for _name in OURS:
    _class = type(
        f"Test_{_name}", (MethodConformance,), {"method": _name, **SETTINGS.get(_name, {})}
    )
    globals()[_class.__name__] = pytest.mark.slow(_class)


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
