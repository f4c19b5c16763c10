"""The discrete network that a genotype builds, with auxiliary head and drop path.

Source: DARTS (arXiv 1806.09055) and its public evaluation network. Differences: a node sums any
number of operations (none: zeros), a cell gives any of its nodes (the genotype's concat), and the
auxiliary head adapts to feature maps other than 8 x 8.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.config import SpaceConfig
from bench.space.genotype import Cell, Genotype
from bench.space.layers import FactorizedReduce, Form, Layers
from bench.space.options import NetworkOptions
from bench.space.skeleton import Position, with_widths


class Normalised(nn.Module):
    """Optional ReLU, layers in sequence, affine batch normalisation."""

    def __init__(self, channels: int, *layers: nn.Module, relu: bool = True) -> None:
        super().__init__()
        self.relu = relu
        self.layers = nn.Sequential(*layers)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(F.relu(x) if self.relu else x))


class NoiseDraw(nn.Module):
    """N(0, 1) an example and element, whatever the input: the operation `noise` of space S4."""

    def __init__(self, noise: Noise, stride: int) -> None:
        super().__init__()
        self.noise, self.stride = noise, stride

    def forward(self, x: Tensor) -> Tensor:
        return self.noise.normal(x.detach()[:, :, :: self.stride, :: self.stride])


class Pool(nn.Module):
    """3x3 pooling, padding 1; the average does not count the padding."""

    def __init__(self, name: str, stride: int) -> None:
        super().__init__()
        self.name, self.stride = name, stride

    def forward(self, x: Tensor) -> Tensor:
        if self.name == "max_pool_3x3":
            return F.max_pool2d(x, 3, self.stride, 1)
        return F.avg_pool2d(x, 3, self.stride, 1, count_include_pad=False)


def operation(name: str, channels: int, stride: int, layers: Layers, noise: Noise) -> nn.Module:
    """One operation of a discrete cell. Raises ValueError for a name that is not one."""
    if name in ("max_pool_3x3", "avg_pool_3x3"):
        return Pool(name, stride)
    if name == "noise":
        return NoiseDraw(noise, stride)
    if name == "skip_connect":
        if stride == 1:
            return nn.Identity()
        return Normalised(channels, FactorizedReduce(layers, channels, channels))
    if name in ("nor_conv_1x1", "nor_conv_3x3"):
        full = layers.convolution(channels, channels, int(name[-1]), stride=stride)
        return Normalised(channels, full)
    if name not in ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"):
        raise ValueError(f"operation {name!r} cannot be built in a discrete network")
    kernel = int(name[-1])
    dilation = 2 if name.startswith("dil") else 1

    def block(stride: int, last: bool = True) -> Normalised:
        form = Form(stride=stride, dilation=dilation, depthwise=True)
        depthwise = layers.convolution(channels, channels, kernel, inner=True, **form)
        pointwise = layers.convolution(channels, channels, 1, inner=not last)
        return Normalised(channels, depthwise, pointwise)

    if dilation == 2:
        return block(stride)
    return nn.Sequential(block(stride, last=False), block(1))


class DiscreteCell(nn.Module):
    """The chosen operations between a cell's input states and its nodes."""

    def __init__(
        self,
        position: Position,
        cell: Cell,
        outputs: tuple[int, ...],
        inputs: int,
        layers: Layers,
        noise: Noise,
    ) -> None:
        """outputs: the nodes that make the output; inputs: how many states come before nodes."""
        super().__init__()
        self.preprocess = self.make_preprocess(position, layers)
        self.reduces, self.noise, self.outputs = position.reduces, noise, outputs
        self.sources = [[source for _, source in node] for node in cell]
        self.names = [[name for name, _ in node] for node in cell]
        self.operations = nn.ModuleList(
            nn.ModuleList(
                operation(
                    name,
                    position.channels,
                    2 if self.reduces and source < inputs else 1,
                    layers,
                    noise,
                )
                for name, source in node
            )
            for node in cell
        )

    def make_preprocess(self, position: Position, layers: Layers) -> nn.ModuleList:
        """What the cell's inputs go through first; here nothing."""
        return nn.ModuleList()

    def nodes(self, states: list[Tensor], drop_path: float) -> list[Tensor]:
        """Input states, [batch, channels, height, width] each -> the nodes, likewise."""
        states, inputs = list(states), len(states)
        empty = states[-1][:, :, ::2, ::2] if self.reduces else states[-1]
        for sources, operations in zip(self.sources, self.operations, strict=True):
            assert isinstance(operations, nn.ModuleList)
            total: Tensor | None = None
            for source, module in zip(sources, operations, strict=True):
                y = module(states[source])
                if drop_path > 0 and not isinstance(module, nn.Identity):
                    y = _drop(y, drop_path, self.noise)
                total = y if total is None else total + y
            states.append(torch.zeros_like(empty) if total is None else total)
        return states[inputs:]


class DiscreteDartsCell(DiscreteCell):
    """Two inputs, each preprocessed; the concatenation of the genotype's output nodes."""

    def make_preprocess(self, position: Position, layers: Layers) -> nn.ModuleList:
        channels = position.channels
        first: nn.Module = (
            FactorizedReduce(layers, position.inputs[0], channels, inner=True)
            if position.previous_reduces
            else layers.convolution(position.inputs[0], channels, 1, inner=True)
        )
        second = layers.convolution(position.inputs[1], channels, 1, inner=True)
        return nn.ModuleList([Normalised(channels, first), Normalised(channels, second)])

    def forward(self, before: Tensor, last: Tensor, drop_path: float) -> Tensor:
        """[batch, *, height, width] twice -> [batch, output nodes * channels, h, w]."""
        states = [self.preprocess[0](before), self.preprocess[1](last)]
        nodes = self.nodes(states, drop_path)
        return torch.cat([nodes[node] for node in self.outputs], 1)


