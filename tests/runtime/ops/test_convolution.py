"""The three convolution kernels against loops, and against each other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pullback.runtime.ops import convolution
from pullback.runtime.ops.convolution import Convolution, correlate, correlate_input, correlate_weight
from pullback.runtime.ops.windows import Windows


def by_loops(x: Any, w: Any, form: Convolution) -> Any:
    windows, groups = form.windows, form.groups
    padded = np.pad(x, ((0, 0), (0, 0), *windows.padding))
    out = np.zeros((len(x), len(w), *form.results))
    each, per = w.shape[1], len(w) // groups
    for n, f in itertools.product(range(len(x)), range(len(w))):
        for where in np.ndindex(*form.results):
            for c in range(each):
                for offset in windows.offsets():
                    at = [
                        i * s + k * d
                        for i, s, k, d in zip(where, windows.stride, offset, windows.dilation, strict=True)
                    ]
                    out[(n, f, *where)] += w[(f, c, *offset)] * padded[(n, f // per * each + c, *at)]
    return out


FORMS = [
    ((5,), (3,), (1,), ((0, 0),), (1,), 1),
    ((5, 6), (3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
    ((7, 6), (3, 3), (2, 3), ((1, 1), (2, 2)), (1, 1), 2),
    ((7, 6), (2, 2), (1, 2), ((2, 0), (0, 0)), (3, 2), 4),
    ((4, 5, 3), (2, 3, 1), (1, 2, 1), ((0, 0), (1, 1), (0, 0)), (1, 1, 1), 2),
]


def sample(form: Any) -> tuple[Any, Any, Convolution]:
    lengths, kernel, stride, padding, dilation, groups = form
    rng = np.random.default_rng(3)
    windows = Windows(kernel, stride, padding, dilation)
    x = rng.standard_normal((3, 4, *lengths))
    w = rng.standard_normal((8, 4 // groups, *kernel))
    return x, w, Convolution(windows, groups, lengths, windows.number(lengths))


@pytest.mark.parametrize("block", [1, 40, 1 << 20])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_values_and_transposes(form: Any, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "BLOCK", block)
    x, w, static = sample(form)
    y = correlate(x, w, static)
    np.testing.assert_allclose(y, by_loops(x, w, static), rtol=1e-12, atol=1e-12)
    g = np.random.default_rng(4).standard_normal(y.shape)
    inner = np.sum(y * g)
    np.testing.assert_allclose(np.sum(x * correlate_input(g, w, static)), inner, rtol=1e-12)
    np.testing.assert_allclose(np.sum(w * correlate_weight(g, x, static)), inner, rtol=1e-12)


def test_an_empty_batch() -> None:
    x, w, static = sample(FORMS[1])
    assert correlate(x[:0], w, static).shape == (0, 8, *static.results)
    g = np.zeros((0, 8, *static.results))
    assert correlate_input(g, w, static).shape == (0, 4, 5, 6)
    assert not correlate_weight(g, x[:0], static).any()
