"""What has to be the same, to the last bit, however often a command was interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support.tiny import lasting

from bench import files
from bench.errors import BenchError
from bench.records.schema import RunRecord, digest
from bench.records.store import Store, read
from bench.tracking.store import DATABASE
from campaign.commands import Place
from campaign.outcome import Part

_TIMES = ("started", "finished", "seconds", "attempts", "environment", "provenance", "error")
_BY_ORDER = "importances"  # of hyper-parameters: they depend on the order of the trials


def read_results(folder: Path) -> dict[str, Any]:
    """By file: records without times, posterior tables, the gate's verdict, what tuning found.

    Raises ResultsError at a damaged record.
    """
    results: dict[str, Any] = {}
    for part in ("records", "gate/records"):
        for path in sorted((folder / part).glob("[!.]*")):
            name = f"{part}/{path.name}"
            results[name] = (
                lasting(read(path)) if path.suffix == ".json" else path.read_bytes().decode()
            )
    for name in ("gate.json", "tuning/method/tuning.json"):
        if (folder / name).exists():
            results[name] = _without_times(json.loads((folder / name).read_text()))
    settings = folder / "tuning/method/settings.yaml"
    if settings.exists():
        lines = settings.read_text().splitlines()
        results["settings.yaml"] = [line for line in lines if "seconds:" not in line]
    return results


def _without_times(value: Any) -> Any:
    """Without what depends on the clock and on where it ran; of an error only that there is one."""
    if isinstance(value, Mapping):
        left_out = (*_TIMES, _BY_ORDER)
        return {k: _without_times(v) for k, v in value.items() if k not in left_out}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def check_same(part: Part, place: Place, unbroken: Mapping[str, Any], where: str) -> None:
    """The results are the unbroken run's, and nothing is half-written or left behind."""
    try:
        results = read_results(place.results)
    except BenchError as error:
        part.found("lost", f"{where}: {error}")
        return
    for name in sorted(set(unbroken) - set(results)):
        part.found("lost", f"{where}: there is no {name}")
    for name in sorted(set(results) - set(unbroken)):
        part.found("different", f"{where}: there is {name}, which an unbroken run does not leave")
    for name in sorted(set(results) & set(unbroken)):
        if results[name] != unbroken[name]:
            at = next(_differences(unbroken[name], results[name]), "?")
            part.found("different", f"{where}: {name}: {at}")
    for pattern in (f"**/records/{files.SCRATCH}", "**/checkpoints/*"):
        for path in sorted(place.results.glob(pattern)):
            part.found("lost", f"{where}: {path.relative_to(place.results)} is left behind")


def _differences(left: Any, right: Any, at: str = "") -> Iterator[str]:
    """Where two values differ."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key in left:
            yield from _differences(left[key], right[key], f"{at}.{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from _differences(*pair, f"{at}[{index}]")
    elif left != right:
        yield f"{at.lstrip('.')} is {right!r:.80}, unbroken {left!r:.80}"


def check_records(part: Part, folder: Path, where: str) -> set[str]:
    """Every record in a records folder is whole; the names of their trials' files."""
    stems = set()
    for path in folder.glob("[!.]*.json"):
        try:
            stems.add(read(path).trial.stem)
        except BenchError as error:
            part.found("lost", f"{where}: {error}")
    return stems


def check_tracked(part: Part, place: Place, where: str, uri: str | None = None) -> None:
    """MLflow has every record's run once, complete."""
    from support.mlflow_stores import runs

    if uri is None and not (place.results / DATABASE).exists():
        part.found("lost", f"{where}: there is no {DATABASE}")
        return
    tagged = [run for run in runs(place.results, uri, "small") if "record" in run.data.tags]
    states = {run.data.tags["record"]: run.info.status for run in tagged}
    records: list[RunRecord] = list(Store(place.results))
    current = {digest(record) for record in records}
    part.check(
        all(states.get(one) == "FINISHED" for one in current) and len(tagged) == len(records),
        "different",
        f"{where}: MLflow has {sorted(states.values())} for {len(records)} records",
    )
