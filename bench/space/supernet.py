"""The super-network: every candidate operation on every edge, mixed by the weights it is handed.

It holds the operations' weights and nothing of a method; a method hands it a `Mixture` with every
forward pass. Batch normalisation has no affine part and no running statistics (except the stem's
affine one, as in DARTS): a candidate is always evaluated with its own statistics.

Source of skeleton and operations: DARTS (arXiv 1806.09055) and its public code. How the fused form
computes the same: `bench.space.fused.stage`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.errors import ConfigurationError
from bench.space.config import SpaceConfig
from bench.space.constants import index
from bench.space.cpu.normalisation import BatchNormalisation
from bench.space.fused.cell import DartsCell, FusedCell
from bench.space.fused.operations import held_by
from bench.space.genotype import Genotype
from bench.space.mixture import Mixture, of_genotype
from bench.space.options import SupernetOptions


class Supernet(nn.Module):
    """The DARTS super-network, fused; those of other spaces are subclasses.

    Args:
        space: operations, nodes, cells, channels.
        image_shape: (channels, height, width) of the images.
        classes: number of classes.

    Raises ConfigurationError where a cell's channels are not a multiple of `options.partial`.
    """

    cell_type: type[FusedCell] = DartsCell

    def __init__(
        self,
        space: SpaceConfig,
        image_shape: tuple[int, int, int],
        classes: int,
        options: SupernetOptions | None = None,
    ) -> None:
        super().__init__()
        options = options or SupernetOptions()
        if space.channels % options.partial:
            raise ConfigurationError(
                f"space.channels = {space.channels}: must be a multiple of the {options.partial}"
                " parts that the method's partial channels make"
            )
        self.space, self.options, self.noise = space, options, options.noise
        self.graph = space.graph
        self.positions = space.positions()
        stem_channels = space.stem_multiplier * space.channels
        self.stem = options.layers.convolution(image_shape[0], stem_channels, 3)
        self.stem_norm = BatchNormalisation(stem_channels)
        self.cells = nn.ModuleList(
            self.cell_type(position, space, options) for position in self.positions
        )
        self.classifier = options.layers.linear(self.features(), classes)

    def features(self) -> int:
        """Channels that the classifier sees."""
        return self.graph.nodes * self.positions[-1].channels

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        """images: [batch, channels, height, width] -> logits [batch, classes]."""
        before = last = self.stem_norm(self.stem(images))
        for cell, position in zip(self.cells, self.positions, strict=True):
            part = mixture.cell(position.index, position.kind)
            before, last = last, cell(before, last, part, self.noise)
        return self.classifier(last.mean((2, 3)))

    def genotype_mixture(self, genotype: Genotype) -> Mixture:
        """Computes what the genotype keeps and nothing else, with the inherited weights.

        The genotype names columns of the mixture (`SpaceConfig.operations`).
        """
        device = self.stem.weight.device
        return of_genotype(genotype, self.space.operations, self.graph, device)

    def fused_cells(self) -> list[FusedCell]:
        """The cells, by position."""
        return [cell for cell in self.cells if isinstance(cell, FusedCell)]

    def slices(self, position: int) -> dict[str, int]:
        """Column other than `none` -> number of mask factors on one edge of a cell.

        Raises ConfigurationError where that depends on the edge.
        """
        if self.space.choices(self.positions[position].kind) is not None:
            raise ConfigurationError(
                f"space {self.space.name} has other operations on every edge: a method cannot mask"
                " parts of an operation there"
            )
        channels = self.positions[position].channels // self.options.partial
        first = self.fused_cells()[position].fused_stages()[0].operations
        return {
            name: held_by(first, name).slices if name in first else channels
            for name in self.space.operations
            if name != "none"
        }

    def squares(self, position: int) -> tuple[Tensor, Tensor]:
        """Of a cell's weights the sum of squares and the number, both [edges, columns]."""
        like = self.stem.weight
        total = like.new_zeros(len(self.graph.edges), len(self.space.operations))
        number = torch.zeros_like(total)
        for stage in self.fused_cells()[position].fused_stages():
            for name in stage.operations:
                operation = held_by(stage.operations, name)
                edges = tuple(range(len(stage.graph.edges)))
                edges = edges if operation.held is None else operation.held
                parts = [p.reshape(len(edges), -1) for p in operation.parameters()]
                if not parts:
                    continue
                flat = torch.cat(parts, 1)
                place = (
                    index((stage.graph.edges[edge] for edge in edges), like.device),
                    index((stage.column(name, edge) for edge in edges), like.device),
                )
                total = total.index_put(place, flat.square().sum(1), accumulate=True)
                number[place] += flat.shape[1]
        return total, number
