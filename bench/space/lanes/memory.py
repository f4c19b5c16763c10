"""How many candidates a device has memory for: lanes in a program, and programs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch

from bench.space.lanes.network import draws_noise, has_lanes
from bench.space.supernet import Supernet

MOST_LANES = 32
"""Lanes in one program; more of them gain nothing, half as many lose 10 % (measured)."""

BYTES = {"cpu": 3 * 2**30, "cuda": 2**33}
"""What all lanes at work may take of a device's memory, estimated by `lane_bytes`."""

ALIVE, ALIVE_IN_PIECES = 5, 2
"""Tensors of a stage's size that a lane holds at once, by peak memory: 2.9 to 4.6 were measured
where an operation takes all lanes at once, and 0.8 to 1.6 where it takes pieces, as on a CPU."""

Candidate = TypeVar("Candidate")


def plan_programs(
    supernet: Supernet, shape: Sequence[int], device: torch.device
) -> tuple[int, int]:
    """How many programs at once (on a CPU, one per thread), and lanes in each: 1 to `MOST_LANES`.

    As many as fit into `BYTES`. shape: of a batch of images, [images, channels, height, width].
    """
    together, pieces = has_lanes(supernet), device.type == "cpu"
    alive = ALIVE_IN_PIECES if together and pieces else ALIVE
    fitting = max(1, BYTES[device.type] // lane_bytes(supernet, shape, alive))
    # With draws the order of evaluations matters, and a GPU is busy with one program.
    alone = not pieces or draws_noise(supernet)
    at_once = 1 if alone else min(torch.get_num_threads(), fitting)
    return at_once, min(MOST_LANES, fitting // at_once) if together else 1


def lane_bytes(supernet: Supernet, shape: Sequence[int], alive: int) -> int:
    """Estimate of a lane's peak memory: `alive` float32 activations of the widest stage.

    shape: of a batch of images; a reduction doubles the channels and quarters the pixels.
    """
    images, pixels = shape[0], shape[2] * shape[3]
    widest = 0
    for position in supernet.positions:  # a reduction cell's inputs still have the size before it
        widest = max(widest, position.channels * pixels)
        pixels = pixels // 4 if position.reduces else pixels
    edges = len(supernet.graph.stages[0].edges)
    return alive * 4 * images * widest * edges


def split_evenly(
    candidates: Sequence[Candidate], most: int, at_once: int
) -> list[Sequence[Candidate]]:
    """In order, parts of at most `most`, of similar sizes; if possible a multiple of `at_once`."""
    number = max(1, math.ceil(len(candidates) / most / at_once)) * at_once
    size = max(1, math.ceil(len(candidates) / number))
    return [candidates[start : start + size] for start in range(0, len(candidates), size)]
