"""The methods of NumPy's ufuncs on Arrays: `reduce`, `accumulate`, `reduceat` and `at`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..tape.node import Recorded

_SCANS: dict[Any, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}
_REDUCTIONS = (np.add, np.multiply, np.maximum, np.minimum)  # `protocols` has these as one node


def ufunc_method(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a ufunc of two arguments, by calls of it; NotImplemented for others."""
    given = {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}
    if ufunc.nin != 2 or ufunc.nout != 1 or set(given) - {"axis", "keepdims"}:
        return NotImplemented
    if method == "accumulate":
        return _accumulated(ufunc, inputs[0], inputs[1] if len(inputs) > 1 else given.get("axis", 0))
    if method == "reduce" and ufunc not in _REDUCTIONS:
        return _folded(ufunc, inputs[0], given.get("axis", 0), bool(given.get("keepdims")))
    if method == "reduceat" and ufunc in _SCANS and not given:
        return _by_parts(ufunc, inputs[0], inputs[1])
    if method == "at" and ufunc is np.subtract:
        np.add.at(inputs[0], inputs[1], -inputs[2])
        return None
    return NotImplemented


def _accumulated(ufunc: Any, array: Any, axis: int) -> Any:
    if ufunc in _SCANS:
        return _SCANS[ufunc](array, axis=axis)
    rows = np.moveaxis(array, axis, 0)
    found = [rows[k] for k in range(min(1, len(rows)))]
    for k in range(1, len(rows)):
        found.append(ufunc(found[-1], rows[k]))
    return np.moveaxis(np.stack(found), 0, axis)


def _folded(ufunc: Any, array: Any, axis: Any, keep: bool) -> Any:
    if not isinstance(axis, int) or not np.shape(array)[axis]:
        return NotImplemented
    rows = np.moveaxis(array, axis, 0)
    total = rows[0]
    for k in range(1, len(rows)):
        total = ufunc(total, rows[k])
    return np.expand_dims(total, axis) if keep else total


def _by_parts(ufunc: Any, array: Any, indices: Any) -> Any:
    places = [int(k) for k in (indices._a if isinstance(indices, Recorded) else np.asarray(indices))]
    reduce = np.sum if ufunc is np.add else np.prod
    ends = pairwise([*places, len(array)])
    parts = [reduce(array[a:b], axis=0) if b > a else array[a] for a, b in ends]
    return np.stack(parts)
