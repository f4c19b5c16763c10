"""The file of a cluster: everything that can be wrong in it is one line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import studies

from bench.cli.main import main
from bench.cluster.file import RayCluster, SlurmCluster, load
from bench.errors import ConfigurationError

WRONG = {
    "no engine": ("cpus: 2\n", "engine: is required: ray, slurm"),
    "another engine": ("engine: slrm\n", "engine: did you mean slurm?"),
    "unknown key": ("engine: ray\ngpu: 1\n", "gpu: unknown key; did you mean gpus?"),
    "a size without unit": ("engine: ray\nmemory: '16'\n", "memory = 16: must be a number and K"),
    "a time": ("engine: slurm\ntime: soon\n", "time = soon: must be [DAYS-]HOURS"),
    "no trials": ("engine: slurm\nparallel: 0\n", "parallel = 0: must be a whole number"),
    "an address": ("engine: ray\naddress: here\n", "address = here: must be HOST:PORT"),
    "ours": ("engine: slurm\noptions: {array: 1-3}\n", "array: ...}: is set by bench"),
    "no mapping": ("- ray\n", "must be a mapping"),
}


def write(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_with_exit_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError):
        load(path)
    results = tmp_path / "results"
    arguments = ["--cluster", str(path), "--results", str(results)]
    assert main(["run", "quickstart", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith(f"bench: {path}") and err.count("\n") == 1
    assert not results.exists()


def test_defaults_and_sizes(tmp_path: Path) -> None:
    assert load(write(tmp_path, "engine: ray\n")) == RayCluster()
    slurm = load(write(tmp_path, "engine: slurm\ntime: 1-02:00:00\noptions: {exclusive: true}\n"))
    assert isinstance(slurm, SlurmCluster) and slurm.time_seconds == 26 * 3600
    ray = load(write(tmp_path, "engine: ray\nmemory: 1.5G\ngpus: 0.5\n"))
    assert isinstance(ray, RayCluster) and ray.memory_bytes == 3 * 2**29


def test_workers_are_of_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    path = write(tmp_path, "engine: slurm\n")
    study, results = studies.write(tmp_path), tmp_path / "results"
    arguments = [study, "--cluster", str(path), "--workers", "2", "--results", str(results)]
    assert main(["run", *arguments]) == 2
    assert "--workers is of this machine" in capsys.readouterr().err


def test_a_dry_run_speaks_of_the_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "engine: slurm\nparallel: 5\n")
    arguments = ["--cluster", str(path), "--results", str(tmp_path / "results")]
    assert main(["run", "quickstart", *arguments, "--dry-run", "--estimate", "none"]) == 0
    assert "cluster   at most 5 trials at a time" in capsys.readouterr().out
