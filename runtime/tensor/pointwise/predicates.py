"""Questions about numbers, answered element by element or for all: NaN, signs, closeness, negations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import mismatch
from ...ops.promotion import promoted
from ...tape.node import wrap
from ..reductions.reductions import title
from ..table import METHODS, function, put
from ..tensor import Tensor, tensor_of
from .pointwise import into

_QUESTIONS: dict[str, tuple[Any, str]] = {
    "isnan": (np.isnan, "NaN"), "isinf": (np.isinf, "infinite"), "isfinite": (np.isfinite, "finite"),
    "isposinf": (lambda a: a == np.inf, "positive infinity"),
    "isneginf": (lambda a: a == -np.inf, "negative infinity"),
    "isreal": (lambda a: a.imag == 0, "real"), "signbit": (np.signbit, "negative, -0 included"),
}  # fmt: skip


def _question(name: str, compute: Any, word: str) -> None:
    def ask(input: Any, *, out: Any = None) -> Tensor:
        a = tensor_of(input)._a
        if a.dtype.kind == "b":
            a = a.astype(np.uint8)
        if a.dtype.kind == "c" and name == "signbit":
            raise NotImplementedError("signbit is not implemented for complex tensors.")
        if a.dtype.kind == "c" and name in ("isposinf", "isneginf"):
            raise RuntimeError(f"{name} does not support complex inputs.")
        return into(out, wrap(Tensor, np.asarray(compute(a if a.dtype.kind in "fc" or name == "signbit" else
                                                         np.asarray(a, np.float64)))))  # fmt: skip

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = f"""Whether elements are {word}.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor
        Of bools.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([1.0])).dtype
    pullback.bool
    """
    put(name, ask)


for _name, (_compute, _word) in _QUESTIONS.items():
    _question(_name, _compute, _word)


@function(inplace=True)
def logical_not(input: Any, *, out: Any = None) -> Tensor:
    """Whether elements are zero (false).

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor of bools

    Examples
    --------
    >>> import pullback as pb
    >>> pb.logical_not(pb.tensor([0.0, 2.0]))
    tensor([ True, False])
    """
    return into(out, wrap(Tensor, np.logical_not(tensor_of(input)._a)))


@function(inplace=True)
def bitwise_not(input: Any, *, out: Any = None) -> Tensor:
    """Integers with all bits turned; bools negated.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If it holds no integers nor bools.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.bitwise_not(pb.tensor([0, 5]))
    tensor([-1, -6])
    """
    a = tensor_of(input)._a
    if a.dtype.kind not in "biu":
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{title(a.dtype)}'")
    return into(out, wrap(Tensor, np.invert(a)))


def _inverted(x: Any) -> Tensor:
    if x._a.dtype.kind not in "biu":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(x)


METHODS["__invert__"] = _inverted


@function()
def positive(input: Any) -> Tensor:
    """The tensor itself.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it holds bools.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.positive(pb.tensor([1.0]))
    tensor([1.])
    """
    x = tensor_of(input)
    if x._a.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return x


def _same_dtype(x: Tensor, z: Tensor) -> None:
    if x._a.dtype != z._a.dtype:
        raise RuntimeError(f"{title(x._a.dtype)} did not match {title(z._a.dtype)}")


@function()
def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether `|input - other| <= atol + rtol * |other|`.

    Parameters
    ----------
    input, other
        Tensors of one dtype.
    rtol, atol
        The tolerances.
    equal_nan
        Whether NaN is close to NaN.

    Returns
    -------
    Tensor of bools

    Raises
    ------
    RuntimeError
        If the dtypes differ, or a tolerance is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.isclose(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    x, z = tensor_of(input), tensor_of(other)
    _same_dtype(x, z)
    if rtol < 0 or atol < 0:
        word, value = ("rtol", rtol) if rtol < 0 else ("atol", atol)
        raise RuntimeError(f"{word} must be greater than or equal to zero, but got {value:f}")
    try:
        close = np.isclose(x._a, z._a, rtol=rtol, atol=atol, equal_nan=equal_nan)
    except ValueError as error:
        raise mismatch(x._a, z._a, error) from None
    return wrap(Tensor, np.asarray(close))


@function()
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as `isclose` says.

    Parameters
    ----------
    input, other
        Tensors of one dtype.
    rtol, atol
        The tolerances.
    equal_nan
        Whether NaN is close to NaN.

    Returns
    -------
    bool

    Raises
    ------
    RuntimeError
        If the dtypes differ, or a tolerance is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.allclose(pb.tensor([1.0]), pb.tensor([1.0 + 1e-9]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._a.all())


@function()
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and elements.

    Parameters
    ----------
    input, other
        Tensors.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.equal(pb.tensor([1.0]), pb.tensor([1.0]))
    True
    """
    a, b = tensor_of(input)._a, tensor_of(other)._a
    return a.shape == b.shape and bool(np.all(np.equal(*promoted(a, b))))