def _drop(x: Tensor, probability: float, noise: Noise) -> Tensor:
    """Zero whole examples of a path with `probability`, and scale up the others."""
    keep = 1 - probability
    draw = noise.uniform(x.new_empty(x.shape[0], 1, 1, 1, dtype=torch.float32))
    return x * ((draw < keep).to(x.dtype) / keep)


class MobileStem(nn.Module):
    """The stem of DARTS's ImageNet network: three 3x3 convolutions of stride 2.

    It gives the first cell two inputs: the images at a quarter and at an eighth of their side.
    """

    def __init__(self, images: int, channels: int, layers: Layers) -> None:
        super().__init__()
        half = channels // 2
        self.first = nn.Sequential(
            Normalised(half, layers.convolution(images, half, 3, stride=2), relu=False),
            Normalised(channels, layers.convolution(half, channels, 3, stride=2)),
        )
        self.second = Normalised(channels, layers.convolution(channels, channels, 3, stride=2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        before = self.first(images)
        return before, self.second(before)


class AuxiliaryHead(nn.Module):
    """A second classifier on the features at 2/3 of the depth, used in training alone.

    mobile: as in DARTS's ImageNet network, which pools otherwise and normalises once.
    """

    def __init__(self, channels: int, classes: int, layers: Layers, mobile: bool = False) -> None:
        super().__init__()
        self.project = Normalised(128, layers.convolution(channels, 128, 1), relu=False)
        self.corner = nn.Conv2d(128, 768, 2, bias=False)
        self.norm = nn.Identity() if mobile else nn.BatchNorm2d(768)
        self.classifier = layers.linear(768, classes)
        self.size, self.stride = ((7, 7), 2) if mobile else ((8, 8), 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        if x.shape[2:] == self.size:
            x = F.avg_pool2d(x, 5, self.stride, count_include_pad=False)
        else:
            x = F.adaptive_avg_pool2d(x, 2)
        x = F.relu(self.norm(self.corner(F.relu(self.project(x)))))
        return self.classifier(x.flatten(1))


class DiscreteNetwork(nn.Module):
    """A found architecture of the DARTS space, to be trained from scratch; others are subclasses.

    genotype: by cell type or by position; its operations are those of edges, not of columns.
    `forward` returns logits [batch, classes] and the auxiliary head's logits (in training, where
    there is one). `drop_path` is set by the trainer, epoch by epoch.
    """

    cell_type: type[DiscreteCell] = DiscreteDartsCell
    auxiliary: nn.Module | None
    channels: int
    """Of the first cell."""
    widths: list[int]
    """Channels of each cell's output, where cells concatenate."""

    def __init__(self, genotype: Genotype, space: SpaceConfig, options: NetworkOptions) -> None:
        super().__init__()
        layers, mobile = options.layers, options.skeleton == "mobile"
        channels = options.channels if mobile else space.stem_multiplier * options.channels
        self.space, self.noise, self.drop_path = space, options.noise, 0.0
        self.channels = options.channels
        make_positions = space.mobile_positions if mobile else space.positions
        self.positions = make_positions(options.cells, options.channels)
        keys = [genotype.key(position.index, position.kind) for position in self.positions]
        outputs = [genotype.output_nodes(key) for key in keys]
        if space.concatenates:
            self.widths = [
                len(nodes) * position.channels
                for nodes, position in zip(outputs, self.positions, strict=True)
            ]
            self.positions = with_widths(self.positions, channels, self.widths)
        self.stem: nn.Module
        if mobile:
            self.stem = MobileStem(options.image_shape[0], channels, layers)
        else:
            stem = layers.convolution(options.image_shape[0], channels, 3)
            self.stem = Normalised(channels, stem, relu=False)
        self.cells = nn.ModuleList(
            self.cell_type(
                position,
                genotype.cells[key],
                nodes,
                space.graph.inputs,
                layers,
                self.noise,
            )
            for position, key, nodes in zip(self.positions, keys, outputs, strict=True)
        )
        self.make_head(options)

    def make_head(self, options: NetworkOptions) -> None:
        """What comes behind the cells."""
        self.classifier = options.layers.linear(self.widths[-1], options.classes)
        self.auxiliary_at = 2 * len(self.positions) // 3
        self.auxiliary = None
        if options.auxiliary:
            channels = self.widths[self.auxiliary_at]
            mobile = options.skeleton == "mobile"
            self.auxiliary = AuxiliaryHead(channels, options.classes, options.layers, mobile)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        stem = self.stem(images)
        before, last = stem if isinstance(self.stem, MobileStem) else (stem, stem)
        extra: Tensor | None = None
        drop_path = self.drop_path if self.training else 0.0
        for position, cell in zip(self.positions, self.cells, strict=True):
            before, last = last, cell(before, last, drop_path)
            if self.training and self.auxiliary is not None and position.index == self.auxiliary_at:
                extra = self.auxiliary(last)
        return self.classifier(last.mean((2, 3))), extra
