"""The checks of a GPU, up to the device's call: a CPU's dry run, and what they compare."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support.bare import python_with, wheels

from bench.noise import Noise
from bench.study.model import Trial
from gpu import checks, modes, records, same_bits, trials
from gpu import command as gpu_command
from gpu.command import run_group
from gpu.draws import HostDraws
from gpu.outcome import Outcome

CPU = torch.device("cpu")
RUN = Path(__file__).parent / "run"


def command(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHON": sys.executable, **changes}
    return subprocess.run([str(RUN), *arguments], env=environment, capture_output=True, text=True)


def dry_run(out: Path, groups: str, **changes: str) -> list[str]:
    """One method's golden trial and, of these groups, what a CPU skips; returns the lines."""
    chosen = ("--groups", groups, "--trials", "snas")
    done = command("--device", "cpu", "--out", str(out), *chosen, **changes)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_dry_run_on_a_cpu(tmp_path: Path) -> None:
    lines = dry_run(tmp_path, "records-methods,graph,seeds")
    assert lines[0].startswith("passed   record of methods, snas: terms of first epochs differ by")
    assert "the same genotype" in lines[0]
    assert all(line.startswith("skipped  graph, ") for line in lines[1:4])
    assert lines[4].startswith("skipped  batched seeds: not built")
    page, facts = (tmp_path / f"gpu-dry-run.{kind}" for kind in ("md", "json"))
    assert lines[5:] == [str(page), str(facts)]
    found = json.loads(facts.read_text())
    assert [c["status"] for c in found["checks"]] == ["passed", *["skipped"] * 4]
    assert found["device"] == "cpu" and found["torch"] == torch.__version__
    text = page.read_text()
    assert "a dry run" in text and text.count("\n| ") == 6 and "1 passed, 4 skipped" in text


@pytest.mark.slow
def test_a_bare_machine_takes_what_is_missing_from_the_wheels(tmp_path: Path) -> None:
    """Torch and NumPy alone; without the wheels one line says what is missing."""
    missing = ("pydantic", "pydantic_core", "pyyaml", "scikit-learn")
    python = str(python_with(tmp_path / "bare", ("torch", "numpy"), without=missing))
    place = tmp_path / "wheels"
    place.mkdir()
    refused = command("--device", "cpu", PYTHON=python, GPU_WHEELS=str(place), PYTHONPATH="")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "pydantic is missing" in refused.stderr and "--fetch" in refused.stderr
    own = ("pydantic", "pydantic_core", "annotated_types", "typing_inspection")
    assert len(list(wheels(place, (*own, "typing_extensions", "pyyaml")))) == 6
    refused = command("--device", "cpu", PYTHON=python, GPU_WHEELS=str(place), PYTHONPATH="")
    assert refused.returncode == 2 and "scikit-learn is missing" in refused.stderr
    import sklearn.datasets

    digits = Path(sklearn.datasets.__file__).parent / "data" / "digits.csv.gz"
    shutil.copy(digits, place)
    bare = {"PYTHON": python, "GPU_WHEELS": str(place), "PYTHONPATH": ""}
    lines = dry_run(tmp_path, "records-methods", **bare)
    assert "the same genotype" in lines[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_one_line_says_so() -> None:
    done = command()
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "torch finds no CUDA device here" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minutes", "0"], "0: must be more than 0"),
        (["--groups", "graphs"], "graphs: no such group; there are same-bits, records-methods"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str) -> None:
    done = command("--device", "cpu", *arguments)
    assert done.returncode == 2 and said in done.stderr


def test_every_golden_trial_is_checked() -> None:
    """And every method that searches, in some group."""
    labels = {
        f"{study}: {label}"
        for study in trials.studies()
        for label in trials.load(study)[1]["trials"]
    }
    assert len(labels) == sum(
        len(checks.list_checks(group, CPU, Path()))
        for group in checks.groups()
        if group.startswith(checks.GOLDEN)
    )


def test_after_the_minutes_nothing_is_begun() -> None:
    ran: list[str] = []
    found = checks.run("a", lambda device, folder: ran.append("a") or [], CPU, time.time())
    assert not ran
    assert [(o.status, o.detail) for o in found] == [("skipped", "the minutes were over")]
    (outcome,) = run_group("graph", "cpu", Path(), time.time() - 1, None)
    assert outcome.status == "skipped"


def test_a_check_that_does_not_end_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu_command, "GRACE", 0.0)
    (outcome,) = run_group("speed", "cpu", tmp_path, time.time() + 0.01, None)
    assert outcome.status == "failed" and outcome.seconds > 0
    assert outcome.detail.startswith("was ended in a check, 0 s after the minutes were over")


@pytest.mark.parametrize("group", checks.groups())
def test_every_group_has_checks_on_a_cpu(group: str, tmp_path: Path) -> None:
    assert checks.list_checks(group, CPU, tmp_path)


def test_a_dry_run_says_what_it_does_not_measure(tmp_path: Path) -> None:
    found = [
        outcome
        for name, check in checks.list_checks("more-speed", CPU, tmp_path).items()
        for outcome in checks.run(name, check, CPU, time.time() + 60)
    ]
    parts = [f"bench speed, {part}" for part in ("W1", "estimators", "growth", "candidates")]
    assert [(one.check, one.status) for one in found] == [(part, "skipped") for part in parts]
    assert all("a dry run measures data alone" in one.detail for one in found)


