"""Nothing that a search is handed, or builds, leads to a test image or label."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import tiny
from torch import Tensor

import bench.run.trial
from bench.data.loading import load
from bench.method import Method
from bench.training import search as search_module

STOP = (type, types.ModuleType, types.FrameType, types.CodeType, types.BuiltinFunctionType)


def reachable(*roots: object) -> Iterator[object]:
    """Everything that references lead to, through closures too, but not through modules."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, STOP):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, types.FunctionType):
            # its globals are its module: what anybody can import
            waiting += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
            waiting.append(thing.__dict__)
            continue
        if isinstance(thing, types.CellType):
            try:
                waiting.append(thing.cell_contents)
            except ValueError:
                continue
        if isinstance(thing, Tensor):
            waiting += [thing.grad_fn, thing.grad, thing._base]
        waiting += gc.get_referents(thing)


def leaks(secret: list[Tensor], *roots: object) -> list[str]:
    """Tensors and arrays among what is reachable that share memory with a secret or hold it."""
    memory = {tensor.untyped_storage().data_ptr() for tensor in secret}
    found = []
    for thing in reachable(*roots):
        if isinstance(thing, np.ndarray) and thing.dtype != object:
            thing = torch.from_numpy(thing.copy()) if thing.flags.writeable else None
        if not isinstance(thing, Tensor) or thing.is_meta:
            continue
        if thing.untyped_storage().data_ptr() in memory:
            found.append(f"memory of {list(thing.shape)}")
        for tensor in secret:
            if thing.shape == tensor.shape and torch.equal(thing.to(tensor.dtype), tensor):
                found.append(f"copy of {list(thing.shape)}")
    return found


def test_the_walk_finds_what_is_there() -> None:
    """Else the other tests would say nothing."""
    data = load(tiny.DATA, None, tiny.CPU)
    secret = [data.test.pool.images, data.test.pool.labels]
    assert leaks(secret, data)
    assert leaks(secret, lambda: data)
    assert leaks(secret, {"deep": [(1, data.test.pool.labels.clone())]})

    class Holder:
        def method(self) -> None: ...

    holder = Holder()
    holder.hidden = data.test.labels.view(-1)  # type: ignore[attr-defined]
    assert leaks(secret, holder.method)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["darts", "vinnas", "pgnas", "random"])
def test_from_everything_that_a_search_is_handed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the call, when phases are made, after every epoch and at selection."""
    loaded: list[Any] = []
    checked: list[str] = []

    def loading(*arguments: Any) -> Any:
        loaded.append(load(*arguments))
        return loaded[-1]

    def check(where: str, *roots: object) -> None:
        (data,) = loaded
        secret = [data.test.pool.images, data.test.pool.labels, data.test.labels]
        assert leaks(secret, *roots) == [], where
        checked.append(where)

    def searching(*arguments: Any, **options: Any) -> Any:
        check("search", arguments, options)
        return search_module.search(*arguments, **options)

    def watched(cls: type[Method], attribute: str) -> None:
        original = getattr(cls, attribute)

        def watching(self: Method, *arguments: Any, **options: Any) -> Any:
            check(attribute, self, arguments, options)
            return original(self, *arguments, **options)

        monkeypatch.setattr(cls, attribute, watching)

    monkeypatch.setattr(bench.run.trial, "load", loading)
    monkeypatch.setattr(bench.run.trial, "search", searching)
    cls = bench.method.load(name)
    for attribute in ("phases", "end_epoch", "select"):
        watched(cls, attribute)
    try:
        record = tiny.run(tiny.trial(name), tmp_path).record
    finally:
        torch.use_deterministic_algorithms(False)
    assert record.status == "finished", record.error
    during = set() if name == "random" else {"phases", "end_epoch"}
    assert set(checked) == {"search", "select"} | during


def test_training_and_validation_images_are_not_test_images() -> None:
    """By content: no test image is among those that search may see (digits has no duplicates)."""
    data = load(tiny.DATA, None, tiny.CPU)

    def images(split: Any) -> set[bytes]:
        return {image.numpy().tobytes() for image in split.pool.images[split.indices]}

    assert not images(data.test) & (images(data.search.train) | images(data.search.validation))
    with pytest.raises(ValueError, match="no part"):
        data.search.part("test")
