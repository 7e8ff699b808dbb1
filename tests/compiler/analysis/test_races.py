"""What iterations share: each program says which of its loops may run in threads, forward and reverse."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.analysis import work
from pullback.compiler.transform import parallel

import pullback as pb


@pytest.fixture(autouse=True)
def every_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every loop that may be cut, however small."""
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    monkeypatch.setattr(parallel, "ENOUGH", -(10**12))
    monkeypatch.setattr(work, "LEAST", 0)


def negative_index(x, k):
    """x[i - 3] is x[-1] for i = 2: it counts from the end, and is written by another iteration."""
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i - 3] = y[i] + x[i] ** 2
    return np.sum(y * x)


def scratch_kept(x, k):
    """What the last iteration leaves in the buffer is read after the loop."""
    buffer = np.zeros(len(k))
    s = 0.0
    for i in range(len(x)):
        for j in range(len(k)):
            buffer[j] = x[i] * j
        s += buffer[0] * buffer[len(k) - 1] + buffer[1] ** 2
    return s + buffer[1]


def scratch_half_written(x, k):
    """An iteration may read what an earlier one has written."""
    buffer = np.zeros(len(k))
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            for j in range(len(k)):
                buffer[j] = x[i] * j
        s += buffer[1] ** 2
    return s


def scratch_growing(x, k):
    """Every iteration writes one element more, and reads them all."""
    buffer = np.zeros(len(x))
    s = 0.0
    for i in range(len(x)):
        buffer[i] = x[i]
        for j in range(len(x)):
            s += buffer[j] * x[i]
    return s


def left_zero(x, k):
    """Every iteration leaves the buffer as it has found it."""
    buffer = np.zeros(len(k))
    s = 0.0
    for i in range(len(x)):
        for j in range(2):
            for c in range(j, len(k)):
                buffer[c] += x[i] * c
        for c in range(len(k)):
            s += np.sin(buffer[c])
            buffer[c] = 0.0
    return s


def left_half_zero(x, k):
    buffer = np.zeros(len(k))
    s = 0.0
    for i in range(len(x)):
        for j in range(2):
            for c in range(j, len(k)):
                buffer[c] += x[i] * c
        for c in range(1, len(k)):
            s += np.sin(buffer[c] + buffer[0])
            buffer[c] = 0.0
    return s


def added_and_read(x, k):
    counts = np.zeros(8)
    s = 0.0
    for i in range(len(x)):
        counts[k[i]] += x[i]
        s += counts[0] * x[i]
    return s


def rebound(x, k):
    """The iterations of the inner loop write to what the outer one has made just before."""
    u = x.copy()
    for _ in range(3):
        v = np.zeros(len(x))
        for i in range(1, len(x)):
            v[i] = np.sin(u[i] * u[i - 1])
        u = v
    return np.sum(u)


def exchanged(x, k):
    """The two buffers change places in an inner loop: other iterations meet them the other way round."""
    a, b = x.copy(), x.copy()
    for i in range(len(x) - 1):
        for _ in range(len(x) // 50):
            a[i] = np.sin(b[i + 1]) + b[i]
            a, b = b, a
    return np.sum(a * b)


def reset(x, k):
    """The carried value is not only added to."""
    s = 0.0
    for i in range(len(x)):
        if x[i] < -1.0:
            s = 0.0
        else:
            s += x[i] ** 2
    return s


def two_sums(x, k):
    s = 0.0
    c = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            s += x[i] ** 2
            s -= np.sin(x[i])
        else:
            c += x[i]
        s += 1.0
    return s * c


def own_lists(x, k):
    total = 0.0
    for i in range(len(x)):
        found = [0.0]
        for j in range(3):
            found.append(x[i] * j)
        total += found[2] * found[3]
    return total


def through_rows(x, k):
    m = np.zeros((len(x), 3))
    for i in range(len(x)):
        row = m[i]
        for j in range(3):
            row[j] = np.exp(x[i] * j)
    return np.sum(m**2)


def far_neighbours(x, k):
    s = 0.0
    for i in range(2, len(x) - 2):
        s += np.exp(x[i - 2] * x[i + 2]) * x[i]
    return s


def far_rows(x, k):
    m = np.empty((len(x), 3))
    for i in range(len(x)):
        for j in range(3):
            m[i, j] = x[i] * (j + 1.0)
    s = 0.0
    for i in range(2, len(x) - 2):
        for j in range(3):
            s += np.exp(m[i - 2, j] * m[i + 2, j]) * m[i, j]
    return s


SERIAL = {
    negative_index: "iterations may use the same element of y",
    scratch_kept: "iterations may use the same element of buffer",
    scratch_half_written: "iterations may use the same element of buffer",
    scratch_growing: "",
    left_half_zero: "iterations may use the same element of buffer",
    added_and_read: "",
    exchanged: "iterations may use the same element of",
    reset: "the next iteration needs s",
}
PARALLEL = {
    left_zero: "parallel: 32 parts",
    rebound: "parallel: 32 parts",
    two_sums: "each part adds to its own",
    own_lists: "parallel: 32 parts",
    through_rows: "parallel: 32 parts",
    far_neighbours: "parallel: 32 parts",
    far_rows: "every other part first",
}


@pytest.mark.parametrize(
    ("f", "said"), [*SERIAL.items(), *PARALLEL.items()], ids=lambda x: getattr(x, "__name__", "")
)
def test_same_numbers_out_of_order(f, said) -> None:
    """Un-jitted, the parts run one by one, not in the order of the iterations."""
    rng = np.random.default_rng(2)
    for n in (150, 7):
        x, k = rng.standard_normal(n), rng.integers(0, 8, n)
        derivative = pb.value_and_grad(f, parallel=True, jit=False)
        value, gradient = derivative(x, k)
        expected, direction = pb.value_and_grad(f, parallel=False, jit=False)(x, k)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(gradient, direction, rtol=1e-11, atol=1e-13)
    text = derivative.explain()
    text = text[text.index("threads\n") : text.index("values saved")]
    assert (f"serial: {said}" if f in SERIAL else said) in text
