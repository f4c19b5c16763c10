"""Candidates evaluated together equal candidates evaluated one at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cases import Case, cases, shipped

from bench.space.lanes.network import PIECE, LaneNetwork
from bench.space.mixture import CellMixture, Mixture
from bench.space.options import SupernetOptions
from bench.space.robust import S4Config
from bench.space.supernet import Supernet


def candidate(supernet: Supernet, seed: int, keep: float, masked: bool, scale: bool) -> Mixture:
    """A random set of operations, by position and with hard masks where `masked`."""
    generator = torch.Generator().manual_seed(seed)
    names = supernet.space.operations
    edges = len(supernet.graph.edges)
    cells = {}
    for position in supernet.positions:
        key = str(position.index) if masked else position.kind
        if key in cells:
            continue
        kept = torch.rand(edges, len(names), generator=generator) < keep
        active = {
            name: tuple(kept[:, column].nonzero().flatten().tolist())
            for column, name in enumerate(names)
            if name != "none"
        }
        masks = {}
        if masked:
            for name, slices in supernet.slices(position.index).items():
                mask = torch.rand(edges, slices, generator=generator) < 0.7
                masks[name] = mask.double()
        weights = kept.double()
        if scale:
            weights = weights * torch.rand(weights.shape, generator=generator, dtype=torch.float64)
        cells[key] = CellMixture(weights, masks=masks, active=active)
    return Mixture(cells)


def assert_equal(case: Case, mixtures: list[Mixture], supernet: Supernet) -> None:
    images = case.images(torch.float64).detach()
    found = LaneNetwork(supernet, mixtures).logits(images)
    with torch.no_grad():
        expected = torch.stack([supernet(images, mixture) for mixture in mixtures])
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    cases(),
    st.integers(1, 5),
    st.sampled_from([0.1, 0.5, 0.95]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_equal_to_one_at_a_time(
    case: Case, lanes: int, keep: float, masked: bool, scale: bool, seed: int
) -> None:
    supernet = case.supernet(torch.float64).eval()
    mixtures = [candidate(supernet, seed + n, keep, masked, scale) for n in range(lanes)]
    assert_equal(case, mixtures, supernet)


@pytest.mark.parametrize("surrogates", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_all_shipped_operations_and_equal_candidates(channels_last: bool, surrogates: bool) -> None:
    case = shipped(channels_last=channels_last, normalise_operations=True, surrogates=surrogates)
    supernet = case.supernet(torch.float64).eval()
    mixtures = [candidate(supernet, seed, 0.6, False, False) for seed in (0, 1, 0, 2)]
    assert_equal(case, mixtures, supernet)
    # the first and the third are computed once
    network = LaneNetwork(supernet, mixtures)
    assert network.lanes == (0, 1, 0, 2)


@pytest.mark.parametrize("limit", [1, 3000, None])
def test_equal_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    """One job a call; a few; all at once, as on a GPU."""
    if limit is None:
        monkeypatch.delitem(PIECE, "cpu")
    else:
        monkeypatch.setitem(PIECE, "cpu", limit)
    case = shipped(channels_last=True, normalise_operations=True)
    supernet = case.supernet(torch.float64).eval()
    mixtures = [candidate(supernet, seed, 0.8, True, True) for seed in range(3)]
    assert_equal(case, mixtures, supernet)


def test_edges_from_what_lanes_share_are_computed_once() -> None:
    case = shipped()
    supernet = case.supernet(torch.float64).eval()
    mixtures = [candidate(supernet, seed, 0.9, False, False) for seed in range(6)]
    network = LaneNetwork(supernet, mixtures)
    first = network.cells[0].plan.stages[0]
    edges = len(supernet.graph.stages[0].edges)
    assert max(len(work.jobs) for work in first.values()) == edges
    assert max(len(work.uses) for work in first.values()) > 3 * edges


def test_a_mixture_that_lanes_cannot_have_is_refused() -> None:
    case = shipped(weights="example")
    supernet = case.supernet(torch.float64).eval()
    with pytest.raises(ValueError, match="per batch only"):
        LaneNetwork(supernet, [case.mixture(supernet, torch.float64)])


def test_noise_is_refused() -> None:
    supernet = Supernet(S4Config(nodes=1, cells=2, channels=4), (2, 8, 8), 3)
    with pytest.raises(ValueError, match="draw no noise"):
        LaneNetwork(supernet, [candidate(supernet, 0, 0.5, False, False)])


def test_partial_channels_are_refused() -> None:
    case = shipped()
    supernet = Supernet(case.space, (2, 8, 8), 3, SupernetOptions(partial=2))
    with pytest.raises(ValueError, match="mix all channels"):
        LaneNetwork(supernet, [candidate(supernet, 0, 0.5, False, False)])
