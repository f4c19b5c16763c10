"""How many candidates are evaluated at once: by memory, threads and device."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import small_tasks

from bench.space.lanes import memory
from bench.space.options import SupernetOptions
from bench.space.robust import S4Config
from bench.space.supernet import Supernet

CPU = torch.device("cpu")
SHAPE = (20, 1, 8, 8)
LANE = 20 * 4 * 64 * 4 * 4 * memory.ALIVE_IN_PIECES
"""Images, channels (of the reduction cell), pixels, bytes, edges of the first stage."""


@pytest.mark.parametrize(
    ("threads", "budget", "expected"),
    [
        (2, memory.BYTES["cpu"], (2, memory.MOST_LANES)),
        (1, 3 * LANE, (1, 3)),
        (2, 6 * LANE, (2, 3)),
        (8, 2 * LANE, (2, 1)),
        (2, 1, (1, 1)),
    ],
)
def test_fewer_lanes_where_less_memory_may_be_used(
    threads: int, budget: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    supernet = Supernet(small_tasks.space(), SHAPE[1:], 3)
    monkeypatch.setitem(memory.BYTES, "cpu", budget)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert memory.plan_programs(supernet, SHAPE, CPU) == expected
    finally:
        torch.set_num_threads(before)


def test_one_program_where_draws_depend_on_the_order_and_on_a_gpu() -> None:
    noisy = Supernet(S4Config(nodes=1, cells=2, channels=4), SHAPE[1:], 3)
    assert memory.plan_programs(noisy, SHAPE, CPU) == (1, 1)
    plain = Supernet(small_tasks.space(), SHAPE[1:], 3)
    assert memory.plan_programs(plain, SHAPE, torch.device("cuda")) == (1, memory.MOST_LANES)


def test_no_lanes_where_only_some_channels_are_mixed() -> None:
    supernet = Supernet(small_tasks.space(), SHAPE[1:], 3, SupernetOptions(partial=2))
    assert memory.plan_programs(supernet, SHAPE, torch.device("cuda")) == (1, 1)


@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 8))
def test_parts_are_in_order_and_even(count: int, most: int, at_once: int) -> None:
    parts = memory.split_evenly(range(count), most, at_once)
    assert [n for part in parts for n in part] == list(range(count))
    sizes = {len(part) for part in parts[:-1]} or {len(parts[-1])}
    assert len(sizes) == 1 and len(parts[-1]) <= max(sizes) <= most
