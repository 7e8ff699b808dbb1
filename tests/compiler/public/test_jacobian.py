"""Jacobians and Hessians: modes, shapes, trees, blocks and functions that take one direction at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from pullback.compiler.public import jacobian as jacobians
from pullback.compiler.public import sweeps
from pullback.compiler.public.sweeps import Space, space_of

import pullback as pb


class State(NamedTuple):
    """A position and a number."""

    place: np.ndarray
    mass: float


def chain(q):
    out = np.empty(3 * len(q))
    a = x = y = 0.0
    for i in range(len(q)):
        a += q[i]
        x += np.cos(a)
        y += np.sin(a) * q[i]
        out[3 * i], out[3 * i + 1], out[3 * i + 2] = a * x, x, y
    return out


def totals(x):
    return np.array([np.sum(np.sin(x) * x), np.prod(x)])


def loss(w):
    s = 0.0
    for i in range(len(w) - 1):
        s += 100.0 * (w[i + 1] - w[i] ** 2) ** 2 + np.exp(-w[i] * w[i + 1])
    return s


def horner(c, x, n):
    return c[n] if n == len(c) - 1 else c[n] + x * horner(c, x, n + 1)


def polynomial(c):
    return horner(c, 0.5, 0) * c[0]


def powers(c):
    return np.array([polynomial(c), c[0] ** 2])


def differences(f, x, h=1e-6):
    columns = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(-1, *x.shape)]
    return np.stack(columns, -1).reshape(np.shape(columns[0]) + x.shape)


@pytest.fixture(params=[1, 3, 128, "few"], ids=lambda n: f"{n} lanes")
def lanes(request, monkeypatch):
    """Blocks of one direction, with a remainder, and a single one; and code for a known number of them."""
    if request.param == "few":
        monkeypatch.setattr(jacobians, "FEW", 6)
        return
    monkeypatch.setattr(jacobians, "FEW", 0)
    monkeypatch.setattr(sweeps, "LANES", request.param)
    monkeypatch.setattr(sweeps, "MOST_LANES", request.param)


# -- blocks of unit vectors
def test_a_sweep_takes_more_directions_where_arguments_are_small() -> None:
    few, many, more = np.zeros(10), np.zeros(20_000), np.zeros(10**6)
    assert sweeps.lanes(100, [more]) == 100
    assert sweeps.lanes(300, [few, 1.0]) == 300
    assert sweeps.lanes(600, [few]) == 512
    assert sweeps.lanes(600, [many]) == 400
    assert sweeps.lanes(600, [more]) == 128


def test_blocks_are_the_columns_of_the_identity() -> None:
    space = Space(((2, 2), (), (3,)), ("float64", "float32", "float64"), (False, True, False))
    assert (space.size, space.bounds) == (8, [(0, 4), (4, 5), (5, 8)])
    for first, last in ((0, 8), (0, 3), (3, 6), (4, 5), (6, 8)):
        block = space.block(first, last)
        assert [b.shape for b in block] == [(*s, last - first) for s in space.shapes]
        assert [b.dtype.name for b in block] == list(space.dtypes)
        flat = np.concatenate([b.reshape(-1, last - first) for b in block])
        np.testing.assert_array_equal(flat, np.eye(8)[:, first:last])


def test_unit_vectors_one_by_one() -> None:
    space = Space(((2,), (), (0, 3), ()), ("float64",) * 4, (False, True, False, False))
    seen = [np.concatenate([np.ravel(v) for v in vector]) for vector in space.units()]
    np.testing.assert_array_equal(seen, np.eye(4))
    for vector in (space.zeros(), next(space.units())):
        assert [type(v) for v in vector] == [np.ndarray, np.float64, np.ndarray, np.ndarray]


def test_a_space_without_leaves() -> None:
    assert space_of((), (), ()).size == 0
    assert list(space_of((), (), ()).units()) == []


# -- results
@pytest.mark.usefixtures("lanes")
@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.jacobian])
@pytest.mark.parametrize("f", [chain, totals, powers])
def test_jacobians(make, f) -> None:
    x = np.linspace(0.3, 0.9, 4)
    made = make(f, jit=False)(x)
    np.testing.assert_allclose(made, differences(f, x), rtol=1e-8, atol=1e-8)
    assert made.flags.c_contiguous
    assert made.flags.writeable


@pytest.mark.usefixtures("lanes")
def test_hessians() -> None:
    x = np.linspace(0.3, 0.9, 5)
    made = pb.hessian(loss, jit=False)(x)
    np.testing.assert_allclose(made, differences(pb.grad(loss, jit=False), x), rtol=1e-6)
    for make in (pb.jacobian, pb.jacfwd, pb.jacrev):
        np.testing.assert_array_equal(make(pb.grad(loss), jit=False)(x), made)


def test_through_numba() -> None:
    x = np.linspace(0.3, 0.9, 7)
    for make in (pb.jacfwd, pb.jacrev):
        np.testing.assert_allclose(make(chain)(x), differences(chain, x), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(pb.hessian(loss)(x), differences(pb.grad(loss), x), rtol=1e-6)


@pytest.mark.usefixtures("lanes")
def test_trees_of_results_and_arguments() -> None:
    def f(state, t):
        return {"a": state.place * state.mass * t, "b": (np.sum(state.place) * t, 3), "c": state.mass}

    state = State(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.5)
    for make in (pb.jacfwd, pb.jacrev, pb.jacobian):
        by_state = make(f, jit=False)(state, 2.0)
        np.testing.assert_allclose(by_state["a"].place, np.eye(4).reshape(2, 2, 2, 2))
        np.testing.assert_allclose(by_state["a"].mass, 2.0 * state.place)
        np.testing.assert_allclose(by_state["b"][0].place, np.full((2, 2), 2.0))
        assert by_state["b"][1] is None
        assert type(by_state["c"].mass) is float
        both = make(f, (0, 1), jit=False)(state, 2.0)
        np.testing.assert_allclose(both["a"][1], state.place * 0.5)
        assert both["b"][0][1] == 10.0


@pytest.mark.usefixtures("lanes")
@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.jacobian])
def test_empty_arguments_and_results(make) -> None:
    assert make(lambda x: x * 2.0, jit=False)(np.zeros(0)).shape == (0, 0)
    assert make(lambda x: np.ones(3) * np.sum(x), jit=False)(np.zeros((0, 2))).shape == (3, 0, 2)
    assert make(lambda x: x[:0] * 2.0, jit=False)(np.ones(3)).shape == (0, 3)
    assert pb.hessian(lambda x: np.sum(x**2), jit=False)(np.zeros(0)).shape == (0, 0)


@pytest.mark.usefixtures("lanes")
@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.jacobian])
def test_numbers_and_single_precision(make) -> None:
    assert make(lambda x: x**3, jit=False)(2.0) == 12.0
    x = np.array([1.0, 2.0], np.float32)
    made = make(lambda x: x * x[0], jit=False)(x)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, [[2.0, 0.0], [2.0, 1.0]])


@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.jacobian])
def test_arrays_without_dimensions(make) -> None:
    def written(x):
        x[()] = x * x
        return x

    for point in (np.array(3.0), np.float64(3.0)):
        assert make(lambda x: x * x, jit=False)(point) == 6.0
    assert make(written, jit=False)(np.array(3.0)) == 6.0
    made = make(lambda x, y: x * y * np.ones(2), (0, 1), jit=False)(np.array(3.0), np.ones(2))
    np.testing.assert_array_equal(made[0], np.ones(2))
    np.testing.assert_array_equal(made[1], 3.0 * np.eye(2))


@pytest.mark.slow
def test_arrays_without_dimensions_through_numba() -> None:
    for make in (pb.jacfwd, pb.jacrev):
        assert make(lambda x: x * x)(np.array(3.0)) == 6.0


def test_a_result_that_is_the_argument_is_no_part_of_a_kept_block() -> None:
    jacobian = pb.jacfwd(lambda x: x, jit=False)
    jacobian(np.ones(3))[:] = 7.0
    np.testing.assert_array_equal(jacobian(np.ones(3)), np.eye(3))


def test_the_arguments_are_not_written() -> None:
    def f(x):
        x[0] *= x[1]
        return x

    x = np.array([2.0, 3.0])
    for make in (pb.jacfwd, pb.jacrev):
        np.testing.assert_allclose(make(f, jit=False)(x), [[3.0, 2.0], [0.0, 1.0]])
    np.testing.assert_array_equal(x, [2.0, 3.0])


def test_complex_results_are_refused() -> None:
    for make in (pb.jacfwd, pb.jacrev, pb.jacobian):
        with pytest.raises(pb.TypeMismatchError, match="complex results"):
            make(lambda x: x * 1j, jit=False)(np.ones(3))


# -- modes
def test_the_mode_follows_the_shape() -> None:
    jacobian = pb.jacobian(totals, jit=False)
    assert jacobian.mode is None
    with pytest.raises(pb.ArgumentError, match="has not been called"):
        jacobian.explain()
    x = np.linspace(0.9, 1.1, 80)
    wide = jacobian(x)
    assert jacobian.mode == "reverse"
    assert jacobian.explain().startswith("2 rows by reverse sweeps: 1 of up to 2 directions\n")
    np.testing.assert_allclose(wide, pb.jacfwd(totals, jit=False)(x))
    jacobian(x[:60])
    assert jacobian.mode == "forward"
    assert jacobian.explain().startswith("60 columns by forward sweeps: 1 of up to 60 directions\n")
    jacobian(x)
    assert jacobian.mode == "reverse"


def test_recursive_functions_take_one_direction_at_a_time() -> None:
    c = np.linspace(0.5, 1.0, 6)
    jacobian = pb.jacobian(powers, jit=False)
    np.testing.assert_allclose(jacobian(c), differences(powers, c), rtol=1e-8, atol=1e-9)
    assert jacobian.mode == "reverse"
    assert jacobian.explain().startswith("2 rows by reverse sweeps: 2 of up to 1 directions\n")
    np.testing.assert_allclose(pb.jacfwd(powers, jit=False)(c), jacobian(c))


def test_code_with_lanes_comes_back_from_the_disk(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    monkeypatch.delattr(chain, "__pullback__", raising=False)
    x = np.linspace(0.3, 0.9, 4)
    made = pb.jacfwd(chain, jit=False)(x)
    monkeypatch.delattr(chain, "__pullback__")
    again = pb.jacfwd(chain, jit=False)
    np.testing.assert_array_equal(again(x), made)
    assert again._last[2].was_loaded
    assert again._last[2].code.recipe.lanes


def rotated(x, v):
    out = np.zeros(3)
    for i in range(len(v)):
        turn = np.array([np.cos(x[0] * v[i]), np.sin(x[1] * v[i]), x[0] * x[2]])
        if v[i] > 0.0:
            turn = turn * np.sqrt(v[i])
        out += turn
    return out


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("make", [pb.jacrev, pb.jacfwd])
def test_few_directions_have_code_of_their_own(make, jit) -> None:
    x, v = np.array([0.3, -0.4, 0.5]), np.array([1.0, -2.0, 0.7, 0.1])
    wide = np.array([0.3, -0.4, 0.5, 0.2, 0.1])
    jacobian = make(rotated, jit=jit)
    few = jacobian(x, v)
    assert few.shape == (3, 3) and few.flags.c_contiguous
    assert ".shape[1] != 3" in jacobian._last[2].code.text and "for lane" not in jacobian._last[2].code.text
    factor = np.where(v > 0.0, np.sqrt(np.abs(v)), 1.0)
    np.testing.assert_allclose(few[0], [np.sum(-v * np.sin(x[0] * v) * factor), 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(few[2], [np.sum(factor) * x[2], 0.0, np.sum(factor) * x[0]], rtol=1e-12)
    np.testing.assert_allclose(make(rotated, jit=jit)(wide, v)[:, :3], few, rtol=1e-12)


def test_blocks_of_a_sum_over_rows() -> None:
    def total(x, y):
        out = np.zeros(2)
        for i in range(len(x)):
            d = x[i] - y[i, 1:4]
            out += np.array([d @ d, d[0] * d[1]])
        return out

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 5))
    rows = pb.jacrev(total, (0, 1))(x, y)
    columns = pb.jacfwd(total, (0, 1))(x, y)
    for one, other in zip(rows, columns, strict=True):
        assert one.flags.c_contiguous and one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(rows[0][0], 2.0 * (x - y[:, 1:4]), rtol=1e-12)


def test_results_of_one_sweep_are_the_callers_own() -> None:
    for make in (pb.jacrev, pb.jacfwd):
        jacobian = make(lambda x: (x, x, 2.0 * x))
        first = jacobian(np.ones(3))
        assert not any(np.may_share_memory(a, b) for a in first for b in first if a is not b)
        for matrix in first:
            matrix[...] = 7.0
        np.testing.assert_array_equal(jacobian(np.ones(3))[0], np.eye(3))
