"""Images on the device, in host memory and in a file: the same bits, chosen by size, made once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import tiny

from bench import capacity
from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.loading import load
from bench.data.splits import Batch, EvaluationData
from bench.data.storage import making, placement
from bench.data.storage.sending import AHEAD, gather, send
from bench.errors import DataError
from bench.records import schema
from bench.run.beforehand import list_lines, read_data
from bench.study.model import Trial

CPU = torch.device("cpu")
Layout = Callable[..., Path]
STORAGES = ("device", "host", "disk")
AUGMENTATION = Augmentation(crop_padding=1, flip=True, cutout=2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def read(root: Path, storage: str | None, **options: object) -> EvaluationData:
    return load(DataConfig(storage=storage, **options), root, CPU)  # type: ignore[arg-type]


def same(one: list[Batch], other: list[Batch]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in pairs
    )


def assert_same(one: EvaluationData, other: EvaluationData) -> None:
    assert one.facts == other.facts and one.search.digest == other.search.digest
    assert one.search.shape == other.search.shape
    for name in ("train", "validation", "weights", "architecture", "all"):
        first, second = one.part(name), other.part(name)
        assert torch.equal(first.indices, second.indices)
        assert torch.equal(first.pool.mean, second.pool.mean)
        assert torch.equal(first.pool.std, second.pool.std)
        for augmentation in (None, AUGMENTATION):
            assert same(
                list(first.epoch(7, 3, 2, augmentation)), list(second.epoch(7, 3, 2, augmentation))
            )
        assert same([first.spread(5)], [second.spread(5)])
    assert same(list(one.test.mixed().sequential(9)), list(other.test.mixed().sequential(9)))


def arrays(tmp_path: Path, test: bool) -> dict[str, object]:
    random = np.random.default_rng(1)
    parts = {"x_train": random.integers(0, 256, (60, 9, 7, 3), dtype=np.uint8)}
    parts["y_train"] = np.arange(60) % 3
    if test:
        parts["x_test"] = random.integers(0, 256, (30, 9, 7, 3), dtype=np.uint8)
        parts["y_test"] = np.arange(30) % 3
    np.savez(tmp_path / "cells.npz", **parts)
    return {"name": "cells", "npz": str(tmp_path / "cells.npz")}


@pytest.mark.parametrize(
    "limits", [{}, {"train_limit": 50, "test_limit": 20, "size": 6, "split_seed": 4}]
)
@pytest.mark.parametrize("kind", ["digits", "folder", "npz", "npz without a test part"])
def test_the_same_bits_in_all_storages(
    kind: str, limits: dict[str, object], image_folder: Layout, tmp_path: Path, root: Path
) -> None:
    options: dict[str, object] = {"name": "digits", **({} if limits else {"train_limit": 200})}
    if kind == "folder":
        options = {"name": "pets", "folder": str(image_folder(train=30))}
    elif kind.startswith("npz"):
        options = arrays(tmp_path, test=kind == "npz")
    device, host, disk = (read(root, storage, **options, **limits) for storage in STORAGES)
    assert [data.storage for data in (device, host, disk)] == list(STORAGES)
    assert_same(device, host)
    assert_same(device, disk)
    assert_same(device, read(root, "disk", **options, **limits))  # from the cache
    assert len(list((root / "decoded").glob("*/state.json"))) == 1


@pytest.mark.parametrize("grey", ["test", "all but one", "all but the last"])
def test_grey_and_coloured_images_are_mixed_as_in_memory(
    grey: str, image_folder: Layout, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "CHUNK_BYTES", 5 * 64)
    folder = image_folder(mode="L" if grey != "test" else "RGB")
    for path in sorted(folder.glob("train/*/*") if grey != "test" else folder.glob("test/*/*")):
        if grey == "test":
            Image.open(path).convert("L").save(path)
    if grey != "test":
        order = {"all but one": 3, "all but the last": -1}[grey]
        chosen = sorted(folder.glob("train/*/*"))[order]
        Image.new("RGB", (8, 8), (1, 2, 3)).save(chosen)
    config = {"name": "pets", "folder": str(folder)}
    assert_same(read(root, "device", **config), read(root, "disk", **config))


def test_what_was_changed_is_said_from_the_cache_too(image_folder: Layout, root: Path) -> None:
    folder = image_folder()
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (8, 8), (9, 0, 0)).save(folder / "train/cat/000.jpg", exif=turned)
    Image.new("RGBA", (8, 8), (9, 7, 0, 10)).save(folder / "test/cat/000.png")
    config = {"name": "pets", "folder": str(folder)}
    expected = read(root, "device", **config).facts
    assert expected is not None and sorted(expected.changed.values()) == [1, 1]
    assert read(root, "disk", **config).facts == read(root, "disk", **config).facts == expected


def test_a_cache_is_decoded_once_and_anew_where_files_change(
    image_folder: Layout, root: Path
) -> None:
    folder = image_folder()
    config = {"name": "pets", "folder": str(folder)}
    before = read(root, "disk", **config)
    (made,) = (root / "decoded").glob("pets-*")
    times = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    read(root, "disk", **config)
    assert {path: path.stat().st_mtime_ns for path in made.iterdir()} == times
    changed = folder / "train/cat/003.png"
    Image.new("RGB", (8, 8), (250, 0, 0)).save(changed)
    after = read(root, "disk", **config)
    assert after.search.digest != before.search.digest
    assert after.search.digest == read(root, "device", **config).search.digest
    (again,) = (root / "decoded").glob("pets-*")  # the older one is gone
    assert again != made
    assert same(list(before.search.train.sequential(8)), list(before.search.train.sequential(8)))


def test_how_far_a_long_decoding_is_gets_said(
    image_folder: Layout,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = {"name": "pets", "folder": str(image_folder())}
    read(root, "disk", **config)
    assert capsys.readouterr().err == ""
    for limit in ("MARK_SECONDS", "TELL_SECONDS", "CHUNK_BYTES"):
        monkeypatch.setattr(making, limit, 0)
    read(root, "disk", **{**config, "size": 6})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 3
    assert all(re.fullmatch(r"pets: \d+ of \d+ images decoded, about \d+ s left", x) for x in lines)


@pytest.mark.parametrize("damage", ["shorter", "no state", "other key"])
def test_a_damaged_cache_is_made_anew(damage: str, image_folder: Layout, root: Path) -> None:
    config = {"name": "pets", "folder": str(image_folder())}
    whole = read(root, "disk", **config)
    (made,) = (root / "decoded").glob("pets-*")
    if damage == "shorter":
        with (made / "train.images").open("r+b") as file:
            file.truncate(100)
    elif damage == "no state":
        (made / "state.json").write_text("{")
    else:
        state = json.loads((made / "state.json").read_text())
        (made / "state.json").write_text(json.dumps({**state, "key": "0" * 64}))
    assert_same(whole, read(root, "disk", **config))


def test_a_source_that_cannot_be_identified_leaves_no_cache(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spots_of_mine.py").write_text(
        "import torch\n"
        "def open_spots(root):\n"
        "    draw = torch.Generator().manual_seed(0)\n"
        "    x = torch.randint(0, 256, (80, 3, 8, 8), generator=draw).to(torch.uint8)\n"
        "    return torch.utils.data.TensorDataset(x, torch.arange(80) % 2)\n"
    )
    monkeypatch.chdir(tmp_path)
    config = {"name": "spots", "dataset": "spots_of_mine:open_spots"}
    (root / "decoded").mkdir(parents=True)
    ended = subprocess.Popen(["true"])
    ended.wait()
    (root / f"decoded/.private-{socket.gethostname()}-{ended.pid}-0").mkdir()  # it was killed
    assert_same(read(root, "device", **config), read(root, "disk", **config))
    assert not list((root / "decoded").iterdir())


def test_errors_are_those_of_images_in_memory(image_folder: Layout, root: Path) -> None:
    folder = image_folder()
    odd = folder / "train" / "dog" / "003.png"
    kept = odd.read_bytes()
    for content, pattern in ((b"x", "not a usable image"), (None, "pixels, but .*set data.size")):
        if content is None:
            Image.new("RGB", (12, 10)).save(odd)
        else:
            odd.write_bytes(content)
        for storage in ("device", "disk"):
            with pytest.raises(DataError, match=pattern) as caught:
                read(root, storage, name="pets", folder=str(folder))
            assert "\n" not in str(caught.value) and odd.name in str(caught.value)
    odd.write_bytes(kept)
    assert read(root, "disk", name="pets", folder=str(folder)).storage == "disk"


def test_no_room_is_said_before_anything_is_decoded(
    image_folder: Layout, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(root.parent)
    monkeypatch.setattr(making.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DataError, match=r"pets: 11\.5 kB of decoded images do not fit into .*free"):
        read(root, "disk", name="pets", folder=str(image_folder()))


def test_a_place_that_cannot_be_written_is_named(image_folder: Layout, root: Path) -> None:
    root.write_bytes(b"a file")
    with pytest.raises(DataError, match=r"pets: its decoded images cannot be kept in .*BENCH_DATA"):
        read(root, "disk", name="pets", folder=str(image_folder()))


MAKE = """
import sys, time, torch
from pathlib import Path
from bench.data.config import DataConfig
from bench.data.own import image_folder
from bench.data.storage import making
from bench.data.loading import load
making.CHUNK_BYTES, making.MARK_SECONDS = 10 * 192, 0.0
decode, count = image_folder.decode, [0]
def counted(path, sizing):
    count[0] += 1
    time.sleep(float(sys.argv[3]))
    return decode(path, sizing)
