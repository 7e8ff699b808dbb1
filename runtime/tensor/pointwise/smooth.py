"""Functions of one number with a derivative that is written down: special functions and small ones.

Each line of the table is a function: its name, the name of its node, its value for arrays, and its slope,
which is written with NumPy's functions and `of(name)` for functions of this table, so that slopes of slopes
are there too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ....compiler.later import special
from ...ops.pointwise import quiet
from ...ops.promotion import as_float
from ...tape.node import Node, Recorded
from ...tape.record import array_of, like, record
from ..reductions.reductions import title
from ..table import FUNCTIONS, function, put
from ..tensor import Tensor, tensor_of
from .pointwise import into

_KNOWN: dict[str, tuple[type[Node], Callable[..., Any]]] = {}


def _kept(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute` in the dtype of its argument, where it only has wider ones."""

    def run(a: Any) -> Any:
        r = np.asarray(compute(a))
        return r if r.dtype == a.dtype else r.astype(a.dtype)

    return quiet(run)


def of(name: str, x: Any) -> Any:
    """A function of the table, of an array or a tensor."""
    node, compute = _KNOWN[name]
    if isinstance(x, Recorded):
        return record(node, compute(as_float(x._a)), (x,), (x,))
    return compute(x)


def trigamma(x: Any) -> Any:
    """The derivative of digamma, of an array or a tensor."""
    if isinstance(x, Recorded):
        return FUNCTIONS["polygamma"](1, x)
    return np.asarray(special.polygamma(1, x)).astype(x.dtype, copy=False)


def choose(mask: Any, x: Any, one: Any, other: Any) -> Any:
    """`np.where` with a mask that is an array."""
    return np.where(like(mask, x), one, other)


_ROOT_PI, _ROOT_2PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)


def _sinc(g: Any, x: Any, y: Any) -> Any:
    zero = array_of(x) == 0
    safe = choose(zero, x, 1.0, x) * math.pi
    slope = choose(zero, x, 0.0, math.pi * (np.cos(safe) / safe - np.sin(safe) / (safe * safe)))
    return g * (np.conj(slope) if array_of(x).dtype.kind == "c" else slope)


def _valid(x: Any, value: Any) -> Any:
    """`value`, but NaN where x is no probability."""
    a = array_of(x)
    outside = (a < 0) | (a > 1)
    return choose(outside, x, np.nan, value) if outside.any() else value


def _over(x: Any, value: Any, at_zero: float) -> Any:
    """`value / x`, and its limit where x is zero."""
    zero = array_of(x) == 0
    return choose(zero, x, at_zero, value / choose(zero, x, 1.0, x))


def _log_ndtr(g: Any, x: Any, y: Any) -> Any:
    """exp(-x²/2) / ndtr(x), of which numerator and denominator vanish for small x."""
    small = array_of(x) < 1
    tail = math.sqrt(2 / math.pi) / of("special_erfcx", choose(small, x, x, 0.0) * -math.sqrt(0.5))
    return g * choose(small, x, tail, np.exp(x * x * -0.5 - y) / _ROOT_2PI)


def _lgamma(a: Any) -> Any:
    return np.where(np.isneginf(a), np.inf, special.gammaln(a))


def _entr(a: Any) -> Any:
    return special.entr(a)


