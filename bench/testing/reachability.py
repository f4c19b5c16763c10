"""What Python references lead to: to show that a search cannot reach a test image or label."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

STOP = (type, types.ModuleType, types.FrameType, types.CodeType, types.BuiltinFunctionType)


def reachable(*roots: object) -> Iterator[object]:
    """Everything that the roots lead to, through closures too, but not through modules.

    A function's globals are its module's: what anybody can import.
    """
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, STOP):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, types.FunctionType):
            waiting += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
            continue
        # What torch and NumPy keep where the garbage collector cannot look.
        if isinstance(thing, Tensor):
            kept = thing.grad if thing.is_leaf or thing.retains_grad else None
            waiting += [thing.grad_fn, kept, thing._base]
        elif isinstance(thing, np.ndarray):
            waiting += [thing.base, *(thing.flat if thing.dtype == object else ())]
        waiting += gc.get_referents(thing)


def shared(secret: Iterable[Tensor], *roots: object) -> list[str]:
    """One line for every reachable tensor or array with a secret's memory, or an equal copy."""
    hidden = list(secret)
    memory = {tensor.untyped_storage().data_ptr() for tensor in hidden}
    leaks = []
    for thing in reachable(*roots):
        if isinstance(thing, np.ndarray) and thing.dtype.kind in "biuf":
            whole = thing.flags.writeable and thing.flags.forc
            thing = torch.from_numpy(thing if whole else thing.copy())
        if not isinstance(thing, Tensor) or thing.is_meta:
            continue
        if thing.untyped_storage().data_ptr() in memory:
            leaks.append(f"a tensor {list(thing.shape)} in the same memory")
        elif any(thing.shape == t.shape and torch.equal(thing.to(t), t) for t in hidden):
            leaks.append(f"an equal copy {list(thing.shape)}")
    return leaks
