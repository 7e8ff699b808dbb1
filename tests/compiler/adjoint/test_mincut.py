"""Cheapest cuts: as cheap as SciPy's maximal flow is large, and the smallest on the side of the source."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pullback.compiler.adjoint.mincut import INFINITE, Network
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow


@pytest.mark.parametrize("seed", range(60))
def test_against_maximal_flow_and_all_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 9))
    network, capacity = Network(), np.zeros((count, count), np.int32)
    for _ in range(count - 2):
        network.node()
    for _ in range(int(random.integers(0, 25))):
        tail, head = (int(k) for k in random.integers(0, count, 2))
        room = int(random.integers(0, 9))
        capacity[tail, head] += room if tail != head else 0
        network.edge(tail, head, room)
    side = network.source_side()

    def price(inside: set[int]) -> int:
        return sum(int(capacity[a, b]) for a in inside for b in range(count) if b not in inside)

    least = maximum_flow(csr_matrix(capacity), Network.SOURCE, Network.SINK).flow_value
    assert price(side) == least
    for size in range(count - 1):
        for others in itertools.combinations(range(2, count), size):
            if price({0, *others}) == least:
                assert side <= {0, *others}


def test_what_must_not_be_cut() -> None:
    network = Network()
    node = network.node()
    network.edge(network.SOURCE, node, INFINITE)
    network.edge(node, network.SINK, 3)
    assert network.source_side() == {network.SOURCE, node}


def test_a_long_chain() -> None:
    network = Network()
    nodes = [network.SOURCE, *(network.node() for _ in range(5000)), network.SINK]
    for k, (tail, head) in enumerate(itertools.pairwise(nodes)):
        network.edge(tail, head, 1 if k == 2500 else 2)
    assert network.source_side() == set(nodes[:2501])
