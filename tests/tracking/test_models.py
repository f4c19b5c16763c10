"""Exported networks as MLflow's models: they predict the same where this project is unknown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import records
from support.mlflow_stores import client, write_files

from bench.records.schema import FinishedRecord
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.tracking import runs as tracking
from bench.tracking.store import DATABASE
from bench.training.export import save_network

GENOTYPE = Genotype(
    "darts",
    dict.fromkeys(("normal", "reduce"), ((("sep_conv_3x3", 0), ("skip_connect", 1)),)),
)
ELSEWHERE = """
import sys, torch, mlflow
uri, model, images, logits = sys.argv[1:]
mlflow.set_tracking_uri(uri)
images = torch.load(images)
function = mlflow.pyfunc.load_model(f"models:/{model}")
plain = mlflow.pytorch.load_model(f"models:/{model}")(images)
assert (function.predict(images.numpy()) == plain.detach().numpy()).all()
assert function.metadata.get_input_schema().inputs[0].shape == (-1, 1, 8, 8)
assert function.metadata.get_output_schema().inputs[0].shape == (-1, 10)
assert function.input_example.shape == (2, 1, 8, 8)
torch.save(plain, logits)
assert not any(name.split(".")[0] in ("bench", "methods") for name in sys.modules)
"""


def exporting(seed: int = 0) -> FinishedRecord:
    """The record of a trial whose network is to be kept."""
    asked = {"configuration": {"evaluation": {"export": True}}}
    return records.changed(records.finished("darts", seed), asked)


def write_network(folder: Path, record: FinishedRecord, images: torch.Tensor) -> DiscreteNetwork:
    """A network where the record's trial would have left it."""
    torch.manual_seed(0)
    options = NetworkOptions(3, 4, (1, 8, 8), 10)
    network = DiscreteNetwork(GENOTYPE, SpaceConfig(nodes=1), options)
    network(images)
    network.eval()
    save_network(network, images, folder / "networks" / f"{record.trial.stem}.pt2")
    return network


@pytest.mark.slow
def test_a_network_is_a_model_once(folder: Path, tmp_path: Path) -> None:
    of, images = exporting(), torch.randn(5, 1, 8, 8)
    write_files(folder, of)
    run_id = tracking.log_trial(of, folder, None)
    network = write_network(folder, of, images)
    assert tracking.find_pending([of], folder, None) == [of]
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 1, 0)
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 0, 1)

    store = client(folder)
    experiment = store.get_experiment_by_name("quickstart").experiment_id
    (model,) = store.search_logged_models([experiment])
    assert (model.name, model.source_run_id, model.status) == ("darts-digits-s0", run_id, "READY")
    assert {"label": "darts", "dataset": "digits", "seed": "0"}.items() <= model.params.items()
    torch.save(images, tmp_path / "images.pt")
    arguments = [f"sqlite:///{folder / DATABASE}", model.model_id]
    paths = [str(tmp_path / "images.pt"), str(tmp_path / "logits.pt")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments, *paths],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        expected = network(images)[0]
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_the_record_did_not_ask_for_is_another_one_s(folder: Path) -> None:
    of = records.finished("darts")
    (folder / "networks").mkdir()
    (folder / "networks" / f"{of.trial.stem}.pt2").write_bytes(b"of an earlier run")
    run_id = tracking.log_trial(of, folder, None)
    assert client(folder).get_run(run_id).outputs.model_outputs == []
    assert tracking.find_pending([of], folder, None) == []


def test_a_damaged_network_keeps_nothing_else_back(folder: Path) -> None:
    of = exporting()
    (folder / "networks").mkdir()
    (folder / "networks" / f"{of.trial.stem}.pt2").write_bytes(b"not a program")
    run = client(folder).get_run(tracking.log_trial(of, folder, None))
    assert run.info.status == "FINISHED"
    assert ".pt2 is no exported network" in run.data.tags["model_error"]
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 0, 1)
