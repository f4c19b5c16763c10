"""A toy whose best operation is known: it alone carries the label's signal.

Images show pairs of dots three pixels apart, beside each other (class 0) or one above the other
(class 1), anywhere on a torus. Every 3x3 patch, which is what the stem sees, has the same law in
both classes; the super-network is one cell, whose skip connections and pooling add no way to
relate two pixels before the mean is taken over all of them (both are linear in the stem's
rectified patches). Only the separable convolution, with a rectification inside, can tell the
classes apart: the other operations are noise to the classifier.
"""

from __future__ import annotations

import torch

from bench.data.splits import EvaluationData, Pool, SearchData, Split
from bench.seeds import derive, generator
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.tabular.oracle import Training

SPACE = SpaceConfig(
    operations=("none", "avg_pool_3x3", "skip_connect", "sep_conv_3x3"),
    nodes=1,
    cells=1,
    channels=8,
    stem_multiplier=1,
)
PLANTED = "sep_conv_3x3"
SIDE, PAIRS, DISTANCE = 8, 2, 3


def data(
    seed: int, train: int = 512, held_out: int = 128, device: torch.device | None = None
) -> EvaluationData:
    """Training, validation and test images; the test part is a pool of its own."""
    device = device or torch.device("cpu")
    pool = _pool(device, seed, "search", train + held_out)
    order = torch.arange(train + held_out, device=device)
    search = SearchData(
        name="planted",
        class_names=("beside", "above"),
        shape=(1, SIDE, SIDE),
        digest=f"{seed:064x}",
        train=Split(pool, order[:train]),
        validation=Split(pool, order[train:]),
        split_seed=seed,
    )
    return EvaluationData(search, Split(_pool(device, seed, "test", held_out), order[:held_out]))


def ask(genotype: Genotype) -> Training:
    """A made-up table for methods that need one: the more planted operations, the better.

    An accuracy has a little noise, the same for a genotype each time; a training takes one second.
    """
    names = [name for _, _, name, _ in genotype.pairs()]
    share = names.count(PLANTED) / max(1, len(names))
    return Training(0.5 + 0.4 * share + derive("noise", genotype.digest) % 1000 / 1e5, 1.0)


def _pool(device: torch.device, seed: int, part: str, count: int) -> Pool:
    draw = generator("cpu", "planted", seed, part)
    labels = torch.arange(count) % 2
    first = torch.randint(SIDE, (count, PAIRS, 2), generator=draw)
    step = torch.stack([labels, 1 - labels], -1) * DISTANCE  # rows for class 1, columns for 0
    images = torch.zeros(count, 1, SIDE, SIDE, dtype=torch.uint8)
    number = torch.arange(count)[:, None].expand(count, PAIRS)
    for dots in (first, (first + step[:, None]) % SIDE):
        images[number, 0, dots[..., 0], dots[..., 1]] = 255
    level = images.float()
    statistics = (level.mean().reshape(1), level.std().reshape(1))
    mean, std = (statistic.to(device) for statistic in statistics)
    return Pool(images.to(device), labels.to(device), mean, std)
