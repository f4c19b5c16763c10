"""One variant in a process of its own: its memory is its own, and so is its malloc.

The process reads commands, one a line, from its standard input and answers each with one line of
JSON: {"seconds": ...}, {"bytes": ...}, {"kernels": ...}.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.run import environment
from bench.speed import kernels, timing
from bench.speed.scales import Scale, shrunk
from bench.speed.steps import ROOT, Mode, PlainStep, make
from bench.training.memory import keep_memory, release_memory


@dataclass(frozen=True)
class Variant(Mode):
    """network: fused or plain; keeps_memory: with `bench.training.memory`, else malloc as it is."""

    network: str = "fused"
    keeps_memory: bool = True


class Worker:
    """The parent's end: starts the process and asks it."""

    def __init__(self, variant: Variant, scale: Scale, device: torch.device, threads: int) -> None:
        order = {"variant": asdict(variant), "scale": asdict(scale), "device": str(device)}
        self._what = f"{variant.network} at {scale.name}"
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.speed.worker", json.dumps({**order, "threads": threads})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"KINETO_LOG_LEVEL": "99", **os.environ, "PYTHONPATH": path},  # a quiet profiler
        )

    def ask(self, command: str) -> dict[str, float]:
        """Send a command and wait. Raises BenchError where the process has died."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
            answer: dict[str, float] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            code = self._process.wait()
            why = "was killed, perhaps for want of memory" if code < 0 else "failed"
            raise BenchError(
                f"the process that measures {self._what} {why} (status {code});"
                " the parts measured before are written"
            ) from error
        return answer

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._process.communicate()


class Measured:
    """The process's end: the network, and what can be asked of it."""

    def __init__(self, variant: Variant, scale: Scale, device: torch.device) -> None:
        self.device, self.keeps_memory = device, variant.keeps_memory
        _network(replace(variant, compile=False, graph=False), shrunk(scale), device)[1]()
        self.forward, self.step, self.clear = _network(variant, scale, device)

    def peak(self) -> dict[str, float]:
        """Peak memory of the first step, less what was in use before it."""
        high = environment.PeakMemory(self.device)
        before = high.read()
        self.step()
        timing.synchronise(self.device)
        return {"bytes": max(0, high.read() - before)}

    def time(self) -> dict[str, float]:
        """Seconds: forward, backward to all parameters, and then a whole step.

        A step that does not count comes first, where freed memory is kept: `main` hands it back
        between the commands.
        """
        if self.keeps_memory:
            self.step()
        self.clear()
        losses: list[Tensor] = []
        forward = timing.seconds(lambda: losses.append(self.forward()), self.device)
        backward = timing.seconds(lambda: losses.pop().backward(), self.device)
        self.clear()
        step = timing.seconds(self.step, self.device)
        return {"forward": forward, "backward": backward, "step": step}

    def steps(self) -> dict[str, float]:
        """Seconds of a whole step alone."""
        return {"step": timing.seconds(self.step, self.device)}

    def kernels(self) -> dict[str, float]:
        """Kernel calls of a whole step."""
        return {"kernels": kernels.count(self.step, self.device)}

    def busy(self) -> dict[str, float]:
        """Share of a step in which a CUDA device computes, in percent."""
        wall = timing.seconds(self.step, self.device)
        return {"percent": 100 * kernels.busy_seconds(self.step, self.device) / wall}


def _network(
    variant: Variant, scale: Scale, device: torch.device
) -> tuple[Callable[[], Tensor], Callable[[], object], Callable[[], None]]:
    """forward, step, clear gradients"""
    if variant.network == "plain":
        plain = PlainStep(scale, device)
        return plain.loss, plain.step, plain.clear
    fused = make("darts", scale, device, mode=variant)
    parameters = fused.trainer.everything

    def clear() -> None:
        for parameter in parameters:
            parameter.requires_grad_(True)
            parameter.grad = None

    return lambda: fused.objective().total(), fused.step, clear


def main(order: dict[str, Any]) -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print must not come between the answers
    variant, device = Variant(**order["variant"]), torch.device(order["device"])
    scale = Scale(**{**order["scale"], "shape": tuple(order["scale"]["shape"])})
    torch.set_num_threads(order["threads"])
    if variant.keeps_memory:
        keep_memory()
    measured = Measured(variant, scale, device)
    for line in sys.stdin:
        answer = getattr(measured, line.strip())()
        measured.clear()
        release_memory()  # the machine may not hold what all variants together keep
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
