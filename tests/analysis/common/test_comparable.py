"""Which records may stand in one table, in which order, and what is said where they may not."""

from __future__ import annotations

import random

import pytest
from support import synthetic

from analysis.common import comparable
from bench.errors import ResultsError

FACTS = synthetic.facts(["a", "b"], ["mnist", "digits"])
INCOMPARABLE = {
    "search budget": ("search.epochs", 9, r"search\.epochs is 8 in .* and 9 in b-digits-s1"),
    "evaluation": ("evaluation.cells", 5, r"evaluation\.cells is 3 in .* and 5 in b-digits-s1"),
    "space": ("space.nodes", 4, r"space\.nodes is 2 in .* and 4 in b-digits-s1"),
    "augmentation": ("data.flip", True, r"data\.flip is False in .* and True in b-digits-s1"),
    "options": ("method.kl", 1, r"method\.kl is None in b-digits-s0.* and 1 in b-digits-s1"),
}


@pytest.mark.parametrize(("option", "value", "message"), INCOMPARABLE.values(), ids=INCOMPARABLE)
def test_records_that_do_not_compare_are_refused(option: str, value: object, message: str) -> None:
    records = synthetic.records({"a": 0, "b": 0}, seeds=2)
    records[3] = synthetic.change(records[3], {f"configuration.{option}": value})
    with pytest.raises(ResultsError, match=message):
        comparable.order(records, FACTS)


def test_records_of_different_data_are_refused_and_their_files_named() -> None:
    records = synthetic.records({"a": 0})
    records[1] = synthetic.change(records[1], {"data.digest": "f" * 64})
    with pytest.raises(ResultsError, match=r"SHA-256 is .* and ffffffffffff in a-digits-s1"):
        comparable.order(records, FACTS)
    trial = records[1].trial
    with pytest.raises(ResultsError, match=r"ffffffffffff in /there/one\.json"):
        comparable.order(records, FACTS, {(trial.label, trial.id): "/there/one.json"})


def test_a_label_is_one_method() -> None:
    records = synthetic.records({"a": 0}, seeds=2)
    records[1] = synthetic.change(records[1], {"trial.method": "other"})
    with pytest.raises(ResultsError, match=r"trial\.method is a in .* and other in a-digits-s1"):
        comparable.order(records, FACTS)


def test_two_configurations_of_one_trial_are_refused() -> None:
    records = synthetic.records({"a": 0})
    records.append(synthetic.change(records[0], {"trial.id": "e" * 64}))
    with pytest.raises(ResultsError, match=r"seed 0, has two different configurations.*eeeeeeee"):
        comparable.order(records, FACTS)


def test_two_records_of_one_trial_have_to_say_the_same() -> None:
    record = synthetic.record("a")
    assert comparable.order([record, record], FACTS) == [record]
    other = synthetic.change(record, {"evaluation.flops": 1})
    with pytest.raises(ResultsError, match=r"two different records of one trial: a-digits-s0"):
        comparable.order([record, other], FACTS)


def test_where_or_how_fast_a_trial_ran_does_not_hinder_comparison() -> None:
    records = synthetic.records({"a": 0, "b": 0}, seeds=2)
    # `graph` says how, not which trial; `cutout` 0 is the default, which others do not name
    records[3] = synthetic.change(records[3], {"configuration.search.graph": True})
    records[2] = synthetic.change(records[2], {"configuration.search.cutout": 0})
    assert comparable.order(records, FACTS) == records


def test_variations_of_the_study_may_differ_in_more_than_their_method() -> None:
    records = synthetic.records({"a": 0, "b": 0}, seeds=1)
    records[1] = synthetic.change(records[1], {"configuration.evaluation.epochs": 99})
    changes = {"evaluation.epochs": 99}
    varied = synthetic.facts(["a", "b"], base="a", variations={"b": changes})
    assert comparable.order(records, varied) == records


def test_tuned_records_have_the_same_budget_and_their_own_options() -> None:
    changes = {"tuning": {"seconds": 5.0}, "configuration.evaluation.learning_rate": 0.5}
    records = synthetic.records({"a": 0}, seeds=1)
    tuned = synthetic.change(records[0], changes | {"trial.id": "f" * 64})
    assert comparable.order([tuned, *records], FACTS) == [*records, tuned]
    longer = synthetic.change(tuned, {"configuration.evaluation.epochs": 99})
    with pytest.raises(ResultsError, match=r"evaluation\.epochs is 10 in .* and 99 in a-digits"):
        comparable.order([longer, *records], FACTS)


def test_the_order_is_that_of_the_study_with_unknown_names_last() -> None:
    datasets, labels = ["digits", "mnist", "abc"], dict.fromkeys(["zoo", "b", "a", "c"], 0.0)
    records = synthetic.records(labels, datasets, seeds=2)
    random.Random(0).shuffle(records)
    ordered = comparable.order(records, FACTS)
    places = [(one.trial.dataset, one.trial.label, one.trial.seed) for one in ordered]
    assert places == [
        (dataset, label, seed)
        for dataset in ("mnist", "digits", "abc")
        for label in ("a", "b", "c", "zoo")
        for seed in (0, 1)
    ]
