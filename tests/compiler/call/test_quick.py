"""The fast path of a call: it gives what the long way gives, and takes nothing that is not its own."""

from __future__ import annotations

import copy
import functools
import sys
import threading
import types
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import api_samples as samples
import numpy as np
import pytest
from pullback.compiler.call.quick import MISS, missing, text_of_call, unsuited

import pullback as pb


class Pair(NamedTuple):
    a: np.ndarray
    b: float


@dataclass
class Layer:
    weight: np.ndarray
    bias: float
    name: str = "layer"


class Spring:
    def __init__(self, k: float, rest: np.ndarray) -> None:
        self.k = k
        self.rest = rest

    def __repr__(self) -> str:
        return f"Spring({self.k!r}, {self.rest!r})"


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k


def spring(s, x):
    return 0.5 * s.k * np.sum((x - s.rest) ** 2)


def nested(p):
    return p["a"][0] * p["b"].b * np.sum(p["b"].a) + p["c"][0][0]


def layered(p, type, len):  # names that the fast path needs itself
    return np.sum(p.weight * type) * p.bias + len


TIMES = 2


def times(x):
    return TIMES * x


def calls_twice(x):
    return times(x) + times(x) + TIMES * x


def of_kinds(x, n, flag, word, z):
    return x * n + (1.0 if flag else 2.0) * x + abs(z) * x if word == "plus" else x


def applied(f, x):
    return f(x)


def twice(x):
    return 2.0 * x


def count(values):
    return values[0] * values[1] + float(values[2])


X = np.array([0.5, 2.0, 3.0])
CASES = {
    "floats": (samples.product, (2.0, 3.0), {}),
    "float32": (samples.product, (np.float32(2.0), np.float32(3.0)), {}),
    "float64": (samples.product, (np.float64(2.0), 3.0), {}),
    "integer": (samples.product, (2.0, 3), {"argnums": 0}),
    "kinds": (of_kinds, (2.0, 3, True, "plus", 1j), {"argnums": 0}),
    "array": (samples.squares, (X,), {}),
    "one": (samples.squares, (np.ones(1),), {}),
    "matrix": (lambda a: np.sum(a * a), (np.ones((2, 1)),), {}),
    "zero-d": (lambda a: a * a, (np.array(3.0),), {}),
    "tuple": (count, ((2.0, np.float32(3.0), 4),), {}),
    "list": (count, ([2.0, 3.0, 4],), {}),
    "nested": (nested, ({"a": (2.0,), "b": Pair(X, 2.0), "c": [[1.0], "text", None]},), {}),
    "dataclass": (layered, (Layer(X, 2.0), X, 3), {"argnums": (0, 1)}),
    "object": (spring, (Spring(2.0, X), X + 1.0), {"argnums": (0, 1)}),
    "function": (applied, (twice, 3.0), {"argnums": 1}),
    "globals": (samples.uses_globals, (2.0,), {}),
    "captured array": (samples.weighted, (X,), {}),
    "partial": (functools.partial(samples.product, 4.0), (2.0,), {}),
    "writes": (samples.mutates_one, (X.copy(), X.copy()), {"argnums": (0, 1)}),
    "closure": ((lambda c: lambda x: c * x)(3.0), (2.0,), {}),
}


def long_way(g, args):
    other = copy.copy(g)
    other._used = dict.fromkeys(g._dispatcher().all, unsuited)
    return other(*args)


@pytest.mark.parametrize("make", [pb.grad, pb.value_and_grad])
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_the_long_way(case: str, make) -> None:
    f, args, how = CASES[case]
    g = make(f, **how)
    first = repr(g(*args))
    g(*args)
    assert g._quick(g._target.bind(args, {})) is not MISS
    assert repr(g(*args)) == first == repr(long_way(g, args))


def test_second_derivative_and_aux() -> None:
    def f(x):
        return x**3, np.array([x, 2.0 * x])

    second = pb.grad(pb.grad(lambda x: x**3))
    assert [second(2.0) for _ in range(3)] == [12.0] * 3
    assert second._quick not in (missing, unsuited)
    aux = pb.grad(f, has_aux=True)
    assert len({repr(aux(2.0)) for _ in range(3)}) == 1
    assert aux._quick not in (missing, unsuited)


