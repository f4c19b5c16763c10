"""What Python references lead to: to show that a search cannot reach a test image or label."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterable, Iterator

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
        if isinstance(thing, Tensor):
            waiting += [thing.grad_fn, thing.grad, thing._base]
        waiting += gc.get_referents(thing)


def shared(secret: Iterable[Tensor], *roots: object) -> list[str]:
    """One line for every reachable tensor that has a secret's memory, or holds an equal copy."""
    hidden = list(secret)
    memory = {tensor.untyped_storage().data_ptr() for tensor in hidden}
    found = []
    for thing in reachable(*roots):
        if not isinstance(thing, Tensor) or thing.is_meta:
            continue
        if thing.untyped_storage().data_ptr() in memory:
            found.append(f"a tensor {list(thing.shape)} in the same memory")
        elif any(thing.shape == t.shape and bool((thing.to(t) == t).all()) for t in hidden):
            found.append(f"an equal copy {list(thing.shape)}")
    return found
