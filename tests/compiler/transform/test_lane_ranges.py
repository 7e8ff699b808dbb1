"""Loops over lanes are narrowed to lanes other than zero, and memory is what it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import emit
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform import lane_ranges as module
from pullback.compiler.transform.lane_ranges import lane_ranges

import pullback as pb


@pytest.fixture(autouse=True)
def _any_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short loops are narrowed too."""
    monkeypatch.setattr(module, "MANY", 1)


def recurrence(use: str = "") -> Builder:
    """s[lane] = 2 s[lane] + x_dot[j, lane]; y[j, lane] = s[lane], and a further use of y."""
    x_dot, lane, j = Value(Array("float64", 2), "x_dot"), Value(INT, "lane"), Value(INT, "j")
    b = Builder(Region((x_dot,)))
    n, lanes = b.dim(x_dot, 0), b.dim(x_dot, 1)
    zero, one = b.int(0), b.int(1)
    s, y = (
        b.alloc([lanes], "float64", "zeros", "s_dot"),
        b.alloc([n, lanes], "float64", "empty", "y_dot"),
    )
    first = b.int(0) if use != "row" else b.load(b.alloc([one], "int64", "zeros"), [zero])
    b.open((j,))
    b.open((lane,))
    at = zero if use == "fixed" else j
    total = emit(b, "add", emit(b, "mul", b.load(s, [lane]), b.const(2.0)), b.load(x_dot, [at, lane]))
    if use == "nonlinear":
        total = emit(b, "add", total, b.const(1.0))
    b.store(s, [lane], total)
    b.store(y, [j, lane], total)
    b.for_(zero, lanes, one, (), b.close())
    b.for_(first, n, one, (), b.close())
    if use == "view":
        b.view(y, "slice", ("i", ":"), (zero,), 1)
        b.view(s, "slice", ("n", ":"), (), 2)
    b.region.yields = (y,)
    return b


def narrowed(b: Builder) -> Function:
    fn = Function("f", b.region)
    made = lane_ranges(fn, fn.params[:1])
    verify(made, PRIMS)
    return made


def test_a_recurrence(golden: Callable[[str], None]) -> None:
    golden(show(narrowed(recurrence())))


def test_seeds_read_at_one_place_leave_all_as_it_is() -> None:
    b = recurrence("fixed")
    assert show(narrowed(b)) == show(Function("f", b.region))


@pytest.mark.parametrize("use", ["view", "nonlinear"])
def test_what_may_be_other_than_zero_everywhere_runs_over_all_lanes(use: str) -> None:
    b = recurrence(use)
    before, after = Function("f", b.region), narrowed(b)
    seed = np.eye(4)
    np.testing.assert_array_equal(run(after, [seed], print)[0], run(before, [seed], print)[0])
    assert "for lane in range(0, lanes" in show(after).replace("x_dot_n1", "lanes") or show(after) == show(
        before
    )


