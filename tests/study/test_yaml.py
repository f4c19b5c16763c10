"""Study files are YAML 1.2, whatever PyYAML makes of the same words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import studies

from bench.errors import ConfigurationError
from bench.space.genotype import Genotype
from bench.study import yaml
from bench.study.file import load

CORE_SCHEMA = {
    "010": 10, "011": 11, "08": 8, "-007": -7, "+12": 12, "0": 0,
    "0o10": 8, "0x1F": 31, "1e-3": 0.001, "1.": 1.0, "-.5": -0.5, "+1E3": 1000.0, "0.10": 0.1,
    ".inf": math.inf, "-.INF": -math.inf, "true": True, "FALSE": False, "~": None, "null": None,
    "": None,
    # numbers, truth values and dates of YAML 1.1 alone
    "1_000": "1_000", "1:30": "1:30", "190:20:30": "190:20:30", "0b11": "0b11", "-0o7": "-0o7",
    "yes": "yes", "No": "No", "on": "on", "OFF": "OFF", "y": "y", "2026-11-27": "2026-11-27",
    "=": "=", "1_0.5": "1_0.5", "nan": "nan", "inf": "inf",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), CORE_SCHEMA.items())
def test_plain_words_are_yaml_1_2s(text: str, value: Any) -> None:
    for form, read in (("{}", value), ("[{}]", [value]), ("a: {}", {"a": value})):
        if form == "[{}]" and not text:
            continue
        parsed = yaml.parse(form.format(text), "here")
        assert parsed == read
        assert repr(parsed) == repr(read), "no text for a number, no whole number for another"


def test_not_a_number_is_one() -> None:
    assert math.isnan(yaml.parse(".NaN", "here"))


@pytest.mark.parametrize("text", ["!!int x", "9" * 5000, "!!float 1:30"])
def test_numbers_that_are_none_are_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not valid YAML") as caught:
        yaml.parse(text, "here")
    assert "\n" not in str(caught.value)


def test_seeds_are_the_numbers_that_stand_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    lines = [line for line in studies.TEXT.splitlines() if not line.startswith("seeds")]
    path = studies.write(tmp_path, "\n".join([*lines, "seeds: [010, 011]"]))
    assert load(path).seeds == (10, 11)
    assert load(path, ["seeds=[0o10, 007]"]).seeds == (8, 7)
    for wrong in ("1_000", "1:30", "0b1", "yes"):
        with pytest.raises(ConfigurationError, match=f'seeds = \\["{wrong}"\\]: must be a list'):
            load(path, [f"seeds=[{wrong}]"])
    with pytest.raises(ConfigurationError, match=r'data\.flip = "yes": must be true or false'):
        load(path, ["data.flip=yes"])


BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_genotype_of_nas_bench_201_may_stand_as_it_is(tmp_path: Path, quote: str) -> None:
    """Its first character begins a block in YAML."""
    text = (
        "name: small\nspace: {name: nas-bench-201, cells: 1, channels: 4}\nseeds: [0]\n"
        "datasets: [digits]\nevaluation: {auxiliary_weight: 0}\n"
        f"gate:\n  cells: {{one: {quote}{BEST}{quote}, other: {quote}{BEST}{quote}}}\n"
        "  levels: [[one], [other]]\n"
        f"methods:\n  cell: {{method: fixed, genotype: {quote}{BEST}{quote}}}\n"
        f"  same:\n    method: fixed\n    genotype: {quote}{BEST}{quote}\n"
    )
    path = tmp_path / "small.yaml"
    path.write_text(text)
    study = load(str(path))
    texts = {trial.options["genotype"] for trial in study.trials}
    other = BEST.replace("skip_connect", "none")
    overridden = load(str(path), [f"methods.cell.genotype={quote}{other}{quote}"]).trials[0]
    assert texts == {BEST} and overridden.options["genotype"] == other
    assert study.gate is not None and study.gate.cells == {"one": BEST, "other": BEST}
    assert Genotype.from_text(other).to_nas_bench_201_text() == other


def test_a_bar_still_begins_a_block() -> None:
    text = "notes: |\n  one\n  two\nkept: |-\n  three\nindented: |2\n   four\n"
    read = {"notes": "one\ntwo\n", "kept": "three", "indented": " four\n"}
    assert yaml.parse(text, "here") == read


def test_a_darts_genotype_can_be_set(tmp_path: Path) -> None:
    text = (
        "name: small\nspace: {nodes: 2}\nseeds: [0]\ndatasets: [digits]\n"
        "methods:\n  cell: {method: fixed}\n"
    )
    path = tmp_path / "small.yaml"
    path.write_text(text)
    pairs = "[[('sep_conv_3x3', 0), ('skip_connect', 1)], [('sep_conv_3x3', 0), ('none', 2)]]"
    genotype = f"MINE = Genotype(normal={pairs}, normal_concat=[3], reduce={pairs})"
    (trial,) = load(str(path), [f"methods.cell.genotype={genotype}"]).trials
    assert trial.options["genotype"] == genotype


WORDS = st.one_of(
    st.sampled_from(
        [*CORE_SCHEMA, BEST, "|", "<<", "a: b", "- a", "'", "1e3", "0o8", "\x85", "a\u2028b"]
    ),
    st.text(),
)
DATA = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(WORDS, inner)),
    max_leaves=8,
)


@given(DATA)
def test_what_is_written_is_read_again(data: Any) -> None:
    """Settings of `bench tune` and study files of reports are written by this."""
    assert repr(yaml.parse(yaml.dump(data), "here")) == repr(data)


def test_arguments_that_the_locale_cannot_read_are_utf_8() -> None:
    raw = "notes=größer".encode().decode("ascii", "surrogateescape")
    data: dict[str, Any] = {}
    for argument in (raw, "description=Münze"):
        yaml.override(data, argument)
    assert data == {"notes": "größer", "description": "Münze"}
