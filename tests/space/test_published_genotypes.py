"""Published cells as their codes write them: every spelling is read, and sizes are the papers'.

Sources of texts and sizes: quark0/darts (DARTS), yuhuixu1993/PC-DARTS, chenxin061/pdarts, D-X-Y's
GDAS, and the counts that re-implementations note beside them.
"""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.published import DARTS_V2, GDAS, MDENAS, P_DARTS, PC_DARTS

from bench.space.config import DARTS_OPERATIONS, SpaceConfig
from bench.space.genotype import Cell, Genotype
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.training.measure import flops

SIZES = {  # millions of parameters as printed, millions of multiply-adds
    "DARTS_V2, a named text": (DARTS_V2, "3.35", 528),
    "PC-DARTS, with ranges": (PC_DARTS, "3.63", 558),
    "P-DARTS, lists by node": (P_DARTS, "3.43", 532),
    "GDAS, tuples by node": (GDAS, "3.4", 519),
    "MdeNAS, by position, with weights": (MDENAS, "3.78", 599),
}


def count(genotype: Genotype, cells: int = 20, channels: int = 36) -> int:
    """Parameters by hand: of the CIFAR-10 network of the DARTS code without its auxiliary head."""

    def of(name: str, c: int, stride: int) -> int:
        size = int(name[-1]) ** 2 if name[-1].isdigit() else 0
        if name.startswith("sep_conv"):
            return 2 * (size * c + c * c + 2 * c)
        if name.startswith("dil_conv"):
            return size * c + c * c + 2 * c
        return c * c + 2 * c if name == "skip_connect" and stride == 2 else 0

    before = last = 3 * channels
    total = 27 * last + 2 * last
    c = channels
    for index in range(cells):
        reduces = index in (cells // 3, 2 * cells // 3)
        key, c = ("reduce", 2 * c) if reduces else ("normal", c)
        total += before * c + 2 * c + last * c + 2 * c
        for node in genotype.cells[key]:
            total += sum(of(name, c, 2 if reduces and s < 2 else 1) for name, s in node)
        before, last = last, len(genotype.output_nodes(key)) * c
    return total + 10 * last + 10


def build(genotype: Genotype, cells: int = 20, channels: int = 36) -> DiscreteNetwork:
    nodes = len(genotype.cells["normal"])
    space = SpaceConfig(nodes=nodes)
    space.check(genotype)
    with torch.device("meta"):
        return DiscreteNetwork(genotype, space, NetworkOptions(cells, channels, (3, 32, 32), 10))


def parameters(network: DiscreteNetwork) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("text", "millions", "multiply_adds"), SIZES.values(), ids=SIZES)
def test_sizes_are_the_published_ones(text: str, millions: str, multiply_adds: int) -> None:
    genotype = Genotype.from_text(text)
    network = build(genotype)
    assert parameters(network) == count(genotype)
    digits = len(millions.partition(".")[2])
    assert f"{parameters(network) / 1e6:.{digits}f}" == millions
    # the printed ones count normalisation, too
    assert flops(network, (3, 32, 32)) / 2e6 == pytest.approx(multiply_adds, rel=0.03)


def test_the_same_cell_in_every_spelling_is_the_same_genotype() -> None:
    genotype = Genotype.from_text(DARTS_V2)
    written = genotype.to_darts_text()
    spellings = [
        written,
        f"# {written}\n{DARTS_V2}",
        written.replace("[2, 3, 4, 5]", "range(2, 6)"),
        written.replace("[2, 3, 4, 5]", "(5, 4, 3, 2)"),
        re.sub(r", (normal|reduce)_concat=\[2, 3, 4, 5\]", "", written),
        re.sub(r"\), \(('\w+', \d)\)(?=[,\]])", r"), (\1, 0.25)", written),
        written.replace("Genotype(", "Genotype(connects=None, normal_bottleneck='', "),
    ]
    for text in spellings:
        assert Genotype.from_text(text) == genotype, text
    assert genotype.digest == "7d0c5a9c0568", "digests of genotypes that keep all nodes stay"


CONCAT = """Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0),
    ('sep_conv_3x3', 2)], normal_concat={normal}, reduce=[('skip_connect', 0), ('sep_conv_3x3', 1),
    ('max_pool_3x3', 0), ('skip_connect', 2)], reduce_concat={reduce})"""


@pytest.mark.parametrize(
    ("normal", "reduce", "outputs"),
    [
        ("[3]", "[2, 3]", {"normal": (1,)}),
        ("range(3, 4)", "range(2, 4)", {"normal": (1,)}),
        ("[2, 3]", "[2]", {"reduce": (0,)}),
        ("[3]", "(3,)", {"normal": (1,), "reduce": (1,)}),
        ("None", "[3, 2]", {}),
    ],
)
def test_a_concat_of_some_nodes_makes_another_network(
    normal: str, reduce: str, outputs: dict[str, tuple[int, ...]]
) -> None:
    genotype = Genotype.from_text(CONCAT.format(normal=normal, reduce=reduce))
    whole = Genotype.from_text(CONCAT.format(normal="[2, 3]", reduce="[2, 3]"))
    assert genotype.outputs == outputs
    assert (genotype.digest == whole.digest) is (genotype == whole) is (not outputs)
    assert Genotype.from_text(genotype.to_darts_text()) == genotype
    assert Genotype.from_json(genotype.to_json()) == genotype
    network, other = build(genotype, 6, 8), build(whole, 6, 8)
    assert parameters(network) == count(genotype, 6, 8)
    assert (parameters(network) < parameters(other)) is bool(outputs)
    assert (flops(network, (3, 32, 32)) < flops(other, (3, 32, 32))) is bool(outputs)


