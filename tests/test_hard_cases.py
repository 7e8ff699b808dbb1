"""Cases in which derivative tools are silently wrong: memory, control flow, indexing, types, errors.

Every gradient here is known exactly. `grad` is run un-jitted and, where it matters, through Numba.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

EXECUTE = [pytest.param(False, id="python"), pytest.param(True, id="numba", marks=pytest.mark.slow)]
both = pytest.mark.parametrize("jit", EXECUTE)


def v(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def grad(f: Callable[..., Any], *args: Any, argnums: Any = 0, jit: bool = False) -> Any:
    return pb.grad(f, argnums=argnums, jit=jit)(*args)


def same(got: Any, *wanted: float) -> None:
    np.testing.assert_array_equal(got, wanted)


# -- memory
def alias(x):
    y = x
    y[0] = 5.0 * x[1]
    return x[0]


def view_then_write(x):
    w = x[0:2]
    w[0] = 5.0 * w[1]
    return x[0]


def overwritten_constant(x):
    c = np.ones(2)
    s = c[0] * x[0]
    c[0] = 5.0
    return s + 0.0 * c[1] * x[1]


def chain(y):
    for i in range(1, 3):
        y[i] = y[i] * y[i - 1]
    return y[2]


def rewritten_product(x):
    prod = 1.0
    for i in range(3):
        prod *= x[i]
    return prod


def written_after_use(x):
    s = x[0] * x[0]
    x[0] = 7.0
    return s + x[0]


def zeroed(x):
    y = 2.0 * x
    y[1:] = 0.0
    y[np.array([True, False, False])] += 1.0
    return np.sum(y)


def augmented_array(x, d):
    y = x
    x += d
    return y[0] * d


def augmented_number(x, d):
    y = x
    x += d
    return y * x


def by_ternary(x, y, first):
    b = x if first else y
    b[0] = b[1] * b[1]
    return x[0] + 3.0 * y[0]


def in_tuple(x):
    pair = (x, x[1:])
    pair[1][0] = x[2] * x[2]
    return pair[0][1]


@both
@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        pytest.param(alias, v(1, 2), (0, 5), id="alias"),
        pytest.param(view_then_write, v(1, 2), (0, 5), id="view"),
        pytest.param(overwritten_constant, v(1, 2), (1, 0), id="constant buffer overwritten after use"),
        pytest.param(chain, v(2, 3, 4), (12, 8, 6), id="in-place chain"),
        pytest.param(rewritten_product, v(1, 2, 2), (4, 2, 2), id="product in a loop"),
        pytest.param(written_after_use, v(3, 0), (6, 0), id="argument written after use"),
        pytest.param(zeroed, v(1, 2, 3), (2, 0, 0), id="stores of constants clear"),
        pytest.param(in_tuple, v(1, 2, 3), (0, 0, 6), id="view in a tuple"),
    ],
)
def test_memory(f: Callable[..., Any], x: np.ndarray, wanted: tuple[float, ...], jit: bool) -> None:
    before = x.tobytes()
    same(grad(f, x, jit=jit), *wanted)
    assert x.tobytes() == before


def test_augmented_assignment_is_by_type() -> None:
    assert grad(augmented_number, 2.0, 3.0, argnums=(0, 1)) == (7.0, 2.0)
    gx, gd = grad(augmented_array, v(2, 5), 3.0, argnums=(0, 1))
    same(gx, 3, 0)
    assert gd == 2.0 + 2 * 3.0
    gx, gd = grad(lambda x, d: augmented_array(x, d), v(2), 3.0, argnums=(0, 1))
    same(gx, 3)


@pytest.mark.parametrize("first", [True, False])
def test_alias_by_ternary(first: bool) -> None:
    gx, gy = grad(by_ternary, v(1, 2), v(3, 4), first, argnums=(0, 1))
    same(gx, *((0, 4) if first else (1, 0)))
    same(gy, *((3, 0) if first else (0, 24)))


def writes_first(x, y):
    x[0] = x[1] * y[0]
    return x[0] + y[1]


def reads_both(x, y):
    return np.sum(x * y * y)


def test_one_array_given_twice() -> None:
    x = v(2, 3)
    gx, gy = grad(reads_both, x, x, argnums=(0, 1))
    same(gx, 4, 9)
    same(gy, 8, 18)
    assert not np.shares_memory(gx, gy)
    with pytest.raises(pb.OverlapError, match="'x' and 'y' share memory"):
        grad(writes_first, x, x)
    same(x, 2, 3)


def test_overlapping_arguments() -> None:
    base = np.arange(6.0)
    same(grad(reads_both, base[:4], base[2:]), 4, 9, 16, 25)
    with pytest.raises(pb.OverlapError):
        grad(writes_first, base[:4], base[2:])
    gx = grad(writes_first, base[::2], base[1::2])  # interleaved, no element in common
    same(gx, 0, 1, 0)


def test_read_only_arrays() -> None:
    x = v(2, 3)
    x.flags.writeable = False
    same(grad(reads_both, x, x), 4, 9)
    with pytest.raises(pb.ArgumentError, match="read-only"):
        grad(writes_first, x, v(1, 1))


@both
def test_gradients_share_no_memory(jit: bool) -> None:
    derivative = pb.grad(lambda x, y: np.sum(x) + np.sum(y), argnums=(0, 1), jit=jit)
    x, y = v(1, 2), v(3, 4)
    first, second = derivative(x, y), derivative(x, y)
    arrays = [x, y, *first, *second]
    for k, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[k + 1 :])
    first[0][:] = 9.0
    same(derivative(x, y)[0], 1, 1)


# -- control flow
def breaks(x, limit):
    s = 0.0
    for i in range(4):
        if x[i] > limit:
            break
        s += x[i] * x[i]
    return s


def leaves_nested_loops(a):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if a[i, j] < 0.0:
                return a[i, j] * i * j
            if j > i:
                continue
            a[i, j] = 2.0 * a[i, j]
    return np.sum(a)


def while_on_data(x):
    n = 0
    while x < 100.0:
        x = x * x
        n += 1
    return x


def for_else(x, found):
    s = x[0]
    for i in range(3):
        if x[i] == found:
            s = s * x[i]
            break
    else:
        s = s * 10.0
    return s


def variable_after_loop(x, n):
    i = 0
    for i in range(n):
        x[i] = x[i] * 3.0
    return x[i] * i


def bound_changed_inside(x, n):
    s = 0.0
    for i in range(n):
        n = 0
        s += x[i] * (i + 1)
    return s


def down(x):
    s = 1.0
    for i in range(2, -1, -1):
        s = s * x[i] + i
    return s


def factorial_like(x, n):
    return x if n == 0 else n * x * factorial_like(x, n - 1)


@both
def test_control_flow(jit: bool) -> None:
    same(grad(breaks, v(1, 2, 9, 3), 5.0, jit=jit), 2, 4, 0, 0)
    same(grad(leaves_nested_loops, v(1, 2, 3, -4).reshape(2, 2), jit=jit)[1], 0, 1)
    same(grad(leaves_nested_loops, v(1, 2, 3, 4).reshape(2, 2), jit=jit).ravel(), 2, 1, 2, 2)
    assert grad(while_on_data, 2.0, jit=jit) == 8 * 2.0**7
    assert grad(while_on_data, 200.0, jit=jit) == 1.0
    same(grad(for_else, v(2, 3, 5), 3.0, jit=jit), 3, 2, 0)
    same(grad(for_else, v(2, 3, 5), 4.0, jit=jit), 10, 0, 0)
    same(grad(variable_after_loop, v(2, 3, 5), 3, jit=jit), 0, 0, 6)
    same(grad(variable_after_loop, v(2, 3, 5), 0, jit=jit), 0, 0, 0)
    same(grad(bound_changed_inside, v(2, 3, 5), 3, jit=jit), 1, 2, 3)
    same(grad(down, v(2, 3, 5), jit=jit), 22, 14, 6)
    assert grad(factorial_like, 2.0, 3, jit=jit) == 6 * 4 * 2.0**3


def zero_trips(x, m):
    s = np.zeros(x.shape[0])
    for k in range(m):
        s[k] = x[k] * x[k]
    return np.sum(s)


def test_loops_that_do_not_run_and_empty_arrays() -> None:
    same(grad(zero_trips, v(1, 2), 0), 0, 0)
    for shape in ((0,), (0, 3), (2, 0)):
        g = pb.grad(lambda a: np.sum(a * a), jit=False)(np.empty(shape))
        assert g.shape == shape
    assert grad(lambda x: np.sum(x[1:1]) + x[0], v(3))[0] == 1.0


# -- indexing
IDX = np.array([0, 0, 1])


def last_write_wins(x):
    y = np.zeros(2)
    y[np.array([0, 0])] = x
    return y[0]


def add_keeps_last(x, w):
    x[np.array([0, 0])] += w
    return x[0]


@both
@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        pytest.param(lambda x: np.sum(x[np.array([0, 0, 1])]), v(3, 4), (2, 1), id="gather with repeats"),
        pytest.param(lambda x: x[::-2] @ v(1, 10), v(3, 4, 5), (10, 0, 1), id="negative step"),
        pytest.param(
            lambda x: np.sum(x[5:1:-3]), v(0, 1, 2, 3, 4), (0, 0, 0, 0, 1), id="slice beyond the end"
        ),
        pytest.param(lambda x: np.sum(x[x > 3.0] ** 2), v(3, 4, 5), (0, 8, 10), id="mask"),
        pytest.param(lambda x: x[-1] * x[-3], v(3, 4, 5), (5, 0, 3), id="negative indices"),
        pytest.param(last_write_wins, v(3, 4), (0, 1), id="scatter, last write wins"),
        pytest.param(lambda x: np.sum(x[:, None] + np.ones((3, 2))), v(1, 2, 3), (2, 2, 2), id="broadcast"),
    ],
)
def test_indexing(f: Callable[..., Any], x: np.ndarray, wanted: tuple[float, ...], jit: bool) -> None:
    same(grad(f, x, jit=jit), *wanted)


def test_scatter_add_through_a_fancy_index_keeps_the_last() -> None:
    gx, gw = grad(add_keeps_last, v(1, 2), v(3, 4), argnums=(0, 1))
    same(gx, 1, 0)
    same(gw, 0, 1)


# -- types
def test_types_of_gradients() -> None:
    x = np.array([1, 2], dtype=np.float32)
    g = grad(lambda x: np.sum(x * x), x)
    assert g.dtype == np.float32
    assert type(grad(lambda x: x * x, np.float32(3))) is np.float32
    assert type(grad(lambda x: x * x, 3.0)) is float
    g = grad(lambda x: x * x, np.array(3.0))
    assert isinstance(g, np.ndarray)
    assert g.shape == ()
    with pytest.raises(pb.TypeMismatchError, match=r"float\(x\)"):
        grad(lambda x: x * x, 3)
    with pytest.raises(pb.TypeMismatchError, match=r"astype\(np\.float64\)"):
        grad(lambda x: np.sum(x * x), np.array([1, 2]))


# -- errors at run time, with the user's line
def out_of_range(x, i):
    s = x[0]
    return s * x[i]  # LINE


def store_out_of_range(x, i):
    for k in range(i + 1):
        x[k] = 2.0 * x[k]  # LINE
    return x[0]


def fancy_out_of_range(x, i):
    idx = np.array([0, i])
    return np.sum(x[idx])  # LINE


def shapes_differ(x, i):
    y = np.ones(i)
    return np.sum(x + y)  # LINE


def wrong_inner_dimension(x, i):
    return np.sum(np.ones((2, i)) @ x)  # LINE


def stored_shape_differs(x, i):
    x[:2] = np.ones(i)  # LINE
    return np.sum(x)


@both
@pytest.mark.parametrize(
    ("f", "error"),
    [
        pytest.param(out_of_range, IndexError, id="load"),
        pytest.param(store_out_of_range, IndexError, id="store"),
        pytest.param(fancy_out_of_range, IndexError, id="fancy"),
        pytest.param(shapes_differ, ValueError, id="shapes"),
        pytest.param(wrong_inner_dimension, ValueError, id="matmul"),
        pytest.param(stored_shape_differs, ValueError, id="assignment"),
    ],
)
def test_errors_name_the_line(f: Callable[..., Any], error: type[Exception], jit: bool) -> None:
    first = f.__code__.co_firstlineno
    line = next(k for k in range(first, first + 9) if "# LINE" in linecache.getline(__file__, k))
    with pytest.raises(error, match=f"test_hard_cases.py:{line}") as caught:
        grad(f, v(1, 2, 3, 4), 7, jit=jit)
    assert not isinstance(caught.value, pb.PullbackError)
