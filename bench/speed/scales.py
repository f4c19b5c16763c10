"""The sizes that are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from bench import seeds
from bench.data.splits import Batch, Pool, SearchData, Split
from bench.space.config import SpaceConfig
from bench.space.cpu.memory_format import arrange
from bench.space.nas_bench_201.config import NasBench201Config


@dataclass(frozen=True)
class Scale:
    """A super-network and what it is fed; `shape` is (channels, height, width) of an image."""

    name: str
    cells: int
    channels: int
    shape: tuple[int, int, int]
    batch: int
    nodes: int = 4
    classes: int = 10
    operations: tuple[str, ...] = SpaceConfig().operations
    """All eight of DARTS."""

    @property
    def space(self) -> SpaceConfig:
        return SpaceConfig(
            cells=self.cells,
            channels=self.channels,
            nodes=self.nodes,
            operations=self.operations,
        )

    @property
    def description(self) -> str:
        """As a reader wants it."""
        size = "x".join(str(length) for length in self.shape)
        return (
            f"{self.cells} cell{'s' * (self.cells > 1)}, {self.channels} channels,"
            f" {self.space.nodes} nodes, {len(self.space.operations)} operations,"
            f" batch {self.batch}, {size}"
        )

    def limited(
        self, name: str, *, cells: int, channels: int, nodes: int, side: int, batch: int
    ) -> Scale:
        """No larger than that in any respect; side: of an image, in pixels."""
        colours, height, width = self.shape
        return replace(
            self,
            name=name,
            cells=min(self.cells, cells),
            channels=min(self.channels, channels),
            nodes=min(self.nodes, nodes),
            shape=(colours, min(height, side), min(width, side)),
            batch=min(self.batch, batch),
        )


@dataclass(frozen=True)
class TableScale(Scale):
    """A super-network of NAS-Bench-201 with `thin` reductions, `cells` in each stage.

    The space has its own nodes and operations.
    """

    @property
    def space(self) -> SpaceConfig:
        return NasBench201Config(cells=self.cells, channels=self.channels, reduction="thin")

    @property
    def description(self) -> str:
        return f"NAS-Bench-201, {super().description}"


SCALES = {
    "W1": Scale("W1", cells=8, channels=16, shape=(3, 32, 32), batch=64),
    "W2": Scale("W2", cells=4, channels=8, shape=(1, 28, 28), batch=64),
    "collapse": TableScale("collapse", cells=1, channels=8, shape=(3, 16, 16), batch=64),
}
"""`collapse` is the super-network, batch and image size of the study of that name."""


def shrunk(scale: Scale) -> Scale:
    """The same measurement in seconds instead of minutes (`--quick`): its numbers mean little."""
    name = f"{scale.name}, tiny"
    return scale.limited(name, cells=3, channels=4, nodes=2, side=8, batch=8)


def batch_of(
    scale: Scale, device: torch.device, part: str, channels_last: bool | None = None
) -> Batch:
    """Random images and labels; the same for the same scale and part."""
    generator = seeds.generator("cpu", "speed", part)
    images = torch.randn(scale.batch, *scale.shape, generator=generator).to(device)
    labels = torch.randint(0, scale.classes, (scale.batch,), generator=generator).to(device)
    return Batch(arrange(images, channels_last), labels)


def data_of(scale: Scale, device: torch.device, images: int, validation: int = 0) -> SearchData:
    """Synthetic data: a blurred random pattern for each class, under noise; uint8, on `device`."""
    generator = seeds.generator("cpu", "speed", "data")
    count = images + max(1, validation)
    channels, height, width = scale.shape
    coarse = torch.rand(scale.classes, channels, 4, 4, generator=generator)
    patterns = F.interpolate(coarse, (height, width), mode="bilinear")
    labels = torch.randint(0, scale.classes, (count,), generator=generator)
    raw = torch.empty(count, *scale.shape, dtype=torch.uint8)
    for start in range(0, count, 1000):
        clean = patterns[labels[start : start + 1000]]
        noise = torch.rand(clean.shape, generator=generator)
        raw[start : start + 1000] = (127 * clean + 127 * noise).to(torch.uint8)
    mean, deviation = torch.full((channels,), 127.0), torch.full((channels,), 50.0)
    pool = Pool(raw.to(device), labels.to(device), mean.to(device), deviation.to(device))
    places = torch.arange(count, device=device)
    return SearchData(
        name="synthetic",
        class_names=tuple(str(number) for number in range(scale.classes)),
        shape=scale.shape,
        digest="",
        train=Split(pool, places[:images]),
        validation=Split(pool, places[images:]),
    )
