"""Arguments as trees: gradients in the structure of the argument, and arguments that are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from pullback.compiler.call.arguments import scan

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

    def energy(self, x):
        return 0.5 * self.k * np.sum((x - self.rest) ** 2)


def of_tuple(p):
    return p[0] * np.sum(p[1])


def of_dict(p):
    return p["s"] * np.sum(p["w"] ** 2)


def of_pair(p):
    return p.b * np.sum(p.a)


def of_layer(p, x):
    return np.sum(p.weight * x) + p.bias


def of_list(parts):
    s = 0.0
    for p in parts:
        s += np.sum(p * p)
    return s


def number(x):
    return x * x


def total(x):
    return np.sum(x * x)


def grad(f, argnums=0):
    return pb.grad(f, argnums, jit=False)


def test_tuple_and_nested_ints() -> None:
    found = grad(of_tuple)((2.0, np.array([1.0, 3.0]), 7, "label", None))
    assert isinstance(found, tuple) and found[0] == 4.0 and found[2:] == (None, None, None)
    np.testing.assert_array_equal(found[1], [2.0, 2.0])


def test_dict_keeps_its_keys() -> None:
    found = grad(of_dict)({"w": np.array([1.0, 2.0]), "s": 3.0})
    assert list(found) == ["w", "s"] and found["s"] == 5.0
    np.testing.assert_array_equal(found["w"], [6.0, 12.0])


def test_named_tuple_dataclass_list() -> None:
    pair = grad(of_pair)(Pair(np.ones(3), 2.0))
    assert type(pair) is Pair and pair.b == 3.0
    layer = grad(of_layer)(Layer(np.ones(2), 1.0), np.array([4.0, 5.0]))
    assert type(layer) is Layer and layer.bias == 1.0 and layer.name is None
    np.testing.assert_array_equal(layer.weight, [4.0, 5.0])
    parts = grad(of_list)([np.ones(2), np.array([3.0])])
    assert type(parts) is list and [p.tolist() for p in parts] == [[2.0, 2.0], [6.0]]


def test_bound_method_and_object() -> None:
    spring = Spring(2.0, np.zeros(2))
    np.testing.assert_array_equal(grad(spring.energy)(np.array([1.0, 2.0])), [2.0, 4.0])
    spring.k = 3.0
    np.testing.assert_array_equal(grad(spring.energy)(np.array([1.0, 2.0])), [3.0, 6.0])
    found = grad(Spring.energy)(spring, np.array([1.0, 2.0]))
    assert type(found) is Spring and found.k == 2.5


@pytest.mark.parametrize(
    ("x", "kind"), [(3.0, float), (np.float64(3.0), np.float64), (np.float32(3.0), np.float32)]
)
def test_scalars_keep_their_type(x, kind) -> None:
    found = grad(number)(x)
    assert type(found) is kind and found == 6.0


@pytest.mark.parametrize(
    "x",
    [
        np.ones((2, 3), np.float32),
        np.asfortranarray(np.ones((2, 3))),
        np.ones((4, 6))[::2, ::2],
        np.zeros(0),
        np.ones((1, 1)),
        np.ones((2, 1, 3)),
    ],
)
def test_arrays_keep_dtype_and_shape(x) -> None:
    found = grad(total)(x)
    assert found.dtype == x.dtype and found.shape == x.shape
    np.testing.assert_array_equal(found, 2 * x)


def test_gradients_are_fresh() -> None:
    x = np.ones(3)
    g = grad(total)
    first, second = g(x), g(x)
    assert not np.shares_memory(first, second) and not np.shares_memory(first, x)
    assert first.flags.writeable


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(2, object), "astype(np.float64)"),
        (np.ones(2, np.float16), "astype(np.float32)"),
        (np.ones(2, np.longdouble), "astype(np.float64)"),
        (np.ones(2, ">f8"), "big-endian"),
        (np.ones(2, [("a", "f8")]), "fields"),
        (np.ma.masked_array([1.0, 2.0]), "np.asarray(x)"),
        (np.array(["a"]), "numbers"),
    ],
)
def test_refused_arrays(x, message) -> None:
    with pytest.raises(pb.ArgumentError, match="argument 'x'") as caught:
        grad(total)(x)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("x", "hint"),
    [(np.arange(3), "x.astype(np.float64)"), (3, "float(x)"), (True, "bool"), (None, "None"), ("a", "str")],
)
def test_what_has_no_derivative(x, hint) -> None:
    with pytest.raises(pb.TypeMismatchError) as caught:
        grad(total)(x)
    assert "'x' of total" in str(caught.value) and hint in str(caught.value)


def test_keys_separate_what_compiles_differently() -> None:
    def key(x):
        return scan(x, [])

    assert key(1.0) == key(2.0) and key(1) != key(1.0) and key(True) != key(1)
    assert key(np.ones(3)) == key(np.ones(4)) != key(np.ones(1))
    assert key((1.0, "a")) == key((2.0, "a")) != key((2.0, "b"))
    assert key([1.0]) != key((1.0,))


def test_an_attribute_that_cannot_be_compiled_for_is_left_alone() -> None:
    class Mixed:
        def __init__(self) -> None:
            self.half = np.ones(3, np.float16)
            self.k = 2.0

    g = pb.grad(lambda s, x: s.k * x, 1, jit=False)
    assert [g(Mixed(), 1.0) for _ in range(3)] == [2.0] * 3
