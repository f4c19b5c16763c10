"""Registered data sets from files: right ones, damaged ones, missing ones, downloads."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import pickle
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat  # type: ignore[import-untyped]
from support.idx_files import idx_arrays, idx_bytes
from torchvision import datasets

from bench.data.config import DataConfig
from bench.data.download import ensure
from bench.data.loading import load
from bench.data.registry import check, names
from bench.data.splits import EvaluationData
from bench.errors import ConfigurationError, DataError

CPU = torch.device("cpu")
DIGESTS = {
    "cifar10": "7eba049fc6589db0d8c549732324e8f13643bc60564c9d20d640c3e6e59068e0",
    "cifar100": "fa26504e110996a1596590b72b35b803c8090c81032e7685ae1da92a468c4a73",
    "svhn": "751f6eb9a488eeedd810a0486cd4d16d1d65bb5ceb82ee9be45351535bed5ecd",
}
"""Of the files that the tests lay out. Records carry a digest: it must never change."""
ADVICE = "--data-root or BENCH_DATA"


def read(name: str, root: Path) -> EvaluationData:
    # of 20 images in 10 classes, which some of the sets here are, each part needs all
    return load(DataConfig(name=name, validation_fraction=0.5), root, CPU)


def fails(name: str, root: Path, pattern: str) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        read(name, root)
    assert "\n" not in str(caught.value) and ADVICE in str(caught.value)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends downloads to a port where nobody listens."""
    nobody = "http://127.0.0.1:9/"
    for collection in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST):
        monkeypatch.setattr(collection, "mirrors", [nobody])
    for cifar in (datasets.CIFAR10, datasets.CIFAR100):
        monkeypatch.setattr(cifar, "url", nobody + cifar.filename)
    parts = {
        key: [nobody + file, file, md5] for key, (_, file, md5) in datasets.SVHN.split_list.items()
    }
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)


def test_every_registered_set_is_described_and_unknown_ones_are_refused() -> None:
    assert list(names()) == [
        "digits", "mnist", "fashion-mnist", "kmnist", "svhn", "cifar10", "cifar100",
        "imagenet", "imagenet16", "imagenet32",
        "image-folder:PATH",
    ]  # fmt: skip
    for name, about in names().items():
        check(DataConfig(name=name))
        assert about and "\n" not in about
    with pytest.raises(
        ConfigurationError, match=r"unknown data set 'cifra10'; did you mean cifar10"
    ):
        check(DataConfig(name="cifra10"))
    with pytest.raises(ConfigurationError, match="unknown data set 'image-folder:'"):
        read("image-folder:", Path())


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_idx_files_are_read(name: str, packed: bool, idx_root: Callable[..., Path]) -> None:
    data = read(name, idx_root(name, packed))
    arrays = idx_arrays()
    assert data.search.shape == (1, 6, 5) and data.search.classes == 10
    assert np.array_equal(data.search.train.pool.images[:, 0], arrays["train-images-idx3-ubyte"])
    assert np.array_equal(data.search.train.pool.labels, arrays["train-labels-idx1-ubyte"])
    assert np.array_equal(data.test.pool.images[:, 0], arrays["t10k-images-idx3-ubyte"])
    assert np.array_equal(data.test.labels, arrays["t10k-labels-idx1-ubyte"])


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def swap_kind(path: Path) -> None:
    path.write_bytes(idx_bytes(np.zeros(60, dtype=np.uint8)))


def raise_labels(path: Path) -> None:
    labels = path.with_name("train-labels-idx1-ubyte")
    labels.write_bytes(idx_bytes(np.full(60, 10, dtype=np.uint8)))


def drop_labels(path: Path) -> None:
    labels = path.with_name("train-labels-idx1-ubyte")
    labels.write_bytes(idx_bytes(np.zeros(59, dtype=np.uint8)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shorten, r"train-images-idx3-ubyte is truncated or wrong: 1,813 bytes .* says 1,816"),
        (empty, "train-images-idx3-ubyte is not an IDX file of images"),
        (swap_kind, "train-images-idx3-ubyte is not an IDX file of images"),
        (raise_labels, "train-labels-idx1-ubyte has labels above 9"),
        (drop_labels, "train-labels-idx1-ubyte has 59 labels for the 60 images of train-images"),
        (Path.unlink, "train-images-idx3-ubyte is missing though other files"),
    ],
)
def test_damaged_idx_files_are_named(
    damage: Callable[[Path], None], message: str, idx_root: Callable[..., Path]
) -> None:
    root = idx_root()
    damage(root / "MNIST" / "raw" / "train-images-idx3-ubyte")
    fails("mnist", root, message)