MISSES = [
    (samples.product, (2.0, 3.0), [(2, 3.0), (np.float64(2.0), 3.0), (True, 3.0), (X, 3.0)]),
    (
        samples.squares,
        (X,),
        [
            (X.astype(np.float32),),
            (np.ones(1),),
            (np.ones(6)[::2],),
            (np.broadcast_to(2.0, 3),),
            (X.view(np.memmap),),
            (np.ones((2, 2)),),
            ([1.0, 2.0],),
        ],
    ),
    (count, ((2.0, 3.0, 4),), [([2.0, 3.0, 4],), ((2.0, 3.0),), ((2.0, 3.0, 4.0),)]),
    (
        lambda d: d["a"] * d["b"],
        ({"a": 1.0, "b": 2.0},),
        [
            ({"b": 1.0, "a": 2.0},),
            ({"a": 1.0, "b": 2.0, "c": 3.0},),
            (OrderedDict(a=1.0, b=2.0),),
            ({"a": 1.0},),
        ],
    ),
    (lambda s, x: s.k * x, (Spring(2.0, X), 1.0), [(Spring(2, X), 1.0), (Layer(X, 1.0), 1.0)]),
    (lambda w, x: x if w == "a" else 2.0 * x, ("a", 1.0), [("b", 1.0), (None, 1.0), (b"a", 1.0)]),
    (applied, (twice, 1.0), [(lambda x: 2.0 * x, 1.0), (abs, 1.0)]),
]


@pytest.mark.parametrize(("f", "args", "others"), MISSES)
def test_what_is_not_its_own(f, args, others) -> None:
    place = 0 if not isinstance(args[-1], float) or f is samples.product else len(args) - 1
    g = pb.grad(f, place)
    g(*args)
    g(*args)
    assert g._quick(args) is not MISS
    for other in others:
        assert g._quick(other) is MISS, other


def test_attributes_that_come_and_go() -> None:
    g = pb.grad(lambda s, x: s.k * x, 1)
    one = Spring(2.0, X)
    assert [g(one, 1.0) for _ in range(2)] == [2.0, 2.0]
    one.k = 5.0
    assert g._quick((one, 1.0)) == 5.0
    one.more = 1.0
    assert g._quick((one, 1.0)) is MISS and g(one, 1.0) == 5.0
    del one.k
    assert g._quick((one, 1.0)) is MISS


def test_slots_and_views_go_the_long_way() -> None:
    g = pb.grad(lambda s, x: s.k * x, 1)
    assert [g(Slotted(2.0), 1.0) for _ in range(3)] == [2.0] * 3 and g._quick is unsuited
    h = pb.grad(samples.squares)
    view = np.arange(6.0)[::2]
    assert [h(view).tolist() for _ in range(3)] == [[0.0, 4.0, 8.0]] * 3 and h._quick is unsuited


def test_changed_globals_and_closures_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    g = pb.grad(samples.uses_globals)
    assert [g(1.0) for _ in range(3)] == [6.0] * 3
    monkeypatch.setattr(samples, "RATE", 5.0)  # a float: passed at each call
    assert g._quick((1.0,)) == 15.0
    monkeypatch.setattr(samples, "RATE", "five")
    assert g._quick((1.0,)) is MISS
    monkeypatch.setattr(samples, "RATE", 5.0)
    monkeypatch.setattr(samples, "COUNT", 2)  # an int: compiled in
    assert g._quick((1.0,)) is MISS and g(1.0) == 10.0
    monkeypatch.delattr(samples, "COUNT")
    assert g._quick((1.0,)) is MISS


def test_globals_of_called_functions_are_compared_once_and_without_a_detour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = pb.grad(calls_twice)
    assert [g(1.0) for _ in range(3)] == [6.0] * 3
    text = text_of_call(found := g._find((1.0,))[0], found.specs, single=True).text
    assert text.count(".get('TIMES', GONE)") == 1 and "(params)" not in text.partition("\n")[2]
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "TIMES", 3)
    assert g._quick((1.0,)) is MISS and g(1.0) == 9.0
    monkeypatch.setattr(here, "TIMES", 2)
    monkeypatch.setattr(here, "times", types.FunctionType(times.__code__, {**globals(), "TIMES": 5}))
    assert g._quick((1.0,)) is MISS and g(1.0) == 12.0
    monkeypatch.delattr(here, "times")
    assert g._quick((1.0,)) is MISS


