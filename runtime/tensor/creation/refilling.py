"""Tensors overwritten with random numbers: `x.uniform_()` and its kin.

What was there before has no influence on the result: its cotangent is zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tape.views import write
from ..reductions.reductions import title
from ..table import put
from ..tensor import Tensor
from .distributions import NormalBackward1, chances, check_deviation
from .random import source
from .sampling import integers, normals, uniform


def _node(name: str) -> type[Node]:
    doc = "Elements that random numbers took the place of."
    return type(name, (NormalBackward1,), {"__slots__": (), "__doc__": doc})


_NODES = {
    name: _node(f"{node}Backward0")
    for name, node in {
        "uniform_": "Uniform", "normal_": "Normal", "exponential_": "Exponential", "geometric_": "Geometric",
        "cauchy_": "Cauchy", "log_normal_": "LogNormal", "random_": "Random",
    }.items()
}  # fmt: skip
_NODES["bernoulli_"] = _node("BernoulliBackward2")


def _overwrite(x: Tensor, name: str, array: Any) -> Tensor:
    values = np.asarray(array).astype(x._a.dtype)
    return write(x, lambda y: record(_NODES[name], values, (y,)))  # type: ignore[return-value]


def _floats(x: Tensor, name: str) -> np.dtype[Any]:
    if x._a.dtype.kind != "f":
        raise NotImplementedError(f"\"{name}\" not implemented for '{title(x._a.dtype)}'")
    kind: np.dtype[Any] = x._a.dtype
    return kind


def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **bound: Any
) -> Tensor:
    """Overwrite with numbers that are evenly distributed in [from, to).

    Parameters
    ----------
    self
        A tensor.
    from_, to
        The bounds; also as the keyword `from`.
    generator
        Where the numbers come from; the default generator without.
    bound
        The keyword `from`.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If the bounds are in the wrong order.
    """
    from_ = bound.pop("from", from_)
    if from_ > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    kind = _floats(self, "check_uniform_bounds")
    low, high = kind.type(from_), kind.type(to)
    drawn = uniform(source(generator), self._a.shape, kind) * (high - low) + low
    if high > low:  # rounding may reach the bound
        drawn = np.minimum(drawn, np.nextafter(high, low))
    return _overwrite(self, "uniform_", drawn)


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers.

    Parameters
    ----------
    self
        A tensor.
    mean, std
        The mean and the standard deviation.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If the standard deviation is negative.
    """
    check_deviation(std)
    drawn = normals(source(generator), self._a.shape, self._a.dtype)
    return _overwrite(self, "normal_", drawn * self._a.dtype.type(std) + self._a.dtype.type(mean))


def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Overwrite with numbers whose logarithms are normal.

    Parameters
    ----------
    self
        A tensor.
    mean, std
        The mean and the standard deviation of the logarithms.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If the standard deviation is not positive.
    """
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    _floats(self, "log_normal")
    return _overwrite(self, "log_normal_", source(generator).lognormal(mean, std, self._a.shape))


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with exponentially distributed numbers.

    Parameters
    ----------
    self
        A tensor.
    lambd
        The rate.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If the rate is not positive.
    """
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    _floats(self, "exponential_cpu")
    return _overwrite(self, "exponential_", source(generator).exponential(1 / lambd, self._a.shape))


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Overwrite with how many attempts it takes to succeed.

    Parameters
    ----------
    self
        A tensor.
    p
        The probability that one succeeds.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If it is not in (0, 1).
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _overwrite(self, "geometric_", source(generator).geometric(p, self._a.shape))


def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with numbers of a Cauchy distribution.

    Parameters
    ----------
    self
        A tensor.
    median, sigma
        The median and half of the width at half of the height.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If the width is not positive.
    """
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    _floats(self, "cauchy")
    return _overwrite(self, "cauchy_", source(generator).standard_cauchy(self._a.shape) * sigma + median)


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Overwrite with zeros and ones.

    Parameters
    ----------
    self
        A tensor.
    p
        The probability of ones: a number or a tensor.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If it is not in [0, 1].
    """
    return _overwrite(self, "bernoulli_", source(generator).random(self._a.shape) < chances(p))


def random_(self: Tensor, from_: Any = 0, to: Any = None, *, generator: Any = None, **bound: Any) -> Tensor:
    """Overwrite with integers in [from, to): `random_()`, `random_(to)`, `random_(from, to)`.

    Parameters
    ----------
    self
        A tensor.
    from_, to
        The bounds; without, all that the dtype can represent, from 0. Also as the keyword `from`.
    generator
        Where the numbers come from; the default generator without.
    bound
        The keyword `from`.

    Returns
    -------
    Tensor
        This one.

    Raises
    ------
    RuntimeError
        If there is no number to draw.
    """
    kind = self._a.dtype
    if "from" in bound:
        from_ = bound.pop("from")
    elif to is None and from_ != 0:
        from_, to = 0, from_
    if to is None:
        to = 2 if kind.kind == "b" else _largest(kind)
    low, high = (v._a.item() if isinstance(v, Recorded) else int(v) for v in (from_, to))
    return _overwrite(self, "random_", integers(source(generator), low, high, self._a.shape, kind))


def _largest(kind: np.dtype[Any]) -> int:
    """Up to where a dtype represents all integers."""
    if kind.kind == "f":
        return int(2 ** (np.finfo(kind).nmant + 1)) + 1
    return int(np.iinfo(kind).max) + (kind.itemsize < 8)


for _function in (uniform_, normal_, log_normal_, exponential_, geometric_, cauchy_, bernoulli_, random_):
    put(_function.__name__, _function, root=False)