# name, node, value, cotangent of x from that of y
_TABLE: list[tuple[str, str, Any, Any]] = [
    ("logit", "LogitBackward0", special.logit, lambda g, x, y: _valid(x, g / (x * (1 - x)))),
    ("sinc", "SincBackward0", np.sinc, _sinc),
    ("erfinv", "ErfinvBackward0", special.erfinv, lambda g, x, y: g * (np.exp(y * y) * (_ROOT_PI / 2))),
    ("i0", "I0Backward0", special.i0, lambda g, x, y: g * of("special_i1", x)),
    ("special_i0e", "SpecialI0EBackward0", special.i0e,
     lambda g, x, y: g * (of("special_i1e", x) - np.sign(x) * y)),
    ("special_i1", "SpecialI1Backward0", special.i1, lambda g, x, y: g * (of("i0", x) - _over(x, y, 0.5))),
    ("special_i1e", "SpecialI1EBackward0", special.i1e,
     lambda g, x, y: g * (of("special_i0e", x) - np.sign(x) * y - _over(x, y, 0.5))),
    ("special_erfcx", "SpecialErfcxBackward0", special.erfcx,
     lambda g, x, y: g * (2 * x * y - 2 / _ROOT_PI)),
    ("special_ndtr", "SpecialNdtrBackward0", special.ndtr,
     lambda g, x, y: g * (np.exp(x * x * -0.5) / _ROOT_2PI)),
    ("special_ndtri", "SpecialNdtriBackward0", special.ndtri,
     lambda g, x, y: g * (np.exp(y * y * 0.5) * _ROOT_2PI)),
    ("special_log_ndtr", "SpecialLogNdtrBackward0", special.log_ndtr, _log_ndtr),
    ("special_entr", "SpecialEntrBackward0", _entr, lambda g, x, y: g * (-np.log(x) - 1)),
    ("special_bessel_j0", "SpecialBesselJ0Backward0", special.j0,
     lambda g, x, y: -g * of("special_bessel_j1", x)),
    ("special_bessel_j1", "SpecialBesselJ1Backward0", special.j1,
     lambda g, x, y: g * (of("special_bessel_j0", x) - _over(x, y, 0.5))),
    ("special_bessel_y0", "SpecialBesselY0Backward0", special.y0,
     lambda g, x, y: -g * of("special_bessel_y1", x)),
    ("special_bessel_y1", "SpecialBesselY1Backward0", special.y1,
     lambda g, x, y: g * (of("special_bessel_y0", x) - y / x)),
    ("erf", "ErfBackward0", special.erf, lambda g, x, y: g * (np.exp(-x * x) * (2 / _ROOT_PI))),
    ("erfc", "ErfcBackward0", special.erfc, lambda g, x, y: g * (np.exp(-x * x) * (-2 / _ROOT_PI))),
    ("lgamma", "LgammaBackward0", _lgamma, lambda g, x, y: g * of("digamma", x)),
    ("digamma", "DigammaBackward0", special.digamma, lambda g, x, y: g * trigamma(x)),
    ("deg2rad", "Deg2RadBackward0", np.deg2rad, lambda g, x, y: g * (math.pi / 180)),
    ("rad2deg", "Rad2DegBackward0", np.rad2deg, lambda g, x, y: g * (180 / math.pi)),
]  # fmt: skip

_IN_PLACE = {"erf", "erfc", "lgamma", "digamma", "logit", "sinc", "erfinv", "i0", "deg2rad", "rad2deg"}


def _declare(name: str, node_name: str, compute: Any, rule: Any) -> None:
    def backward(self: Node, g: Any, x: Any, y: Any) -> Any:
        return (rule(g, x, y),)

    members = {
        "__slots__": (), "saves_results": 1, "backward": backward,
        "__doc__": f"`{name.removeprefix('special_')}`, from operand and result.",
    }  # fmt: skip
    node: type[Node] = type(node_name, (Node,), members)
    value = _kept(compute)
    _KNOWN[name] = node, value
    if name == "logit":
        return

    def function_(input: Any, *, out: Any = None) -> Tensor:
        x = tensor_of(input)
        a = as_float(x._a)
        if a.dtype.kind == "c" and name not in ("sinc",):
            raise _refused(name, a)
        return into(out, record(node, value(a), (x,), (x,)))

    _finish(name, function_)


def _refused(name: str, a: Any) -> Exception:
    """What is raised for complex numbers."""
    if name in ("deg2rad", "rad2deg"):
        return RuntimeError(f"{name} is not supported for complex tensors.")
    ending = {"digamma": "", "logit": "_cpu"}.get(name, "_vml_cpu" if name in _IN_PLACE else "_cpu")
    return NotImplementedError(f"\"{name}{ending}\" not implemented for '{title(a.dtype)}'")


def _finish(name: str, function_: Any) -> None:
    short = name.removeprefix("special_")
    prefix = "special." if name != short else ""
    function_.__name__ = function_.__qualname__ = short
    function_.__doc__ = f"""`{short}` of a tensor, element by element.

    Parameters
    ----------
    input
        A tensor of real numbers.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If it holds complex numbers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{prefix}{short}(pb.tensor([0.5])).shape
    pullback.Size([1])
    """
    put(name, function_, method=not prefix, inplace=name in _IN_PLACE)


for _row in _TABLE:
    _declare(*_row)


@function("logit", inplace=True)
def logit(input: Any, eps: float | None = None, *, out: Any = None) -> Tensor:
    """`log(input / (1 - input))`.

    Parameters
    ----------
    input
        A tensor.
    eps
        Bring the elements into `[eps, 1 - eps]` first.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.logit(pb.tensor([0.5]))
    tensor([0.])
    """
    x = tensor_of(input)
    if x._a.dtype.kind == "c":
        raise _refused("logit", x._a)
    if eps is not None:
        a = as_float(x._a)
        inside = (a >= eps) & (a <= 1 - eps)
        return into(
            out, record(LogitBackward0, _KNOWN["logit"][1](np.clip(a, eps, 1 - eps)), (x,), (x, inside))
        )
    return into(out, of("logit", x))


class LogitBackward0(Node):
    """`logit` of elements brought into an interval; outside, the derivative is zero."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, inside: Any) -> Any:
        safe = choose(inside, x, x, 0.5)
        return (g * choose(inside, x, 1.0, 0.0) / (safe * (1 - safe)),)
