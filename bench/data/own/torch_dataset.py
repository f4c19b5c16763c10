"""Any torch Dataset: a function of the user's own that opens it.

    def open_pets(root):                       # the data root, a Path
        return PetsDataset(root, "train"), PetsDataset(root, "test")

`{name: pets, dataset: "my_module:open_pets"}` in a study. It returns the training and the test
part, or one Dataset, of which a test part is split off. An item is (image, label): a PIL image, a
tensor [height, width] or [1 or 3, height, width], or an array with the channels last; whole numbers
from 0 to 255 or fractions from 0 to 1, without random augmentation, which is the harness's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.own.pixels import from_numbers, from_pil, mix, stack
from bench.data.resizing import Sizing
from bench.data.source import Part, Remarks, Source
from bench.errors import DataError, one_line, show

PROBED = 3  # items that are read twice, to see that they stay the same


def open_source(name: str, reference: str, root: Path) -> Source:
    """What the function `reference` ("module:function") opens; see the module.

    Reads every item once for its label; images are read when they are used. Raises DataError, in
    one line, for whatever goes wrong in the function or in an item.
    """
    function = load_function(name, reference)
    opened = _attempt(f"{name}: {reference}", lambda: function(root))
    datasets = opened if isinstance(opened, tuple) else (opened,)
    for dataset in datasets:
        if not all(hasattr(dataset, method) for method in ("__len__", "__getitem__")):
            raise DataError(
                f"{name}: {reference} returned {type(dataset).__name__}: must return a Dataset with"
                " a length, or two, for training and for testing"
            )
    if len(datasets) not in (1, 2):
        raise DataError(f"{name}: {reference} returned {len(datasets)} parts: must be one or two")
    remarks = Remarks()
    texts = [f"{name}: {part} item" for part in ("training", "test")]
    train, *test = (
        _open_part(text, dataset, remarks, mixed=not number)
        for number, (text, dataset) in enumerate(zip(texts, datasets, strict=False))
    )
    classes = _class_names(datasets[0], int(train.labels.max()) + 1)
    if test and int(test[0].labels.max()) >= len(classes):
        label = int(test[0].labels.max())
        raise DataError(f"{name}: a test item has label {label}, which no training item has")
    return Source(classes, train, test[0] if test else None, remarks)


def load_function(name: str, reference: str) -> Callable[[Path], Any]:
    """The function, from where Python finds modules or from the current folder.

    Raises DataError where there is none.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    entry = EntryPoint(name, reference, "bench.datasets")
    function: Any = _attempt(f"{name}: dataset = {reference}", entry.load)
    if not callable(function):
        raise DataError(f"{name}: dataset = {reference} is not a function")
    return function


def _open_part(text: str, dataset: Any, remarks: Remarks, mixed: bool) -> Part:
    count = _attempt(f"{text}s", lambda: len(dataset))
    if not count:
        raise DataError(f"{text}s: there are none")
    order = mix(count).tolist() if mixed else list(range(count))
    probes = [_read(text, dataset, number, Remarks())[0] for number in range(min(count, PROBED))]
    for number, probe in enumerate(probes):
        if not torch.equal(probe, _read(text, dataset, number, Remarks())[0]):
            raise DataError(
                f"{text} {number} is another image when it is read again: leave augmentation out"
                " (data.flip and data.crop_padding augment)"
            )
    labels = [_read(text, dataset, number, Remarks())[1] for number in order]

    def decode(positions: Tensor) -> Iterator[tuple[str, Tensor]]:
        for position in positions.tolist():
            image, _ = _read(text, dataset, order[position], remarks)
            yield f"{text} {order[position]}", image

    def read(positions: Tensor, sizing: Sizing | None) -> Tensor:
        images = decode(positions)
        if sizing is not None:
            images = ((item, sizing.apply(image[None])[0]) for item, image in images)
        return stack(text.split(": ")[0], images, len(positions))

    return Part(torch.tensor(labels, dtype=torch.int64), read, lambda: tuple(probes[0].shape))


def _read(text: str, dataset: Any, number: int, remarks: Remarks) -> tuple[Tensor, int]:
    """An item as (uint8 [1 or 3, height, width], label)."""
    item = _attempt(f"{text} {number}", lambda: dataset[number])
    try:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise ValueError(f"is {type(item).__name__}, not (image, label)")
        image, label = item
        try:
            whole = int(label)
        except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers
            whole = -1
        if whole < 0 or whole != label:
            raise ValueError(f"has label {show(label)}: must be a whole number, at least 0")
        return _convert(image, remarks), whole
    except Exception as error:  # decoders raise many types for damaged files
        raise DataError(f"{text} {number} {one_line(error)}") from error


def _convert(image: Any, remarks: Remarks) -> Tensor:
    if isinstance(image, Tensor):
        values = image.detach().cpu().numpy()
        values = values[None] if values.ndim == 2 else values
    elif isinstance(image, np.ndarray):
        values = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    elif hasattr(image, "getexif"):
        return from_pil(image, remarks.changed)
    else:
        raise ValueError(
            f"has an image of type {type(image).__name__}: no PIL image, tensor, array"
        )
    if values.ndim != 3 or values.shape[0] not in (1, 3) or not values.size:
        raise ValueError(f"has an image of shape {list(image.shape)}: must have 1 or 3 channels")
    return torch.from_numpy(np.ascontiguousarray(from_numbers(values)))


def _attempt(what: str, action: Callable[[], Any]) -> Any:
    """What `action`, the user's code, returns. Raises DataError, in one line, for any error."""
    try:
        return action()
    except Exception as error:
        raise DataError(f"{what}: {type(error).__name__}: {one_line(error)}") from error


def _class_names(dataset: Any, least: int) -> tuple[str, ...]:
    """The names that torchvision's data sets carry as `classes`, or else the labels."""
    names = getattr(dataset, "classes", None)
    named = isinstance(names, (list, tuple)) and len(names) >= least
    return tuple(map(str, names if named and names else range(least)))