image_folder.decode = counted
data = load(DataConfig(name="pets", folder=sys.argv[1], storage="disk"), Path(sys.argv[2]),
            torch.device("cpu"))
print(count[0], data.search.digest)
"""


def make(folder: Path, root: Path, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKE, str(folder), str(root), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
def test_a_killed_process_is_gone_on_from_and_two_make_one(
    image_folder: Layout, root: Path
) -> None:
    folder = image_folder(train=150)
    first = make(folder, root, 0.02)
    done, state = 0, Path()
    for _ in range(2000):
        for state in (root / "decoded").glob("pets-*/state.json"):
            done = json.loads(state.read_text())["train"]["done"]
        if done >= 50:
            break
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = json.loads(state.read_text())["train"]["done"]
    assert 50 <= done < 300 and not json.loads(state.read_text())["complete"]
    both = [make(folder, root, 0.001) for _ in range(2)]
    counts, digests = zip(*(one.communicate()[0].split() for one in both), strict=True)
    assert sorted(map(int, counts)) == [0, 320 - done]
    expected = read(root, "device", name="pets", folder=str(folder))
    assert set(digests) == {expected.search.digest}
    assert_same(expected, read(root, "disk", name="pets", folder=str(folder)))


def test_batches_are_sent_ahead_in_order_and_an_abandoned_pass_ends() -> None:
    images = torch.randint(0, 256, (50, 3, 4, 4)).to(torch.uint8)
    batches = list(torch.randperm(50).split(7))
    sent = [batch.clone() for batch in send(images, batches, CPU)]
    assert all(torch.equal(a, images[rows]) for a, rows in zip(sent, batches, strict=True))
    windows = images[:, :, 1:3, 1:3]
    for some in (images, windows):
        assert torch.equal(gather(some, batches[0]), some[batches[0]])
        assert torch.equal(
            torch.cat([batch.clone() for batch in send(some, batches, CPU)]),
            some[torch.cat(batches)],
        )
    way = send(images, batches, CPU)
    next(way)
    way.close()
    assert list(send(images, [], CPU)) == [] and AHEAD >= 1


GB = 10**9


@pytest.mark.parametrize(
    ("needed", "threads", "wanted", "storage"),
    [
        (1 * GB, 4, None, "device"),
        (3 * GB, 4, None, "device"),
        (3 * GB, 1, None, "disk"),  # four trials share the memory
        (6 * GB, 4, None, "disk"),
        (6 * GB, 4, "device", "device"),
        (1, 4, "host", "host"),
    ],
)
def test_the_storage_is_chosen_by_size(
    needed: int,
    threads: int,
    wanted: str | None,
    storage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capacity, "main_memory", lambda: (20 * GB, 8 * GB))
    monkeypatch.setattr(capacity, "cores", lambda: 4)
    place = placement.choose(wanted, needed, CPU, threads)
    assert place.storage == storage
    text = place.describe()
    assert text.startswith(f"storage {storage} (")
    assert ("as the study says" in text) == (wanted is not None)
    assert ("8.0 GB are free" in text) == (storage == "disk")


def test_on_a_gpu_the_host_comes_before_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * GB, 80 * GB))
    monkeypatch.setattr(capacity, "main_memory", lambda: (64 * GB, 20 * GB))
    chosen = [placement.choose(None, n * GB, torch.device("cuda")) for n in (1, 3, 30)]
    assert [one.storage for one in chosen] == ["device", "host", "disk"]
    assert chosen[1].describe() == ("storage host (3.0 GB; of the device's memory 4.0 GB are free)")


@pytest.mark.parametrize("version", [1, 2])
def test_a_control_group_limits_the_memory(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only by what is in use and cannot be let go: pages of files can."""
    own = Path("/proc/self/cgroup").read_text().splitlines()
    line = next((x for x in own if ("memory" in x.split(":")[1]) == (version == 1)), None)
    if line is None or (version == 2 and not line.startswith("0:")):
        pytest.skip(f"no control groups of version {version} here")
    folder = tmp_path / ("memory" if version == 1 else "") / line.split(":", 2)[2].lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    if version == 2:
        names = ("memory.max", "memory.current", "inactive_file")
    (folder / names[0]).write_text("5000000\n")
    (folder / names[1]).write_text("3000000\n")
    (folder / "memory.stat").write_text(f"cache 7\n{names[2]} 1000000\n")
    monkeypatch.setattr(capacity, "GROUPS", tmp_path)
    assert capacity.main_memory() == (5_000_000, 3_000_000)
    (folder / names[0]).write_text("max\n")
    found = capacity.main_memory()
    assert found is not None and found[0] > 5_000_000


