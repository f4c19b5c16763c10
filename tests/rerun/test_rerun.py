"""`bench rerun` on real trials of a second or two, and everything that it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support import records as support
from support import studies, tiny, tiny_trials

from bench.cli.main import main
from bench.records import schema
from bench.records.schema import FinishedRecord
from bench.records.store import Store, read
from bench.rerun import session
from bench.rerun.restore import list_assumed_options, restore
from bench.study.file import load

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a tiny trial on digits."""
    store = Store(tmp_path_factory.mktemp("results") / "tiny")
    done = tiny.run(tiny.trial("vinnas"), store.folder / "checkpoints")
    return store.write(done.record, done.posterior)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are typed; the made-up method `coin` is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return tmp_path


def edited(record: Path, folder: Path, **changes: Any) -> Path:
    """A copy of a record's file in `folder`, edited by hand."""
    values = support.merged(json.loads(record.read_text()), changes)
    folder.mkdir(exist_ok=True)
    copy = folder / record.name
    copy.write_text(json.dumps(values))
    return copy


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.slow
def test_the_same_trial_comes_out_to_the_last_bit(
    original: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(original.parents[1])
    assert main(["rerun", str(original), "--output", "again"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"{original}: the same, to the last bit"
    assert lines[-1] == "1 run again: 1 the same, to the last bit"
    assert "[1/1] vinnas on digits, seed 0: test accuracy" in err
    assert names(original.parents[1]) == before
    rerun = read(folder / "again" / "records" / original.name)
    assert isinstance(rerun, FinishedRecord)
    assert tiny.lasting(rerun) == tiny.lasting(read(original))
    assert (folder / "again" / "records" / f"{original.stem}.posterior.csv").exists()
    assert not (folder / "results").exists()


@pytest.mark.slow
def test_an_edited_accuracy_and_another_torch_are_named(
    original: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = json.loads(original.read_text())["evaluation"]["test"]["accuracy"]
    forged = edited(
        original,
        folder / "forged",
        evaluation={"test": {"accuracy": 0.987654}},
        environment={"packages": {"torch": "1.2.3"}, "instructions": "MMX"},
    )
    assert main(["rerun", str(forged)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{forged}: DIFFERENT"
    assert lines[1].startswith("  1 of ")
    assert lines[2] == (
        f"  the first that differs: evaluation: test.accuracy was 0.987654, is {accuracy}"
    )
    assert "torch (was 1.2.3, here " in lines[-2]
    assert "CPU instructions (was MMX, here " in lines[-2]
    assert names(folder) == {"forged", f"forged/{forged.name}"}


def test_records_that_there_are_give_back_their_trials() -> None:
    kept = {path: read(path) for path in sorted(RESULTS.glob("*/records/*.json"))[::10]}
    assert kept
    for path, record in kept.items():
        if isinstance(record, FinishedRecord) and "retrained" not in record.configuration["method"]:
            trial = restore(record, str(path))
            assert trial.id == record.trial.id, path
            assert list_assumed_options(record, trial) == {}


def test_an_option_that_the_record_does_not_name_is_said() -> None:
    trial = tiny.trial("darts")
    values = tiny_trials.record(trial).model_dump(by_alias=True, exclude_unset=True)
    del values["configuration"]["method"]["order"]
    values["trial"]["id"] = "0" * 64
    record = schema.parse(values, "made for a test")
    assert isinstance(record, FinishedRecord)
    assert list_assumed_options(record, restore(record, "x")) == {"method.order": 1}


def write_small(folder: Path) -> Store:
    """Three finished records of the study `small` in results/small."""
    store = Store(folder / "results" / "small")
    for trial in load(studies.write(folder)).trials:
        store.write(tiny_trials.record(trial), [])
    return store


def test_pick_draws_with_a_seed(folder: Path) -> None:
    store = write_small(folder)
    everything = {path.name for path in store.records_folder.iterdir()}

    def pick(reference: str, number: int, seed: int) -> list[str]:
        found = session.find_records([Path(reference)], Path("results"), number, seed)
        return [path.name for path in found]

    assert set(pick("small", 3, 0)) == everything
    draws = {tuple(pick("small", 1, seed)) for seed in range(20)}
    assert len(draws) == 3
    for reference in ("results/small", "results/small/records", "results/small/"):
        assert pick(reference, 2, 5) == pick("small", 2, 5)


WRONG: dict[str, tuple[list[str], str]] = {
    "no file": (["no/record.json"], "record no/record.json does not exist"),
    "no folder": (["collaps"], "collaps is neither a record's file nor a folder with records"),
    "no record": (["small.yaml"], "small.yaml is not a record's file: those end in .json"),
    "other JSON": (["other.json"], "record other.json: schema is None, this version reads 1"),
    "failed": (["FAILED"], "is of a trial that failed in its search (E): there are no results"),
    "no pick": (["small"], "small has 3 finished records: say with --pick N how many"),
    "pick too many": (["small", "--pick", "4"], "--pick 4: there are 3 finished records"),
    "twice": (["RECORD", "COPY"], "are records of one trial"),
    "output there": (["RECORD", "--output", "results/small"], "there is a results/small/records/"),
    "method": (["METHOD"], "unknown method 'nope'; known: balenas, bayesnas,"),
    "data set": (["DATA"], "unknown data set 'nope'; known: cifar10,"),
    "no data": (["NODATA"], "image-folder:nowhere"),
    "space": (["SPACE"], "space.name: unknown space 'nope'; known: darts,"),
    "option": (["OPTION"], "search.gone: unknown key; known: batch_size, channels_last,"),
    "device": (["CUDA"], "--device cuda: torch finds no CUDA device here"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_run_again_is_one_line_and_exit_status_2(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments == ["CUDA"] and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    store = write_small(folder)
    trial = load("small.yaml").trials[0]
    record = store.record_path(trial)
    failed = store.write(tiny_trials.failed(load("small.yaml", ["seeds=[7]"]).trials[0]), [])
    (folder / "copy").mkdir()
    (folder / "other.json").write_text("{}")
    sections = {
        "DATA": {"data": {"name": "nope"}},
        "NODATA": {"data": {"name": "image-folder:nowhere"}},
        "SPACE": {"space": {"name": "nope"}},
        "OPTION": {"search": {"gone": 1}},
    }
    paths = {
        name: edited(record, folder / name, configuration=changes)
        for name, changes in sections.items()
    }
    paths["METHOD"] = edited(record, folder / "METHOD", trial={"method": "nope"})
    paths["CUDA"] = edited(record, folder / "CUDA", environment={"device": "cuda"})
    paths |= {"RECORD": record.relative_to(folder), "FAILED": failed}
    paths["COPY"] = Path(shutil.copy(record, folder / "copy"))
    given = [str(paths.get(argument, argument)) for argument in arguments]
    assert main(["rerun", *given]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert message in err
    if arguments == ["OPTION"]:
        assert "it was made by engine version " in err
        assert "; `git checkout 24a7de7d1f2b3c4d5e6f708192a3b4c5d6e7f809` has the code" in err


@pytest.mark.slow
@pytest.mark.parametrize("section", ["data", "space", "method", "search", "evaluation"])
def test_a_configuration_without_a_section_is_damaged(
    section: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_small(folder).record_path(load("small.yaml").trials[0])
    values = json.loads(path.read_text())
    del values["configuration"][section]
    path.write_text(json.dumps(values))
    assert main(["rerun", str(path)]) == 2
    said = f"bench: record {path} is damaged: configuration.{section} is missing\n"
    assert capsys.readouterr().err == said


def test_ctrl_c_ends_it_with_one_line(folder: Path) -> None:
    write_small(folder)
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    running = subprocess.Popen(
        [sys.executable, "-m", "support.drive", "rerun", "small", "--pick", "3", "--workers", "1"],
        env=studies.environment(
            TINY_TRIALS=json.dumps(dict.fromkeys("abc", "hang")), TINY_FIFO=str(fifo)
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with fifo.open() as hanging:
        assert hanging.readline()
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert hanging.read() == ""  # the worker has ended
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted: 0 of 3 records were run again"
    assert "Traceback" not in err
