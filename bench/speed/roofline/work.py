"""What a piece of work computes and moves: its floating-point operations and its memory traffic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.speed.kernels import NO_WORK

COUNTED = (
    "operations: 2 per multiply-add of matrix products and convolutions, nothing else; traffic: of"
    " every aten operator that computes or moves data, each input read once and each output written"
    " once, whatever a cache saves"
)
"""What is counted, for those who read the numbers."""

_WRITTEN_ALONE = frozenset(
    {"copy_", "fill_", "zero_", "normal_", "uniform_", "bernoulli_", "random_", "exponential_"}
)
"""Operators that overwrite their first argument without reading it."""


@dataclass(frozen=True)
class Work:
    """flops: floating-point operations; bytes: read and written (see `COUNTED`)."""

    flops: float
    bytes: float


def count(work: Callable[[], object]) -> Work:
    """What one call of `work` computes and moves; it runs eagerly, without torch.compile."""
    counter = _Counter()
    with counter:
        work()
    return Work(counter.flops, counter.bytes)


class _Counter(TorchDispatchMode):
    """Sums over the operators that run within it, those of backward passes too."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = function(*args, **kwargs)
        library, _, name = function.name().partition("::")
        name = name.partition(".")[0]
        if library == "aten" and not function.is_view and name not in NO_WORK:
            operations = _OPERATIONS.get(name)
            self.flops += operations(args, output) if operations else 0.0
            self.bytes += _traffic(function, name, args, kwargs, output)
        return output


def _traffic(
    function: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
) -> float:
    """Bytes that the operator has to read and to write at least."""
    read, changed = [], []
    for place, argument in enumerate(function._schema.arguments):
        value = args[place] if place < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write:
            changed.append(value)
            if argument.is_out or (place == 0 and name in _WRITTEN_ALONE):
                continue
        read.append(value)
    if name.startswith("new_") or name.endswith("_like"):  # they take only a shape from it
        read = []
    if name == "convolution_backward":  # for a gradient that is not asked for nothing is read
        into_images, into_weights, _ = args[-1]
        read = [args[0], args[1] if into_weights else None, args[2] if into_images else None]
    return _size(read) + _size([output, changed])


def _size(values: Iterable[Any]) -> float:
    """Bytes of all tensors among the values, each once; a broadcast axis is there once."""
    sizes = {}
    for leaf in tree_leaves(list(values)):
        if isinstance(leaf, Tensor):
            axes = zip(leaf.shape, leaf.stride(), strict=True)
            elements = math.prod(length for length, stride in axes if stride or length == 0)
            key = (leaf.untyped_storage().data_ptr(), leaf.storage_offset(), leaf.shape)
            sizes[key, leaf.stride()] = elements * leaf.element_size()
    return float(sum(sizes.values()))


def _product(left: Tensor, output: Tensor) -> float:
    """left: [..., rows, inner]."""
    return 2.0 * output.numel() * left.shape[-1]


def _convolution(images: Tensor, weight: Tensor, output: Tensor, transposed: bool) -> float:
    """weight: [out, in / groups, *kernel], or [in, out / groups, *kernel] if transposed.

    Places of the kernel that lie beyond the border count, as they do in the usual counts.
    """
    places = images if transposed else output
    return 2.0 * places.numel() * weight[:1].numel()


def _convolution_backward(args: tuple[Any, ...]) -> float:
    """Each gradient wanted, of images and of weights, costs what the forward pass does."""
    gradient, images, weight, transposed, wanted = *args[:3], args[7], args[-1]
    return sum(wanted[:2]) * _convolution(images, weight, gradient, transposed)


_OPERATIONS: dict[str, Callable[[tuple[Any, ...], Any], float]] = {
    "mm": lambda args, output: _product(args[0], output),
    "bmm": lambda args, output: _product(args[0], output),
    "addmm": lambda args, output: _product(args[1], output),
    "baddbmm": lambda args, output: _product(args[1], output),
    "convolution": lambda args, output: _convolution(args[0], args[1], output, args[6]),
    "convolution_backward": lambda args, output: _convolution_backward(args),
}
"""Operator -> its operations, from its arguments and its output."""
