"""Searches that differ in the seed alone, together and one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.data.config import DataConfig
from bench.data.splits import Pool, SearchData, Split
from bench.method import Batches, Method, Objective
from bench.seeds import derive
from bench.space.config import SpaceConfig
from bench.training.batched.stacking import clip_each
from bench.training.batched.trainer import BatchedTrainer, Unsupported
from bench.training.checkpoint import Checkpoint
from bench.training.config import SearchConfig
from bench.training.search import Prepared, SearchArguments, prepare, search
from bench.training.trainer import NonFiniteLoss
from methods.darts import Darts
from methods.pgnas import Pgnas
from methods.vinnas import Vinnas

OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
SPACE = SpaceConfig(operations=OPERATIONS, nodes=2, cells=3, channels=2)
SEEDS = (3, 4)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def images(channels: int = 2, count: int = 36) -> SearchData:
    """Random images of three classes, float64 when normalised, most of them for training."""
    generator = torch.Generator().manual_seed(0)
    raw = torch.randint(0, 256, (count, channels, 8, 8), generator=generator).to(torch.uint8)
    labels = torch.randint(0, 3, (count,), generator=generator)
    pool = Pool(raw, labels, torch.full((channels,), 127.5), torch.full((channels,), 73.6))
    order = torch.randperm(count, generator=generator)
    train, validation = Split(pool, order[:24]), Split(pool, order[24:])
    return SearchData("noise", ("a", "b", "c"), (channels, 8, 8), "0" * 64, train, validation)


class Searches:
    """Searches of one method with several seeds."""

    def __init__(
        self,
        method: type[Method],
        options: Mapping[str, Any],
        config: SearchConfig | None = None,
        folder: Path | None = None,
    ) -> None:
        self.config = config or SearchConfig(epochs=2, batch_size=6, cutout=2)
        self.method, self.options, self.folder = method, method.Config(**options), folder
        self.data = images()

    def arguments(self, seed: int) -> SearchArguments:
        augmentation = DataConfig(name="noise", crop_padding=1, flip=True)
        return SearchArguments(
            self.method, self.options, SPACE, self.config, self.data, augmentation, seed
        )

    def prepare(self, report: Callable[..., None] = lambda *_: None) -> list[Prepared]:
        return [prepare(self.arguments(s), report, self.checkpoint(s)) for s in SEEDS]

    def checkpoint(self, seed: int) -> Checkpoint | None:
        if self.folder is None:
            return None
        made = Checkpoint(self.folder / f"{seed}.pt", "same")
        made.saved_at = float("-inf")  # save after the first epoch
        return made

    def alone(self) -> list[Prepared]:
        found = self.prepare()
        for one in found:
            assert one.trainer is not None
            one.trainer.run()
        return found

    def together(self) -> list[Prepared]:
        found = self.prepare()
        BatchedTrainer([one.trainer for one in found if one.trainer is not None]).run()
        return found


def tensors(one: Prepared) -> dict[str, Tensor]:
    return {**one.method.state_dict(), **one.supernet.state_dict()}


def assert_equal(found: list[Prepared], expected: list[Prepared], tolerance: float = 1e-9) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.trainer is not None and theirs.trainer is not None
        own, other = tensors(mine), tensors(theirs)
        for name, tensor in other.items():
            torch.testing.assert_close(own[name], tensor, rtol=tolerance, atol=tolerance, msg=name)
        for row, right in zip(
            mine.trainer.history.epochs, theirs.trainer.history.epochs, strict=True
        ):
            assert row["genotype"] == right["genotype"]
            for part in ("terms", "metrics"):
                assert row[part] == pytest.approx(right[part], rel=1e-5)  # added up in float32
            for cell, same in zip(row["posterior"], right["posterior"], strict=True):
                assert cell.keys() == same.keys()
                for key, value in same.items():
                    if isinstance(value, float):
                        value = pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True)
                    assert cell[key] == value, key
        assert mine.trainer.history.batched_seeds == len(found)
        assert mine.trainer.history.steps == theirs.trainer.history.steps
    weights = [one.supernet.stem.weight for one in found]
    assert not torch.equal(weights[0], weights[1])


CASES: dict[str, tuple[type[Method], dict[str, Any]]] = {
    "darts": (Darts, {}),
    "vinnas": (Vinnas, {}),
    "vinnas-mixed": (Vinnas, {"variational_weights": True, "estimator": "mixed"}),
    "vinnas-lrt": (Vinnas, {"variational_weights": True, "estimator": "lrt"}),
    "vinnas-lrt_fused": (Vinnas, {"variational_weights": True, "estimator": "lrt_fused"}),
    "vinnas-weight": (
        Vinnas,
        {"variational_weights": True, "estimator": "weight", "draw": "batch"},
    ),
    "vinnas-flipout": (Vinnas, {"variational_weights": True, "estimator": "flipout"}),
    "vinnas-elbo": (Vinnas, {"variational_weights": True, "weight_kl": "elbo"}),
    "vinnas-element": (Vinnas, {"draw": "element"}),
    "vinnas-bilevel": (Vinnas, {"bilevel": True}),
    "pgnas-example": (Pgnas, {"draw": "example"}),
    "pgnas-batch": (Pgnas, {"draw": "batch"}),
    "pgnas-slices": (Pgnas, {"granularity": "slice"}),
    "pgnas-single-path": (Pgnas, {"granularity": "single_path"}),
}


@pytest.mark.parametrize("case", CASES)
def test_equal_to_one_after_another(case: str) -> None:
    searches = Searches(*CASES[case])
    assert_equal(searches.together(), searches.alone())


@pytest.mark.parametrize("channels_last", [False, True])
def test_either_memory_format(channels_last: bool) -> None:
    """The format decides in which order noise fills a tensor, and the CPU's fast paths."""
    config = SearchConfig(epochs=1, batch_size=6, channels_last=channels_last)
    searches = Searches(Vinnas, {"variational_weights": True}, config)
    assert_equal(searches.together(), searches.alone())


