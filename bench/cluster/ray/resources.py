"""What a job asks of a node, what nodes offer, and both in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_GIB = 2**30


@dataclass(frozen=True)
class Resources:
    """CPU cores, GPUs (0.5: half of one) and main memory (bytes) of a job or of a node."""

    cpus: float
    gpus: float = 0.0
    memory: float = 0.0

    def __str__(self) -> str:
        parts = [_count(self.cpus, "CPU")]
        if self.gpus:
            parts.append(_count(self.gpus, "GPU"))
        if self.memory:
            parts.append(f"{self.memory / _GIB:.3g}G of memory")
        return ", ".join(parts)

    def count_jobs(self, request: Resources) -> int:
        """How many jobs of this request a node of these resources runs at a time."""
        pairs = (
            (self.cpus, request.cpus),
            (self.gpus, request.gpus),
            (self.memory, request.memory),
        )
        return min((int(has // asked) for has, asked in pairs if asked), default=0)


def count_jobs(nodes: Iterable[Resources], request: Resources) -> int:
    """How many jobs of this request run at a time on all nodes."""
    return sum(node.count_jobs(request) for node in nodes)


def describe(nodes: Iterable[Resources]) -> str:
    """Nodes in words, without their memory: "2 nodes, 8 CPUs, 1 GPU"."""
    nodes = list(nodes)
    total = Resources(sum(node.cpus for node in nodes), sum(node.gpus for node in nodes))
    return f"{_count(len(nodes), 'node')}, {total}"


def explain_refusal(nodes: Iterable[Resources], request: Resources) -> str:
    """Why no node can ever run such a job: what it asks for, and what the largest node has.

    The largest is the one with most of what none has enough of: GPUs, then CPUs, then memory.
    """
    nodes = list(nodes)
    if not nodes:
        return f"asks for {request}; there is no node"
    short = [
        name
        for name in ("gpus", "cpus", "memory")
        if max(getattr(node, name) for node in nodes) < getattr(request, name)
    ]
    names = [*short, "gpus", "cpus", "memory"]
    largest = max(nodes, key=lambda node: [getattr(node, name) for name in names])
    shown = largest if request.memory else Resources(largest.cpus, largest.gpus)
    return f"asks for {request}; the largest node offers {shown}"


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"
