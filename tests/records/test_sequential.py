"""The kept looks: which trials they add to a study, and which study they are of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support import studies

from bench.errors import ResultsError
from bench.records import sequential
from bench.records.sequential import Question, Sequential
from bench.study.file import parse
from bench.study.model import Study

TWO = studies.TEXT.replace("[digits]", "[digits, mnist]").replace("seeds: [0]", "seeds: [7, 2]")


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return parse(TWO, "small.yaml")


def ask(dataset: str, label: str, seeds: int, is_open: bool = True) -> Question:
    return Question(
        kind="pair", dataset=dataset, name=label, labels=[label, "a"], verdict="undecided",
        seeds=seeds, is_open=is_open,
    )  # fmt: skip


def count(study: Study) -> Counter[tuple[str, str]]:
    return Counter((trial.dataset, trial.label) for trial in study.trials)


def test_further_seeds_follow_the_largest_and_trials_differ_in_the_seed_alone(
    study: Study,
) -> None:
    planned = sequential.plan(study, [5, 8, 13], 0.5)
    extended = sequential.extend(study, planned)
    assert extended.seeds == (7, 2, 8, 9, 10) and extended.looks == (5, 8, 13)
    assert set(count(extended).values()) == {5}
    assert extended.trials[: len(study.trials)] == study.trials
    written = parse(TWO.replace("[7, 2]", "[7, 2, 8, 9, 10]"), "small.yaml")
    assert [trial.id for trial in extended.trials] == [trial.id for trial in written.trials]


def test_seeds_are_added_where_something_is_open_and_on_its_data_set_alone(study: Study) -> None:
    planned = sequential.plan(study, [5, 8, 13], 0.5)
    closed = ask("digits", "c", 5, is_open=False)
    questions = [ask("digits", "b", 5), closed, ask("mnist", "b", 5, is_open=False)]
    after = sequential.advance(planned, questions)
    assert after.reached["digits"] == {"a": 8, "b": 8, "c": 5}
    assert after.reached["mnist"] == {"a": 5, "b": 5, "c": 5}
    assert count(sequential.extend(study, after))["digits", "b"] == 8
    # c is open again (a record was made anew): it goes on from its own look
    later = sequential.advance(after, [ask("digits", "c", 5), ask("digits", "b", 8)])
    assert later.reached["digits"] == {"a": 13, "b": 13, "c": 8}
    last = sequential.advance(later, [ask("digits", "b", 13)])
    assert last.reached == later.reached


def test_looks_are_of_the_same_comparison_only(study: Study, tmp_path: Path) -> None:
    planned = sequential.plan(study, [5, 8], 0.5)
    sequential.write(tmp_path, planned)
    assert sequential.read(tmp_path) == planned
    assert sequential.with_looks(study, tmp_path) == sequential.extend(study, planned)
    texts = {
        "other seeds": TWO.replace("[7, 2]", "[2, 7]"),
        "another baseline": TWO.replace("baseline: a", "baseline: b"),
        "other settings": TWO.replace("epochs: 2", "epochs: 3"),
        "a method more": TWO.replace("methods:\n", "methods:\n  d: {method: coin}\n"),
    }
    for text in texts.values():
        other = parse(text, "small.yaml")
        assert sequential.with_looks(other, tmp_path) == other
    more = parse(TWO.replace("[7, 2]", "[7, 2, 8]") + "notes: new\n", "small.yaml")
    assert sequential.with_looks(more, tmp_path).seeds == (7, 2, 8, 9, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"looks": [8, 5]}, {"looks": []}, {"seeds": [7, 2]}, {"seeds": [7] * 8}, {"region": -1},
        {"reached": {"digits": {"a": 9}}}, {"design": "x"}, {"kind": "population"},
        {"reached": {"digits": {"a": 6}}}, {"reached": {}}, {"questions": [ask("digits", "b", 6)]},
        {"schema": 2},
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_read(
    study: Study, tmp_path: Path, change: dict[str, object]
) -> None:
    values = sequential.plan(study, [5, 8], 0.5).model_dump(by_alias=True)
    wrong = Sequential.model_construct(**{**values, "schema_": 1, **change})  # type: ignore[arg-type]
    sequential.write(tmp_path, wrong)
    with pytest.raises(ResultsError, match=r"sequential\.json cannot be read"):
        sequential.read(tmp_path)


def test_looks_that_lack_a_method_of_their_study_are_refused(study: Study, tmp_path: Path) -> None:
    planned = sequential.plan(study, [5, 8], 0.5)
    for reached in ({"digits": {"a": 5, "b": 5, "c": 5}}, {"digits": {"a": 5}, "mnist": {"a": 5}}):
        sequential.write(tmp_path, planned.model_copy(update={"reached": reached}))
        with pytest.raises(ResultsError, match="reached: a method of the study is missing"):
            sequential.with_looks(study, tmp_path)


def test_the_key_that_is_wrong_is_named(study: Study, tmp_path: Path) -> None:
    (tmp_path / sequential.FILE).write_text('{"schema": 1, "design": "x"}')
    with pytest.raises(ResultsError, match=r"cannot be read: design: String should match"):
        sequential.read(tmp_path)


def test_results_that_are_a_file_have_no_looks(tmp_path: Path) -> None:
    """What is wrong with them others say."""
    (tmp_path / "results").touch()
    assert sequential.read(tmp_path / "results") is None
