"""The stratified draw: exact size, proportions, nesting, purity."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.data.stratify import allocate, complement, stratified

counts_and_total = st.lists(st.integers(0, 50), min_size=1, max_size=8).flatmap(
    lambda counts: st.tuples(st.just(counts), st.integers(0, sum(counts)))
)


@given(counts_and_total)
def test_allocation_sums_fits_and_starves_no_class(drawn: tuple[list[int], int]) -> None:
    counts, total = drawn
    quota = allocate(torch.tensor(counts), total).tolist()
    assert sum(quota) == total
    assert all(0 <= taken <= count for taken, count in zip(quota, counts, strict=True))
    if total >= sum(count > 0 for count in counts):
        assert all(taken > 0 for taken, count in zip(quota, counts, strict=True) if count)


def test_allocation_is_proportional() -> None:
    assert allocate(torch.tensor([100, 200, 700]), 100).tolist() == [10, 20, 70]
    assert allocate(torch.tensor([10, 10, 10]), 10).tolist() == [4, 3, 3]
    assert allocate(torch.tensor([1, 999]), 10).tolist() == [1, 9]


def test_allocation_refuses_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="cannot take 4 of 3"):
        allocate(torch.tensor([1, 2]), 4)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_a_draw_is_sorted_unique_and_of_the_quota(labels: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, len(labels)))
    tensor = torch.tensor(labels)
    drawn = stratified(tensor, total, "purpose", 3)
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    quota = allocate(torch.bincount(tensor), total)
    assert torch.bincount(tensor[drawn], minlength=len(quota)).tolist() == quota.tolist()
    assert torch.equal(drawn, stratified(tensor, total, "purpose", 3))
    rest = complement(drawn, len(labels))
    assert sorted(drawn.tolist() + rest.tolist()) == list(range(len(labels)))


def test_draws_differ_by_seed_and_nest() -> None:
    labels = torch.arange(1000) % 10
    small, large = (set(stratified(labels, total, 0).tolist()) for total in (100, 300))
    assert small < large
    assert small != set(stratified(labels, 100, 1).tolist())
