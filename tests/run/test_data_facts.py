"""What is said of data sets before a run, and what its records keep of that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny

from bench.cli.main import main
from bench.errors import DataError
from bench.records import schema
from bench.run.beforehand import list_lines, preview_data, read_data

LINE = (
    "data pets: 2 classes of 3x8x8; 48 training (24 per class), 12 validation (6 per class),"
    " 24 test (12 per class); values 0 to 229; files ignored: hidden 30, links to a folder that"
    " is read already 1, with suffix .db 1; duplicates between parts: none; storage device"
    " (16.1 kB)"
)
STUDY = """\
name: pets
methods: [random]
datasets: [{name: pets, folder: FOLDER}]
seeds: [0]
space: {operations: [none, max_pool_3x3, skip_connect], nodes: 1, cells: 3, channels: 2}
search: {epochs: 1}
evaluation: {epochs: 1, batch_size: 16, cells: 3, channels: 2, auxiliary_weight: 0.0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Told apart by which half is bright, with copies in a hidden folder and a circular link."""
    random = np.random.default_rng(0)
    root = tmp_path / "images" / "of mine"
    for part, count in (("train", 30), ("test", 12)):
        for kind, label in enumerate(("cat", "dog")):
            (root / part / label).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 80, (8, 8, 3))
                pixels[slice(0, 4) if kind else slice(4, 8)] += 150
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(root / part / label / f"{number:03}.png")
    shutil.copytree(root / "train/cat", root / "train/cat/.ipynb_checkpoints")
    (root / "train/cat/again").symlink_to(".")
    (root / "test/dog/Thumbs.db").write_bytes(b"x")
    return root


def test_one_line_for_each_data_set(folder: Path) -> None:
    trials = [
        tiny.trial("fixed", data={"name": "pets", "folder": str(folder), "flip": flip})
        for flip in (True, False)
    ]
    digits = tiny.trial("fixed")
    lines = list_lines(read_data([trial.data for trial in (*trials, digits)], None))
    assert lines[0] == LINE and len(lines) == 2 and lines[1].startswith("data digits: 10 classes")


def test_before_a_run_files_are_counted_but_not_decoded(folder: Path) -> None:
    (folder / "train/cat/000.png").write_bytes(b"no image")
    trial = tiny.trial("fixed", data={"name": "pets", "folder": str(folder)})
    nowhere = tiny.trial("fixed", data={"name": "image-folder:nowhere"})
    function = tiny.trial("fixed", data={"name": "x", "dataset": "nothing:here"})
    lines, problems = preview_data([trial, tiny.trial("fixed"), nowhere, function], None)
    assert lines[0] == LINE.replace(" of 3x8x8", "").replace("; values 0 to 229", "").replace(
        "; duplicates between parts: none; storage device (16.1 kB)", ""
    )
    assert len(lines) == len(problems) == 1
    assert problems[0].startswith("image-folder:nowhere: there is no nowhere here, in ")
    with pytest.raises(DataError, match=r"train/cat/000\.png is not a usable image"):
        read_data([trial.data], None)


@pytest.mark.slow
def test_a_run_prints_the_line_and_its_record_keeps_the_facts(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pets.yaml").write_text(STUDY.replace("FOLDER", str(folder)))
    assert main(["run", "pets.yaml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("data pets: 2 classes; 48 training (24 per class)")
    assert "storage   pets: device (16.1 kB)" in said.splitlines()
    assert main(["run", "pets.yaml", "--workers", "1", "--device", "cpu"]) == 0
    assert LINE in capsys.readouterr().err.splitlines()
    board = Path("results/pets/leaderboard.md").read_text()
    assert "Data pets: 48 training, 12 validation" in board
    assert str(folder) not in board
    (path,) = Path("results/pets/records").glob("random-pets-s0-*.json")
    values = json.loads(path.read_text())
    assert values["data"]["name"] == "pets" and values["provenance"]["storage"] == "device"
    assert values["data"]["facts"] == {
        "smallest": {"training": 24, "validation": 6, "test": 12},
        "largest": {"training": 24, "validation": 6, "test": 12},
        "values": {"training": [0, 229], "test": [0, 229]},
        "ignored": {
            "hidden": 30,
            "links to a folder that is read already": 1,
            "with suffix .db": 1,
        },
        "changed": {},
        "duplicates": {"training-validation": 0, "training-test": 0, "validation-test": 0},
        "contradictions": 0,
        "notes": [],
    }
    record = schema.parse(values, path)
    assert schema.plain(record) == values
    del values["data"]["facts"]
    older = schema.parse(values, path)
    assert older.data is not None and older.data.facts is None
    assert schema.plain(older) == values
