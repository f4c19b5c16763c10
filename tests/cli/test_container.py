"""`bench run` as in a container: unknown user, read-only home, ASCII terminal, a small disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNKNOWN = "54321"
SMALL = (
    *("methods=[darts, random]", "seeds=[0]", "search.epochs=1", "evaluation.epochs=1"),
    *("data.train_limit=200", "data.test_limit=100", "evaluation.export=true"),
    "description=Ärger mit ASCII",
    "baseline=random",
)
_MOUNT = 'mount -t tmpfs -o size=300m,mode=1777 tmpfs "$0" && exec "$@"'


def as_unknown_user(results: Path, *command: str, home: Path | None) -> list[str]:
    """A command line that runs `command` as a user without a name.

    `results` is a disk of 300 MB of its own. The user may read everything, as the interpreter may
    be in somebody's home, and write what everybody may.
    """
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        **({} if home is None else {"HOME": str(home)}),
    }
    return [
        *("unshare", "--mount", "sh", "-c", _MOUNT, str(results)),
        *("setpriv", f"--reuid={UNKNOWN}", f"--regid={UNKNOWN}", "--clear-groups"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
        *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
        *(sys.executable, *command),
    ]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Where the small disk will be; skips where this machine cannot have one."""
    tmp_path.chmod(0o755)
    for part in tmp_path.parents:
        if part.name.startswith("pytest-"):
            part.chmod(0o755)
    place = tmp_path / "results"
    place.mkdir()
    missing = [tool for tool in ("unshare", "setpriv", "mount") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {missing[0]} here")
    probe = as_unknown_user(place, "-c", "import os; assert os.getuid() == 54321", home=None)
    tried = subprocess.run(probe, capture_output=True, text=True, timeout=60, check=False)
    if tried.returncode:
        pytest.skip(f"no small disk or other user here: {tried.stderr.strip()[-200:]}")
    return place


@pytest.mark.slow
@pytest.mark.parametrize("home", ["read-only", "none"])
def test_quickstart_in_a_container(tmp_path: Path, results: Path, home: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o555)
    changes = [part for change in SMALL for part in ("--set", change)]
    run = ("-m", "bench", "run", "quickstart", "--results", str(results), *changes)
    program = (
        "import subprocess, sys, pathlib\n"
        "done = subprocess.run([sys.executable, *sys.argv[2:]])\n"
        "names = sorted(p.name for p in pathlib.Path(sys.argv[1]).rglob('*') if p.is_file())\n"
        "print('FILES', *names)\n"
        "sys.exit(done.returncode)\n"
    )  # the disk goes with the namespace, so it is looked at from within
    command = as_unknown_user(
        results, "-c", program, str(results), *run, home=folder if home == "read-only" else None
    )
    done = subprocess.run(command, capture_output=True, timeout=900, check=False, cwd=results)
    said = done.stdout.decode("ascii") + done.stderr.decode("ascii")  # nothing else was printed
    assert done.returncode == 0, said
    assert "Traceback" not in said and "warning" not in said.lower(), said
    (files,) = (line.split() for line in said.splitlines() if line.startswith("FILES"))
    networks = sum(name.endswith(".pt2") for name in files)
    assert networks == 4  # two, and MLflow's models of them
    assert {"leaderboard.md", "mlflow.db", "claims.png"} <= set(files)
    assert not any(folder.iterdir())
