"""The fused super-network against the plain one: every variant in a process of its own."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.speed.context import Context
from bench.speed.kernels import COUNTED
from bench.speed.rows import Row, row, rows
from bench.speed.scales import Scale
from bench.speed.timing import alternate
from bench.speed.worker import Variant, Worker

PAPER_STEPS = 50 * (25_000 // 64)
"""Steps of DARTS's search on CIFAR-10: 50 epochs of 25,000 + 25,000 images, batches of 64."""

FUSED = "fused"


def variants(context: Context) -> dict[str, Variant]:
    """What is compared, by name; the first is the reference."""
    found = {FUSED: Variant("fused")}
    if context.device.type == "cpu":
        found["plain, malloc as it is"] = Variant("plain", keeps_memory=False)
        found["plain, memory kept"] = Variant("plain")
    else:
        found["plain"] = Variant("plain")
    return found


def measure(context: Context, scale: Scale) -> list[Row]:
    """Forward, backward, step, kernel calls and peak memory of a first-order DARTS step."""
    section = scale.name
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        memory: dict[str, list[float]] = {}
        for name, variant in variants(context).items():
            worker = Worker(variant, scale, context.device, context.threads)
            stack.callback(worker.close)
            workers[name] = worker
            memory[name] = [worker.ask("peak")["bytes"] / 2**20]
        works = {name: partial(worker.ask, "time") for name, worker in workers.items()}
        found = alternate(works, context.repeats, context.tick, warm_up=0)  # the peak's step was it
        calls = {name: [worker.ask("kernels")["kernels"]] for name, worker in workers.items()}
        result = rows(section, scale.name, found, FUSED)
        for quantity, unit, values, note in (
            ("kernel calls", "calls", calls, f"a step; {COUNTED[context.device.type]}"),
            ("peak memory", "MiB", memory, "of the first step, less what was in use before it"),
        ):
            result += [
                row(section, scale.name, name, quantity, unit, v, (FUSED, values[FUSED]), note)
                for name, v in values.items()
            ]
        if context.device.type == "cuda":
            result.append(
                row(
                    section, scale.name, FUSED, "busy", "%", [workers[FUSED].ask("busy")["percent"]]
                )
            )
    if context.device.type == "cuda":
        found |= _on_cuda(context, scale, result)
    result += [
        row(
            section,
            scale.name,
            name,
            "paper search",
            "h",
            [step * PAPER_STEPS / 3600 for step in samples["step"]],
            note=f"{PAPER_STEPS} steps, estimated",
        )
        for name, samples in found.items()
    ]
    return result


def _on_cuda(
    context: Context, scale: Scale, result: list[Row]
) -> dict[str, dict[str, list[float]]]:
    """Graph capture, compilation and bfloat16: rows of a step, added to `result`."""
    special = {
        "fused, CUDA graph": Variant("fused", graph=True),
        "fused, CUDA graph, bfloat16": Variant("fused", graph=True, precision="bfloat16"),
        "fused, compiled": Variant("fused", compile=True),
    }
    with ExitStack() as stack:
        works = {}
        for name, variant in {FUSED: Variant("fused"), **special}.items():
            worker = Worker(variant, scale, context.device, context.threads)
            stack.callback(worker.close)
            works[name] = partial(worker.ask, "steps")
        # more rounds of warm-up than a graph needs before its capture
        found = alternate(works, context.repeats, context.tick, warm_up=5)
    section = f"{scale.name} on CUDA"
    result += rows(section, scale.name, found, FUSED)
    return {name: samples for name, samples in found.items() if name != FUSED}
