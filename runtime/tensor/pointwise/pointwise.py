"""Pointwise functions of tensors: arithmetic, exponentials, trigonometry, comparisons, logic.

Each line of the tables is a function: its name, the primitive of the compiler that has its value and its
derivative, and the name of its node.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....compiler.prims.registry import PRIMS
from ...ops.logarithms import logaddexp
from ...ops.pointwise import binary, mismatch, node_class, prim_node, quiet, unary
from ...ops.promotion import promoted
from ...tape.node import FlatBackward, Node, Recorded, node_of, wrap
from ...tape.record import record
from ...tape.views import written
from ..table import METHODS, function, put
from ..tensor import Tensor, as_tensor, tensor_of

# name, primitive, node, whether integers give floats
_UNARY = [
    ("neg", "neg", "NegBackward0", False),
    ("exp", "exp", "ExpBackward0", True),
    ("exp2", "exp2", "Exp2Backward0", True),
    ("expm1", "expm1", "Expm1Backward0", True),
    ("log", "log", "LogBackward0", True),
    ("log2", "log2", "Log2Backward0", True),
    ("log10", "log10", "Log10Backward0", True),
    ("log1p", "log1p", "Log1PBackward0", True),
    ("sqrt", "sqrt", "SqrtBackward0", True),
    ("reciprocal", "reciprocal", "ReciprocalBackward0", True),
    ("square", "square", "PowBackward0", False),
    ("sin", "sin", "SinBackward0", True),
    ("cos", "cos", "CosBackward0", True),
    ("tan", "tan", "TanBackward0", True),
    ("asin", "arcsin", "AsinBackward0", True),
    ("acos", "arccos", "AcosBackward0", True),
    ("atan", "arctan", "AtanBackward0", True),
    ("sinh", "sinh", "SinhBackward0", True),
    ("cosh", "cosh", "CoshBackward0", True),
    ("tanh", "tanh", "TanhBackward0", True),
    ("asinh", "arcsinh", "AsinhBackward0", True),
    ("acosh", "arccosh", "AcoshBackward0", True),
    ("atanh", "arctanh", "AtanhBackward0", True),
    ("sign", "sign", "SignBackward0", False),
    ("floor", "floor", "FloorBackward0", False),
    ("ceil", "ceil", "CeilBackward0", False),
    ("trunc", "trunc", "TruncBackward0", False),
    ("abs", "abs", "AbsBackward0", False),
]
_ALIASES = {
    "neg": ["negative"], "abs": ["absolute"], "trunc": ["fix"], "asin": ["arcsin"], "acos": ["arccos"],
    "atan": ["arctan"], "asinh": ["arcsinh"], "acosh": ["arccosh"], "atanh": ["arctanh"],
}  # fmt: skip

# name, primitive, node, whether integers give floats
_BINARY = [
    ("add", "add", "AddBackward0", False),
    ("sub", "sub", "SubBackward0", False),
    ("mul", "mul", "MulBackward0", False),
    ("div", "div", "DivBackward0", True),
    ("maximum", "maximum", "MaximumBackward0", False),
    ("minimum", "minimum", "MinimumBackward0", False),
    ("fmax", "fmax", "FmaxBackward0", False),
    ("fmin", "fmin", "FminBackward0", False),
    ("atan2", "arctan2", "Atan2Backward0", True),
    ("hypot", "hypot", "HypotBackward0", True),
    ("logaddexp", "logaddexp", "LogaddexpBackward0", True),
    ("logaddexp2", "logaddexp2", "Logaddexp2Backward0", True),
    ("copysign", "copysign", "CopysignBackward0", True),
    ("remainder", "mod", "RemainderBackward1", False),
    ("fmod", "fmod", "FmodBackward1", False),
]
_NOISELESS = {"neg", "abs", "sign", "floor", "ceil", "trunc", "maximum", "minimum"}

QUICK: dict[str, Any] = {}


def _ordered(name: str, a: Any, b: Any) -> Any:
    """Operands of a function that complex numbers do not have."""
    arrays = promoted(a, b)
    if arrays[0].dtype.kind == "c":
        raise RuntimeError(f"{name} not implemented for complex tensors.")
    return arrays


def _divisible(name: str, a: Any, b: Any) -> Any:
    """Operands of a remainder: integers by zero have none, nor have bools."""
    arrays = promoted(a, b)
    if arrays[0].dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")
    if arrays[1].dtype.kind in "iu" and not np.all(arrays[1]):
        raise RuntimeError("ZeroDivisionError")
    return arrays


_PROMOTED = {name: partial(_ordered, name) for name in ("maximum", "minimum", "fmax", "fmin")}
_PROMOTED |= {name: partial(_divisible, name) for name in ("remainder", "fmod")}


def sign_of(a: Any) -> Any:
    """The signs of numbers; 0 for NaN, as in PyTorch."""
    return np.subtract(a > 0, a < 0, dtype=a.dtype) if a.dtype.kind == "f" else np.sign(a)


def _declare() -> None:
    for name, prim, node, floats in _UNARY:
        noisy, compute = name not in _NOISELESS, sign_of if name == "sign" else PRIMS[prim].ref
        QUICK[name] = unary(Tensor, name, prim_node(node, prim), compute, floats, noisy)
    for name, prim, node, floats in _BINARY:
        noisy, compute = name not in _NOISELESS, PRIMS[prim].ref
        made, promote = prim_node(node, prim), _PROMOTED.get(name)
        QUICK[name] = binary(Tensor, name, made, compute, floats=floats, promote=promote, noisy=noisy)


_declare()


def _logaddexps() -> Any:
    """`logaddexp`, of complex numbers too: their shares are no numbers between 0 and 1."""
    shares = {
        "x": lambda y_bar, x, z: y_bar / (1.0 + np.exp(z - x)),
        "z": lambda y_bar, x, z: y_bar / (1.0 + np.exp(x - z)),
    }
    node = node_class("LogaddexpBackward0", replace(PRIMS["logaddexp"], vjp=shares))
    of_reals, of_complex = QUICK["logaddexp"], binary(Tensor, "logaddexp", node, logaddexp, noisy=True)

    def either(x: Any, z: Any) -> Any:
        return (of_complex if _is_complex(x) or _is_complex(z) else of_reals)(x, z)

    return either


def _with_numbers(name: str, prim: str, node: str) -> Any:
    """A remainder, whose node has another name where it is by a number."""
    of_tensors, promote = QUICK[name], _PROMOTED[name]
    of_number = binary(Tensor, name, prim_node(node, prim), PRIMS[prim].ref, promote=promote, noisy=True)

    def either(x: Any, z: Any) -> Any:
        return (of_tensors if isinstance(z, Recorded) else of_number)(x, z)

    return either


def _is_complex(x: Any) -> bool:
    return np.result_type(x._a if isinstance(x, Recorded) else x).kind == "c"


QUICK["logaddexp"] = _logaddexps()
QUICK["remainder"] = _with_numbers("remainder", "mod", "RemainderBackward0")
QUICK["fmod"] = _with_numbers("fmod", "fmod", "FmodBackward0")


class PowBackward0(Node):
    """x ** k for a number k, which `static` is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        k = self.static
        if k == 0:
            return (g * 0,)
        slope = k * x if k == 2 else k * x ** (k - 1)
        return (g * (np.conj(slope) if g.dtype.kind == "c" else slope),)


