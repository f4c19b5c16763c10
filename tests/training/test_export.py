"""An exported network predicts in a process that knows nothing of this project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import tiny

from bench.noise import Noise
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.training.export import save_network
from methods.variational.gaussian import gaussians
from methods.variational.layers import VariationalLayers

GENOTYPE = Genotype(
    "darts",
    {
        "normal": ((("sep_conv_3x3", 0), ("dil_conv_5x5", 1)), (("skip_connect", 0),)),
        "reduce": ((("max_pool_3x3", 0), ("sep_conv_5x5", 1)), (("skip_connect", 1),)),
    },
)

ELSEWHERE = """
import sys, torch
program = torch.export.load(sys.argv[1])
module = program.module()
assert torch.equal(program.example_inputs[0][0], torch.load(sys.argv[2])[:2])
assert not any("variance" in name for name, _ in module.named_parameters())
torch.save(module(torch.load(sys.argv[2])), sys.argv[3])
assert not any(name.split(".")[0] in ("bench", "methods") for name in sys.modules)
"""


def test_it_predicts_the_same_elsewhere(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = VariationalLayers(Noise())
    space = SpaceConfig(nodes=2)
    network = DiscreteNetwork(
        GENOTYPE, space, NetworkOptions(3, 6, (1, 8, 8), 4, auxiliary=True, layers=layers)
    )
    for _ in range(3):
        network(torch.randn(8, 1, 8, 8))
    network.eval()
    with torch.no_grad():
        for layer in gaussians(network):
            layer.weight[0] = 0
    images = torch.randn(5, 1, 8, 8)
    torch.save(images, tmp_path / "images.pt")
    save_network(network, images, tmp_path / "networks" / "one.pt2")
    paths = [str(tmp_path / name) for name in ("networks/one.pt2", "images.pt", "logits.pt")]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *paths], check=True, cwd=tmp_path)
    found = torch.load(tmp_path / "logits.pt")
    with torch.no_grad():
        expected = network(images)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert [path.name for path in (tmp_path / "networks").iterdir()] == ["one.pt2"]


def test_a_trial_finishes_where_nothing_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither checkpoints nor the network: what was measured is in the record all the same."""
    (tmp_path / "file").write_text("in the way")
    trial = tiny.trial("random", evaluation={"export": True})
    done = tiny.run(trial, tmp_path / "file" / "checkpoints" / trial.stem)
    assert done.record.status == "finished", done.record.error
    (warning,) = done.warnings
    assert warning.startswith("the network is not exported: cannot write ")
    said = capsys.readouterr().err.splitlines()
    assert said and all(line.startswith("warning: no checkpoints of this stage") for line in said)