def with_storage(trial: Trial, storage: str | None) -> Trial:
    return replace(trial, data=replace(trial.data, storage=storage))


def test_a_trial_is_the_same_in_every_storage_and_its_record_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "root"))
    trial = tiny.trial("darts")
    records = {}
    for storage in (None, *STORAGES):
        one = with_storage(trial, storage)
        assert (one.id, one.search_id) == (trial.id, trial.search_id)
        records[storage] = tiny.run(one, tmp_path / str(storage)).record
    assert [r.provenance.storage for r in records.values()] == ["device", *STORAGES]  # type: ignore[attr-defined]
    assert "storage" not in records[None].configuration["data"]
    assert records["disk"].configuration["data"]["storage"] == "disk"
    bare = [tiny.lasting(schema.plain(record)) for record in records.values()]
    for values in bare:
        values["configuration"]["data"].pop("storage", None)
    assert bare[0] == bare[1] == bare[2] == bare[3]


def test_the_line_before_a_run_says_where_the_images_are(root: Path) -> None:
    digits = tiny.trial("fixed")
    trials = [digits, with_storage(digits, "disk")]
    lines = list_lines(read_data([trial.data for trial in trials], root))
    assert lines[0].endswith("; storage device (16.6 kB)")
    assert lines[1].endswith("; storage disk (16.6 kB; as the study says)")
