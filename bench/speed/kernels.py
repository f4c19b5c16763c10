"""Kernel calls of a piece of work, by torch's profiler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils import deterministic

COUNTED = {
    "cpu": "aten operators that compute or move data and call no other such operator",
    "cuda": "kernels, copies and fills on the device",
}
"""What is counted, by the device's type."""

NO_WORK = frozenset(
    {
        *("empty", "empty_like", "empty_strided", "resize_", "set_", "requires_grad_"),
        *("as_strided", "as_strided_", "view", "view_as", "_reshape_alias", "_unsafe_view"),
        *("reshape", "alias", "detach", "detach_", "expand", "expand_as", "contiguous", "to"),
        *("permute", "transpose", "t", "swapaxes", "movedim", "diagonal", "broadcast_tensors"),
        *("select", "slice", "narrow", "chunk", "split", "split_with_sizes", "unbind"),
        *("unflatten", "flatten", "squeeze", "unsqueeze", "lift_fresh", "result_type"),
        *("resolve_conj", "resolve_neg", "is_same_size", "item", "_local_scalar_dense"),
        *("resize_as_", "new_empty", "new_empty_strided", "_nnpack_available"),
    }
)
"""Views, allocations and questions: they start no kernel."""


def count(work: Callable[[], object], device: torch.device) -> int:
    """Kernel calls of one call of `work` (see `COUNTED`)."""
    events = _events(work, device)
    if device.type == "cuda":
        return sum(1 for event in events if _on_device(event))
    return sum(1 for event in events if _works(event) and not _any_works(event.cpu_children))


def busy_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time that a CUDA device spends in kernels during one call of `work`."""
    events = _events(work, device)
    return sum(event.device_time_total for event in events if _on_device(event)) / 1e6


def _events(work: Callable[[], object], device: torch.device) -> list[Any]:
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with _memory_left_unfilled(), profile(activities=activities) as profiler:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return list(profiler.events() or [])


@contextlib.contextmanager
def _memory_left_unfilled() -> Iterator[None]:
    """Within this a new tensor costs no kernel, whatever the process has been set to before.

    Where deterministic algorithms are on, as in a process that has run a trial, torch by default
    fills every new tensor with NaN: one more call for each, which is none of the work.
    """
    before = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        deterministic.fill_uninitialized_memory = before  # type: ignore[attr-defined]


def _on_device(event: Any) -> bool:
    return bool(event.device_type.name == "CUDA")


def _works(event: Any) -> bool:
    library, _, name = event.name.partition("::")
    return library == "aten" and name not in NO_WORK


def _any_works(events: Iterable[Any]) -> bool:
    return any(_works(event) or _any_works(event.cpu_children) for event in events)
