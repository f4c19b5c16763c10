"""Whether a record was made by another engine, configuration or data than there is now.

An engine is everything that numbers depend on: data, spaces, training, methods. It carries a
number, `bench.ENGINE_VERSION`; golden records (tests/golden) fail where numbers change without it.
A method of another package is not looked at.
"""

from __future__ import annotations

from bench import ENGINE_VERSION
from bench.records.differences import differences
from bench.records.schema import FinishedRecord, RunRecord
from bench.study.model import Trial

_SHOWN = 3


def explain_engine(record: FinishedRecord) -> str | None:
    """How the engine that made a record differs from the one here; None where it does not."""
    version = record.provenance.engine_version
    if version == ENGINE_VERSION:
        return None
    return f"made by engine version {version}, this is {ENGINE_VERSION}"


def explain_data(record: FinishedRecord, digest: str | None) -> str | None:
    """How the images of a record's data set are others now; None where they are not.

    digest: of the data as it is now (`SearchData.digest`); None: not known.
    """
    then = record.data.digest
    if digest is None or digest == then:
        return None
    return f"trained when {record.data.name} was other images: digest {then[:8]}, now {digest[:8]}"


def explain_configuration(record: RunRecord, trial: Trial) -> str | None:
    """How a record of the trial's cell was configured otherwise; None where it is another cell."""
    of = record.trial
    if (of.label, of.dataset, of.seed) != (trial.label, trial.dataset, trial.seed):
        return None
    gaps = [
        f"{gap.name} was {gap.one}, is {gap.other}"
        for gap in differences(record.configuration, trial.configuration())
    ]
    if of.method != trial.method:
        gaps.insert(0, f"the method was {of.method}, is {trial.method}")
    more = f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    return f"made with another configuration: {', '.join(gaps[:_SHOWN])}{more}"
