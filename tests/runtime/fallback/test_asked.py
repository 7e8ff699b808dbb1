"""What a program on the tape asks of its values has the answers that it has without derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb


def class_is_array(x: Any) -> Any:
    return np.sum(x**2) if x.__class__ is np.ndarray else np.sum(x**3)


def class_is_float(x: Any) -> Any:
    return x**2 if x.__class__ is float else x**3


def class_has_name(x: Any) -> Any:
    return np.sum(x**2) if x.__class__.__name__ == "ndarray" else np.sum(x**3)


def matches_array(x: Any) -> Any:
    match x:
        case np.ndarray():
            return np.sum(x**2)
        case _:
            return np.sum(x**3)


def matches_float(x: Any) -> Any:
    match x:
        case float(v):
            return v**2
        case _:
            return x**3


@functools.singledispatch
def dispatched(x: Any) -> Any:
    return x**3


@dispatched.register
def _(x: np.ndarray) -> Any:
    return x**2


@dispatched.register
def _(x: float) -> Any:
    return x**2


def dispatches(x: Any) -> Any:
    return np.sum(dispatched(x))


def text(x: Any) -> Any:
    return x**2 if str(x) == repr(x) == f"{x}" == "%s" % x == "3.0" else x**3  # noqa: UP031


def text_of_element(x: Any) -> Any:
    return x[0] ** 2 if str(x[0]) == "3.0" and repr(x[0]) == "np.float64(3.0)" else x[0] ** 3


def text_of_array(x: Any) -> Any:
    return np.sum(x**2) if str(x) == "[3. 4.]" and repr(x) == "array([3., 4.])" else np.sum(x**3)


A, F = np.array([3.0, 4.0]), 3.0


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (class_is_array, A), (class_is_float, F), (class_has_name, A), (matches_array, A), (matches_float, F),
        (dispatches, A), (dispatches, F), (text, F), (text_of_array, A),
    ],
)  # fmt: skip
def test_the_same_branch(f: Callable[..., Any], x: Any) -> None:
    assert f(x) == np.sum(np.asarray(x) ** 2)
    np.testing.assert_allclose(pb.grad(f, fallback="tape")(x), 2 * x)


def test_elements_print_as_scalars() -> None:
    np.testing.assert_allclose(pb.grad(text_of_element, fallback="tape")(A), [6.0, 0.0])


def looked_up(x: Any) -> Any:
    return x ** {3.0: 2}.get(x, 3)


def kept(x: Any) -> Any:
    seen = set()
    seen.add(x)
    return x**2 if 3.0 in seen else x**3


@pytest.mark.parametrize("f", [looked_up, kept])
def test_differentiated_floats_are_no_keys(f: Callable[..., Any]) -> None:
    """Equal values may depend on different arguments; an identity would take another branch."""
    with pytest.raises(pb.UnsupportedError, match="a key of a dictionary or set"):
        pb.grad(f, fallback="tape")(F)


def with_table(x: Any, k: Any) -> Any:
    return x ** {3.0: 2}[k]


def test_other_floats_are_keys_by_value() -> None:
    assert pb.grad(with_table, fallback="tape")(5.0, 3.0) == 10.0


def helper(x: Any) -> Any:
    return x**2 if type(x) is float else x**3


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k

    def apply(self, x: Any) -> Any:
        return helper(x) * self.k


SLOTTED = Slotted(2.0)


def through_a_helper(x: Any) -> Any:
    return SLOTTED.apply(x)


def test_methods_that_are_not_bound_anew_ask_through_no_helper() -> None:
    with pytest.raises(pb.UnsupportedError, match="asks for the class of a value"):
        pb.grad(through_a_helper, fallback="tape")(F)
