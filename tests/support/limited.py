"""A folder of images that is larger than the memory that a process may have, and such a process.

    python -m support.limited --images 4800 --side 480 --limit 800

(in tests/) makes the folder, trains on it in a control group of so many MB with the images in a
file, killed once while the file is made, and without a limit with the images in memory, and says
what each took. `tests/data/test_memory_limit.py` does the same with fewer images.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MB = 10**6
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


def make_folder(folder: Path, images: int, side: int) -> int:
    """PNG and JPEG files by turns in two classes, a tenth of them to test with; decoded bytes."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(images):
        label = number % 2
        part = "test" if number % 10 >= 8 else "train"
        where = folder / part / ("dark", "bright")[label]
        where.mkdir(parents=True, exist_ok=True)
        coarse = (random.integers(0, 120, (8, 8, 3)) + 130 * label).astype(np.uint8)
        pixels = coarse.repeat(side // 8, 0).repeat(side // 8, 1)
        image = Image.fromarray(pixels)
        if number // 2 % 2:
            image.save(where / f"{number:06}.png", compress_level=1)
        else:
            image.save(where / f"{number:06}.jpg", quality=90)
    return images * 3 * side * side


@contextlib.contextmanager
def control_group(limit: int) -> Iterator[Path | None]:
    """A control group whose processes get at most so many bytes; None where none can be made."""
    first = V1 if V1.is_dir() else V2
    group = first / f"bench-test-{os.getpid()}"
    name = "memory.limit_in_bytes" if first == V1 else "memory.max"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            (group / name).write_text(str(limit))
        except OSError:
            yield None
            return
        yield group
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)


def peak(group: Path) -> int:
    """Bytes that the group's processes had at most at a time, pages of files with them."""
    names = ("memory.max_usage_in_bytes", "memory.peak")
    return next(int((group / name).read_text()) for name in names if (group / name).exists())


def start(group: Path | None, folder: Path, root: Path, storage: str) -> subprocess.Popen[str]:
    """A process that trains on the folder, in the control group."""
    command = [sys.executable, "-m", "support.limited", "--train", str(folder), str(root), storage]
    join = "" if group is None else f"echo $$ > {group}/cgroup.procs && "
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        ["/bin/sh", "-c", f'{join}exec "$@"', "sh", *command],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """What the process found out; None where it was killed."""
    out, _ = process.communicate()
    found: dict[str, Any] | None = (
        json.loads(out.splitlines()[-1]) if process.returncode == 0 else None
    )
    return found


def kill_midway(process: subprocess.Popen[str], root: Path, share: float) -> int:
    """Kill it when such a share of the training images is decoded; how many are noted as done."""
    while process.poll() is None:
        for state in (root / "decoded").glob("*/state.json"):
            content = json.loads(state.read_text())["train"]
            if content["done"] >= share * content["images"]:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return int(json.loads(state.read_text())["train"]["done"])
        time.sleep(0.02)
    raise AssertionError("it ended before it could be killed")


def train(folder: str, root: str, storage: str) -> dict[str, Any]:
    """Run a trial and say what came out, and how long its training computed and lasted."""
    import torch

    from bench.records import schema
    from bench.run import trial as runner
    from bench.training.trainer import Trainer
    from support import tiny

    trial = tiny.trial(
        "random",
        data={"name": "large", "folder": folder, "crop": 32, "train_limit": None,
              "test_limit": None, "storage": storage},
        evaluation={"epochs": 2, "batch_size": 32, "channels": 4},
    )  # fmt: skip
    busy = [0.0]
    step = Trainer.step

    def timed(self: Trainer, batches: Any) -> Any:
        begun = time.perf_counter()
        values = step(self, batches)
        busy[0] += time.perf_counter() - begun
        return values

    Trainer.step = timed  # type: ignore[method-assign]
    begun = time.perf_counter()
    done = runner.run_trial(
        trial, device=torch.device("cpu"), data_root=Path(root), folder=Path(root) / storage
    )
    seconds = time.perf_counter() - begun
    record = done.record
    assert record.status == "finished", record.error
    values = tiny.lasting(schema.plain(record))
    values["configuration"]["data"].pop("storage")
    text = json.dumps(values, sort_keys=True)
    status = dict(
        line.split(":\t")
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    return {
        "bits": hashlib.sha256(text.encode()).hexdigest(),
        "digest": record.data.digest,
        "seconds": seconds,
        "training": record.evaluation.seconds,
        "busy": busy[0] / record.evaluation.seconds,
        "anonymous": int(status["RssAnon"].split()[0]) * 1024,
        "accuracy": values["evaluation"]["test"]["accuracy"],
    }


def show(images: int, side: int, limit: int, say: Callable[[str], None] = print) -> None:
    """Do it all, and say what each took."""
    place = Path(tempfile.mkdtemp(prefix="bench-limited-"))
    try:
        folder, root = place / "images", place / "root"
        decoded = make_folder(folder, images, side)
        say(f"{images} images of {side}x{side}: {decoded / MB:.0f} MB decoded, limit {limit} MB")
        with control_group(limit * MB) as group:
            assert group is not None, "no control group can be made here"
            say(f"device under the limit: {finish(start(group, folder, root, 'device'))}")
            done = kill_midway(start(group, folder, root, "disk"), root, 0.5)
            say(f"killed with {done} training images in the file")
            say(f"disk under the limit, gone on: {finish(start(group, folder, root, 'disk'))}")
            say(f"disk under the limit, again: {finish(start(group, folder, root, 'disk'))}")
            say(f"peak of the group {peak(group) / MB:.0f} MB")
        say(f"device without a limit: {finish(start(None, folder, root, 'device'))}")
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        print(json.dumps(train(*sys.argv[2:])))
        sys.exit()
    parser = argparse.ArgumentParser()
    for name in ("images", "side", "limit"):
        parser.add_argument(f"--{name}", type=int, required=True)
    show(**vars(parser.parse_args()))
