"""`python -m bench speed` with torch, NumPy, pydantic and click, and nothing else that we use."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path

import pytest
from support.bare import python_with

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_runs_with_torch_alone(tmp_path: Path) -> None:
    names = ("torch", "numpy", "pydantic", "click")
    python = python_with(tmp_path / "bare", names, without=("pandas", "tqdm"))
    done = subprocess.run(
        [
            *(str(python), "-m", "bench", "speed", "--quick", "--threads", "1"),
            *("--only", "W2,data", "--device", "cpu", "--results", str(tmp_path)),
        ],
        env={**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no figure: matplotlib is not installed" in done.stderr
    assert "no rows of CUDA graphs" in done.stderr
    files = {file.stem: file for file in tmp_path.glob("speed/*/quick/*.csv")}
    assert set(files) == {"W2", "data"}
    with files["W2"].open(newline="") as opened:
        found = list(csv.DictReader(opened))
    quantities = {(row["variant"], row["quantity"]) for row in found}
    for variant in ("fused", "plain, malloc as it is", "plain, memory kept"):
        for quantity in ("forward", "backward", "step", "kernel calls", "peak memory"):
            assert (variant, quantity) in quantities
    assert all(float(row["median"]) >= 0 and int(row["samples"]) >= 1 for row in found)
    lines = [line for line in done.stdout.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 100
