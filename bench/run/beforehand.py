"""What can be known before anything is trained: data, tables of accuracies, disk, MLflow's file."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data import registry
from bench.data.config import DataConfig
from bench.errors import BenchError, ConfigurationError, DataError, ResultsError, one_line
from bench.records import status
from bench.records.store import Standing, Store
from bench.study.model import Study, Trial
from bench.study.uncertainty import outside_of
from bench.tracking.store import DATABASE, check_uri

MIB = 2**20
BASE = 12 * MIB  # bytes: tables, figures and an empty MLflow database
PER_TRIAL = MIB // 2  # a record, a posterior table, drawings, MLflow's copies
PER_WORKER = 64 * MIB  # checkpoints of small networks


class SeenData(NamedTuple):
    """What loading a data set shows.

    digest: of its images; about: one line; side: the shorter one of an image, pixels; shape: of its
    images, (channels, height, width); test: how many test images there are; classes: of them.
    """

    digest: str
    about: str
    side: int
    shape: tuple[int, int, int]
    test: int
    classes: int


def read_data(
    configs: Iterable[DataConfig], root: Path | None, device: str = "cpu", threads: int = 1
) -> dict[DataConfig, SeenData]:
    """Read every data set once, so that a missing or damaged one is known before any trial runs.

    device, threads: of a trial; with the size of the images they decide where these are held. What
    is held on the disk is decoded now. Raises DataError.
    """
    wanted = list(dict.fromkeys(configs))
    if not wanted:
        return {}
    import torch

    from bench.data.loading import examine

    seen = {}
    for config in wanted:
        found = examine(config, root, torch.device(device), threads)
        about = f"{found.survey.facts.describe(config.name)}; {found.placement.describe()}"
        side, test = min(found.shape[1:]), len(found.division.test_labels)
        classes = len(found.division.source.class_names)
        seen[config] = SeenData(found.survey.digest, about, side, found.shape, test, classes)
    return seen


def list_digests(data: Mapping[DataConfig, SeenData]) -> dict[DataConfig, str]:
    """Of each data set the digest of its images."""
    return {config: seen.digest for config, seen in data.items()}


def list_lines(data: Mapping[DataConfig, SeenData]) -> list[str]:
    """One line about each data set; those of which the same is said, once."""
    return list(dict.fromkeys(seen.about for seen in data.values()))


def preview_data(trials: Sequence[Trial], root: Path | None) -> tuple[list[str], list[str]]:
    """(lines about them, what is wrong) of data sets that are on this disk as somebody's own files.

    Known without decoding an image.
    """
    lines, problems = list[str](), list[str]()
    for config in dict.fromkeys(trial.data for trial in trials):
        if not registry.is_cheap(config):
            continue
        from bench.data.loading import preview  # it imports torch

        try:
            lines.append(preview(config, root).describe(config.name))
        except DataError as error:
            problems.append(str(error))
    return list(dict.fromkeys(lines)), list(dict.fromkeys(problems))


def read_own_digests(study: Study, standing: Standing, root: Path | None) -> dict[DataConfig, str]:
    """Digests of the data sets that are the user's own files, which change, and that are there."""
    finished = {record.trial.key for record in standing.finished}
    configs = {trial.data for trial in study.trials if trial.key in finished}
    digests: dict[DataConfig, str] = {}
    for config in configs:
        if config.is_own or registry.is_cheap(config):
            try:
                digests |= list_digests(read_data([config], root))
            except BenchError:  # not here, or damaged: `bench run` says it
                continue
    return digests


def check_data(
    study: Study,
    standing: Standing,
    todo: Sequence[Trial],
    root: Path | None,
    device: str,
    *,
    stale: bool,
) -> dict[DataConfig, SeenData]:
    """The data sets that are needed now, of finished trials too if `stale`; device: of a trial.

    Raises DataError, and, unless `stale`, ResultsError where a data set has changed since trials
    of the study were finished: their numbers and new ones would not compare.
    """
    configs = [trial.data for trial in (study.trials if stale else todo)]
    configs += status.find_disagreeing(standing, study.trials)
    data = read_data(configs, root, device, study.trials[0].search.threads)
    if not stale:
        refuse_changed_data(study, standing, list_digests(data))
    return data


def refuse_changed_data(study: Study, standing: Standing, digests: status.Digests) -> None:
    """Raise ResultsError where finished trials saw other images than there are now."""
    changed = status.find_changed_data(standing, study.trials, digests)
    if changed:
        raise ResultsError(
            f"study {study.name}: {len(changed)} finished trials were"
            f" {next(iter(changed.values()))}; `bench run --stale` (of reference cells `bench gate"
            " --stale`) runs these again on the images that are there now, or put back the others"
        )


