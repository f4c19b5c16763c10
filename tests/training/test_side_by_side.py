"""Threads: results in order, torch's threads shared and given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from bench.training.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("at_once", "own"), [(1, 4), (2, 2), (3, 1), (4, 1), (9, 1)])
def test_results_in_order_and_threads_shared(at_once: int, own: int) -> None:
    def work(number: int) -> tuple[int, int]:
        return number * number, torch.get_num_threads()

    found = side_by_side(work, range(7), at_once)
    assert found == [(number * number, own) for number in range(7)]
    assert torch.get_num_threads() == 4


def test_things_are_at_work_together() -> None:
    both = threading.Barrier(2, timeout=20)
    assert side_by_side(lambda _: both.wait() >= 0, range(2), 2) == [True, True]


def test_an_error_comes_back_and_so_do_the_threads() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("third")
        return number

    with pytest.raises(ValueError, match="third"):
        side_by_side(work, range(5), 2)
    assert torch.get_num_threads() == 4
