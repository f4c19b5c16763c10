"""Looks at growing numbers of seeds: the plan, frozen verdicts, and how often they are wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from analysis.common import comparisons
from analysis.common.comparisons import Judgement, Sample, Verdict
from analysis.common.intervals import LEVEL, Array
from analysis.common.rank_statistics import critical_rank_sum
from analysis.common.sequential import (
    FIXED,
    Schedule,
    describe_looks,
    find_level,
    judge,
    judge_pairs,
    plan_looks,
)

LOOKS = (5, 8, 13, 20)
WRONG = (Verdict.BETTER, Verdict.WORSE)


def by_search(method: str, values: Array) -> Sample:
    return {f"{method}-{n}": float(v) for n, v in enumerate(values)}


def schedule(*samples: Sample, looks: tuple[int, ...] = LOOKS) -> Schedule:
    places = {search: int(search.split("-")[1]) for sample in samples for search in sample}
    return Schedule(looks, places)


def test_looks_grow_in_equal_ratios_up_to_the_last() -> None:
    assert plan_looks(5, 20, 1) == (5, 8, 13, 20)
    assert plan_looks(5, 8, 1) == (5, 8)
    assert plan_looks(10, 20, 1) == (10, 20)
    assert plan_looks(7, 7, 1) == (7,)
    assert plan_looks(6, 60, 0) == (10, 15, 24, 38, 60)  # no signed-rank test of 6 has 5 % / 6
    for fewest, most in ((5, 6), (5, 40), (9, 50)):
        looks = plan_looks(fewest, most, 1)
        assert looks[0] == fewest and looks[-1] == most and list(looks) == sorted(set(looks))


def test_a_first_look_that_could_not_reject_costs_no_error() -> None:
    """Two methods of five seeds have p-values from 2 / 252 on; twice that is above 1.25 %."""
    assert plan_looks(5, 20, 2) == (8, 13, 20)
    for pairs, most in itertools.product(range(1, 30), (5, 8, 20, 40)):
        looks = plan_looks(5, most, pairs)
        level = 1 - (1 - find_level(looks)) / pairs
        assert looks[-1] == most
        assert len(looks) == 1 or critical_rank_sum(looks[0], looks[0], level) is not None


def test_the_errors_of_the_looks_are_5_percent_together() -> None:
    assert find_level(()) == LEVEL == find_level((7,))  # to the last bit
    assert [len(looks) * (1 - find_level(looks)) for looks in ((5, 8), LOOKS)] == pytest.approx(
        [0.05, 0.05]
    )
    assert describe_looks(LOOKS) == "looks at 5, 8, 13 and 20 seeds, each at 1.25 %"
    assert describe_looks((7,)) == "one look at 7 seeds, at 5 %"


def test_without_looks_verdicts_are_those_of_a_fixed_number_of_seeds() -> None:
    generator = np.random.default_rng(0)
    samples = {name: by_search(name, generator.normal(n, 1, 9)) for n, name in enumerate("bcd")}
    baseline = by_search("a", generator.normal(0, 1, 7))
    fixed = comparisons.judge(samples, baseline, 0.5)
    assert judge(samples, baseline, 0.5, FIXED) == fixed
    whole = {name: {k: v for k, v in own.items() if k[2:] < "7"} for name, own in samples.items()}
    alone = judge(whole, baseline, 0.5, schedule(*whole.values(), baseline, looks=(7,)))
    assert alone == comparisons.judge(whole, baseline, 0.5)


def judge_two(looks: tuple[int, ...], values: dict[str, Array]) -> dict[str, Judgement]:
    named = {name: by_search(name, own) for name, own in values.items()}
    baseline = named.pop("a")
    return judge(named, baseline, 0.01, schedule(*named.values(), baseline, looks=looks))


def test_a_pair_is_judged_at_its_look_whatever_comes_later() -> None:
    """b is far better in its first eight seeds and far worse in all that follow."""
    noise = np.random.default_rng(1).normal(0, 1, (3, 20))
    b = noise[1] + np.repeat([10, -50], [8, 12])
    found = judge_two((8, 13, 20), {"a": noise[0], "b": b, "c": noise[2]})
    assert found["b"].verdict is Verdict.BETTER and found["b"].comparison.seeds == (8, 8)
    assert found["c"].comparison.seeds == (20, 20)
    assert found["b"].comparison.level == find_level((8, 13, 20))
    early = judge_two((8, 13, 20), {"a": noise[0], "b": b[:8], "c": noise[2]})
    assert early == found  # no further seed of b is needed, nor of the others for b


def test_a_look_is_made_of_all_its_seeds_or_not_at_all() -> None:
    noise = np.random.default_rng(2).normal(0, 1, (2, 20))
    for size, seeds in ((4, 4), (7, 7), (8, 8), (12, 8), (13, 13), (19, 13)):
        found = judge_two((8, 13, 20), {"a": noise[0], "b": noise[1][:size] + 10})["b"]
        if size < 8:  # before the first look
            assert found.verdict is Verdict.UNDECIDED
            assert found.comparison.seeds == (seeds, 20)
        else:
            assert found.verdict is Verdict.BETTER and found.comparison.seeds == (8, 8)
    whole, baseline = by_search("b", noise[1][:9] + 10), by_search("a", noise[0])
    lacking = {search: value for search, value in whole.items() if search != "b-3"}
    found = judge({"b": lacking}, baseline, 0.01, schedule(whole, baseline, looks=(8,)))["b"]
    assert found.verdict is Verdict.UNDECIDED  # eight seeds, but not the first eight


def test_methods_that_cannot_be_compared_stay_in_the_family() -> None:
    noise = np.random.default_rng(3).normal(0, 1, (2, 8))
    pairs = {"b": (by_search("b", noise[0]), by_search("a", noise[1]))}
    looks = schedule(*pairs["b"], looks=(8,))
    alone, among = (judge_pairs(pairs, 0.5, looks, absent)["b"] for absent in (0, 3))
    assert among.p_holm == pytest.approx(min(1.0, 4 * alone.comparison.p_value))


@pytest.mark.parametrize("methods", [1, 3])
def test_however_often_one_looks_one_family_in_twenty_is_wrong_at_most(methods: int) -> None:
    """Values with a tail below, without any difference; the naive way is wrong far more often."""
    generator = np.random.default_rng(methods)
    looks, wrong, naive, count = (6, 9, 13), 0, 0, 300
    for drawn in -generator.lognormal(size=(count, methods + 1, 13)):
        values = dict(zip("abcd"[: methods + 1], drawn, strict=True))
        found = judge_two(looks, values)
        wrong += any(one.verdict in WRONG for one in found.values())
        each = [judge_two((n,), {k: v[:n] for k, v in values.items()}) for n in looks]
        naive += any(one.verdict in WRONG for own in each for one in own.values())
    assert wrong / count <= 0.05
    assert naive / count > 0.06 and naive > 1.5 * wrong


def test_equivalence_is_found_and_seldom_claimed_of_a_difference_at_the_edge() -> None:
    generator = np.random.default_rng(7)
    verdicts: dict[float, list[Verdict]] = {0.0: [], 0.5: []}
    for shift, found in verdicts.items():
        for one, other in generator.normal(0, 0.4, size=(150, 2, 20)):
            pair = {"b": (by_search("b", one + shift), by_search("a", other))}
            judged = judge_pairs(pair, 0.5, schedule(*pair["b"]))
            found.append(judged["b"].verdict)
    assert verdicts[0.0].count(Verdict.EQUIVALENT) > 75
    assert verdicts[0.5].count(Verdict.EQUIVALENT) / 150 <= 0.05
