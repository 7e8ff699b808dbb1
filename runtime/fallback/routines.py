"""NumPy's functions that are no operations of the tape, for programs on it: makers, converters, counts.

`MEMBERS` is what stands in `modules.NUMPY` for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy

from ...compiler.errors import UnsupportedError
from ..tape.node import Recorded
from ..tensor.protocols import HANDLED, handles
from . import library

np: Any = numpy  # its stubs know of arrays only


class Converter:
    """NumPy's helper that its functions take their arguments with: Arrays stay what they are."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = [v if isinstance(v, Recorded) else np.asarray(v) for v in values]
        self.scalar_input = tuple(np.ndim(v) == 0 for v in values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, k: Any) -> Any:
        return self.values[k]

    def as_arrays(self, *, subok: bool = True, pyscalars: str = "convert_if_no_array") -> tuple[Any, ...]:
        """The arguments."""
        return tuple(self.values)

    def result_type(self, extra_dtype: Any = None, ensure_inexact: bool = False) -> Any:
        """The dtype that they have in common."""
        kinds = [v.dtype for v in self.values] + ([] if extra_dtype is None else [extra_dtype])
        return np.result_type(*kinds, *([0.0] if ensure_inexact else []))

    def wrap(self, array: Any, /, to_scalar: Any = None) -> Any:
        """A result of the kind of the arguments."""
        return array


def _kept(part: Any) -> Any:
    return part if isinstance(part, Recorded) else np.asarray(part)


class Joined:
    """`np.r_` and `np.c_`, by which arrays and numbers are written one behind the other."""

    def __init__(self, own: Any, columns: bool) -> None:
        self.own, self.columns = own, columns

    def __getitem__(self, key: Any) -> Any:
        parts: Any = key if isinstance(key, tuple) else (key,)
        if not any(isinstance(p, Recorded) for p in parts):
            return self.own[key]
        if any(isinstance(p, str) for p in parts):
            raise UnsupportedError("a text in the index of np.r_ or np.c_", hint="use np.concatenate")
        arrays: list[Any] = [np.r_[p] if isinstance(p, slice) else _kept(p) for p in parts]
        if self.columns:
            return np.concatenate([a if a.ndim > 1 else a.reshape(-1, 1) for a in arrays], axis=-1)
        return np.concatenate([a if a.ndim else a.reshape(1) for a in arrays])


def enumerated(arr: Any) -> Iterator[tuple[Any, Any]]:
    """`np.ndenumerate`."""
    return ((place, arr[place]) for place in np.ndindex(np.shape(arr)))