def test_a_cell_gives_the_nodes_that_its_concat_names() -> None:
    """Against a network whose whole cell is concatenated: the channels of the named node."""
    texts = [CONCAT.format(normal=concat, reduce="[2, 3]") for concat in ("[2, 3]", "[3]")]
    options = NetworkOptions(3, 4, (3, 8, 8), 5, auxiliary=True)
    whole, some = (
        DiscreteNetwork(Genotype.from_text(text), SpaceConfig(nodes=2), options) for text in texts
    )
    some.cells[0].load_state_dict(whole.cells[0].state_dict())
    some.stem.load_state_dict(whole.stem.state_dict())
    seen = []
    for network in (whole, some):
        network.cells[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        network.train()(torch.arange(2 * 3 * 64.0).reshape(2, 3, 8, 8).sin())
    assert seen[0].shape[1] == 8
    assert torch.equal(seen[1], seen[0][:, 4:])


def test_the_operation_none_is_an_empty_edge() -> None:
    text = DARTS_V2.replace("('skip_connect', 0)", "('none', 0)")
    genotype = Genotype.from_text(text)
    assert "none" not in {operation for _, _, operation, _ in genotype.pairs()}
    assert [len(node) for node in genotype.cells["normal"]] == [2, 2, 1, 1]
    assert Genotype.from_text(genotype.to_darts_text()) == genotype
    assert parameters(build(genotype)) == count(genotype)


WRONG = {
    "an odd pair": ("('dil_conv_3x3', 2)]", "]", "normal has 7 pairs: two a node, or a list"),
    "an input in the concat": ("[2, 3, 4, 5]", "[0, 3]", "normal_concat = [0, 3]: the output is"),
    "a node that is not there": ("[2, 3, 4, 5]", "[2, 6]", "here states 2 to 5"),
    "a concat of nothing": ("[2, 3, 4, 5]", "[]", "normal_concat = []: the output is made of"),
    "a node twice": ("[2, 3, 4, 5]", "[2, 2]", "its output cannot be made of nodes [0, 0]"),
    "true in the concat": ("[2, 3, 4, 5]", "[2, True]", "normal_concat = [2, True]"),
    "a range of text": ("[2, 3, 4, 5]", "range('2')", "not a DARTS genotype text"),
    "a target too": ("('sep_conv_3x3', 0)", "('sep_conv_3x3', 2, 0)", "not (operation, source)"),
    "a source in words": ("('sep_conv_3x3', 0)", "('sep_conv_3x3', '0')", "not (operation,"),
    "something else": ("normal_concat", "stem_multiplier=3, normal_concat", "stem_multiplier= is"),
    "two texts": ("DARTS_V2 = ", "A = Genotype()\nB = ", "not one Genotype(...)"),
    "a call": ("[2, 3, 4, 5]", "open('/etc/passwd')", "not a DARTS genotype text"),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_genotype_is_one_line(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Genotype.from_text(DARTS_V2.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def test_a_space_with_one_output_takes_no_concat() -> None:
    genotype = Genotype("nas-bench-201", {"normal": ((), (), ())}, {"normal": (1, 2)})
    from bench.space.nas_bench_201.config import NasBench201Config

    with pytest.raises(ValueError, match="the output of a cell is its last node"):
        NasBench201Config().check(genotype)
    with pytest.raises(ValueError, match="has one output, the cell's last node"):
        genotype.to_nas_bench_201_text()


@st.composite
def published(draw: st.DrawFn) -> Genotype:
    cells: dict[str, Cell] = {}
    outputs = {}
    for key in ("normal", "reduce"):
        nodes = draw(st.integers(1, 5))
        pairs = [
            st.tuples(st.sampled_from(DARTS_OPERATIONS), st.integers(0, 1 + node))
            for node in range(nodes)
        ]
        cells[key] = tuple(tuple(draw(st.lists(p, max_size=3, unique=True))) for p in pairs)
        outputs[key] = tuple(draw(st.sets(st.integers(0, nodes - 1), min_size=1)))
    return Genotype("darts", cells, outputs)


@given(published())
def test_text_and_json_carry_every_cell(genotype: Genotype) -> None:
    for again in (
        Genotype.from_text(genotype.to_darts_text()),
        Genotype.from_json(genotype.to_json()),
    ):
        assert again == genotype and hash(again) == hash(genotype)
        assert again.digest == genotype.digest
