"""How long and at which scale networks are trained: search and evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.options import option

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class SearchConfig:
    """The budget of a search; the same for every method of a study."""

    epochs: int = option(50, ge=1, help="passes over a phase's split")
    batch_size: int = option(64, ge=2, help="images a step")
    cutout: int = option(0, ge=0, help="side of the erased square, pixels; 0 is off")
    precision: Precision = option("float32", help="bfloat16 uses autocast")
    channels_last: bool | None = option(None, help="memory format; null chooses by device")
    compile: bool = option(False, help="torch.compile the network")
    graph: bool = option(False, help="replay each step as a CUDA graph (CUDA only)", identity=False)
    threads: int = option(1, ge=1, help="CPU threads of a trial (bits depend on it)")
    discretisation_gap: bool = option(
        False,
        help="measure after every epoch what discretising costs (two passes over the held-out"
        " images)",
        later=True,
    )
    eigenvalue: bool = option(
        False,
        help="measure after every epoch the loss's largest Hessian eigenvalue in the architecture"
        " parameters (about 40 passes over 64 images)",
        later=True,
    )


@dataclass(frozen=True)
class EvaluationConfig:
    """Training a found architecture from scratch; the same for every method of a study."""

    repeats: int = option(1, ge=1, help="evaluation seeds within a search seed", later=True)
    epochs: int = option(600, ge=1, help="passes over the training images")
    batch_size: int = option(96, ge=2, help="images a step")
    cells: int = option(20, ge=1, le=100, help="cells of the discrete network")
    channels: int = option(36, ge=1, help="channels of its first cell")
    learning_rate: float = option(0.025, gt=0, help="of SGD, cosine to learning_rate_min")
    learning_rate_min: float = option(0.0, ge=0, help="learning rate at the end")
    warm_up_epochs: int = option(0, ge=0, help="linear warm-up of the learning rate")
    momentum: float = option(0.9, ge=0, lt=1, help="of SGD")
    weight_decay: float = option(3e-4, ge=0, help="L2 coefficient")
    gradient_clip: float = option(5.0, gt=0, help="largest gradient norm")
    drop_path: float = option(0.2, ge=0, lt=1, help="drop-path probability at the last epoch")
    auxiliary_weight: float = option(0.4, ge=0, help="weight of the auxiliary head's loss; 0: none")
    label_smoothing: float = option(0.0, ge=0, lt=1, help="of the cross-entropy")
    cutout: int = option(16, ge=0, help="side of the erased square, pixels; 0 is off")
    train_on: Literal["train", "all"] = option(
        "train", help="all: train and validation images together (then validation is not reported)"
    )
    precision: Precision = option("float32", help="bfloat16 uses autocast")
    channels_last: bool | None = option(None, help="memory format; null chooses by device")
    compile: bool = option(False, help="torch.compile the network")
    graph: bool = option(False, help="replay each step as a CUDA graph (CUDA only)", identity=False)
    export: bool = option(
        False,
        help="write the trained network to networks/, as torch.export files",
        identity=False,
        later=True,
    )
