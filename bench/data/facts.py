"""What is said of a data set before anything is trained on it, and kept in its records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.division import TEST_FRACTION, Division
from bench.errors import DataError

LARGEST_LEAK = 0.1  # share of the test images that may be training or validation images, too


@dataclass(frozen=True)
class Facts:
    """Whatever decides which pixels a data set has. Parts: training, validation, test.

    images, smallest, largest: part -> its images, and those of its smallest and its largest class.
    shape: channels, height, width. values: the least and the greatest pixel by part; training and
    validation images are one. ignored: files that were not read, by reason. changed: images that
    were read otherwise than they are stored, by what was done. duplicates: pair of parts -> images
    of the latter whose pixels are those of an image of the former. contradictions: different
    images that occur with several labels. Without pixels (shape None), the last five are unknown.
    """

    classes: int
    images: Mapping[str, int]
    smallest: Mapping[str, int]
    largest: Mapping[str, int]
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    values: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    duplicates: Mapping[str, int] = field(default_factory=dict)
    contradictions: int = 0

    def describe(self, name: str) -> str:
        """The data set in one line."""
        shape = "" if self.shape is None else f" of {'x'.join(map(str, self.shape))}"
        sentences = [
            f"data {name}: {self.classes} classes{shape}",
            ", ".join(self._describe_part(part) for part in self.images),
        ]
        if self.values:
            sentences.append(_describe_values(self.values))
        if self.ignored:
            listed = ", ".join(f"{reason} {count:,}" for reason, count in self.ignored.items())
            sentences.append(f"files ignored: {listed}")
        sentences += [f"images {what}: {count:,}" for what, count in self.changed.items()]
        sentences += self.notes
        if self.shape is not None:
            pairs = [f"{pair} {n:,}" for pair, n in self.duplicates.items() if n]
            sentences.append(f"duplicates between parts: {', '.join(pairs) or 'none'}")
        if self.contradictions:
            sentences.append(f"images with several labels: {self.contradictions:,}")
        return "; ".join(sentences)

    def _describe_part(self, part: str) -> str:
        low, high = self.smallest[part], self.largest[part]
        per_class = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        return f"{self.images[part]:,} {part} ({per_class} per class)"


def outline(division: Division, config: DataConfig) -> Facts:
    """What is known before any image is decoded."""
    counts = dict(division.count())
    remarks = division.source.remarks
    notes = list(remarks.notes)
    if division.source.test is None:
        notes.insert(
            0,
            f"no test part: {TEST_FRACTION:.0%} of each class split off by"
            f" split_seed {config.split_seed}",
        )
    return Facts(
        classes=len(division.source.class_names),
        images={part: int(own.sum()) for part, own in counts.items()},
        smallest={part: int(own.min()) for part, own in counts.items()},
        largest={part: int(own.max()) for part, own in counts.items()},
        ignored={reason: n for reason, n in sorted(remarks.ignored.items()) if n},
        notes=tuple(notes),
    )


def inspect(division: Division, config: DataConfig, images: Tensor, test_images: Tensor) -> Facts:
    """Everything, from the pool's and the test part's images, uint8 [n, channels, height, width].

    Raises DataError where all training images are of one value, and where more than LARGEST_LEAK of
    the test images are training or validation images: their accuracy would be no test.
    """
    known = outline(division, config)
    low, high = int(images.min()), int(images.max())
    if low == high:
        raise DataError(f"{config.name}: every pixel of the training images is {low}")
    hashes, test_hashes = _hash(images), _hash(test_images)
    keys = {
        "training": hashes[division.train.numpy()],
        "validation": hashes[division.validation.numpy()],
        "test": test_hashes,
    }
    duplicates = {
        f"{first}-{second}": int(np.isin(keys[second], keys[first]).sum())
        for first, second in (("training", "validation"), ("training", "test"),
                              ("validation", "test"))
    }  # fmt: skip
    before = np.concatenate([keys["training"], keys["validation"]])
    leaked = int(np.isin(test_hashes, before).sum())
    if leaked > LARGEST_LEAK * len(test_images):
        raise DataError(
            f"{config.name}: {leaked:,} of {len(test_images):,} test images are training or"
            f" validation images, too (at most {LARGEST_LEAK:.0%} may be): take them out of one"
            " part"
        )
    labels = torch.cat([division.pool_labels, division.test_labels]).numpy()
    pairs = np.unique(np.stack([np.concatenate([hashes, test_hashes]), labels]), axis=1)
    _, labels_of = np.unique(pairs[0], return_counts=True)
    return replace(
        known,
        shape=tuple(images.shape[1:]),
        values={
            "training": (low, high),
            "test": (int(test_images.min()), int(test_images.max())),
        },
        changed={what: n for what, n in division.source.remarks.changed.items() if n},
        duplicates=duplicates,
        contradictions=int((labels_of > 1).sum()),
    )


PIXELS = ("shape", "values", "changed", "duplicates", "contradictions")
"""What of the facts needs the pixels."""


def pixel_facts(facts: Facts) -> dict[str, Any]:
    """What of the facts needs the pixels, as plain data."""
    whole = dataclasses.asdict(facts)
    return {name: whole[name] for name in PIXELS}


def restore(known: Facts, pixels: Mapping[str, Any]) -> Facts:
    """The facts of `outline` with what `pixel_facts` gave, also when it went through JSON."""
    return replace(
        known,
        shape=tuple(pixels["shape"]),
        values={part: (low, high) for part, (low, high) in pixels["values"].items()},
        **{name: pixels[name] for name in PIXELS[2:]},
    )


def _hash(images: Tensor) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A hash of every image's pixels, int64 [n].

    Python's of 64 bits: in 100,000 images, one wrong duplicate in 4 billion data sets.
    """
    return np.fromiter((hash(image.tobytes()) for image in images.numpy()), np.int64, len(images))


def _describe_values(values: Mapping[str, tuple[int, int]]) -> str:
    texts = {part: f"{low} to {high}" for part, (low, high) in values.items()}
    if len(set(texts.values())) == 1:
        return f"values {texts['training']}"
    return f"values {texts['training']} in training, {texts['test']} in test"
