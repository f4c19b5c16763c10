"""What nodes offer and jobs ask for, in numbers and words."""

from __future__ import annotations

import pytest

from bench.cluster.file import RayCluster
from bench.cluster.ray.resources import Resources, count_jobs, describe, explain_refusal

SMALL = Resources(2, memory=4 * 2**30)
LARGE = Resources(8, 1, 16 * 2**30)


def test_a_node_runs_as_many_jobs_as_its_scarcest_resource_allows() -> None:
    assert SMALL.count_jobs(Resources(1)) == 2
    assert SMALL.count_jobs(Resources(1, memory=3 * 2**30)) == 1
    assert SMALL.count_jobs(Resources(1, gpus=1)) == 0
    assert LARGE.count_jobs(Resources(1, gpus=0.25)) == 4
    assert count_jobs([SMALL, LARGE], Resources(2)) == 5
    assert count_jobs([], Resources(1)) == 0


def test_nodes_in_words() -> None:
    assert describe([SMALL, LARGE]) == "2 nodes, 10 CPUs, 1 GPU"
    assert describe([Resources(1)]) == "1 node, 1 CPU"


def test_a_refusal_compares_with_the_node_that_has_most_of_what_is_short() -> None:
    wide = Resources(32, 0, 64 * 2**30)
    assert explain_refusal([SMALL, LARGE, wide], Resources(4, gpus=2)) == (
        "asks for 4 CPUs, 2 GPUs; the largest node offers 8 CPUs, 1 GPU"
    )
    assert explain_refusal([SMALL, LARGE], Resources(1, memory=32 * 2**30)) == (
        "asks for 1 CPU, 32G of memory; the largest node offers 8 CPUs, 1 GPU, 16G of memory"
    )
    assert explain_refusal([], Resources(1)) == "asks for 1 CPU; there is no node"


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("auto", None),
        ("10.0.0.1:6379", ("10.0.0.1", 6379)),
        ("ray://head.example:10001", ("head.example", 10001)),
        ("[fe80::1]:6379", ("fe80::1", 6379)),
    ],
)
def test_addresses_of_ray(address: str, endpoint: tuple[str, int] | None) -> None:
    assert RayCluster(address=address).endpoint == endpoint


@pytest.mark.parametrize("address", ["local", "head", "head:", "http://head:1", "a b:1", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address = .*: must be HOST:PORT, ray://HOST:PORT or"):
        RayCluster(address=address)
