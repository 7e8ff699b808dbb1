"""The benchmark of large arrays."""

from __future__ import annotations

import numpy as np

import pullback
from benchmarks import large


def test_all_cases_run() -> None:
    for call in large.cases(pullback, 44).values():
        call()


def test_the_network_is_a_resnet_18() -> None:
    network = large.resnet(pullback)
    assert sum(p.numel() for p in network.parameters()) == 11_689_512
    out = network(pullback.tensor(np.ones((2, 3, 32, 32), np.float32)))
    assert out.shape == (2, 1000)
