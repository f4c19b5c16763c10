"""What else differs between a record and its rerun: code, packages, machine, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.records.parts import Environment, Provenance
from bench.records.schema import FinishedRecord


class Change(NamedTuple):
    """One thing; `was` is None where the record does not say, as it is older."""

    name: str
    was: Any
    now: Any

    def __str__(self) -> str:
        if self.was is None:
            return f"{self.name} (not recorded, here {self.now})"
        return f"{self.name} (was {self.was}, here {self.now})"


def list_changes(
    record: FinishedRecord, rerun: FinishedRecord, assumed: Mapping[str, Any]
) -> list[Change]:
    """Everything that is otherwise, or of which the record does not say what it was.

    assumed: options that the record does not name, with the values they had in the rerun.
    """
    pairs = [
        *_list_code(record.provenance, rerun.provenance),
        *_list_machine(record.environment, rerun.environment),
        ("data, SHA-256", record.data.digest[:12], rerun.data.digest[:12]),
        ("trial id", record.trial.id[:8], rerun.trial.id[:8]),
        *((f"option {name}", None, value) for name, value in assumed.items()),
    ]
    return [Change(name, was, now) for name, was, now in pairs if was != now]


def _list_code(was: Provenance, now: Provenance) -> Iterator[tuple[str, Any, Any]]:
    yield "engine version", was.engine_version, now.engine_version
    yield "bench", was.version, now.version
    yield "git commit", _name_commit(was), _name_commit(now)


def _list_machine(was: Environment, now: Environment) -> Iterator[tuple[str, Any, Any]]:
    yield "Python", was.python, now.python
    for name, version in was.packages.items():
        yield name, version, now.packages.get(name, "not installed")
    yield "device", was.device, now.device
    yield "hardware", was.hardware, now.hardware
    yield "CPU instructions", was.instructions, now.instructions
    yield "threads", was.threads, now.threads
    yield "platform", was.platform or None, now.platform


def _name_commit(origin: Provenance) -> str | None:
    if origin.git_commit is None:
        return None
    return f"{origin.git_commit[:12]}{' with changes' if origin.git_dirty else ''}"
