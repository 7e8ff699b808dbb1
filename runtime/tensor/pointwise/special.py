"""Special functions of two arguments or with parameters, and `pb.special`'s other names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....compiler.later import special
from ...ops.pointwise import mismatch, quiet
from ...ops.promotion import as_float, promoted, result_type
from ...tape.node import Node, Recorded
from ...tape.record import array_of, record
from ..reductions.reductions import title
from ..table import FUNCTIONS, METHODS, function, put
from ..tensor import Tensor, as_tensor, tensor_of
from .pointwise import into
from .smooth import choose, of


class XlogyBackward0(Node):
    """`x log z`, zero where x is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        for_x = for_z = None
        if self.edges[0] is not None:
            gone = np.broadcast_to((array_of(x) == 0) & (array_of(z) <= 0), g.shape)
            for_x = choose(gone, g, 0.0, g * np.log(choose(gone, g, 1.0, z)))
        if self.edges[1] is not None:
            for_z = g * (x / z)
        return for_x, for_z


class SpecialXlog1PyBackward0(Node):
    """`x log(1 + z)`, zero where x is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        for_x = for_z = None
        if self.edges[0] is not None:
            gone = np.broadcast_to((array_of(x) == 0) & (array_of(z) <= -1), g.shape)
            for_x = choose(gone, g, 0.0, g * np.log1p(choose(gone, g, 0.0, z)))
        if self.edges[1] is not None:
            for_z = g * (x / (z + 1))
        return for_x, for_z


class XlogyBackward1(XlogyBackward0):
    """`k log z` with a number k."""

    __slots__ = ()


class XlogyBackward2(XlogyBackward0):
    """`x log k` with a number k."""

    __slots__ = ()


class IgammaBackward0(Node):
    """The lower incomplete gamma function; `static` is 1, or -1 for the upper one."""

    __slots__ = ()

    def backward(self, g: Any, a: Any, x: Any) -> Any:
        if self.edges[0] is not None:
            raise NotImplementedError(
                f"the derivative for '{self.name().removesuffix('Backward0').lower()}: input' is not "
                "implemented: detach the first argument"
            )
        gamma = of("lgamma", a)
        return None, g * (self.static * np.exp((a - 1) * np.log(x) - x - gamma))


class IgammacBackward0(IgammaBackward0):
    """The upper incomplete gamma function."""

    __slots__ = ()


class SpecialZetaBackward0(Node):
    """The Hurwitz zeta function."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, q: Any) -> Any:
        if self.edges[0] is not None:
            raise NotImplementedError(
                "the derivative for 'special_zeta: self' is not implemented: detach the first argument"
            )
        more = FUNCTIONS["special_zeta"](x + 1, q) if isinstance(q, Recorded) else special.zeta(x + 1, q)
        return None, -g * x * more


_SIGNS: dict[str, int] = {"IgammaBackward0": 1, "IgammacBackward0": -1}


def _declare(name: str, compute: Any, nodes: tuple[Any, Any, Any], method: bool, *aliases: str) -> None:
    """A function of two tensors; `nodes` for two tensors, for a number first, for a number last."""
    silent = quiet(compute)

    def function_(input: Any, other: Any, *, out: Any = None) -> Tensor:
        node = nodes[1 if not isinstance(input, Recorded) else 2 if not isinstance(other, Recorded) else 0]
        x, z = as_tensor(input), as_tensor(other)
        a, b = [v._a if isinstance(w, (Recorded, np.ndarray)) else w for v, w in ((x, input), (z, other))]
        if result_type(a, b).kind in "fc":
            a, b = (np.asarray(v) for v in promoted(a, b))
        else:
            a, b = as_float(x._a), as_float(z._a)
        if np.result_type(a, b).kind == "c":
            raise NotImplementedError(f'"{short}_cpu" not implemented for {title(np.result_type(a, b))!r}')
        try:
            np.broadcast_shapes(np.shape(a), np.shape(b))
        except ValueError as error:
            raise mismatch(a, b, error) from None
        result = np.asarray(silent(a, b)).astype(np.result_type(a, b), copy=False)
        return into(out, record(node, result, (x, z), (x, z), _SIGNS.get(node.__name__)))

    short = name.removeprefix("special_")
    function_.__name__ = function_.__qualname__ = short
    prefix = "special." if name != short else ""
    function_.__doc__ = f"""`{short}` of two tensors, element by element.

    Parameters
    ----------
    input, other
        Tensors that broadcast, or one a number.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{prefix}{short}(pb.tensor([1.5]), pb.tensor([0.5])).shape
    pullback.Size([1])
    """
    put(name, function_, method=method, inplace=method)
    for alias in aliases:
        put(alias, function_, method=not alias.startswith("special_"))


_declare("xlogy", special.xlogy, (XlogyBackward0, XlogyBackward1, XlogyBackward2), True, "special_xlogy")
_declare("special_xlog1py", special.xlog1py, (SpecialXlog1PyBackward0,) * 3, False)
_declare("igamma", special.gammainc, (IgammaBackward0,) * 3, True, "special_gammainc")
_declare("igammac", special.gammaincc, (IgammacBackward0,) * 3, True, "special_gammaincc")
_declare("special_zeta", special.zeta, (SpecialZetaBackward0,) * 3, False)


class PolygammaBackward0(Node):
    """A derivative of digamma, the number of which is `static`."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (g * _polygamma(self.static + 1, x),)


def _polygamma(n: int, x: Any) -> Any:
    if isinstance(x, Recorded):
        return polygamma(n, x)
    return np.asarray(special.polygamma(n, x)).astype(x.dtype, copy=False)


_quiet_polygamma = quiet(_polygamma)


def polygamma(n: int, input: Any, *, out: Any = None) -> Tensor:
    """The n-th derivative of digamma.

    Parameters
    ----------
    n
        Which derivative; 0 is digamma.
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `n` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.polygamma(1, pb.tensor([1.0]))
    tensor([1.6449])
    """
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    x = tensor_of(input)
    if n == 0:
        return into(out, of("digamma", x))
    return into(out, record(PolygammaBackward0, _quiet_polygamma(int(n), as_float(x._a)), (x,), (x,), int(n)))


put("polygamma", polygamma, method=False)
METHODS["polygamma"] = lambda x, n: polygamma(n, x)


@function("mvlgamma", "special_multigammaln", inplace=False)
def mvlgamma(input: Any, p: int, *, out: Any = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p.

    Parameters
    ----------
    input
        A tensor.
    p
        The dimension.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `p` is not positive, or elements are not above `(p - 1) / 2`.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.mvlgamma(pb.tensor([3.0]), 2)
    tensor([1.5502])
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = tensor_of(input)
    steps: Any = np.expand_dims(x, -1) - np.arange(p, dtype=as_float(x._a).dtype) / 2
    return into(out, of("lgamma", steps).sum(-1) + p * (p - 1) / 4 * math.log(math.pi))


_SAME = (
    "erf", "erfc", "erfinv", "exp2", "expm1", "log1p", "logit", "sinc", "i0", "polygamma",
    "digamma",
)  # fmt: skip
_ALIASES = {"gammaln": "lgamma", "psi": "digamma", **{name: name for name in _SAME}}
for _name, _target in _ALIASES.items():
    put(f"special_{_name}", FUNCTIONS[_target], method=False)
METHODS.pop("special_multigammaln")
