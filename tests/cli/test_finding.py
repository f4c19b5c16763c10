"""Verbs to find out with: what can be listed, and what the doctor says of a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Bench = Callable[..., int]


def test_list(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {
        "methods": "coin                 Toss a coin for every operation.",
        "spaces": "darts",
        "datasets": "digits",
        "studies": "quickstart",
    }
    for what, line in expected.items():
        assert bench("list", what) == 0
        out = capsys.readouterr().out
        assert line in out
        assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines())


def test_doctor_finds_data_and_says_what_is_missing(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").touch()
    for part in ("mine/train", "mine/test", "pets", "no-images/train", "no-images/test"):
        for name in ("cats", "dogs"):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            kind = "txt" if "no-images" in part else "png"
            (tmp_path / "data" / part / name / f"1.{kind}").touch()
    away = "http://127.0.0.1:9"
    bench("doctor", "--data-root", "data", "--results", "small.yaml", "--tracking-uri", away)
    out = capsys.readouterr().out
    found = {line[8:28].strip(): line for line in out.splitlines() if line[:8].strip()}
    assert found["mnist"].startswith("ok") and found["mnist"].endswith("found")
    assert "not there" in found["kmnist"]
    assert [line for line in out.splitlines() if "image-folder:data/mine" in line]
    assert [line for line in out.splitlines() if "image-folder:data/pets" in line]
    assert "no-images" not in out
    assert found["results"].startswith("MISSING")
    assert found["MLflow store"].startswith("note") and "does not answer" in found["MLflow store"]
    assert "Python" in found and "CPU" in found and "disk" in found