def _powers(a: Any, b: Any) -> Any:
    """Powers; those of integers with negative exponents are rounded towards zero."""
    if np.result_type(a, b).kind == "b":
        raise NotImplementedError("\"pow\" not implemented for 'Bool'")
    try:
        return np.power(a, b)
    except ValueError:
        if np.result_type(a, b).kind != "i" or not np.any(np.asarray(b) < 0):
            raise
        small = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b % 2), 0))
        return np.where(b < 0, small, np.power(a, np.maximum(b, 0))).astype(np.result_type(a, b))


_power = quiet(_powers)
_squared, _subtracted = quiet(np.square), quiet(np.subtract)
_pow_tensors = binary(Tensor, "pow", prim_node("PowBackward1", "pow"), _power)
_pow_of_number = binary(Tensor, "pow", prim_node("PowBackward2", "pow"), _power)


@function(inplace=True)
def pow(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    """`input ** exponent`, element by element.

    Parameters
    ----------
    input, exponent
        Tensors or numbers, one at least a tensor; their shapes are broadcast.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For integers with negative integer exponents, or shapes that do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.pow(pb.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, (Recorded, np.ndarray)) or not isinstance(input, Recorded):
        tensors = isinstance(input, (Recorded, np.ndarray))
        return into(out, (_pow_tensors if tensors else _pow_of_number)(input, exponent))
    if not isinstance(exponent, (int, float, complex, np.generic)):
        kinds = f"'Tensor' and {type(exponent).__name__!r}"
        raise TypeError(f"unsupported operand type(s) for ** or pow(): {kinds}")
    a = input._a
    if exponent is True and a.dtype.kind == "b":
        return into(out, wrap(Tensor, a.copy()))
    if a.dtype.kind in "iub" and isinstance(exponent, int) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if not (a.dtype.kind == "f" and isinstance(exponent, (int, float))):
        a, exponent_ = promoted(a, exponent)
    else:
        exponent_ = exponent
    # Squares and roots by the functions that NumPy has for them: a power takes ten times as long.
    result = _squared(a) if exponent == 2 else _power(a, exponent_)
    return into(out, record(PowBackward0, result, (input,), (input,), exponent))


def into(out: Any, result: Any) -> Any:
    """The result, written to the tensor `out` if there is one.

    Raises
    ------
    RuntimeError
        If an argument requires a gradient, or the shapes differ.
    """
    if out is None:
        return result
    if result.requires_grad or out.requires_grad:
        raise RuntimeError(
            f"{_called(result)}(): functions with out=... arguments "
            "don't support automatic differentiation, but one of the arguments requires grad."
        )
    if out._a.shape != result._a.shape:
        if out._a.size:
            raise RuntimeError(f"out has shape {list(out._a.shape)}, the result {list(result._a.shape)}")
        out._a = np.empty(result._a.shape, out._a.dtype)
    out._a[...] = result._a
    written(out)
    return out


def _called(result: Any) -> str:
    """The function that gave a result, by its node: `exp` for ExpBackward0."""
    node = node_of(result._fn)
    return "function" if node is None else re.sub(r"Backward\d*$", "", node.name()).lower()


def documented(written_: Any, name: str, summary: str, arguments: str) -> Any:
    """A function with a name and a docstring made of its pieces."""
    example = "pb.tensor([0.5])" if "other" not in arguments else "pb.tensor([0.5]), pb.tensor([0.25])"
    written_.__doc__ = f"""{summary}, element by element.

    Parameters
    ----------
    {arguments}
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}({example}).shape
    pullback.Size([1])
    """
    written_.__name__ = written_.__qualname__ = name
    return written_


def _put_unary(name: str) -> None:
    quick = QUICK[name]

    def function_(input: Any, *, out: Any = None) -> Tensor:
        if not isinstance(input, (Recorded, np.ndarray)):
            kind = type(input).__name__
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}")
        return into(out, quick(tensor_of(input)))

    documented(function_, name, f"`{name}` of a tensor", "input\n        A tensor.")
    for alias in (name, *_ALIASES.get(name, [])):
        put(alias, function_, inplace=True)
        METHODS[alias] = quick


def _put_binary(name: str, *aliases: str) -> None:
    quick = QUICK[name]

    def function_(input: Any, other: Any, *, out: Any = None) -> Tensor:
        if not isinstance(input, Recorded) and not isinstance(other, Recorded):
            raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")
        return into(out, quick(input, other))

    documented(function_, name, f"`{name}` of two tensors", "input, other\n        Tensors, or one a number.")
    for alias in (name, *aliases):
        put(alias, function_, inplace=True)


def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """`input + alpha * other`.

    Parameters
    ----------
    input, other
        Tensors, or one a number; their shapes are broadcast.
    alpha
        A factor of `other`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.add(pb.tensor([1.0, 2.0]), 1, alpha=10)
    tensor([11., 12.])
    """
    return into(out, QUICK["add"](input, other if alpha == 1 else _scaled(input, other, alpha)))


def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """`input - alpha * other`.

    Parameters
    ----------
    input, other
        Tensors, or one a number; their shapes are broadcast.
    alpha
        A factor of `other`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.sub(pb.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    return into(out, _sub(input, other if alpha == 1 else _scaled(input, other, alpha)))


def _scaled(input: Any, other: Any, alpha: Any) -> Any:
    """A term and its factor, which may be no float if both terms are integers."""
    integers = all(v._a.dtype.kind in "iub" for v in (input, other) if isinstance(v, Recorded))
    if isinstance(alpha, float) and integers:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return other * alpha


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """`other - alpha * input`.

    Parameters
    ----------
    input, other
        Tensors, or one a number; their shapes are broadcast.
    alpha
        A factor of `input`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.rsub(pb.tensor([1.0, 2.0]), 1)
    tensor([ 0., -1.])
    """
    return _rsub(input if alpha == 1 else _scaled(other, input, alpha), other)


def _sub(x: Any, z: Any) -> Tensor:
    if (x._a.dtype.kind == "b" if isinstance(x, Recorded) else type(x) is bool) or (
        z._a.dtype.kind == "b" if isinstance(z, Recorded) else type(z) is bool
    ):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    made: Tensor = QUICK["sub"](x, z)
    return made


class RsubBackward1(Node):
    """k - x for a number k."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (-g,)


def _rsub(x: Tensor, k: Any) -> Tensor:
    """k - x."""
    if isinstance(k, (Recorded, np.ndarray, complex, bool)) or x._a.dtype.kind != "f":
        return _sub(as_tensor(k), x)
    made: Tensor = record(RsubBackward1, _subtracted(k, x._a), (x,))
    return made


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Tensor:
    """`input / other`; integers give floats.

    Parameters
    ----------
    input, other
        Tensors, or one a number; their shapes are broadcast.
    rounding_mode
        None; "trunc" rounds the quotient towards zero, "floor" down: their derivative is zero.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For another rounding mode.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.div(pb.tensor([-3, 3]), 2)
    tensor([-1.5000,  1.5000])
    >>> pb.div(pb.tensor([-3, 3]), 2, rounding_mode="floor")
    tensor([-2,  1])
    """
    if rounding_mode is None:
        return into(out, QUICK["div"](input, other))
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
        )
    return into(out, _rounded(input, other, rounding_mode))


class DivBackward2(FlatBackward):
    """A rounded quotient of two tensors."""

    __slots__ = ()


class DivBackward3(FlatBackward):
    """A rounded quotient by a number."""

    __slots__ = ()


_floor_divide = quiet(np.floor_divide)


def _operands(x: Any, z: Any) -> tuple[Any, Any]:
    try:
        return as_tensor(x), as_tensor(z)
    except TypeError:
        kinds = " and ".join(
            "'Tensor'" if isinstance(v, Recorded) else repr(type(v).__name__) for v in (x, z)
        )
        raise TypeError(f"unsupported operand type(s) for //: {kinds}") from None


def _rounded(x: Any, z: Any, mode: str) -> Tensor:
    node = DivBackward2 if isinstance(z, Recorded) else DivBackward3
    x, z = _operands(x, z)
    a, b = promoted(x._a, z._a)
    if a.dtype.kind in "bc":
        raise NotImplementedError(f"\"div_{mode}_cpu\" not implemented for '{x._title()}'")
    if a.dtype.kind in "iu" and np.any(b == 0):
        raise RuntimeError("ZeroDivisionError")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise mismatch(a, b, error) from None
    if mode == "floor":
        r = _floor_divide(a, b)
    elif a.dtype.kind in "iub":
        r = (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)
    else:
        r = np.trunc(quiet(np.divide)(a, b))
    made: Tensor = record(node, r, (x, z))
    return made


def floor_divide(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """The quotient rounded down; its derivative is zero.

    Parameters
    ----------
    input, other
        Tensors, or one a number; their shapes are broadcast.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.floor_divide(pb.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    return into(out, _rounded(input, other, "floor"))


def _declare_methods() -> None:
    for name, *_ in _UNARY:
        _put_unary(name)
    for name, *_ in _BINARY:
        if name not in ("add", "sub", "div"):
            _put_binary(name, *{"mul": ("multiply",), "atan2": ("arctan2",)}.get(name, ()))
    for names, written_ in (
        (("add",), add), (("sub", "subtract"), sub), (("div", "divide", "true_divide"), div),
        (("floor_divide",), floor_divide),
    ):  # fmt: skip
        for name in names:
            put(name, written_, inplace=True)
    put("rsub", rsub)
    add_, mul_, div_ = QUICK["add"], QUICK["mul"], QUICK["div"]
    METHODS.update(
        __add__=add_, __radd__=add_, __mul__=mul_, __rmul__=mul_, __truediv__=div_, __sub__=_sub,
        __rsub__=_rsub, __rtruediv__=lambda x, k: QUICK["div"](k, x) if isinstance(k, (Recorded, np.ndarray))
        else mul_(QUICK["reciprocal"](x), k),
        __pow__=pow, __rpow__=lambda x, k: pow(k, x), __neg__=QUICK["neg"], __pos__=lambda x: x,
        __abs__=QUICK["abs"],
        __floordiv__=floor_divide, __rfloordiv__=lambda x, k: floor_divide(k, x),
        __mod__=QUICK["remainder"], __rmod__=lambda x, k: QUICK["remainder"](as_tensor(k), x),
        __iadd__=METHODS["add_"], __isub__=METHODS["sub_"], __imul__=METHODS["mul_"],
        __itruediv__=METHODS["div_"],
        __ifloordiv__=METHODS["floor_divide_"], __ipow__=METHODS["pow_"], __imod__=METHODS["remainder_"],
    )  # fmt: skip


_declare_methods()