def test_a_dry_run_compiles_nothing(tmp_path: Path) -> None:
    (outcome,) = modes.check("compile", "darts", CPU, tmp_path)
    assert outcome.status == "skipped" and "compiles nothing" in outcome.detail


def test_an_exception_is_one_line() -> None:
    def fails(device: torch.device, folder: Path) -> list[Outcome]:
        raise RuntimeError("CUDA error\nmore")

    (outcome,) = checks.run("a", fails, CPU, time.time() + 60)
    assert (outcome.status, outcome.detail) == ("failed", "RuntimeError: CUDA error more")
    assert outcome.bad


def test_a_process_that_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")  # it does not find the checks
    (outcome,) = run_group("graph", "cpu", Path(), time.time() + 60, None)
    assert (outcome.status, outcome.detail) == ("failed", "its process ended with status 1")


def test_first_epochs_are_compared_relative_to_the_golden_term() -> None:
    golden = [{"terms": {"a": 2.0, "b": 0.5}}, {"terms": {"a": 9.0}}]
    assert records.first_epoch(golden, [{"terms": {"a": 2.02, "b": 0.5}}]) == pytest.approx(0.01)
    assert records.first_epoch(golden, [{"terms": {"a": 2.0, "b": 0.52}}]) == pytest.approx(0.02)
    assert records.first_epoch(golden, [{"terms": {"a": 2.0}}]) == float("inf")
    assert records.first_epoch([], []) == 0


def test_places_at_which_genotypes_differ() -> None:
    one = {"cells": {"normal": [[["skip_connect", 0], ["none", 1]]]}}
    other = {"cells": {"normal": [[["skip_connect", 0], ["sep_conv_3x3", 1]]]}}
    assert records.differing(one, one) == set()
    assert records.differing(one, other) == {("cells", "normal", 0, 1, 0)}


def golden_trial(label: str) -> tuple[Trial, dict[str, Any]]:
    study, golden = trials.load("methods")
    return next(trial for trial in study if trial.label == label), golden


def test_another_genotype_is_a_difference_unless_its_choices_are_ties(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The control's cell depends on no weight: what differs from its record there is no tie."""
    trial, golden = golden_trial("random")
    assert records.check(trial, golden, CPU, tmp_path / "same").status == "passed"
    golden["trials"]["random s0"]["genotype"]["cells"]["normal"][0][0][0] = "none"
    outcome = records.check(trial, golden, CPU, tmp_path / "other")
    assert outcome.status == "differs" and "1 places, 1 of them no tie" in outcome.detail
    monkeypatch.setattr(records, "tied", lambda *of: {("cells", "normal", 0, 0, 0), ("cells",)})
    outcome = records.check(trial, golden, CPU, tmp_path / "tied")
    assert outcome.status == "passed" and "each a tie" in outcome.detail


def test_ties_are_what_a_perturbation_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are not moved choose the same; moved by as much as they are, they do not."""
    trial, _ = golden_trial("darts")
    trial = dataclasses.replace(trial, search=dataclasses.replace(trial.search, epochs=1))
    data = records.load_data(trial.data, None, CPU).search
    own = records.search(records.search_arguments(trial, data)).selection.genotype.to_json()
    monkeypatch.setattr(records, "PERTURBED", 1)
    monkeypatch.setattr(records, "PERTURBATION", 0.0)
    assert records.tied(trial, own, CPU) == set()
    monkeypatch.setattr(records, "PERTURBATION", 1.0)
    assert records.tied(trial, own, CPU)


def test_draws_are_the_cpus_on_any_device() -> None:
    """On `meta`, which has no numbers of its own: they were drawn on the CPU and sent."""
    noise = Noise()
    like = torch.empty(2, 3, device="meta")
    with HostDraws():
        assert noise.normal(like).device.type == "meta"
        noise.gamma(torch.ones(3))
        drawn = noise.normal(torch.empty(4))
    assert list(noise._generators) == [CPU]
    plain = Noise()
    plain.normal(torch.empty(2, 3)), plain.gamma(torch.ones(3))
    assert torch.equal(drawn, plain.normal(torch.empty(4)))
    assert Noise().generator(CPU).device.type == "cpu"


def test_same_bits_and_a_trial_that_goes_on(tmp_path: Path) -> None:
    found = same_bits.check("darts", CPU, tmp_path)
    assert [outcome.status for outcome in found] == ["passed", "passed"], found


def test_storage_is_skipped_where_it_is_no_option_and_else_passes(tmp_path: Path) -> None:
    (outcome,) = modes.check_storage(CPU, tmp_path)
    assert outcome.status == "passed" or "no option" in outcome.detail
    assert not outcome.bad


@pytest.mark.parametrize("method", modes.METHODS)
def test_bfloat16_is_close_to_float32(method: str, tmp_path: Path) -> None:
    (outcome,) = modes.check("bfloat16", method, CPU, tmp_path)
    assert outcome.status == "passed" and "times the plain one's time" in outcome.detail
