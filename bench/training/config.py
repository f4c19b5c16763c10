"""How long and at which scale networks are trained: search and evaluation."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from bench.options import Count, Formerly, Mark, NonNegative, Positive, Share, Whole, options
from bench.space.skeleton import Skeleton

Precision = Literal["float32", "bfloat16"]
Corruption = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "gaussian_blur",
    "contrast",
    "brightness",
    "pixelate",
    "jpeg_compression",
]
UNASKED = tuple(name for name in get_args(Corruption) if name != "jpeg_compression")
"""Measured where a study names none. Trials have the list in their ids: it does not grow."""
Strength = Annotated[int, Field(ge=1, le=5)]


@options
class SearchConfig:
    """The budget of a search; the same for every method of a study."""

    epochs: Count = 50
    """Passes over a phase's split."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Images a step."""
    cutout: Whole = 0
    """Side of the erased square, pixels; 0 is off."""
    precision: Precision = "float32"
    """With bfloat16 under autocast, or not."""
    channels_last: bool | None = None
    """Memory format; null chooses by device."""
    compile: bool = False
    """Compile the network with torch.compile."""
    graph: Annotated[bool, Mark.HOW] = False
    """Replay each step as a CUDA graph (CUDA only)."""
    threads: Count = 1
    """CPU threads of a trial (bits depend on it)."""
    rate_cap: Annotated[float, Field(ge=1), Formerly(1.0)] = 16.0
    """Architecture learning rates are multiplied by their paper's steps over this search's, at most
    by this; 1: they are the papers'. The largest factor in a trial was 15: at it DARTS shows its
    known collapse on NAS-Bench-201.
    """
    discretisation_gap: Annotated[bool, Mark.LATER] = False
    """Measure after every epoch what discretising costs (two passes over the held-out images)."""
    eigenvalue: Annotated[bool, Mark.LATER] = False
    """Measure after every epoch the loss's largest Hessian eigenvalue in the architecture
    parameters (about 40 passes over 64 images).
    """
    retrained: Annotated[Whole, Mark.LATER] = 0
    """Of a method that ranks candidates by inherited weights: so many of each kind are trained from
    scratch as well, at the super-network's scale. Nothing is chosen by it.
    """
    retrained_epochs: Annotated[Count | None, Mark.LATER] = None
    """Epochs of such a training; null: those of the search."""
    retrained_seeds: Annotated[Count, Mark.LATER] = 1
    """Trainings of each; two or more show the noise of trainings, which bounds a correlation."""


@options
class UncertaintyConfig:
    """What is measured of the uncertainty of the trained network's predictions."""

    passes: Annotated[int, Field(ge=2)] = 5
    """Forward passes for an image, of draws of Gaussian weights and of the ensemble alike."""
    ensemble: bool = True
    """Train passes - 1 further networks of the found cell and average over all of them."""
    outside: str | None = None
    """A data set whose images are not the study's: are they found out? Null: not measured."""
    corruptions: tuple[Corruption, ...] = UNASKED
    """Of the test images, as in CIFAR-10-C; none: not measured. jpeg_compression has to be named.
    """
    strengths: tuple[Strength, ...] = (1, 3, 5)
    """Of every corruption, 1 to 5."""

    def __post_init__(self) -> None:
        for name in ("corruptions", "strengths"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: one is listed twice")
        if self.corruptions and not self.strengths:
            raise ValueError("strengths: at least one is needed, or corruptions has to be empty")


CHANNELS = 36
"""Of the first cell in DARTS's evaluation."""


@options
class EvaluationConfig:
    """Training a found architecture from scratch; the same for every method of a study."""

    repeats: Annotated[Count, Mark.LATER] = 1
    """Evaluation seeds within a search seed."""
    epochs: Count = 600
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=2)] = 96
    """Images a step."""
    cells: Annotated[int, Field(ge=1, le=100)] = 20
    """Cells of the discrete network."""
    channels: Count = CHANNELS
    """Channels of its first cell."""
    parameters: Annotated[int | None, Field(ge=1, le=10**9), Mark.LATER] = None
    """Budget in place of `channels`: the first cell has as many channels as the network can have
    with at most so many parameters; null: `channels` says it.
    """
    skeleton: Annotated[Skeleton, Mark.LATER] = "cifar"
    """Mobile: DARTS's ImageNet network, whose stem of three convolutions takes 1/8 of the side."""
    learning_rate: Positive = 0.025
    """Of SGD, cosine to learning_rate_min."""
    learning_rate_min: NonNegative = 0.0
    """Learning rate at the end."""
    warm_up_epochs: Whole = 0
    """Linear warm-up of the learning rate."""
    momentum: Share = 0.9
    """Of SGD."""
    weight_decay: NonNegative = 3e-4
    """L2 coefficient."""
    gradient_clip: Positive = 5.0
    """Largest gradient norm."""
    drop_path: Share = 0.2
    """Drop-path probability to which training grows, by 1 / epochs of it an epoch."""
    auxiliary_weight: NonNegative = 0.4
    """Weight of the auxiliary head's loss; 0: none."""
    label_smoothing: Share = 0.0
    """Of the cross-entropy."""
    cutout: Whole = 16
    """Side of the erased square, pixels; 0 is off."""
    train_on: Literal["train", "all"] = "train"
    """All: train and validation images together (then validation is not reported)."""
    precision: Precision = "float32"
    """With bfloat16 under autocast, or not."""
    channels_last: bool | None = None
    """Memory format; null chooses by device."""
    compile: bool = False
    """Compile the network with torch.compile."""
    graph: Annotated[bool, Mark.HOW] = False
    """Replay each step as a CUDA graph (CUDA only)."""
    export: Annotated[bool, Mark.LATER, Mark.HOW] = False
    """Write the trained network to networks/, as torch.export files."""
    uncertainty: Annotated[UncertaintyConfig | None, Mark.LATER] = None
    """Measure the uncertainty of predictions too; null: no. Its options: `bench show uncertainty
    --kind topic`.
    """

    def __post_init__(self) -> None:
        if self.parameters is not None and self.channels != CHANNELS:
            raise ValueError(
                f"parameters = {self.parameters} chooses the channels: leave out"
                f" channels = {self.channels}, or set parameters to null"
            )
