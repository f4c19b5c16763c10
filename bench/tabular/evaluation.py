"""What a record says of a network whose accuracy was looked up instead of trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from bench.space.building import build_network
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.options import NetworkOptions
from bench.tabular.table import Source, Table, truths
from bench.training.measure import flops


def look_up(
    genotype: Mapping[str, Any], dataset: str, tables: Mapping[str, Table]
) -> dict[str, Any]:
    """The record's `evaluation`, of kind tabular.

    `test` is the table's accuracy on `dataset`, of the split that `sources` names; `truth` has all
    data sets. Sizes are those of the table's own network (N = 5, C = 16). Raises ConfigurationError
    for a genotype that is in no table.
    """
    started = time.perf_counter()
    known = truths(tables, genotype)
    source = tables[dataset].source
    parameters, operations = sizes(Genotype.from_json(genotype), source)
    quality = {"accuracy": known[dataset]["accuracy"], "nll": None, "images": source.images}
    return {
        "kind": "tabular",
        "dataset": dataset,
        "truth": known,
        "sources": {name: _described(table.source) for name, table in tables.items()},
        "test": quality,
        "test_before_zeroing": quality,
        "validation": quality if source.split == "validation" else None,
        "parameters": parameters,
        "nonzero_parameters": parameters,
        "flops": operations,
        "layers": [],
        "epochs": [],
        "steps": 0,
        "peak_memory_bytes": None,
        "seconds": time.perf_counter() - started,
    }


def sizes(genotype: Genotype, source: Source) -> tuple[int, int]:
    """Parameters, and operations of one image's forward pass, of the table's network."""
    shape = (3, source.size, source.size)
    with torch.device("meta"):
        options = NetworkOptions(5, 16, shape, source.classes)
        network = build_network(genotype, NasBench201Config(), options)
        operations = flops(network, shape)
    return sum(parameter.numel() for parameter in network.parameters()), operations


def _described(source: Source) -> dict[str, Any]:
    return {**asdict(source), "seeds": list(source.seeds), "text": str(source)}
