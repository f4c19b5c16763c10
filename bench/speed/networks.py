"""The fused super-network against the plain one: every variant in a process of its own."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.speed.context import Context
from bench.speed.kernels import COUNTED
from bench.speed.report import Row, Section
from bench.speed.roofline.bounds import machine_rows, with_bounds
from bench.speed.roofline.peaks import alternate_with_machine
from bench.speed.scales import Scale
from bench.speed.timing import Samples, alternate
from bench.speed.worker import Variant, Worker

PAPER_STEPS = 50 * (25_000 // 64)
"""Steps of DARTS's search on CIFAR-10: 50 epochs of 25,000 + 25,000 images, batches of 64."""

FUSED = "fused"


def variants(context: Context) -> dict[str, Variant]:
    """What is compared, by name; the first is the reference."""
    if context.device.type != "cpu":
        return {FUSED: Variant(), "plain": Variant(network="plain")}
    return {
        FUSED: Variant(),
        "plain, malloc as it is": Variant(network="plain", keeps_memory=False),
        "plain, memory kept": Variant(network="plain"),
    }


def measure(context: Context, scale: Scale) -> list[Row]:
    """Forward, backward, step, kernel calls and peak memory of a first-order DARTS step.

    The machine is measured in turns with them, and each is compared with its bound there.
    """
    section = Section(scale.name, scale.name, FUSED)
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        memory: dict[str, Samples] = {}
        for name, variant in variants(context).items():
            workers[name] = Worker(variant, scale, context.device, context.threads)
            stack.callback(workers[name].close)
            memory[name] = {"peak memory": [workers[name].ask("peak")["bytes"] / 2**20]}
        works = {name: partial(worker.ask, "time") for name, worker in workers.items()}
        # the step of the peak was the warm-up
        samples, rates = alternate_with_machine(works, context, warm_up=0)
        calls = {
            name: {"kernel calls": [worker.ask("kernels")["kernels"]]}
            for name, worker in workers.items()
        }
        work = {}
        for name, worker in workers.items():
            for quantity, values in worker.ask_work().items():
                work[name, quantity] = values
        result = with_bounds(section.rows(samples), samples, work, rates)
        result += machine_rows(section, rates)
        result += section.rows(calls, "calls", f"a step; {COUNTED[context.device.type]}")
        result += section.rows(memory, "MiB", "of the first step, less what was in use before it")
        if context.device.type == "cuda":
            share = workers[FUSED].ask("busy")["percent"]
            result.append(section.row(FUSED, "busy", [share], "%"))
    if context.device.type == "cuda":
        special = _measure_on_cuda(context, scale)
        result += Section(f"{scale.name} on CUDA", scale.name, FUSED).rows(special)
        samples |= {name: steps for name, steps in special.items() if name != FUSED}
    note = f"{PAPER_STEPS} steps, estimated"
    for name, quantities in samples.items():
        hours = [step * PAPER_STEPS / 3600 for step in quantities["step"]]
        result.append(section.row(name, "paper search", hours, "h", note=note))
    return result


def _measure_on_cuda(context: Context, scale: Scale) -> dict[str, Samples]:
    """Seconds of a step with graph capture, compilation and bfloat16, by variant."""
    special = {
        FUSED: Variant(),
        "fused, CUDA graph": Variant(graph=True),
        "fused, CUDA graph, bfloat16": Variant(graph=True, precision="bfloat16"),
        "fused, compiled": Variant(compile=True),
    }
    with ExitStack() as stack:
        works = {}
        for name, variant in special.items():
            worker = Worker(variant, scale, context.device, context.threads)
            stack.callback(worker.close)
            works[name] = partial(worker.ask, "steps")
        # more rounds of warm-up than a graph needs before its capture
        return alternate(works, context.repeats, context.tick, warm_up=5)
