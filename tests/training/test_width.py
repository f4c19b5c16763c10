"""Channels chosen by a budget of parameters: the most that it allows, in every space."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny
from support.published import DARTS_V2, GDAS

from bench.errors import ConfigurationError
from bench.noise import Noise
from bench.records.schema import FailedRecord, FinishedRecord
from bench.space import registry as spaces
from bench.space.building import build_network
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.options import NetworkOptions
from bench.training.measure import layer_table
from bench.training.width import NARROWEST, choose_channels, count_parameters
from methods.variational.layers import VariationalLayers

OPTIONS = NetworkOptions(3, 1, (1, 16, 16), 10)
SPACES = ("darts", "nas-bench-201", "s1", "s2", "s3", "s4")


def make_space(name: str) -> SpaceConfig:
    """A small space of this name."""
    sizes = {} if name in ("nas-bench-201", "s1") else {"nodes": 2}
    return spaces.config(name)(**sizes)


@st.composite
def genotypes(draw: st.DrawFn, space: SpaceConfig, by_position: bool) -> Genotype:
    """Cells of random operations on some edges, in the columns' names, by type or by position."""
    positions = space.positions(OPTIONS.cells)
    keys = {str(p.index) if by_position else p.kind: p.kind for p in positions}

    def pair(node: int, source: int) -> tuple[str, int]:
        return draw(st.sampled_from(space.operations)), source

    def cell() -> Any:
        return tuple(
            tuple(
                pair(node, source)
                for source in range(space.graph.inputs + node)
                if draw(st.booleans())
            )
            for node in range(space.graph.nodes)
        )

    return Genotype(space.name, {key: cell() for key in keys})


@pytest.mark.parametrize("by_position", [False, True])
@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_one_channel_more_would_be_over_the_budget(
    name: str, by_position: bool, data: st.DataObject
) -> None:
    space = make_space(name)
    genotype = data.draw(genotypes(space, by_position))
    skeletons = ["cifar", "mobile"] if space.has_mobile_skeleton else ["cifar"]
    options = dataclasses.replace(OPTIONS, skeleton=data.draw(st.sampled_from(skeletons)))

    def count(channels: int) -> int:
        return count_parameters(genotype, space, dataclasses.replace(options, channels=channels))

    budget = data.draw(st.integers(1, 60_000))
    least = NARROWEST[options.skeleton]
    if count(least) > budget:
        with pytest.raises(ConfigurationError, match=f"has {count(least):,} parameters"):
            choose_channels(genotype, space, options, budget)
        return
    channels = choose_channels(genotype, space, options, budget)
    assert channels >= least and count(channels) <= budget < count(channels + 1)


def test_the_published_cell_has_its_published_width() -> None:
    """3,349,342 parameters of DARTS_V2 at 20 cells and 36 channels, as in its code."""
    genotype, options = Genotype.from_text(DARTS_V2), NetworkOptions(20, 1, (3, 32, 32), 10)
    assert choose_channels(genotype, SpaceConfig(), options, 3_349_342) == 36
    assert choose_channels(genotype, SpaceConfig(), options, 3_349_341) == 35


@pytest.mark.parametrize("text", [DARTS_V2, GDAS])
@pytest.mark.parametrize("skeleton", ["cifar", "mobile"])
def test_a_gaussian_weight_counts_as_one_and_the_auxiliary_head_not_at_all(
    text: str, skeleton: Any
) -> None:
    noise = Noise()
    options = NetworkOptions(
        4, 6, (3, 32, 32), 10, True, skeleton, VariationalLayers(noise, "mixed", -10.0), noise
    )
    genotype = Genotype.from_text(text)
    network = build_network(genotype, SpaceConfig(), options)
    rows = layer_table(network)
    counted = sum(row["parameters"] for row in rows)
    assert count_parameters(genotype, SpaceConfig(), options) == counted
    assert counted < sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("skeleton", NARROWEST)
def test_the_narrowest_networks_can_be_trained(name: str, skeleton: Any) -> None:
    space = make_space(name)
    if skeleton == "mobile" and not space.has_mobile_skeleton:
        pytest.skip("the space has no mobile skeleton")
    nodes = tuple(
        tuple((space.operations[-1], source) for source in range(space.graph.inputs + node))
        for node in range(space.graph.nodes)
    )
    kinds = {position.kind for position in space.positions(3)}
    options = dataclasses.replace(OPTIONS, channels=NARROWEST[skeleton], skeleton=skeleton)
    network = build_network(Genotype(space.name, dict.fromkeys(kinds, nodes)), space, options)
    logits, _ = network(torch.randn(4, 1, 32, 32))
    logits.square().sum().backward()
    assert logits.shape == (4, 10) and bool(logits.isfinite().all())


@pytest.mark.parametrize(
    ("method", "options"), [("random", {}), ("vinnas", {"sharing": "position"})]
)
def test_a_trial_is_that_of_the_chosen_channels(
    method: str, options: dict[str, Any], tmp_path: Path
) -> None:
    budget = {"parameters": 3000, "channels": 36}
    record = tiny.run(tiny.trial(method, options, evaluation=budget), tmp_path / "a").record
    assert isinstance(record, FinishedRecord)
    evaluation = record.evaluation
    assert evaluation.width is not None and evaluation.width.budget == 3000
    channels = evaluation.width.channels
    same = tiny.trial(method, options, evaluation={"channels": channels})
    given = tiny.run(same, tmp_path / "b").record
    assert isinstance(given, FinishedRecord) and given.evaluation.width is None
    assert given.genotype == record.genotype
    assert given.evaluation.layers == evaluation.layers and given.evaluation.test == evaluation.test
    assert given.evaluation.parameters == evaluation.parameters <= 3000
    more = tiny.trial(method, options, evaluation={"channels": channels + 1})
    wider = tiny.run(more, tmp_path / "c").record
    assert isinstance(wider, FinishedRecord) and wider.evaluation.parameters > 3000


def test_a_cell_over_the_budget_fails_the_trial_with_its_size(tmp_path: Path) -> None:
    chosen = tiny.trial("random", evaluation={"parameters": 60, "channels": 36})
    record = tiny.run(chosen, tmp_path).record
    assert isinstance(record, FailedRecord) and record.error.stage == "evaluation"
    assert record.error.type == "ConfigurationError" and not record.error.traceback
    assert record.error.message.startswith(
        "evaluation.parameters = 60: the narrowest network, of 1 channel, has "
    )
    assert record.genotype is not None
