"""Subscripts, views, stores and the errors they raise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arrays_harness import assert_same, lower
from pullback.compiler.arrays.core import copy, elementwise
from pullback.compiler.arrays.indexing import store, subscript
from pullback.compiler.arrays.value import Known, SliceVal, Tup
from pullback.compiler.errors import PullbackError

BOUNDS = [None, 0, 1, 3, -1, -2, -7, 7]
STEPS = [None, 1, 2, -1, -2, 3, -3]
CUBE = np.arange(24.0).reshape(2, 3, 4)
LINE = np.arange(6.0)
PICK = np.array([1, 0, 1])
LAST = np.array([2, -1, 0])
MASK = np.array([True, False, True])


def cut(*parts: Any) -> SliceVal:
    return SliceVal(*(None if p is None else Known(p) for p in parts))


@pytest.mark.parametrize("size", [0, 2, 5])
@pytest.mark.parametrize("step", STEPS)
def test_slices(size: int, step: int | None) -> None:
    x = np.arange(size) * 1.5
    for start, stop in itertools.product(BOUNDS, BOUNDS):
        want = x[start:stop:step]

        def call(ctx: Any, a: Any, *parts: Any) -> Tup:
            view = subscript(ctx, a, [cut(start, stop, step)])  # noqa: B023
            return Tup((copy(ctx, view), view))

        got = lower(call, (x,)).run()
        assert_same(got, (want, want))


@pytest.mark.parametrize("step", [1, -1, 2, -3])
def test_slices_with_bounds_known_at_run_time(step: int) -> None:
    x = np.arange(5.0)

    def call(ctx: Any, a: Any, *parts: Any) -> Tup:
        view = subscript(ctx, a, [SliceVal(*parts)])
        return Tup((copy(ctx, view), view))

    made = lower(call, (x, np.int64(0), np.int64(0), np.int64(1)))
    for start, stop in itertools.product(BOUNDS[1:], BOUNDS[1:]):
        got = made.run([x, np.int64(start), np.int64(stop), np.int64(step)])
        assert_same(got, (x[start:stop:step],) * 2)


def test_lengths_have_one_normal_form() -> None:
    def call(ctx: Any, u: Any) -> Any:
        inner, right, left = (subscript(ctx, u, [cut(*p)]) for p in ((1, -1), (2, None), (None, -2)))
        twice = subscript(ctx, subscript(ctx, u, [cut(1)]), [cut(1)])
        assert inner.shape[0] is right.shape[0] is left.shape[0] is twice.shape[0]
        return elementwise(ctx, "add", elementwise(ctx, "sub", right, inner), left)

    assert_same(lower(call, (LINE,)).run(), LINE[2:] - LINE[1:-1] + LINE[:-2])


ALL = SliceVal()
LOADS: dict[str, tuple[Callable[..., list[Any]], tuple[Any, ...], Any]] = {
    "ints": (lambda: [Known(1), Known(-1), Known(2)], (), CUBE[1, -1, 2]),
    "row": (lambda: [Known(1)], (), CUBE[1]),
    "newaxis": (lambda: [Known(Ellipsis), Known(None), Known(1)], (), CUBE[..., None, 1]),
    "array": (lambda i: [i], (PICK,), CUBE[PICK]),
    "two arrays": (lambda i, j: [i, j], (PICK, LAST), CUBE[PICK, LAST]),
    "array and slices": (lambda j: [ALL, j, cut(None, None, -1)], (LAST,), CUBE[:, LAST, ::-1]),
    "arrays apart": (lambda i, j: [i, ALL, j], (PICK, LAST), CUBE[PICK, :, LAST]),
    "int and array apart": (lambda j: [Known(0), ALL, j], (LAST,), CUBE[0, :, LAST]),
    "int and array": (lambda j: [Known(0), j], (LAST,), CUBE[0, LAST]),
    "list": (lambda: [ALL, Tup((Known(0), Known(-1)), list)], (), CUBE[:, [0, -1]]),
    "mask": (lambda m: [m], (CUBE > 7,), CUBE[CUBE > 7]),
    "mask of an axis": (lambda m: [ALL, m], (MASK,), CUBE[:, MASK]),
    "outer": (lambda i, j: [i, j], (PICK.reshape(3, 1), LAST), CUBE[PICK.reshape(3, 1), LAST]),
}


@pytest.mark.parametrize("name", LOADS)
def test_load(name: str) -> None:
    items, extra, want = LOADS[name]
    made = lower(lambda ctx, a, *rest: subscript(ctx, a, items(*rest)), (CUBE, *extra))
    assert_same(made.run(), want)


def test_index_into_a_view_is_wrapped() -> None:
    def call(ctx: Any, a: Any, i: Any) -> Any:
        view = subscript(ctx, subscript(ctx, a, [ALL, cut(1)]), [Known(1)])
        return subscript(ctx, view, [i, Known(-2)])

    made = lower(call, (CUBE, np.int64(0)))
    for i in (0, 1, -1, -2):
        assert_same(made.run([CUBE, np.int64(i)]), CUBE[:, 1:][1][i, -2])
    for i in (2, -3):
        with pytest.raises(IndexError, match="out of bounds"):
            made.run([CUBE, np.int64(i)])


def _overlap(a: Any) -> None:
    a[1:] += a[:-1]


def _reverse(a: Any) -> None:
    a[:] = a[::-1]


def _repeated(a: Any, i: Any) -> None:
    a[i] += a[1:4]


def _last_wins(a: Any, i: Any) -> None:
    a[i] = a[1:4]


def _clear(a: Any) -> None:
    a[a < 3] = 0


def _scale(a: Any, m: Any) -> None:
    a[:, m] = -a[:, m]


def _self_indexed(a: Any) -> None:
    a[a] = a + 1


STORES: dict[str, tuple[Callable[..., None], Callable[..., Any], tuple[Any, ...]]] = {
    "overlap": (
        _overlap,
        lambda c, a: store(c, a, [cut(1)], subscript(c, a, [cut(None, -1)]), "add"),
        (LINE,),
    ),
    "reverse": (
        _reverse,
        lambda c, a: store(c, a, [ALL], subscript(c, a, [cut(None, None, -1)])),
        (LINE,),
    ),
    "repeated": (
        _repeated,
        lambda c, a, i: store(c, a, [i], subscript(c, a, [cut(1, 4)]), "add"),
        (LINE, np.array([2, 2, -1])),
    ),
    "last wins": (
        _last_wins,
        lambda c, a, i: store(c, a, [i], subscript(c, a, [cut(1, 4)])),
        (LINE, np.array([2, 2, -1])),
    ),
    "clear": (
        _clear,
        lambda c, a: store(c, a, [elementwise(c, "lt", a, Known(3))], Known(0)),
        (LINE,),
    ),
    "scale": (
        _scale,
        lambda c, a, m: store(c, a, [ALL, m], elementwise(c, "neg", subscript(c, a, [ALL, m]))),
        (CUBE, MASK),
    ),
    "indexed by itself": (
        _self_indexed,
        lambda c, a: store(c, a, [a], elementwise(c, "add", a, Known(1))),
        (np.array([2, 0, 1, 3]),),
    ),
}


@pytest.mark.parametrize("name", STORES)
def test_store(name: str) -> None:
    numpy_way, ours, args = STORES[name]

    def call(ctx: Any, a: Any, *rest: Any) -> Any:
        ours(ctx, a, *rest)
        return a

    want = args[0].copy()
    numpy_way(want, *args[1:])
    assert_same(lower(call, args).run(), want)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
@pytest.mark.parametrize("op", [None, "add", "sub", "mul", "pow"])
def test_store_of_an_element(dtype: str, op: str | None) -> None:
    x = LINE.astype(dtype)

    def call(ctx: Any, a: Any) -> Any:
        store(ctx, a, [Known(-2)], Known(2), op)
        return a

    want = x.copy()
    want[-2] = {None: 2, "add": x[-2] + 2, "sub": x[-2] - 2, "mul": x[-2] * 2, "pow": x[-2] ** 2}[op]
    assert_same(lower(call, (x,)).run(), want)


ERRORS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], type[Exception]]] = {
    "array index": (lambda c, a, i: subscript(c, a, [i]), (LINE, np.array([9])), IndexError),
    "view index": (lambda c, a: subscript(c, subscript(c, a, [cut(1)]), [Known(5)]), (LINE,), IndexError),
    "shapes": (lambda c, a: elementwise(c, "add", a, subscript(c, a, [cut(1)])), (LINE,), ValueError),
    "value too long": (lambda c, a: store(c, a, [cut(1)], a), (LINE,), ValueError),
    "mask length": (lambda c, a, m: subscript(c, a, [m]), (LINE, MASK), IndexError),
    "float index": (lambda c, a, x: subscript(c, a, [x]), (LINE, 1.0), PullbackError),
    "too many": (lambda c, a: subscript(c, a, [Known(0), Known(0)]), (LINE,), PullbackError),
    "int += float": (lambda c, a: store(c, a, [ALL], Known(0.5), "add"), (np.arange(3),), PullbackError),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, args, exception = ERRORS[name]
    with pytest.raises(exception):
        lower(call, args).run()