def check_outside(
    trials: Sequence[Trial], data: Mapping[DataConfig, SeenData], root: Path | None
) -> list[str]:
    """One line about the outside images of each data set, where networks are shown some.

    Raises DataError where they are missing, damaged or cannot be brought to the images' shape.
    """
    lines = []
    for name, config in dict.fromkeys((outside_of(trial), trial.data) for trial in trials):
        if name is None or config not in data:
            continue
        from bench.training.uncertainty.outside import read_outside

        images, changes = read_outside(name, data[config].shape, data[config].test, root)
        words = "; ".join([f"{len(images):,} images of {name}", *changes])
        lines.append(f"outside of {config.name}: {words}")
    return lines


def check_parameters(trials: Sequence[Trial], data: Mapping[DataConfig, SeenData]) -> None:
    """Raise ConfigurationError where no network can be within its budget of parameters.

    Of a cell that is given, that is known; of one that is to be found, only that it has at least
    the parameters of an empty one.
    """
    from bench.training.config import EvaluationConfig

    checked = set()
    for trial in trials:
        config, given = trial.evaluation, None
        if not isinstance(config, EvaluationConfig) or config.parameters is None:
            continue
        if trial.method == "fixed":
            given = str(trial.options["genotype"])
        case = (config, trial.space, trial.data, given)
        if trial.data not in data or case in checked:
            continue
        checked.add(case)
        from bench.training.width import check_budget  # it imports torch

        seen = data[trial.data]
        try:
            check_budget(config, trial.space, seen.shape, seen.classes, given)
        except ConfigurationError as error:
            what = "an empty cell" if given is None else trial.label
            raise ConfigurationError(f"{error} with {what} on {trial.dataset}") from error


def check_corruptions(trials: Iterable[Trial]) -> None:
    """Corrupt an image, as the trials will. Raises ConfigurationError where that is impossible."""
    configs = [getattr(trial.evaluation, "uncertainty", None) for trial in trials]
    names = dict.fromkeys(name for one in configs if one is not None for name in one.corruptions)
    if not names:
        return
    import torch

    from bench.training.uncertainty.corruptions import corrupt

    for name in names:
        try:
            corrupt(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), name, 1)
        except Exception as error:  # of torchvision, which may be absent or without libjpeg
            raise ConfigurationError(
                f"evaluation.uncertainty.corruptions: {name} cannot be made here: {one_line(error)}"
            ) from error


def check_tables(trials: Sequence[Trial]) -> None:
    """Read every table of known accuracies once. Raises ConfigurationError."""
    from bench.tabular.config import TabularConfig
    from bench.tabular.providers import oracle, tables

    for config, asks in dict.fromkeys((t.evaluation, t.asks_table) for t in trials):
        if isinstance(config, TabularConfig):
            tables(config)
            if asks:
                oracle(config, seed=0)


def estimate_disk(store: Store, trials: int) -> int:
    """Bytes that so many further trials and the study's tables leave in its results."""
    files = [path for path in store.records_folder.glob("*") if path.is_file()]
    records = sum(path.suffix == ".json" for path in files)
    each = sum(path.stat().st_size for path in files) // records if records else PER_TRIAL
    return BASE + trials * max(each, PER_TRIAL)


def check_place(store: Store, trials: int, workers: int, uri: str | None) -> Iterator[str]:
    """Warnings about where results go; raises ResultsError or TrackingError where they cannot."""
    check_uri(uri)
    free, needed = shutil.disk_usage(store.folder).free, estimate_disk(store, trials)
    if free < needed:
        raise ResultsError(
            f"{free // MIB} MiB are free for results in {store.folder}, and {trials} trials leave"
            f" about {needed // MIB} MiB: make room, or choose another place with --results"
        )
    if free < needed + workers * PER_WORKER:
        yield (
            f"warning: {free // MIB} MiB are free in {store.folder}: where checkpoints do not fit,"
            " an interrupted trial begins again"
        )
    if uri is None or uri.startswith("sqlite:///"):
        database = store.folder / DATABASE if uri is None else Path(uri.removeprefix("sqlite:///"))
        try:
            database.open("r+b").close()
        except FileNotFoundError:  # it will be made
            return
        except OSError as error:
            yield (
                f"warning: MLflow's database {database} cannot be written: {error.strerror};"
                " records are kept, and `bench sync` sends them later"
            )
