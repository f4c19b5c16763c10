"""Nothing that a search is handed, or builds, leads to a test image or label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import tiny

import bench.run.trial
from bench import plugins
from bench.data.loading import load
from bench.method import Method
from bench.testing.reachability import shared
from bench.training import search as search_module


def test_the_walk_finds_what_is_there() -> None:
    """Else the other tests would say nothing."""
    data = load(tiny.DATA, None, tiny.CPU)
    secret = [data.test.pool.images, data.test.pool.labels]
    assert shared(secret, data)
    assert shared(secret, lambda: data)
    assert shared(secret, {"deep": [(1, data.test.pool.labels.clone())]})

    class Holder:
        def method(self) -> None: ...

    holder = Holder()
    holder.hidden = data.test.labels.view(-1)  # type: ignore[attr-defined]
    assert shared(secret, holder.method)
    assert shared(secret, [data.test.pool.labels.numpy()])
    assert shared(secret, {"array": data.test.pool.images.numpy().astype(np.float64)})
    assert shared(secret, np.array([{"in": data}], dtype=object))
    assert shared(secret, data.test.pool.images.numpy()[:1, :, ::-1])
    assert shared(secret, data.test.pool.images.float() * torch.ones((), requires_grad=True))
    assert not shared(secret, data.search, np.array(["text"]), np.zeros(3))


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
        assert shared(secret, *roots) == [], where
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
    cls = plugins.load_method(name)
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
