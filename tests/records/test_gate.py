"""The gate: its arithmetic, what a study says of it, and the verb."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support import tiny_trials

from bench.cli.main import main
from bench.errors import ConfigurationError, ResultsError
from bench.records import gate
from bench.records.schema import FinishedRecord
from bench.records.transfer.loading import load as load_transferred
from bench.study.file import load
from bench.study.model import Gate, Study

RESULTS = Path(__file__).parents[2] / "results"
SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|none~1|none~2|"
CONV = SKIP.replace("skip_connect", "nor_conv_3x3")
STUDY = f"""\
name: gated
methods: [random]
datasets: [digits]
seeds: [0]
data: {{train_limit: 200, test_limit: 60}}
space: {{name: nas-bench-201, cells: 1, channels: 2, reduction: thin}}
search: {{epochs: 1, batch_size: 32}}
evaluation: {{epochs: 1, batch_size: 32, cells: 1, channels: 2, auxiliary_weight: 0.0}}
gate:
  cells: {{good: "{CONV}", bad: "{SKIP}"}}
  levels: [[good], [bad]]
  seeds: [0, 1]
"""


def study(folder: Path, text: str = STUDY, *changes: str) -> Study:
    path = folder / "gated.yaml"
    path.write_text(text, encoding="utf-8")
    return load(str(path), list(changes))


def reference_gate(of: Study) -> Gate:
    assert of.gate is not None
    return of.gate


def finished(of: Study, accuracies: dict[str, list[float]]) -> list[FinishedRecord]:
    """Records of the gate's trials with these validation accuracies, by cell and seed."""
    return [
        tiny_trials.record(
            trial,
            evaluation={"validation": {"accuracy": accuracies[trial.label][trial.seed]}},
        )
        for trial in reference_gate(of).trials
    ]


def decide(of: Study, accuracies: dict[str, list[float]]) -> gate.Verdict:
    return gate.decide(reference_gate(of), "gated", finished(of, accuracies))


def test_a_difference_counts_beyond_two_standard_errors(tmp_path: Path) -> None:
    of = study(tmp_path)
    # deviations 0.02/sqrt(2) and 0.04/sqrt(2): pooled variance (0.0002 + 0.0008) / 2 = 0.0005
    noise = 2 * math.sqrt(0.0005) * math.sqrt(1 / 2 + 1 / 2)
    for good, passed in ((0.55 + noise + 1e-6, True), (0.55 + noise - 1e-6, False)):
        verdict = decide(of, {"good": [good - 0.01, good + 0.01], "bad": [0.53, 0.57]})
        (pair,) = verdict.datasets["digits"].pairs
        assert pair.noise == pytest.approx(noise)
        assert verdict.passed is pair.passed is passed


def test_every_pair_of_neighbouring_levels_has_to_come_out(tmp_path: Path) -> None:
    more = f'cells: {{other: "{SKIP}", worst: "{SKIP}", good: "'
    text = STUDY.replace('cells: {good: "', more)
    text = text.replace("levels: [[good], [bad]]", "levels: [[good, other], [bad], [worst]]")
    of = study(tmp_path, text)
    values = {"good": [0.9, 0.91], "other": [0.8, 0.81], "bad": [0.5, 0.51], "worst": [0.3, 0.31]}
    assert decide(of, values).passed
    verdict = decide(of, {**values, "other": [0.5, 0.52]})
    assert not verdict.passed
    failed = [pair for pair in verdict.datasets["digits"].pairs if not pair.passed]
    assert [(pair.better, pair.worse) for pair in failed] == [("other", "bad")]
    assert "other ahead of bad by 0.5 points" in verdict.sentence


def test_a_search_is_held_against_the_worst_cell_at_any_depth(tmp_path: Path) -> None:
    """Networks of both depths are of the same search, which learned or did not."""
    of = study(tmp_path, STUDY, "evaluation.cells=[1, 2]")
    found = {
        "digits, 1 cells": {"good": 0.9, "bad": 0.5},
        "digits, 2 cells": {"good": 0.8, "bad": 0.6},
    }
    records = [
        tiny_trials.record(
            trial,
            evaluation={"validation": {"accuracy": found[trial.dataset][trial.label]}},
        )
        for trial in reference_gate(of).trials
    ]
    gate.write(tmp_path, gate.decide(reference_gate(of), "gated", records))
    assert gate.worst_references(of.gate, tmp_path) == dict.fromkeys(found, 0.5)


def test_a_gate_that_fails_says_where_it_passed(tmp_path: Path) -> None:
    of = study(tmp_path)
    passed = decide(of, {"good": [0.9, 0.91], "bad": [0.5, 0.51]}).datasets["digits"]
    failed = decide(of, {"good": [0.5, 0.52], "bad": [0.5, 0.51]})
    datasets = {"one": passed, "two": passed, **failed.datasets}
    mixed = failed.model_copy(update={"datasets": datasets})
    assert mixed.sentence == f"{failed.sentence} Passed on one and two."


