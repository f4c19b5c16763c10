"""Black-box baselines: what they train next, what that costs, and what they find."""

from __future__ import annotations

import itertools
import random

import pytest
from support import black_box
from support.black_box import Listening, distance, exact

from bench.errors import ConfigurationError
from bench.space.genotype import Genotype
from bench.tabular.oracle import Training
from methods.black_box import budget as budgets

METHODS = ("regularised-evolution", "local-search", "optuna-tpe")


@pytest.mark.parametrize("method", METHODS)
def test_the_cost_is_the_number_of_architectures_that_were_asked_for(method: str) -> None:
    ask = Listening(exact)
    details = black_box.run(method, ask, architectures=45).selection.details
    assert details["architectures"] == len(ask.asked) == 45
    assert len(set(ask.asked)) == 45, "a known architecture is not trained again"
    assert details["table_seconds"] == 4500


@pytest.mark.parametrize("method", METHODS)
def test_the_trajectory_is_the_best_so_far_and_the_best_is_selected(method: str) -> None:
    ask = Listening(exact)
    selection = black_box.run(method, ask, architectures=45).selection
    accuracies = [black_box.table().accuracies[text][0] for text in ask.asked]
    best, expected = 0.0, []
    for number, accuracy in enumerate(accuracies, 1):
        if accuracy > best:
            best = accuracy
            expected.append((number, accuracy, 100.0 * number, ask.asked[number - 1]))
    found = [
        (
            row["architectures"],
            row["accuracy"],
            row["seconds"],
            Genotype.from_json(row["genotype"]).to_nas_bench_201_text(),
        )
        for row in selection.details["trajectory"]
    ]
    assert found == expected
    assert selection.genotype.to_nas_bench_201_text() == expected[-1][3]


@pytest.mark.parametrize("method", METHODS)
def test_with_the_same_budget_it_finds_better_cells_than_chance(method: str) -> None:
    """200 of 15,625 cells, mean over seeds, against the best of as many random cells."""
    accuracies = {text: values[0] for text, values in black_box.table().accuracies.items()}
    cells = sorted(accuracies)
    chance = [max(accuracies[c] for c in random.Random(s).sample(cells, 200)) for s in range(50)]
    found = []
    for seed in range(3):
        outcome = black_box.run(method, exact, seed, architectures=200)
        found.append(accuracies[outcome.selection.genotype.to_nas_bench_201_text()])
    assert min(found) > sum(chance) / len(chance)


@pytest.mark.parametrize("method", METHODS)
def test_seeds_decide(method: str) -> None:
    asked = []
    for seed in (0, 0, 1):
        ask = Listening(exact)
        black_box.run(method, ask, seed, architectures=40)
        asked.append(ask.asked)
    assert asked[0] == asked[1] != asked[2]


@pytest.mark.parametrize("method", METHODS)
def test_cells_that_a_partial_table_lacks_cost_nothing_and_are_not_selected(method: str) -> None:
    def ask(genotype: Genotype) -> Training | None:
        text = genotype.to_nas_bench_201_text()
        return exact(genotype) if text.count("nor_conv_3x3") < 2 else None

    listening = Listening(ask)
    selection = black_box.run(method, listening, architectures=40).selection
    assert selection.genotype.to_nas_bench_201_text().count("nor_conv_3x3") < 2
    assert selection.details["architectures"] == 40 < len(listening.asked)


def test_an_empty_table_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match="has none of the architectures asked for"):
        black_box.run("local-search", lambda genotype: None)


def test_without_a_table_no_search_is_built() -> None:
    with pytest.raises(ConfigurationError, match="there is no table to ask"):
        black_box.run("regularised-evolution", None)  # type: ignore[arg-type]


def test_unknown_seconds_stay_unknown() -> None:
    details = black_box.run(
        "local-search", lambda g: Training(exact(g).accuracy, None), architectures=5
    ).selection.details
    assert details["table_seconds"] is None
    assert {row["seconds"] for row in details["trajectory"]} == {None}


def test_a_space_that_is_smaller_than_the_budget_ends_the_search() -> None:
    """Cells without `none`, of which the table has those with two operations."""
    few = {
        black_box.text(operations)
        for operations in itertools.product(("skip_connect", "avg_pool_3x3"), repeat=6)
    }

    def ask(genotype: Genotype) -> Training | None:
        return exact(genotype) if genotype.to_nas_bench_201_text() in few else None

    selection = black_box.run("regularised-evolution", ask, architectures=1000).selection
    assert 0 < selection.details["architectures"] <= len(few)


def test_local_search_climbs_to_a_cell_that_no_neighbour_beats() -> None:
    """Accuracies that are sums have one optimum; climbs train whole neighbourhoods up to it."""
    ask = Listening(exact)
    selection = black_box.run("local-search", ask, architectures=150).selection
    assert selection.genotype.to_nas_bench_201_text() == black_box.BEST
    around = [text for text in black_box.table().accuracies if distance(text, black_box.BEST) == 1]
    assert len(around) == 24 and set(around) <= set(ask.asked)
    first, neighbours = ask.asked[0], ask.asked[1:25]
    assert {distance(first, text) for text in neighbours} == {1}
    best = max(neighbours, key=lambda text: black_box.table().accuracies[text][0])
    assert {distance(best, text) for text in ask.asked[25:40]} == {1}


def test_the_oldest_leaves_a_population_not_the_worst() -> None:
    """A population of one is its newest member, however bad: each child is the last one's."""
    ask = Listening(exact)
    black_box.run("regularised-evolution", ask, architectures=60, population=1, sample=1)
    steps = {distance(one, other) for one, other in itertools.pairwise(ask.asked)}
    accuracies = [black_box.table().accuracies[text][0] for text in ask.asked]
    assert steps <= {1, 2}  # 2: a step over a cell that was trained before
    assert any(later < before for before, later in itertools.pairwise(accuracies))


def test_a_tournament_of_many_is_won_by_the_best_alive() -> None:
    """Drawn 200 times, the best of two is drawn for sure: children are next to it."""
    ask = Listening(exact)
    black_box.run("regularised-evolution", ask, architectures=3, population=2, sample=200)
    one, other, child = ask.asked
    accuracy = {text: black_box.table().accuracies[text][0] for text in (one, other)}
    assert accuracy[one] != accuracy[other]
    assert distance(max(accuracy, key=accuracy.__getitem__), child) == 1


@pytest.mark.parametrize("method", METHODS)
def test_without_none_no_edge_is_empty(method: str) -> None:
    ask = Listening(exact)
    black_box.run(method, ask, architectures=30, none=False)
    assert not any("none" in text for text in ask.asked)


def test_asking_again_is_free_until_there_is_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MOST_IDLE", 3)
    outcome = black_box.run("local-search", exact, architectures=1)
    budget = outcome.method.budget
    (known,) = budget._known
    assert budget.trained == 1 and budget.train(known) == exact(outcome.selection.genotype).accuracy
    assert budget.trained == 1
    other = outcome.method.encoding.mutate(known, random.Random(0))
    with pytest.raises(RuntimeError, match="all 1 architectures are trained"):
        budget.train(other)