@pytest.mark.parametrize("damage", [shorten, empty])
def test_truncated_gzip_is_named(
    damage: Callable[[Path], None], idx_root: Callable[..., Path]
) -> None:
    root = idx_root(packed=True)
    damage(root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz")
    fails("mnist", root, "t10k-labels-idx1-ubyte.gz (cannot be read|is not an IDX)")


def lay_out_cifar(root: Path, published: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 20 random images under the published names, with checksums to match."""
    random = np.random.default_rng(0)
    folder = root / published.base_folder
    folder.mkdir(parents=True)
    key = "fine_labels" if published is datasets.CIFAR100 else "labels"

    def write(file: str, content: object) -> list[str]:
        (folder / file).write_bytes(pickle.dumps(content))
        return [file, hashlib.md5((folder / file).read_bytes()).hexdigest()]

    for attribute in ("train_list", "test_list"):
        entries = [
            write(
                file,
                {
                    "data": random.integers(0, 256, (20, 3072), dtype=np.uint8),
                    key: [index % 10 for index in range(20)],
                },
            )
            for file, _ in getattr(published, attribute)
        ]
        monkeypatch.setattr(published, attribute, entries)
    meta = published.meta
    _, checksum = write(meta["filename"], {meta["key"]: [f"class {n}" for n in range(10)]})
    monkeypatch.setattr(published, "meta", {**meta, "md5": checksum})


@pytest.mark.parametrize(
    ("name", "published"), [("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)]
)
def test_cifar_is_what_torchvision_reads(
    name: str, published: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out_cifar(tmp_path, published, monkeypatch)
    data = read(name, tmp_path)
    for split, train in ((data.search.train, True), (data.test, False)):
        reference = published(tmp_path, train=train)
        assert np.array_equal(split.pool.images.permute(0, 2, 3, 1), reference.data)
        assert split.pool.labels.tolist() == reference.targets
        assert data.search.class_names == tuple(reference.classes)
    assert data.search.digest == DIGESTS[name]
    damaged = tmp_path / published.base_folder / published.train_list[0][0]
    shorten(damaged)
    fails(name, tmp_path, re.escape(str(damaged)) + " is truncated or wrong")


def test_cifar_comes_out_of_an_archive_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: Any = datasets.CIFAR10
    lay_out_cifar(tmp_path / "made", published, monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    archive = root / published.filename
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tmp_path / "made" / published.base_folder, published.base_folder)
    fails("cifar10", root, re.escape(str(archive)) + " is truncated or wrong")
    checksum = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(published, "tgz_md5", checksum)
    assert read("cifar10", root).search.digest == read("cifar10", tmp_path / "made").search.digest


def test_svhn_is_what_torchvision_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    parts = {}
    for split, (url, file, _) in datasets.SVHN.split_list.items():
        images = random.integers(0, 256, (32, 32, 3, 40), dtype=np.uint8)
        labels = np.arange(40, dtype=np.uint8)[:, None] % 10 + 1
        savemat(tmp_path / file, {"X": images, "y": labels})
        parts[split] = [url, file, hashlib.md5((tmp_path / file).read_bytes()).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)
    data = read("svhn", tmp_path)
    for part, split in (("train", data.search.train), ("test", data.test)):
        reference = datasets.SVHN(tmp_path, split=part)
        assert np.array_equal(split.pool.images, reference.data)
        assert split.pool.labels.tolist() == reference.labels.tolist()
    assert data.search.digest == DIGESTS["svhn"]
    shorten(tmp_path / "test_32x32.mat")
    fails("svhn", tmp_path, "test_32x32.mat is truncated or wrong")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("kmnist", "KMNIST/raw/train-images-idx3-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("cifar100", "cifar-100-python/train"),
        ("svhn", "train_32x32.mat"),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    name: str, file: str, tmp_path: Path
) -> None:
    root = tmp_path / "new"
    message = re.escape(f"{name}: {root / file} is missing and cannot be downloaded; put it there")
    fails(name, root, message)
    assert [path.name for path in root.iterdir()] == [f".{name}.lock"]


def test_a_root_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fails("mnist", tmp_path / "file", "cannot be downloaded; put it there.*File exists")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def test_the_first_use_downloads_and_the_second_does_not(
    tmp_path: Path, server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = server
    resources = []
    for file, array in idx_arrays().items():
        packed = io.BytesIO(gzip.compress(idx_bytes(array))).getvalue()
        (folder / f"{file}.gz").write_bytes(packed)
        resources.append((f"{file}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(datasets.KMNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)
    root = tmp_path / "root"
    first = read("kmnist", root)
    assert not (root / ".downloading-kmnist").exists()
    for served in folder.iterdir():
        served.unlink()
    assert read("kmnist", root).search.digest == first.search.digest


def test_processes_that_come_together_download_once(tmp_path: Path) -> None:
    downloads = []

    def fetch(folder: Path) -> None:
        downloads.append(folder)
        for file in files:
            (folder / file).write_text(file)

    def use(number: int) -> list[Path]:
        return ensure("set", tmp_path, files, fetch)

    files = [str(number) for number in range(50)]  # so that some come while they are moved
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(use, range(16)))
    assert len(downloads) == 1
    assert found == [[tmp_path / file for file in files]] * 16