def test_records_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    of = study(tmp_path)
    plan, records = reference_gate(of), finished(of, {"good": [0.9, 0.8], "bad": [0.5, 0.4]})
    one, other = (gate.decide(plan, "gated", given) for given in (records, records[::-1]))
    written = [
        gate.write(tmp_path / name, v).read_bytes() for name, v in (("1", one), ("2", other))
    ]
    assert written[0] == written[1]
    with pytest.raises(ResultsError, match="no finished training of bad"):
        gate.decide(plan, "gated", [r for r in records if r.trial.label == "good"])


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/gate.json")), ids=lambda p: p.parent.name)
def test_a_verdict_that_is_read_and_written_is_the_same_file(path: Path, tmp_path: Path) -> None:
    verdict = gate.read(path.parent)
    assert verdict is not None
    assert gate.write(tmp_path, verdict).read_bytes() == path.read_bytes()
    assert (
        gate.describe_state(load_transferred(path.parent.name, (), RESULTS).gate, path.parent)
        == verdict.sentence
    )


def test_a_verdict_holds_for_its_setting_alone(tmp_path: Path) -> None:
    of = study(tmp_path)
    assert "never run" in gate.describe_state(of.gate, tmp_path)
    gate.write(tmp_path, decide(of, {"good": [0.9, 0.91], "bad": [0.5, 0.51]}))
    assert gate.describe_state(of.gate, tmp_path).startswith("Gate: passed.")
    for change in (
        "data.size=12",
        "evaluation.epochs=2",
        "space.reduction=residual",
        "gate.factor=3.0",
    ):
        other = study(tmp_path, STUDY, change)
        state = gate.describe_state(other.gate, tmp_path)
        assert state.startswith("Gate: NOT RUN.") and "another setting" in state
    for change in ("search.epochs=3", "seeds=[5]", "methods.random.none=true"):
        same = study(tmp_path, STUDY, change)
        assert gate.describe_state(same.gate, tmp_path).startswith("Gate: passed.")
    (tmp_path / gate.FILE).write_text("{")
    with pytest.raises(ResultsError, match="damaged") as caught:
        gate.describe_state(of.gate, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("levels: [[good], [bad]]", "levels: [[good]]", "at least two lists"),
        ("levels: [[good], [bad]]", "levels: [[good], [bda]]", "name every cell once: good, bad"),
        ('good: "|nor', 'good: "|', "gate.cells.good: "),
        ("seeds: [0, 1]", "seeds: [0]", "at least two, to know the noise"),
        ("seeds: [0, 1]", "seed: [0]", "gate.seed: unknown key; did you mean seeds"),
        ("seeds: [0, 1]", "evaluation: {train_on: all}", "must be train"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line) as caught:
        study(tmp_path, STUDY.replace(old, new))
    assert "\n" not in str(caught.value)


def test_spaces_have_reference_cells_of_their_own(tmp_path: Path) -> None:
    text = STUDY[: STUDY.index("gate:")]
    of = study(tmp_path, text)
    assert of.gate is not None and len(of.gate.cells) == 5 and len(of.gate.trials) == 15
    darts = text.replace("{name: nas-bench-201, cells: 1, channels: 2, reduction: thin}", "{}")
    plan = study(tmp_path, darts).gate
    assert plan is not None
    assert plan.levels == (("all-sep_conv_3x3",), ("all-skip_connect", "all-max_pool_3x3"))
    noise = study(tmp_path, darts.replace("space: {}", "space: {name: s4}")).gate
    assert noise is not None and noise.levels == (("all-sep_conv_3x3",), ("all-noise",))
    assert study(tmp_path, darts.replace("space: {}", "space: {name: s1}")).gate is None


def test_a_tabular_study_trains_its_cells_at_the_searchs_scale(tmp_path: Path) -> None:
    begin, end = STUDY.index("evaluation:"), STUDY.index("gate:")
    text = STUDY[:begin] + "evaluation: tabular\n" + STUDY[end:]
    plan = study(tmp_path, text).gate
    assert plan is not None
    made = plan.trials[0].evaluation
    assert (made.epochs, made.batch_size, made.cells, made.channels) == (1, 32, 1, 2)  # type: ignore[union-attr]


def test_the_verb_from_trainings_to_the_leaderboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(tmp_path)
    where = ["--results", str(tmp_path / "results")]
    run = [str(tmp_path / "gated.yaml"), *where, "--workers", "1"]
    first = main(["gate", *run])
    out = capsys.readouterr().out
    verdict = gate.read(tmp_path / "results/gated")
    assert verdict is not None
    assert first == (0 if verdict.passed else 1)
    assert len(list((tmp_path / "results/gated/gate/records").glob("*.json"))) == 4
    assert verdict.sentence in out
    again = main(["gate", *run])  # everything is there: nothing is trained again
    assert again == first and "trials to run" not in capsys.readouterr().err
    main(["run", *run])
    leaderboard = (tmp_path / "results/gated/leaderboard.md").read_text()
    assert verdict.sentence in leaderboard.partition("|")[0]