class LaneProgram:
    """A random function of two seeds, which does this and that with their lanes."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._x, self._w = Value(Array("float64", 2), "x_dot"), Value(Array("float64", 1), "w_dot")
        self._order, self._a = Value(Array("int64", 1), "order"), Value(Array("float64", 1), "a")
        self._b = Builder(Region((self._order, self._a, self._x, self._w)))

    def _chance(self, part: float) -> bool:
        return bool(self._rng.random() < part)

    def build(self) -> Function:
        b = self._b
        self._n, self._lanes = b.dim(self._x, 0), b.dim(self._x, 1)
        shapes = [[self._n], [self._n], [self._n, b.int(2)], [], []]
        self._fresh = [
            b.alloc([*shape, self._lanes], "float64", "empty" if self._chance(0.6) else "zeros", f"m{k}_dot")
            for k, shape in enumerate(shapes)
        ]
        self._known: list[Value] = [self._x, self._w]
        for array in self._fresh:
            self._filled(array)
            self._known.append(array)
        for _ in range(self._rng.integers(1, 4)):
            self._nest(lambda i: [self._lane_loop(i) for _ in range(self._rng.integers(1, 4))])
        b.region.yields = tuple(self._fresh)
        return Function("f", b.region)

    def _nest(self, body: Callable[[Value], Any]) -> None:
        b, i = self._b, Value(INT, "i")
        b.open((i,))
        body(i)
        if self._chance(0.3):
            cond = emit(b, "lt", b.load(self._a, [i]), b.const(0.0))
            b.open()
            self._lane_loop(i)
            b.if_(cond, b.close(), Region())
        inside = b.close()
        b.for_(b.int(0), self._n, b.int(1), (), inside)

    def _filled(self, array: Value) -> None:
        """Every element is stored once."""

        def row(i: Value) -> None:
            for k in range(2 if array.rank == 3 else 1):
                index = [i, self._b.int(k)][: array.rank - 1]
                self._lane_loop(i, [(array, index)])

        self._nest(row)

    def _cell(self, i: Value, arrays: list[Value]) -> tuple[Value, list[Value]]:
        array = arrays[self._rng.integers(len(arrays))]
        place = self._b.load(self._order, [i]) if self._chance(0.4) else i
        return array, [place, self._b.int(self._rng.integers(2))][: array.rank - 1]

    def _lane_loop(self, i: Value, stored: list[tuple[Value, list[Value]]] | None = None) -> None:
        b, lane = self._b, Value(INT, "lane")
        first = stored is not None
        targets = stored or [self._cell(i, self._fresh) for _ in range(self._rng.integers(1, 3))]
        sources = [self._cell(i, self._known) for _ in range(self._rng.integers(0, 4))]
        factor = b.load(self._a, [i])
        b.open((lane,))
        for array, index in targets:
            value = b.const(0.0)
            for source, at in sources:
                part = b.load(source, [*at, lane])
                if self._chance(0.5):
                    part = emit(b, "div" if self._chance(0.3) else "mul", part, factor)
                value = emit(b, "sub" if self._chance(0.3) else "add", value, part)
            if self._chance(0.2):
                value = emit(b, "select", emit(b, "lt", factor, b.const(0.3)), value, b.const(0.0))
            if self._chance(0.05):
                value = emit(b, "add", value, factor)
            b.store(array, [*index, lane], value, not first and self._chance(0.4))
        inside = b.close()
        b.for_(b.int(0), self._lanes, b.int(1), (), inside)


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("seed", range(60))
def test_random_programs_give_the_same(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    before = LaneProgram(seed).build()
    verify(before, PRIMS)
    after = lane_ranges(before, before.params[2:])
    verify(after, PRIMS)
    rng = np.random.default_rng(seed)
    x = np.eye(5, 6, int(rng.integers(-2, 3)))
    w = np.zeros(6)
    w[rng.integers(6)] = 1.0
    given = [rng.permutation(5), rng.normal(size=5), x, w]
    for one, other in zip(run(before, given, print), run(after, given, print), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-12, err_msg=f"{show(before)}\n\n{show(after)}")


def test_random_programs_are_narrowed() -> None:
    made = [LaneProgram(seed).build() for seed in range(20)]
    assert sum(lane_ranges(fn, fn.params[2:]) is not fn for fn in made) > 15


# -- whole derivatives
def chain(angles, points):
    x = y = turn = 0.0
    out = np.empty((len(angles), 2))
    for j in range(len(angles)):
        turn += angles[j]
        x += np.cos(turn) * points[j, 0] - np.sin(turn) * points[j, 1] * angles[j] ** 2
        y += np.sin(turn) * points[j, 0] + np.cos(turn) * points[j, 1] * x
        out[j, 0], out[j, 1] = x * y, y
    return out


def parameters(theta, times):
    out = np.empty_like(times)
    for t in range(len(times)):
        out[t] = theta[0] * np.exp(-theta[1] * times[t]) + theta[2] * np.sin(theta[3] * times[t]) + theta[4]
    return out


def roots(x):
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = np.sqrt(x[i]) * 2.0
    return out


def text(of: Any) -> str:
    return str(of._last[2].code.text)


@pytest.mark.parametrize("jit", [False, True])
def test_a_triangular_jacobian(jit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    angles, points = rng.normal(size=20), rng.normal(size=(20, 2))
    columns = pb.jacobian(chain, jit=jit)
    made = columns(angles, points)
    assert "_until" in text(columns)
    h = 1e-6
    expected = [(chain(angles + h * e, points) - chain(angles - h * e, points)) / (2 * h) for e in np.eye(20)]
    np.testing.assert_allclose(made, np.moveaxis(expected, 0, -1), rtol=1e-6, atol=1e-7)
    monkeypatch.setattr("pullback.compiler.pipeline.lane_ranges", lambda fn, seeds: fn)
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    plain = pb.jacobian(lambda a, p: chain(a, p), jit=jit)
    np.testing.assert_allclose(made, plain(angles, points), rtol=1e-13, atol=1e-13)
    assert "_until" not in text(plain)


def test_lanes_are_counted_in_blocks() -> None:
    """The loop of element j ends with the block of lane j."""
    columns = pb.jacobian(chain, jit=False)
    columns(np.zeros(20), np.ones((20, 2)))
    assert re.search(r"lane // 8 \* 8", text(columns))


def test_few_parameters_are_not_searched() -> None:
    columns = pb.jacobian(parameters, jit=False)
    columns(np.arange(1.0, 6.0), np.linspace(0.0, 1.0, 7))
    assert "_until" not in text(columns)


def test_short_loops_are_not_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    columns = pb.jacobian(roots, jit=False)
    columns(np.arange(1.0, 10.0))
    assert "_until" not in text(columns)


def test_an_element_that_is_not_depended_on_has_no_share_in_a_pole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 1)
    columns = pb.jacobian(lambda x: roots(x), jit=False)
    made = columns(np.array([1.0, 0.0, 4.0, 9.0, 16.0, 25.0]))
    off = made[~np.eye(6, dtype=bool)]
    np.testing.assert_array_equal(off, 0.0)
    assert made[1, 1] == np.inf
