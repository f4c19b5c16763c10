"""The section evaluation.uncertainty of a study file: what it means, and what cannot be meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import tiny

from bench.cli.main import main
from bench.errors import ConfigurationError
from bench.forecast.timing import count_trainings
from bench.study.file import load
from bench.training.config import EvaluationConfig, UncertaintyConfig

TEXT = """\
name: sure
methods: [random]
datasets: [digits]
seeds: [0]
evaluation:
  auxiliary_weight: 0
  uncertainty: {outside: kmnist, passes: 4, corruptions: [contrast], strengths: [2]}
"""


def write(folder: Path, text: str = TEXT) -> str:
    path = folder / "sure.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_it_is_read_and_recorded(tmp_path: Path) -> None:
    (trial,) = load(write(tmp_path)).trials
    assert isinstance(trial.evaluation, EvaluationConfig)
    expected = UncertaintyConfig(
        passes=4, outside="kmnist", corruptions=("contrast",), strengths=(2,)
    )
    assert trial.evaluation.uncertainty == expected
    recorded = trial.configuration()["evaluation"]["uncertainty"]
    assert recorded["corruptions"] == ["contrast"] and recorded["passes"] == 4
    assert count_trainings(trial) == 4


def test_without_it_a_trial_is_the_one_that_it_was(tmp_path: Path) -> None:
    (measured,) = load(write(tmp_path)).trials
    (plain,) = load(write(tmp_path), ["evaluation.uncertainty=null"]).trials
    assert "uncertainty" not in plain.configuration()["evaluation"]
    assert plain.id != measured.id and plain.search_id == measured.search_id
    assert count_trainings(plain) == count_trainings(tiny.trial("random")) == 1


def test_the_corruptions_where_none_is_named_stay_those_of_committed_trials(
    tmp_path: Path,
) -> None:
    """The list is part of a trial's id: a further corruption is measured where it is named."""
    text = TEXT.replace("corruptions: [contrast], ", "")
    (trial,) = load(write(tmp_path, text)).trials
    assert trial.configuration()["evaluation"]["uncertainty"]["corruptions"] == [
        "gaussian_noise",
        "shot_noise",
        "impulse_noise",
        "gaussian_blur",
        "contrast",
        "brightness",
        "pixelate",
    ]
    named = "evaluation.uncertainty.corruptions=[jpeg_compression]"
    (other,) = load(write(tmp_path, text), [named]).trials
    recorded = other.configuration()["evaluation"]["uncertainty"]["corruptions"]
    assert recorded == ["jpeg_compression"] and other.id != trial.id


def test_without_torchvision_jpeg_compression_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.io", None)
    changes = ("corruptions=[jpeg_compression]", "outside=null")
    arguments = ["run", write(tmp_path), "--results", str(tmp_path / "results")]
    for change in changes:
        arguments += ["--set", f"evaluation.uncertainty.{change}"]
    assert main(arguments) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(
        "bench: evaluation.uncertainty.corruptions: jpeg_compression cannot be made here: "
    )
    assert "torchvision" in line and not list((tmp_path / "results").rglob("*.pt"))


def test_the_gate_does_not_measure_it(tmp_path: Path) -> None:
    gate = load(write(tmp_path)).gate
    assert gate is not None
    for trial in gate.trials:
        assert isinstance(trial.evaluation, EvaluationConfig)
        assert trial.evaluation.uncertainty is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("outside=mnits", "uncertainty.outside: unknown data set 'mnits'; did you mean"),
        ("outside=digits", "uncertainty.outside = .digits.: must be another data set than those"),
        ("outside=3", "uncertainty.outside = 3: must be text or null"),
        (
            "corruptions=[fog]",
            "corruptions.0. = .fog.: must be a list .*one of gaussian_noise",
        ),
        ("corruptions=[contrast, contrast]", "uncertainty: corruptions: one is listed twice"),
        ("strengths=[6]", "strengths.0. = 6: must be a list .*at most 5"),
        ("strengths=[]", "uncertainty: strengths: at least one is needed"),
        ("passes=1", "uncertainty.passes = 1: must be a whole number, at least 2"),
        ("draws=10", "uncertainty.draws: unknown key; known: .*passes"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    change: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        load(write(tmp_path), [f"evaluation.uncertainty.{change}"])
    assert "\n" not in str(raised.value)


def test_other_kinds_of_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="uncertainty = true: must be a mapping"):
        load(write(tmp_path), ["evaluation.uncertainty=true"])
    with pytest.raises(ConfigurationError, match="uncertainty: the gate looks at"):
        load(write(tmp_path), ["gate.evaluation.uncertainty={}"])


def test_colour_images_are_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np = pytest.importorskip("numpy")
    from PIL import Image

    for number in range(4):
        path = tmp_path / "colour" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    outside = f"evaluation.uncertainty.outside=image-folder:{tmp_path / 'colour'}"
    arguments = ["run", write(tmp_path), "--results", str(tmp_path / "results"), "--set", outside]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error
    assert error.splitlines()[-1].startswith("bench: evaluation.uncertainty.outside: image-folder:")
    assert not list((tmp_path / "results").rglob("*.pt"))
