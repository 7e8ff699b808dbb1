"""`Number`: a Python float in a program that runs on the tape.

It differs from an Array without axes as `float` differs from `np.float64`: it takes the dtype of the array
that it meets, comparisons are Python's bools, and a division by zero raises.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..tape.node import Recorded
from .array import Array
from .ufuncs import PLAIN, QUICK, table

_PYTHON = (float, int, bool, complex)


class Number(Array):
    """A float that depends on differentiated arguments."""

    __slots__ = ()
    _weak = True

    def __getitem__(self, key: Any) -> Any:
        raise TypeError("'float' object is not subscriptable")

    def is_integer(self) -> bool:
        """Whether it has no fraction."""
        return bool(self._a.item().is_integer())

    def _shown(self) -> Any:
        return self._a.item()

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._a.item(), digits)


NUMBERS = table(Number)


def _plain(value: Any) -> Any:
    return value._a.item() if type(value) is Number else value


def _binary(ufunc: Any, name: str, swapped: bool) -> Any:
    number, array = NUMBERS.get(ufunc), QUICK.get(ufunc)
    python = getattr(operator, name)

    def apply(x: Number, z: Any) -> Any:
        if type(z) is not Number and type(z) not in _PYTHON:
            if not isinstance(z, (Recorded, np.ndarray, np.generic)):
                return NotImplemented
            if number is None:
                return ufunc(x._a.item(), z._a if isinstance(z, Recorded) else z)
            return array(z, x) if swapped else array(x, z)  # type: ignore[misc]
        if number is None or name in _RAISING:
            found = python(_plain(z), x._a.item()) if swapped else python(x._a.item(), _plain(z))
            if number is None:
                return found
        return number(z, x) if swapped else number(x, z)

    return apply


# Python has errors of its own here: zero divisions, roots of negative numbers that are complex.
_RAISING = {"truediv", "floordiv", "mod", "pow"}
_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
    "floordiv": np.floor_divide, "mod": np.remainder, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
for _name, _ufunc in _OPERATORS.items():
    setattr(Number, f"__{_name}__", _binary(_ufunc, _name, swapped=False))
    if _ufunc not in PLAIN:
        setattr(Number, f"__r{_name}__", _binary(_ufunc, _name, swapped=True))
        setattr(Number, f"__i{_name}__", _binary(_ufunc, _name, swapped=False))
for _name, _operator in {
    "neg": NUMBERS[np.negative],
    "pos": NUMBERS[np.positive],
    "abs": NUMBERS[np.absolute],
}.items():
    setattr(Number, f"__{_name}__", _operator)
