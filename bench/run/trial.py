"""One trial: load the data, search, evaluate, and the record of it all."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import bench
from bench import plugins
from bench.data.loading import load
from bench.data.splits import EvaluationData, SearchData
from bench.errors import one_line
from bench.method import Method
from bench.options import from_resolved
from bench.records import schema
from bench.records.parts import DataFacts
from bench.records.schema import FinishedRecord
from bench.run import environment
from bench.run.messages import Done, EpochDone, describe_failure, now
from bench.seeds import derive
from bench.space.cpu.freed_memory import keep_memory
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.study.uncertainty import outside_of
from bench.tabular.config import TabularConfig
from bench.tabular.evaluation import look_up
from bench.tabular.oracle import Oracle
from bench.tabular.providers import oracle, tables, validation_table
from bench.tabular.table import truths
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.discrete import MEASURE_BATCH, EvaluationArguments
from bench.training.evaluation import evaluate
from bench.training.export import save_network
from bench.training.measure import measure
from bench.training.search import SearchArguments, SearchOutcome, build, search
from bench.training.trainer import History, Report
from bench.training.uncertainty.outside import Outside, load_outside
from bench.training.uncertainty.session import measure_uncertainty

OnEpoch = Callable[[EpochDone], None]


def run_trial(
    trial: Trial,
    *,
    device: torch.device,
    data_root: Path | None,
    folder: Path,
    report: OnEpoch = lambda progress: None,
    found: FinishedRecord | None = None,
) -> Done:
    """Run a trial; whatever fails inside it becomes a record with status "failed".

    folder: for checkpoints, which are left there: they are its caller's to remove. Networks that
    are to be kept go to networks/ beside the folder that it is in. found: the record of a finished
    trial with the same search, which is then not repeated; its posterior table is that trial's.

    Raises ResultsError where what a method reports does not fit into a record.
    """
    set_up(trial.search.threads)
    run = _Run(trial, device, data_root, folder, report)
    started = now()
    failure = None
    try:
        run.all(found)
    except Exception as error:
        failure = describe_failure(run.stage, error)
    described = environment.describe(device)
    provenance = environment.provenance(started, now())
    if run.storage is not None:
        provenance["storage"] = run.storage
    record = schema.build(trial, failure, run.parts, described, provenance)
    return Done(record, run.posterior, run.warnings)


def set_up(threads: int) -> None:
    """Make this process compute as trials do: deterministically, on so many threads."""
    torch.set_num_threads(threads)
    keep_memory()
    # without it cuBLAS may add in another order each time; it is read at CUDA's first product
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # filling uninitialised memory costs a pass over every new tensor and finds nothing here
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def make_checkpoint(path: Path, of: str, device: torch.device) -> Checkpoint:
    """Of a training (`of` says which) by this code on this kind of device."""
    version = f"{bench.__version__} {environment.code_version()[0]} {torch.__version__}"
    return Checkpoint(path, f"{of} {device.type} {environment.model(device)} {version}")


class _Run:
    """The stages of a trial and what they have left behind so far."""

    def __init__(
        self,
        trial: Trial,
        device: torch.device,
        data_root: Path | None,
        folder: Path,
        report: OnEpoch,
    ) -> None:
        self.trial, self.device, self.data_root = trial, device, data_root
        self.folder, self.report = folder, report
        self.stage = "data"
        self.storage: str | None = None
        self.posterior: list[dict[str, Any]] = []
        self.parts: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.outside: Outside | None = None

    def all(self, found: FinishedRecord | None) -> None:
        data = load(self.trial.data, self.data_root, self.device)
        self.storage = data.storage
        if (name := outside_of(self.trial)) is not None:
            self.outside = load_outside(name, data.test, self.data_root)
        self.parts["data"] = _describe(data, self.trial.dataset)
        self.stage = "search"
        if found is not None and found.data.digest == data.search.digest:
            genotype, searched = self._reuse(found), None
        else:
            outcome = self._search(data)
            genotype, searched = outcome.selection.genotype, outcome.method
        self.stage = "evaluation"
        if searched is None or self.trial.evaluation_options:
            searched = evaluation_method(self.trial, data.search)
        self._evaluate(data, genotype, searched)

    def _checkpoint(self, stage: str) -> Checkpoint:
        return make_checkpoint(self.folder / f"{stage}.pt", self.trial.id, self.device)

    def _progress(self, epochs: int, stage: str = "") -> Report:
        stage = stage or self.stage
        self.report(EpochDone(stage, 0, epochs))
        return lambda epoch, metrics: self.report(EpochDone(stage, epoch, epochs, metrics))

    def _search(self, data: EvaluationData) -> SearchOutcome:
        peak = environment.PeakMemory(self.device)
        report = self._progress(self.trial.search.epochs)
        arguments = search_arguments(self.trial, data.search)
        retraining = functools.partial(self._progress, stage="retraining")
        found = search(arguments, report, self._checkpoint("search"), retraining)
        selection = found.selection
        details = dict(selection.details)
        if isinstance(arguments.oracle, Oracle):
            details["asks"] = arguments.oracle.text
        if isinstance(self.trial.evaluation, TabularConfig) and selection.candidates:
            table = validation_table(self.trial.evaluation)
            known = {
                kind: [table.trainings(cell) for cell in cells]
                for kind, cells in selection.candidates.items()
            }
            if any(accuracies for own in known.values() for accuracies in own):
                details["retrained"] = known
        if selection.inherited is not None:
            details["inherited_test"] = self._inherited(data, found)
        self.posterior = found.posterior
        self.parts["genotype"] = selection.genotype.to_json()
        self.parts["genotype_digest"] = selection.genotype.digest
        self.parts["selection"] = {"rule": selection.rule, **details}
        self.parts["search"] = {
            **_history(found.history),
            "selection_seconds": found.selection_seconds,
            "learned": found.learned,
            "peak_memory_bytes": peak.read(),
        }
        if found.architecture is not None:
            self.parts["search"]["architecture"] = found.architecture
        return found

    def _reuse(self, record: FinishedRecord) -> Genotype:
        """Take over another trial's search, whose cost is this one's too."""
        values = schema.plain(record)
        for name in ("genotype", "genotype_digest", "selection"):
            self.parts[name] = values[name]
        by = {"trial": record.trial.id, "git_commit": record.provenance.git_commit}
        self.parts["search"] = {"reused": by, **values["search"]}
        return record.architecture

    def _inherited(self, data: EvaluationData, found: SearchOutcome) -> dict[str, float | int]:
        """Test accuracy of the chosen candidate with inherited weights, after selection is over.

        On mixed images: the super-network normalises by batch.
        """
        mixture = found.selection.inherited
        assert mixture is not None

        def predict(images: Tensor) -> Tensor:
            logits: Tensor = found.supernet(images, mixture)
            return logits

        return measure(predict, data.test.mixed(), MEASURE_BATCH, self.trial.search.channels_last)

    def _evaluate(self, data: EvaluationData, genotype: Genotype, method: Method) -> None:
        """Train and measure the architecture, with as many evaluation seeds as the study asks for.

        What the first one leaves is the record's `evaluation`; the others are its `repeats`. Known
        accuracies are looked up instead.
        """
        config = self.trial.evaluation
        if isinstance(config, TabularConfig):
            self._look_up(config)
            return
        first, *others = [
            self._evaluation(data, genotype, method, config, number)
            for number in range(config.repeats)
        ]
        self.parts["evaluation"] = {**first, "repeats": others} if others else first

    def _evaluation(
        self,
        data: EvaluationData,
        genotype: Genotype,
        method: Method,
        config: EvaluationConfig,
        number: int,
    ) -> dict[str, Any]:
        trial = self.trial
        peak = environment.PeakMemory(self.device)
        arguments = EvaluationArguments(
            genotype=genotype,
            method=method,
            config=config,
            data=data,
            augmentation=trial.data,
            seed=derive("seed", trial.seed, *(("repeat", number) if number else ())),
        )
        checkpoint = self._checkpoint(_evaluation_name(number))
        outcome = evaluate(arguments, self._progress(config.epochs), checkpoint)
        memory = peak.read()
        if config.export:
            name = "-".join([trial.stem, *([str(number)] if number else [])])
            path = self.folder.parent.parent / "networks" / f"{name}.pt2"
            images = data.search.validation.spread(2).images
            try:
                save_network(outcome.network, images, path)
            except Exception as error:  # what was measured is not lost for it
                self.warnings.append(f"the network is not exported: {one_line(error)}")
        result = {
            **_history(outcome.history),
            **outcome.result,
            "peak_memory_bytes": memory,
        }
        if config.uncertainty is not None:

            def of_member(member: int) -> tuple[Report, Checkpoint]:
                name = f"{_evaluation_name(number)}-member-{member}"
                return self._progress(config.epochs), self._checkpoint(name)

            result["uncertainty"] = measure_uncertainty(arguments, outcome, self.outside, of_member)
        return result

    def _look_up(self, config: TabularConfig) -> None:
        """Known accuracies of the genotype, and of what was the best before it was found."""
        known = tables(config)
        self.parts["evaluation"] = look_up(self.parts["genotype"], config.dataset, known)
        for epoch in self.parts["search"]["epochs"]:
            epoch["truth"] = truths(known, epoch["genotype"])
        for improvement in self.parts["selection"].get("trajectory", []):
            improvement["truth"] = truths(known, improvement["genotype"])


def evaluation_method(
    trial: Trial, data: SearchData, changed: Mapping[str, Any] | None = None
) -> Method:
    """The method as the trial's evaluation has it: not searched, with its options there.

    changed: further options of the method.
    """
    return build(search_arguments(trial, data, {**trial.evaluation_options, **(changed or {})}))[0]


def search_arguments(
    trial: Trial, data: SearchData, changed: Mapping[str, Any] | None = None
) -> SearchArguments:
    """What the trial's search is a function of; changed: options of the method."""
    kind, known = plugins.load_method(trial.method), trial.evaluation
    asked = known if isinstance(known, TabularConfig) and kind.needs_table else None
    budget = trial.search
    if isinstance(known, TabularConfig):  # the table has trained its cells
        budget = dataclasses.replace(budget, retrained=0)
    return SearchArguments(
        method=kind,
        options=from_resolved(kind.Config, {**trial.options, **(changed or {})}),
        space=trial.space,
        budget=budget,
        data=data,
        augmentation=trial.data,
        seed=trial.seed,
        oracle=oracle(asked, trial.seed) if asked else None,
    )


def _evaluation_name(number: int) -> str:
    return f"evaluation-{number}" if number else "evaluation"


def _history(history: History) -> dict[str, Any]:
    rows = [{k: v for k, v in row.items() if k != "posterior"} for row in history.epochs]
    return {"epochs": rows, "seconds": history.seconds, "steps": history.steps}


def _describe(data: EvaluationData, name: str) -> dict[str, Any]:
    facts = {} if data.facts is None else dataclasses.asdict(data.facts)
    told = {key: value for key, value in facts.items() if key in DataFacts.model_fields}
    return {
        "name": name,
        "digest": data.search.digest,
        "train": len(data.search.train),
        "validation": len(data.search.validation),
        "test": len(data.test),
        "classes": data.search.classes,
        "shape": list(data.search.shape),
        **({"facts": told} if told else {}),
    }