@handles(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = x._a if isinstance(x, Recorded) else np.asarray(x)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    size = max(minlength, int(places.max()) + 1 if places.size else 0)
    onto = np.equal(np.arange(size)[:, None], places[None, :]).astype(float)
    return np.matmul(onto, weights)


@handles(np.outer)
def _outer(a: Any, b: Any, out: Any = None) -> Any:
    rows, columns = (v if isinstance(v, Recorded) else np.asarray(v) for v in (a, b))
    return np.multiply(np.reshape(rows, (-1, 1)), np.reshape(columns, (1, -1)), out=out)


@handles(np.lib.stride_tricks.sliding_window_view)
def _sliding_window_view(x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Any:
    """The windows as a copy, which may not be written to in NumPy either."""
    places = np.arange(x._a.size).reshape(x._a.shape)
    windows = np.lib.stride_tricks.sliding_window_view(places, window_shape, axis)
    return np.reshape(x, (-1,))[windows]


@handles(np.block)
def _block(arrays: Any) -> Any:
    def joined(part: Any, axis: int) -> Any:
        if not isinstance(part, list):
            return part
        return np.concatenate([_of_rank(joined(p, axis + 1), rank) for p in part], axis=axis)

    depth = _depth(arrays)
    rank = max(depth, _rank(arrays))
    return joined(arrays, -depth)


def _depth(part: Any) -> int:
    return 1 + max(map(_depth, part)) if isinstance(part, list) else 0


def _rank(part: Any) -> int:
    return max(map(_rank, part)) if isinstance(part, list) else int(np.ndim(part))


def _of_rank(array: Any, rank: int) -> Any:
    missing = rank - np.ndim(array)
    return np.reshape(array, (1,) * missing + np.shape(array)) if missing else array


@handles(np.cumulative_sum)
def _cumulative_sum(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
    if out is not None:
        raise UnsupportedError("np.cumulative_sum with out=", hint="assign its result")
    if kwargs.get("include_initial"):
        first = np.zeros_like(np.take(x, [0], axis=axis or 0))
        x = np.concatenate([first, x], axis=axis or 0)
    return np.cumsum(x, axis=axis)


@handles(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    single = not isinstance(condlist, (list, tuple)) and np.ndim(condlist) <= np.ndim(x)
    conditions = [np.asarray(c, bool) for c in ([condlist] if single else condlist)]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    made = np.zeros_like(x)
    for where, part in zip(conditions, funclist, strict=True):
        if np.any(where):
            made[where] = part(x[where], *args, **kw) if callable(part) else part
    return made


@handles(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    made = default
    for where, value in reversed(list(zip(condlist, choicelist, strict=True))):
        made = np.where(where, value, made)
    return made


@handles(np.apply_along_axis)
def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    moved = np.moveaxis(arr, axis, -1)
    lead = np.shape(moved)[:-1]
    found = [func1d(moved[place], *args, **kwargs) for place in np.ndindex(lead)]
    from .modules import NUMPY

    made = NUMPY.array(found)
    shape = np.shape(made)[1:]
    whole = np.reshape(made, lead + shape)
    for k in range(len(shape)):
        whole = np.moveaxis(whole, len(lead) + k, axis % np.ndim(arr) + k)
    return whole


@handles(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        raise UnsupportedError("np.interp with a period", hint="take x modulo the period")
    made = library.call(np.interp, (x, xp, fp), {})
    if left is not None:
        made = np.where(np.less(x, xp[0]), left, made)
    return made if right is None else np.where(np.greater(x, xp[-1]), right, made)


@handles(np.choose)
def _choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    from .modules import stacked

    if out is not None:
        raise UnsupportedError("np.choose with out=", hint="assign its result")
    rows = choices if isinstance(choices, Recorded) else stacked(list(choices))
    count = np.shape(rows)[0]
    if mode != "raise":
        a = np.clip(a, 0, count - 1) if mode == "clip" else np.remainder(a, count)
    places = np.broadcast_to(a, np.shape(rows)[1:])
    return np.take_along_axis(rows, places[None], axis=0)[0]


@handles(np.partition)
def _partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """Sorted all through, which is a partition too."""
    return np.sort(a, axis=axis)


@handles(np.unique)
def _unique(ar: Any, return_index: bool = False, return_inverse: bool = False, **kwargs: Any) -> Any:
    if kwargs.get("axis") is not None:
        raise UnsupportedError("np.unique along an axis", hint="use it on a flat array")
    _, index, *rest = np.unique(ar._a, True, return_inverse, **kwargs)
    found = np.reshape(ar, (-1,))[index]
    wanted = ([index] if return_index else []) + rest
    return (found, *wanted) if wanted else found


def _masked(name: str, neutral: float) -> Any:
    """A reduction with NumPy's `where` and `initial`."""
    inner = HANDLED[getattr(np, name)]

    def reduce(a: Any, *args: Any, where: Any = True, initial: Any = np._NoValue, **kwargs: Any) -> Any:
        if where is not True and where is not np._NoValue:
            a = np.where(where, a, neutral if initial is np._NoValue else initial)
        made = inner(a, *args, **kwargs)
        if initial is np._NoValue:
            return made
        return {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[name](made, initial)

    return reduce


for _name, _neutral in {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}.items():
    HANDLED[getattr(np, _name)] = _masked(_name, _neutral)


MEMBERS: dict[str, Any] = {
    "r_": Joined(np.r_, columns=False), "c_": Joined(np.c_, columns=True), "ndenumerate": enumerated,
}  # fmt: skip
# Private to NumPy: found where its own functions name it, absent in versions without it.
CONVERTER = getattr(np.delete, "_implementation", np.delete).__globals__.get("_array_converter")