def test_changed_closures_are_seen() -> None:
    def scaled(factor):
        return lambda x: factor * x

    f = scaled(2.0)
    h = pb.grad(f)
    assert [h(1.0) for _ in range(3)] == [2.0] * 3
    (cell,) = f.__closure__
    cell.cell_contents = 7.0
    assert h._quick((1.0,)) == 7.0
    del cell.cell_contents
    assert h._quick((1.0,)) is MISS


def test_a_function_argument_with_new_code_is_another() -> None:
    def inner(x):
        return 2.0 * x

    g = pb.grad(applied, 1)
    assert [g(inner, 1.0) for _ in range(3)] == [2.0] * 3
    inner.__code__ = (lambda x: 3.0 * x).__code__
    assert g._quick((inner, 1.0)) is MISS and g(inner, 1.0) == 3.0


def test_aliasing_and_read_only_arrays_are_refused_as_before() -> None:
    g = pb.grad(samples.mutates_one, (0, 1))
    for _ in range(3):
        g(X.copy(), X.copy())
    assert g._quick not in (missing, unsuited)
    whole = np.ones(4)
    with pytest.raises(pb.OverlapError, match="'x' and 'y' share memory"):
        g(whole[:3], whole[1:])
    locked = X.copy()
    locked.flags.writeable = False
    with pytest.raises(pb.ArgumentError, match="'x' is read-only"):
        g(locked, X)
    given = X.copy()
    g(given, X)
    assert given.tolist() == X.tolist()


def test_errors_name_the_line() -> None:
    def f(x, k):
        return x[k] * 2.0

    g = pb.grad(f)
    g(X, 0)
    g(X, 1)
    assert g._quick((X, 1)) is not MISS
    with pytest.raises(IndexError, match=r"at .*test_quick\.py:\d+: return x\[k\] \* 2\.0"):
        g(X, 7)
    with pytest.raises(pb.ArgumentError, match="missing a required argument: 'k'"):
        g(X)
    assert g(X, 2).tolist() == [0.0, 0.0, 2.0]


def test_keywords_and_defaults() -> None:
    def f(x, n=2, *, scale=1.0):
        return scale * x**n

    g = pb.grad(f)
    assert [g(3.0), g(3.0, 3), g(3.0, n=3), g(x=3.0), g(3.0, scale=2.0)] == [6.0, 27.0, 27.0, 6.0, 12.0]
    for wrong in ({"m": 1}, {"x": 1.0}):
        with pytest.raises(pb.ArgumentError):
            g(3.0, **wrong)
    with pytest.raises(pb.ArgumentError, match="too many positional"):
        g(3.0, 2, 1.0)


def test_threads_with_different_arguments() -> None:
    g = pb.grad(samples.product)
    wrong: list[object] = []

    def work(x, y) -> None:
        for _ in range(300):
            if not np.array_equal(g(x, y), y):
                wrong.append((x, y))

    g(2.0, 3.0), g(2.0, 3)
    threads = [threading.Thread(target=work, args=(2.0, y)) for y in (3.0, 4, 5.0, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_text_is_readable() -> None:
    g = pb.value_and_grad(samples.mutates_one, (0, 1))
    g(X.copy(), X.copy())
    found = g._find((X, X.copy()))[0]
    text = text_of_call(found, found.specs, single=False, with_value=True).text
    assert text == (
        "def call(params):\n"
        "    x, y = params\n"
        "    if not (type(x) is ndarray and x.dtype == dtype_of_x and x.flags.carray):\n"
        "        return MISS\n"
        "    shape_of_x = x.shape\n"
        "    if not (len(shape_of_x) == 1 and 1 not in shape_of_x):\n"
        "        return MISS\n"
        "    if not (type(y) is ndarray and y.dtype == dtype_of_y and y.flags.carray):\n"
        "        return MISS\n"
        "    shape_of_y = y.shape\n"
        "    if not (len(shape_of_y) == 1 and 1 not in shape_of_y):\n"
        "        return MISS\n"
        "    check_written(params, [x, y])\n"
        "    try:\n"
        "        results = run(x, y)\n"
        "    except Exception as error:\n"
        "        raise failure(error, [x, y]) from None\n"
        "    return results[0], (results[-2], results[-1])\n"
    )
