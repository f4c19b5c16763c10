"""Genotypes: round trips, canonical form, what is refused."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.space.config import DARTS_OPERATIONS
from bench.space.genotype import Cell, Genotype

OPERATIONS = st.sampled_from(DARTS_OPERATIONS)


def cells(pairs: st.SearchStrategy[int]) -> st.SearchStrategy[Cell]:
    """Cells of 1 to 4 nodes with `pairs` distinct (operation, source) pairs a node."""

    @st.composite
    def cell(draw: st.DrawFn) -> Cell:
        nodes = []
        for node in range(draw(st.integers(1, 4))):
            pair = st.tuples(OPERATIONS, st.integers(0, 1 + node))
            size = draw(pairs)
            nodes.append(tuple(draw(st.lists(pair, min_size=size, max_size=size, unique=True))))
        return tuple(nodes)

    return cell()


KEYS = st.sampled_from(["normal", "reduce", "0", "3", "11"])
ANY = st.builds(
    Genotype, st.just("darts"), st.dictionaries(KEYS, cells(st.integers(0, 4)), min_size=1)
)
TWO = cells(st.just(2))


@given(ANY)
def test_json_round_trip(genotype: Genotype) -> None:
    text = json.dumps(genotype.to_json())
    again = Genotype.from_json(json.loads(text))
    assert again == genotype and hash(again) == hash(genotype)
    assert again.digest == genotype.digest and len(again.digest) == 12
    assert json.dumps(again.to_json()) == text


@given(TWO, TWO)
def test_darts_text_round_trip(normal: Cell, reduce: Cell) -> None:
    genotype = Genotype("darts", {"normal": normal, "reduce": reduce})
    assert Genotype.from_darts_text(genotype.to_darts_text()) == genotype


@given(ANY, st.randoms(use_true_random=False))
def test_the_order_of_pairs_and_cells_does_not_matter(
    genotype: Genotype, shuffler: random.Random
) -> None:
    def shuffled(items: object) -> list:
        copy = list(items)  # type: ignore[call-overload]
        shuffler.shuffle(copy)
        return copy

    cells = {k: tuple(tuple(shuffled(n)) for n in c) for k, c in shuffled(genotype.cells.items())}
    again = Genotype("darts", cells)
    assert again == genotype and again.digest == genotype.digest


def test_different_genotypes_have_different_digests() -> None:
    one = Genotype("darts", {"normal": ((("skip_connect", 0),),)})
    other = Genotype("darts", {"normal": ((("skip_connect", 1),),)})
    assert one != other and one.digest != other.digest


def test_positions_take_precedence_over_types() -> None:
    own, common = ((("skip_connect", 0),),), ((("sep_conv_3x3", 1),),)
    genotype = Genotype("darts", {"normal": common, "2": own})
    assert genotype.cell(2, "normal") == own
    assert genotype.cell(1, "normal") == common
    with pytest.raises(ValueError, match="none for position 1 or type 'reduce'"):
        genotype.cell(1, "reduce")


def test_the_same_pair_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Genotype("darts", {"normal": ((("skip_connect", 0), ("skip_connect", 0)),)})


@pytest.mark.parametrize(
    "data",
    [{}, {"space": "darts"}, {"space": "darts", "cells": [1]}, {"cells": {"normal": []}}, []],
)
def test_json_of_another_form_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="not a genotype"):
        Genotype.from_json(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Genotype",
        "Genotype(normal=[('skip_connect', 0)])",
        "Genotype(normal=[('skip_connect', 0), 3], reduce=[])",
        "Genotype(normal=__import__('os'), reduce=[])",
    ],
)
def test_darts_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a DARTS genotype text"):
        Genotype.from_darts_text(text)


def test_cells_that_the_darts_text_cannot_carry_are_refused() -> None:
    cell = ((("skip_connect", 0),),)
    with pytest.raises(ValueError, match="cells normal and reduce, not 0, 1"):
        Genotype("darts", {"0": cell, "1": cell}).to_darts_text()


@pytest.mark.parametrize(
    ("genotype", "start"),
    [
        (Genotype.from_text("|none~0|+|none~0|skip_connect~1|+|none~0|none~1|none~2|"), "|n"),
        (Genotype("darts", dict.fromkeys(("normal", "reduce"), ((("skip_connect", 0),),))), "Gen"),
        (Genotype("s2", dict.fromkeys(("normal", "reduce"), ((("skip_connect", 0),),))), "{"),
        (Genotype("darts", {"0": ((("skip_connect", 0),),), "1": ((("skip_connect", 1),),)}), "{"),
        (Genotype("darts", {"normal": ((("skip_connect", 0),),)}), "{"),
    ],
    ids=["nas-bench-201", "darts", "another space", "by position", "one cell"],
)  # fmt: skip
def test_the_text_of_any_genotype_is_read_as_the_same(genotype: Genotype, start: str) -> None:
    text = genotype.to_text()
    assert text.startswith(start)
    assert Genotype.from_text(text) == genotype
    assert Genotype.from_text(text).digest == genotype.digest


@pytest.mark.parametrize("text", ["{", "{}", '{"space": "darts", "cells": 3}', '["a"]'])
def test_json_that_is_no_genotype_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"genotype|Expecting"):
        Genotype.from_text(text)
