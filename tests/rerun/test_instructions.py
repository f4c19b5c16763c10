"""A rerun keeps to the vector instructions of the record where the processor has wider ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from support import records as support
from support import tiny

from bench.cli.main import main
from bench.records.store import Store, read
from bench.rerun import instructions

HERE = torch.backends.cpu.get_cpu_capability()


@pytest.mark.parametrize(
    ("recorded", "here", "chosen"),
    [
        ("AVX2", "AVX512", "AVX2"),
        ("AVX512", "AVX2", "AVX2"),
        ("AVX2", "AVX2", "AVX2"),
        ("DEFAULT", "AVX2", "DEFAULT"),
        ("NEON", "AVX2", "AVX2"),
        ("AVX2", "SVE256", "SVE256"),
    ],
)
def test_wider_ones_than_the_processor_has_are_not_asked_for(
    recorded: str, here: str, chosen: str
) -> None:
    assert instructions.choose(recorded, here) == chosen


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    before = dict(os.environ)
    with instructions.kept_to("AVX2"):
        assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
        assert os.environ["ATEN_CPU_CAPABILITY"] == "avx2"
    assert dict(os.environ) == before


@pytest.mark.slow
@pytest.mark.skipif(HERE not in ("AVX2", "AVX512"), reason="a processor without AVX2")
def test_a_record_is_computed_with_its_own_instructions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "tiny")
    done = tiny.run(tiny.trial("darts"), store.folder / "checkpoints")
    path = store.write(done.record, done.posterior)
    values = support.merged(
        json.loads(path.read_text()), {"environment": {"instructions": "DEFAULT"}}
    )
    path.write_text(json.dumps(values))
    main(["rerun", str(path), "--output", "again"])
    assert read(Path("again/records") / path.name).environment.instructions == "DEFAULT"
