"""The benchmark of calls."""

from __future__ import annotations

import numpy as np

import pullback as pb
from benchmarks import overhead


def test_gradients_of_all_arguments() -> None:
    for function, args in overhead.arguments().values():
        pb.check_grads(function, args)


def test_other_derivatives_run() -> None:
    made = {name: call() for name, call in overhead.derivatives().items()}
    np.testing.assert_allclose(made["jacobian"], np.diag([2.0, 4.0, 6.0]))
    np.testing.assert_allclose(made["hvp of a gradient"], [[0.0, 1.0, 0.0]])


def test_the_table() -> None:
    found = [overhead.Overhead("gradient", 1.0, 0.5, 20.0), overhead.Overhead("jvp", 2.0, None, None)]
    assert overhead.table(found).splitlines()[2:] == [
        "| gradient | 1.00 µs | 0.50 µs | 20.00 µs | 20.0 |",
        "| jvp | 2.00 µs |  |  |  |",
    ]
