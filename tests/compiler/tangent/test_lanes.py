"""Tangents along many directions at once, against one direction after the other."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.call.dispatch import dispatcher
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, Array, List, Scalar
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS, Sym, emit
from pullback.compiler.public.higher import base_of, places
from pullback.compiler.specs import ArraySpec
from pullback.compiler.tangent.lanes import LanesRefused, lane_tangent, lane_type

LANES = 3


def test_types_have_the_lanes_last() -> None:
    assert lane_type(F64) == Array("float64", 1)
    assert lane_type(Array("float32", 2)) == Array("float32", 3)
    assert lane_type(List(Scalar("complex128"))) == List(Array("complex128", 1))
    assert lane_type(List(Array("float64", 1))) == List(Array("float64", 2))


def test_product_and_chain_rule() -> None:
    x, y = Value(F64, "x"), Value(F64, "y")
    b = Builder()
    b.region.params = (x, y)
    b.region.yields = (PRIMS["sin"](Sym(b, x) * Sym(b, y)).value, b.const(2.0))
    module = lane_tangent(Module(Function("f", b.region)), [0, 1], name="f_columns")
    value, constant, dot, zero = run(
        module, [0.5, 2.0, np.array([1.0, 0.0, -2.0]), np.array([0.0, 1.0, 3.0])]
    )
    assert (value, constant) == (np.sin(1.0), 2.0)
    np.testing.assert_allclose(dot, np.cos(1.0) * np.array([2.0, 0.5, -2.5]))
    np.testing.assert_array_equal(zero, np.zeros(3))


def test_derivatives_through_called_functions_are_refused() -> None:
    x, y = Value(F64, "x"), Value(F64, "y")
    inner = Builder()
    inner.region.params = (y,)
    inner.region.yields = (emit(inner, "mul", y, y),)
    b = Builder()
    b.region.params = (x,)
    b.region.yields = b.call_fn("square", (x,), (F64,))
    module = Module(Function("f", b.region), {"square": Function("square", inner.region)})
    with pytest.raises(LanesRefused, match="square"):
        lane_tangent(module, [0], name="f_columns")


# -- one construct each; every function returns one float or one array
def straight(x):
    return np.sin(x[0]) * x[1] + x[2] / x[0]


def swapped(x):
    a, b = x[0], x[1]
    for i in range(5):
        a, b = b, a * x[2] + b * i
    return a - b


def carried_without_a_start(x):
    last = 0.0
    for i in range(len(x)):
        if x[i] > 0.4:
            last = x[i] * x[0]
    return last


def newton(x):
    y = 1.0
    while abs(y * y - x[0] - x[1]) > 1e-12:
        y = 0.5 * (y + (x[0] + x[1]) / y)
    return y * x[2]


def branches(x):
    s = 0.0
    for i in range(len(x)):
        if i % 2:
            t = np.exp(x[i])
            s += t * t
        elif x[i] > 0.3:
            s -= x[i] ** 3
    return s


def breaks(x):
    s = 1.0
    for i in range(len(x)):
        s *= 1.0 + x[i]
        if s > 2.0:
            break
    return s


def lists(x):
    seen = []
    for i in range(len(x)):
        seen.append(x[i] * x[0])
        seen.append(2.0)
    seen[1] = seen[2] * seen[0]
    last = seen.pop()
    return seen[1] * seen[0] + last * seen[2]


def lists_of_arrays(x):
    rows = [x * 2.0]
    for i in range(3):
        rows.append(rows[i] * x[i])
    return np.sum(rows[3] * rows[1])


def buffers(x):
    a, b = x.copy(), np.zeros(len(x))
    for i in range(4):
        for j in range(1, len(x)):
            b[j] = a[j - 1] * a[j] + i
        a, b = b, a
    return np.sum(a)


def written_argument(x):
    for i in range(1, len(x)):
        x[i] += x[i - 1] * x[i]
    return x * 2.0


def views(x):
    m = np.outer(x, x)
    m[1:, ::-2] *= 3.0
    return m.T[1:4].reshape(-1) + m[0, 0]


def itself(x):
    return x


def independent(x):
    return np.ones(4)


def solved(x):
    a = np.outer(x, x) + 5.0 * np.eye(len(x))
    return np.linalg.solve(a, x) * np.linalg.det(a)


def factored(x):
    a = np.outer(x, x) + 5.0 * np.eye(len(x))
    return np.linalg.cholesky(a) @ x


def substituted(x):
    low = np.linalg.cholesky(np.outer(x, x) + 5.0 * np.eye(len(x)))
    return np.linalg.solve(low.T, np.linalg.solve(low, x)) + np.linalg.solve(low, np.outer(x, x))[:, 1]


def written_result(x):
    """The inverse does not depend on x until x is written into it."""
    m = np.linalg.inv(np.arange(25.0).reshape(5, 5) + 9.0 * np.eye(5))
    m[0, 1:] = x[0]
    return m @ x


def products(x):
    m = np.outer(x, np.sin(x))
    return np.dot(m @ m, x) * np.dot(x, x)


def constant_matrix(x):
    a = np.arange(25.0).reshape(5, 5) + 9.0 * np.eye(5)
    return np.linalg.solve(a, x) + x @ a + a.T @ x


def constant_vector(x):
    c = np.arange(5.0)
    m = np.outer(x, x)
    return c @ m + np.linalg.solve(m + 5.0 * np.eye(5), c) + np.dot(m[:, 0], c) * np.dot(c, m.T[1])


def matrices(x):
    c = np.arange(15.0).reshape(3, 5)
    m = np.outer(x, x)
    return c @ m + c @ np.linalg.solve(m + 5.0 * np.eye(5), m)


def spectrum(x):
    return np.abs(np.fft.fft(x)) ** 2


def sorted_part(x):
    return np.sort(x)[1:] * x[0]


def complex_inside(x):
    z = np.exp(1j * x) * (1.0 + 2.0j)
    return z.real * z.imag


FUNCTIONS = [
    straight, swapped, carried_without_a_start, newton, branches, breaks, lists, lists_of_arrays, buffers,
    written_argument, views, itself, independent, solved, factored, substituted, written_result,
    constant_matrix, constant_vector, matrices, products, spectrum, sorted_part, complex_inside,
]  # fmt: skip
POINT = np.array([0.6, 0.35, 0.8, 0.1, 0.5])


def both(f, kind, x, jit):
    """The code with lanes and the code without, with their inputs."""
    target, _ = base_of(f)
    at = places(target, (0,))
    wrt, along = () if kind == "jvp" else at, () if kind == "vjp" else (at,)
    return [
        dispatcher(target, kind, wrt, along, lanes=lanes, jit=jit).find(target.bind((x,), {}))
        for lanes in (True, False)
    ]


def compare(f, kind, x, jit=False, rtol=1e-11):
    (wide, inputs), _ = both(f, kind, x, jit)
    assert wide.code.recipe.lanes
    rng = np.random.default_rng(0)
    given = np.asarray(f(x.copy()))[()] if kind == "vjp" else x
    seed = rng.standard_normal((*np.shape(given), LANES)).astype(x.dtype)
    before = seed.tobytes()
    zero = [np.zeros_like(given)] if kind == "vjp" else []
    results = wide.call([*inputs, *zero, seed])
    assert seed.tobytes() == before
    for lane in range(LANES):
        direction = np.ascontiguousarray(seed[..., lane]) if seed.ndim > 1 else seed[lane]
        _, (found, inputs) = both(f, kind, x, jit)
        expected = found.call([*inputs, direction])
        for result, one in zip(results, expected[len(expected) - len(results) :], strict=True):
            assert result.dtype == np.asarray(one).dtype
            np.testing.assert_allclose(result[..., lane], one, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_forward(f) -> None:
    compare(f, "jvp", POINT)


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if f is not independent])
def test_reverse(f) -> None:
    compare(f, "vjp", POINT)


SCALAR = [
    straight,
    swapped,
    carried_without_a_start,
    newton,
    branches,
    breaks,
    lists,
    lists_of_arrays,
    buffers,
]


@pytest.mark.parametrize("f", SCALAR)
def test_forward_over_reverse(f) -> None:
    compare(f, "hvp", POINT)


@pytest.mark.parametrize("f", [branches, views])
def test_single_precision(f) -> None:
    compare(f, "jvp", POINT.astype(np.float32), rtol=1e-5)
    compare(f, "vjp", POINT.astype(np.float32), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lists, "vjp"),
        (lists_of_arrays, "jvp"),
        (buffers, "hvp"),
        (solved, "jvp"),
        (constant_vector, "jvp"),
        (matrices, "jvp"),
        (views, "vjp"),
    ],
)
def test_through_numba(f, kind) -> None:
    compare(f, kind, POINT, jit=True)


def test_zero_lanes_and_empty_arrays() -> None:
    (wide, inputs), _ = both(itself, "jvp", POINT, False)
    assert wide.call([*inputs, np.zeros((5, 0))])[0].shape == (5, 0)
    (wide, inputs), _ = both(itself, "jvp", np.zeros(0), False)
    assert wide.call([*inputs, np.zeros((0, 2))])[0].shape == (0, 2)


def test_the_primal_runs_once_and_one_loop_takes_all_lanes() -> None:
    (wide, _), _ = both(straight, "jvp", POINT, False)
    assert wide.code.text.count("vm.cos(") == 1
    assert wide.code.text.count("for lane in") == 1
    assert isinstance(wide.leaf_specs[0].spec, ArraySpec)
