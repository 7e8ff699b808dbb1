"""Views made by functions: writes reach the base, copies do not, read-only views refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arrays_harness import assert_same, lower
from pullback.compiler.arrays.indexing import store, subscript
from pullback.compiler.arrays.library import ATTRIBUTES, FUNCTIONS, METHODS
from pullback.compiler.arrays.value import Known, SliceVal, Tup
from pullback.compiler.errors import NoRuleError, PullbackError, TypeMismatchError

BASE = np.arange(12.0).reshape(3, 4)
VIEWS: dict[str, tuple[Callable[..., Any], Callable[[np.ndarray], np.ndarray]]] = {
    "T": (lambda c, a: ATTRIBUTES["T"](c, a), lambda a: a.T),
    "reshape": (lambda c, a: METHODS["reshape"](c, a, Known(2), Known(6)), lambda a: a.reshape(2, 6)),
    "ravel": (lambda c, a: METHODS["ravel"](c, a), lambda a: a.ravel()),
    "ravel of rows": (
        lambda c, a: METHODS["ravel"](c, subscript(c, a, [SliceVal(Known(1))])),
        lambda a: a[1:].ravel(),
    ),
    "ravel of columns": (
        lambda c, a: METHODS["ravel"](c, subscript(c, a, [SliceVal(), SliceVal(Known(1))])),
        lambda a: a[:, 1:].ravel(),
    ),
    "flatten": (lambda c, a: METHODS["flatten"](c, a), lambda a: a.flatten()),
    "flip": (lambda c, a: FUNCTIONS[np.flip](c, a, Known(0)), lambda a: np.flip(a, 0)),
    "expand_dims": (lambda c, a: FUNCTIONS[np.expand_dims](c, a, Known(1)), lambda a: np.expand_dims(a, 1)),
    "asarray": (lambda c, a: FUNCTIONS[np.asarray](c, a), np.asarray),
    "copy": (lambda c, a: METHODS["copy"](c, a), lambda a: a.copy()),
}


@pytest.mark.parametrize("name", VIEWS)
def test_writes_reach_the_base_as_in_numpy(name: str) -> None:
    ours, numpy_way = VIEWS[name]

    def call(ctx: Any, a: Any) -> Any:
        store(ctx, ours(ctx, a), [Known(1)], Known(-1.0), "mul")
        return a

    want = BASE.copy()
    numpy_way(want)[1] *= -1.0
    assert_same(lower(call, (BASE,)).run(), want)


@pytest.mark.parametrize("function", [np.diagonal, np.diag])
def test_read_only_views_refuse(function: Any) -> None:
    with pytest.raises(PullbackError, match="read-only"):
        lower(lambda c, a: store(c, FUNCTIONS[function](c, a), [Known(0)], Known(1.0)), (BASE,))


def test_in_place_functions() -> None:
    def call(ctx: Any, a: Any) -> Any:
        METHODS["sort"](ctx, a)
        FUNCTIONS[np.add.at](ctx, a, Known((0, 0, 2)), Known(1.0))
        METHODS["fill"](ctx, subscript(ctx, a, [SliceVal(Known(3))]), Known(7))
        return a

    want = np.array([3.0, 1.0, 2.0, 0.0, 5.0])
    made = lower(call, (want.copy(),))
    want.sort()
    np.add.at(want, [0, 0, 2], 1.0)
    want[3:].fill(7)
    assert_same(made.run(), want)


@pytest.mark.parametrize("option", ["where", "order"])
def test_unsupported_options_are_refused_by_name(option: str) -> None:
    with pytest.raises(NoRuleError, match=option):
        lower(lambda c, a: FUNCTIONS[np.sum](c, a, **{option: Known(1)}), (BASE,))


def test_results_go_into_out() -> None:
    def call(c, x, y):
        FUNCTIONS[np.multiply](c, x, x, out=y)
        shifted = subscript(c, y, [SliceVal(Known(1), None)])
        FUNCTIONS[np.add](c, subscript(c, y, [SliceVal(None, Known(-1))]), 1.0, shifted)
        FUNCTIONS[np.clip](c, y, None, 5.0, out=Tup((y,)))
        return FUNCTIONS[np.exp](c, y, out=y)

    x, y = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    want = np.exp(np.minimum([1.0, 2.0, 5.0], 5.0))
    assert_same(lower(call, (x, y)).run(), want)


@pytest.mark.parametrize(
    ("out", "words"),
    [(np.zeros(3, int), "cannot hold"), (np.zeros((2, 3)), "rank"), (Known(3), "not an array")],
)
def test_out_must_fit(out, words: str) -> None:
    with pytest.raises(TypeMismatchError, match=words):
        lower(lambda c, x, o: FUNCTIONS[np.cumsum](c, x, out=o), (np.ones(3), out))


def test_empty_extrema_raise() -> None:
    with pytest.raises(ValueError, match="zero-size"):
        lower(FUNCTIONS[np.max], (np.zeros(0),)).run()


def test_branches_of_where_are_lazy() -> None:
    x = np.array([-1.0, 4.0])

    def call(ctx: Any, a: Any) -> Any:
        root = FUNCTIONS[np.log](ctx, a)
        return FUNCTIONS[np.where](ctx, FUNCTIONS[np.greater](ctx, a, Known(0)), root, Known(0.0))

    made = lower(call, (x,))
    assert_same(made.run(), np.array([0.0, np.log(4.0)]))
    loop = made.function.body.ops[-1]
    assert any(type(op).__name__ == "If" for op in loop.regions[0].ops)
