"""Rate times steps is kept, up to a cap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.budgets import rate_factor

STEPS = st.integers(1, 10**6)


@given(STEPS, STEPS, st.floats(1, 100))
def test_rate_times_steps_is_the_papers_where_neither_end_is_reached(
    stated: int, steps: int, cap: float
) -> None:
    factor = rate_factor(stated, steps, cap)
    assert 1 <= factor <= cap
    if stated <= steps:
        assert factor == 1, "a longer search keeps the stated rate"
    elif stated < cap * steps:
        assert factor * steps == pytest.approx(stated)
    else:
        assert factor == cap


@given(STEPS, STEPS)
def test_a_cap_of_1_turns_it_off(stated: int, steps: int) -> None:
    assert rate_factor(stated, steps, 1.0) == 1


@pytest.mark.parametrize(("stated", "steps", "cap"), [(0, 1, 2.0), (1, 0, 2.0), (1, 1, 0.5)])
def test_what_is_no_number_of_steps_or_cap_is_refused(stated: int, steps: int, cap: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rate_factor(stated, steps, cap)
