"""`python -m bench speed` with torch, NumPy, pydantic and click, and nothing else that we use."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import venv
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def closure(name: str, found: dict[str, metadata.Distribution]) -> None:
    """A distribution and what it requires, as far as it is installed."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another platform
        return
    if distribution.metadata["Name"] in found:
        return
    found[distribution.metadata["Name"]] = distribution
    for requirement in distribution.requires or []:
        if "extra ==" not in requirement:
            closure(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0], found)


def bare_python(place: Path) -> Path:
    """The interpreter of an environment with torch, NumPy, pydantic, click and their needs."""
    venv.create(place, symlinks=True, with_pip=False)
    packages = next(place.glob("lib/python*/site-packages"))
    found: dict[str, metadata.Distribution] = {}
    for name in ("torch", "numpy", "pydantic", "click"):
        closure(name, found)
    assert "pandas" not in found and "tqdm" not in found
    for distribution in found.values():
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return place / "bin" / "python"


@pytest.mark.slow
def test_it_runs_with_torch_alone(tmp_path: Path) -> None:
    python = bare_python(tmp_path / "bare")
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