def test_bfloat16_autocast_runs() -> None:
    config = SearchConfig(epochs=1, batch_size=6, precision="bfloat16")
    torch.set_default_dtype(torch.float32)
    for one in Searches(Darts, {}, config).together():
        assert one.trainer is not None and len(one.trainer.history.epochs) == 1


def test_second_order_darts_is_not_supported() -> None:
    with pytest.raises(Unsupported, match="computes its gradients itself"):
        Searches(Darts, {"order": 2}).together()


class Stateful(Darts):
    """Its objective depends on something that is neither parameter nor buffer."""

    def objective(self, supernet: Any, batch: Any) -> Objective:
        outcome = super().objective(supernet, batch)
        factor = 1.5 if self.task.seed == derive("method", SEEDS[1]) else 1.0
        return Objective({name: factor * term for name, term in outcome.terms.items()})


class Peeking(Darts):
    """Its objective looks at a value."""

    def objective(self, supernet: Any, batch: Any) -> Objective:
        outcome = super().objective(supernet, batch)
        assert outcome.terms["cross_entropy"].item() > 0
        return outcome


class Captured(Darts):
    """Its objective uses parameters that were taken out when the phases were made."""

    def phases(self, supernet: Any) -> Any:
        phases = super().phases(supernet)
        taken = next(iter(self.alpha.values()))
        plain = phases[0].objective

        def objective(batches: Batches) -> Objective:
            outcome = plain(batches)
            return Objective({**outcome.terms, "norm": 1e-6 * taken.square().sum()})

        phases[0].objective = objective
        return phases


@pytest.mark.parametrize(
    ("method", "message"),
    [(Stateful, "another loss"), (Peeking, "vmap"), (Captured, "took out beforehand")],
)
def test_what_cannot_be_batched_is_noticed(method: type[Method], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        Searches(method, {}).together()


class Exploding(Darts):
    """One of its searches has no finite loss."""

    def __init__(self, config: Any, task: Any) -> None:
        super().__init__(config, task)
        bad = task.seed == derive("method", SEEDS[1])
        self.register_buffer("factor", torch.tensor(float("nan") if bad else 1.0))

    def objective(self, supernet: Any, batch: Any) -> Objective:
        outcome = super().objective(supernet, batch)
        return Objective({name: self.factor * term for name, term in outcome.terms.items()})


def test_a_loss_that_is_not_finite_ends_the_group() -> None:
    with pytest.raises(NonFiniteLoss):
        Searches(Exploding, {}).together()


def test_checkpoints_are_those_of_the_searches_alone(tmp_path: Path) -> None:
    """Interrupted after an epoch together, continued together and alone: the same in the end."""
    config = SearchConfig(epochs=3, batch_size=6)
    expected = Searches(Vinnas, {"estimator": "weight"}, config).alone()

    def stop(epoch: int, metrics: Mapping[str, float]) -> None:
        raise KeyboardInterrupt

    searches = Searches(Vinnas, {"estimator": "weight"}, config, tmp_path)
    interrupted = searches.prepare(stop)
    with pytest.raises(KeyboardInterrupt):
        BatchedTrainer([one.trainer for one in interrupted if one.trainer is not None]).run()
    saved = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(saved) == len(SEEDS)
    for path in tmp_path.iterdir():  # each holds its own tensors, not the whole stack
        for tensor in torch.load(path)["modules"]["supernet"].values():
            assert tensor.untyped_storage().nbytes() == tensor.nbytes

    assert_equal(searches.together(), expected)
    for name, file in saved.items():
        (tmp_path / name).write_bytes(file)
    assert_equal(searches.alone(), expected)


def test_a_finished_search_is_picked_up_by_the_search_alone(tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float32)
    searches = Searches(Pgnas, {"candidates": 3, "candidate_batch": 6}, folder=tmp_path)
    together = searches.together()
    for one, seed in zip(together, SEEDS, strict=True):
        outcome = search(searches.arguments(seed), checkpoint=searches.checkpoint(seed))
        assert outcome.history.batched_seeds == len(SEEDS)
        own, other = tensors(one), {**outcome.method.state_dict(), **outcome.supernet.state_dict()}
        assert all(torch.equal(own[name], tensor) for name, tensor in other.items())


def test_modules_stay_linked_to_the_stack() -> None:
    """A method that replaces a tensor between epochs is followed."""

    class Replacing(Darts):
        def end_epoch(self, epoch: int, supernet: Any, train: Any) -> dict[str, float]:
            for alpha in self.alpha.values():
                alpha.data = alpha.detach() * 0.5
            return {}

    searches = Searches(Replacing, {})
    assert_equal(searches.together(), searches.alone())


def test_the_clip_is_each_search_s_own() -> None:
    leaves = [nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(2))]
    gradients = [torch.randn(2, 3), torch.randn(2)]
    gradients[0][1] *= 100
    for leaf, gradient in zip(leaves, gradients, strict=True):
        leaf.grad = gradient.clone()
    clip_each(leaves, 1.0)
    for member in range(2):
        alone = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(()))]
        for parameter, gradient in zip(alone, gradients, strict=True):
            parameter.grad = gradient[member].clone()
        nn.utils.clip_grad_norm_(alone, 1.0)
        for leaf, parameter in zip(leaves, alone, strict=True):
            assert leaf.grad is not None and parameter.grad is not None
            torch.testing.assert_close(leaf.grad[member], parameter.grad)
