"""A method in somebody else's package: found, run and tested without a change to this project."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support import studies

STRANGER = Path(__file__).parents[1] / "support" / "stranger"
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder that looks like site-packages with the package installed."""
    shutil.copy(STRANGER / "crisp_nas.py", tmp_path)
    project = tomllib.loads((STRANGER / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"crisp_nas-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    points = project["entry-points"]["bench.methods"]
    lines = ["[bench.methods]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def python(package: Path, *arguments: str) -> str:
    """Standard output of a Python process that finds the package."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env=studies.environment(OMP_NUM_THREADS="1", PYTHONPATH=str(package)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_short() -> None:
    assert len((STRANGER / "crisp_nas.py").read_text().splitlines()) < 60


def test_the_readme_shows_it() -> None:
    text = README.read_text(encoding="utf-8")
    for name in ("crisp_nas.py", "pyproject.toml", "test_crisp.py"):
        shown = f"\n{(STRANGER / name).read_text().rstrip()}\n```\n"
        assert shown in text, f"README shows another {name}"


def test_the_command_of_the_readme_finds_it(package: Path) -> None:
    lines = [line.strip() for line in README.read_text(encoding="utf-8").splitlines()]
    (command,) = (line for line in lines if line.startswith("bench run") and "crisp" in line)
    arguments = shlex.split(command)[1:]
    assert "crisp on digits, seed 0" in python(package, "-m", "bench", *arguments, "--dry-run")


def test_it_is_listed(package: Path) -> None:
    listed = python(package, "-m", "bench", "list", "methods")
    assert "crisp                Crisp: a softmax whose entropy costs more" in listed


@pytest.mark.slow
def test_it_runs_in_a_study(package: Path) -> None:
    shutil.copy(STRANGER / "crisp.yaml", package)
    python(
        package, "-m", "bench", "run", "crisp.yaml", "--results", "results",
        "--tracking-uri", f"sqlite:///{package / 'runs.db'}",
    )  # fmt: skip
    records = [json.loads(path.read_text()) for path in package.glob("results/*/records/*.json")]
    accuracy = {r["trial"]["method"]: r["evaluation"]["test"]["accuracy"] for r in records}
    assert set(accuracy) == {"crisp", "darts"}
    assert min(accuracy.values()) > 0.5, accuracy  # of ten classes


@pytest.mark.slow
def test_it_passes_the_conformance_kit(package: Path) -> None:
    shutil.copy(STRANGER / "test_crisp.py", package)
    out = python(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_crisp.py")
    assert "failed" not in out and "error" not in out
