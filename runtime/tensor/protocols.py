"""NumPy's functions on tensors: `np.exp(t)`, `np.sum(t, axis=0)` are recorded like `t.exp()`, `t.sum(0)`.

NumPy hands a call with a Tensor among its arguments to `on_ufunc` or `on_function`. What stands here is only
how NumPy's names and arguments map to the functions of tensors. Rules of derivatives are written with
NumPy's functions, so this is also how derivatives of derivatives are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tape.node import Recorded, wrap
from ..tape.record import face_of, like
from ..tape.views import write
from .pointwise.casting import cast
from .table import FUNCTIONS
from .tensor import Tensor

# NumPy's ufuncs by the functions of tensors that they are.
UFUNCS: dict[Any, str] = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.divide: "div", np.power: "pow",
    np.float_power: "float_power", np.floor_divide: "floor_divide", np.remainder: "remainder", np.fmod:
    "fmod", np.negative: "neg", np.positive: "positive", np.absolute: "abs", np.fabs: "abs", np.sign: "sign",
    np.exp: "exp", np.exp2: "exp2", np.expm1: "expm1", np.log: "log", np.log2: "log2", np.log10: "log10",
    np.log1p: "log1p", np.sqrt: "sqrt", np.square: "square", np.reciprocal: "reciprocal",
    np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "asin", np.arccos: "acos", np.arctan: "atan",
    np.arctan2: "atan2", np.hypot: "hypot", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh",
    np.arcsinh: "asinh", np.arccosh: "acosh", np.arctanh: "atanh", np.deg2rad: "deg2rad",
    np.rad2deg: "rad2deg", np.degrees: "rad2deg", np.radians: "deg2rad", np.maximum: "maximum",
    np.minimum: "minimum", np.fmax: "fmax",
    np.fmin: "fmin", np.logaddexp: "logaddexp", np.logaddexp2: "logaddexp2", np.copysign: "copysign",
    np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "round", np.matmul: "matmul",
    np.conjugate: "conj", np.equal: "eq", np.not_equal: "ne", np.less: "lt", np.less_equal: "le",
    np.greater: "gt", np.greater_equal: "ge", np.logical_and: "logical_and", np.logical_or: "logical_or",
    np.logical_xor: "logical_xor", np.logical_not: "logical_not", np.bitwise_and: "bitwise_and",
    np.bitwise_or: "bitwise_or", np.bitwise_xor: "bitwise_xor", np.invert: "bitwise_not", np.isnan: "isnan",
    np.isinf: "isinf", np.isfinite: "isfinite", np.signbit: "signbit", np.heaviside: "heaviside",
    np.left_shift: "bitwise_left_shift", np.right_shift: "bitwise_right_shift",
}  # fmt: skip

HANDLED: dict[Any, Callable[..., Any]] = {}


def on_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc of NumPy with tensors among its arguments."""
    out = kwargs.pop("out", None)
    if method == "__call__" and not kwargs:
        name = UFUNCS.get(ufunc)
        if name is None:
            return NotImplemented
        if out is None:
            return FUNCTIONS[name](*inputs)
        return _into(out[0], FUNCTIONS[name], inputs)
    if method == "reduce" and ufunc in REDUCTIONS:
        return call(REDUCTIONS[ufunc], (inputs[0],), {"axis": 0, **_given(kwargs)})
    if method == "at" and ufunc is np.add:
        target, where, values = inputs
        places, amounts = _indices(where), _tensor(values, target)
        return write(target, FUNCTIONS["index_put"], places, amounts, accumulate=True)
    if method == "outer":
        x, z = (_tensor(v, inputs[0]) for v in inputs)
        reshaped = FUNCTIONS["reshape"](x, (*x._a.shape, *(1,) * z._a.ndim))
        return on_ufunc(ufunc, "__call__", (reshaped, z), {})
    return NotImplemented


def on_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of NumPy with tensors among its arguments."""
    handler = HANDLED.get(function)
    if handler is None:
        return NotImplemented
    return handler(*args, **kwargs)


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`on_function` for a function that is known to be handled."""
    return HANDLED[function](*args, **kwargs)


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}


def _into(out: Any, function: Any, inputs: tuple[Any, ...]) -> Any:
    """A ufunc with `out=`: a write to a tensor, or to an array if nothing is recorded."""
    if isinstance(out, Recorded):
        return write(out, lambda _, *operands: function(*operands), *inputs)
    result = function(*inputs)
    if result.requires_grad:
        raise RuntimeError(
            "Can't write a Tensor that requires grad to a NumPy array: out= must be a Tensor, or use "
            "tensor.detach()"
        )
    out[...] = result._a
    return out


def _tensor(value: Any, like_: Any) -> Any:
    """A value as a tensor of the class of another; a copy of arrays, which their owner may write to."""
    if isinstance(value, Recorded):
        return value
    if isinstance(value, np.ndarray):
        value = value.copy()
    return wrap(face_of((like_,)) if isinstance(like_, Recorded) else Tensor, np.asarray(value))


def _indices(where: Any) -> tuple[Any, ...]:
    parts = where if isinstance(where, tuple) else (where,)
    return tuple(wrap(Tensor, np.asarray(p)) if not isinstance(p, Recorded) else p for p in parts)


def handles(*functions: Any) -> Callable[[Any], Any]:
    """Declare what a function of NumPy is on tensors."""

    def declare(written: Any) -> Any:
        for function in functions:
            HANDLED[function] = written
        return written

    return declare


def _f(name: str) -> Any:
    """A function of tensors by name, found when it is called: the files that declare them come later."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[name](*args, **kwargs)

    return run


# ---- functions that need nothing but their name
for _function, _name in {
    np.real: "real", np.imag: "imag", np.trace: "trace", np.outer: "outer", np.kron: "kron", np.dot:
    "_np_dot", np.ravel: "ravel", np.isclose: "isclose", np.allclose: "allclose",
    np.linalg.inv: "linalg_inv", np.linalg.det: "linalg_det", np.linalg.solve: "linalg_solve",
    np.linalg.cholesky: "linalg_cholesky", np.linalg.slogdet: "linalg_slogdet", np.linalg.eigh: "linalg_eigh",
    np.linalg.qr: "linalg_qr", np.linalg.matrix_power: "linalg_matrix_power", np.linalg.pinv: "linalg_pinv",
    np.vdot: "vdot", np.inner: "inner", np.array_equal: "equal", np.angle: "angle",
    np.nan_to_num: "nan_to_num", np.atleast_1d: "atleast_1d", np.atleast_2d: "atleast_2d",
    np.atleast_3d: "atleast_3d", np.iscomplexobj: "is_complex",
}.items():  # fmt: skip
    HANDLED[_function] = _f(_name)


# ---- reductions
def _reduction(name: str) -> Any:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        kwargs = {} if dtype is None else {"dtype": dtype}
        if axis == ():  # no axes: nothing to reduce
            return _finish(FUNCTIONS["clone"](a), out)
        return _finish(FUNCTIONS[name](a, axis, keepdim=_flag(keepdims), **kwargs), out)

    return reduce


def _flag(keepdims: Any) -> Any:
    return bool(keepdims) and keepdims is not np._NoValue


def _cast(a: Any, dtype: Any) -> Any:
    """A recorded value in another dtype, if one is wanted."""
    return a if dtype is None else cast(a, np.dtype(dtype))


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _into(out, lambda r: r, (result,))


HANDLED[np.sum] = _reduction("sum")
HANDLED[np.mean] = _reduction("mean")
HANDLED[np.nansum] = _reduction("nansum")
HANDLED[np.nanmean] = _reduction("nanmean")


@handles(np.max, np.amax)
def _max(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return _finish(FUNCTIONS["amax"](a, () if axis is None else axis, keepdim=_flag(keepdims)), out)


@handles(np.min, np.amin)
def _min(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return _finish(FUNCTIONS["amin"](a, () if axis is None else axis, keepdim=_flag(keepdims)), out)


@handles(np.prod)
def _prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    kept = _flag(keepdims)
    if axis is None:
        result = FUNCTIONS["prod"](a, dtype=dtype)
        return _finish(FUNCTIONS["reshape"](result, (1,) * a._a.ndim) if kept else result, out)
    axes = sorted((k % a._a.ndim for k in (axis if isinstance(axis, tuple) else (axis,))), reverse=True)
    for k in axes:
        a = FUNCTIONS["prod"](a, k, keepdim=kept, dtype=dtype)
    return _finish(a, out)


@handles(np.std)
def _std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: Any = False
) -> Any:
    return _finish(FUNCTIONS["std"](_cast(a, dtype), axis, correction=ddof, keepdim=_flag(keepdims)), out)


@handles(np.var)
def _var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: Any = False
) -> Any:
    return _finish(FUNCTIONS["var"](_cast(a, dtype), axis, correction=ddof, keepdim=_flag(keepdims)), out)


@handles(np.all)
def _all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return wrap(type(a)._face, np.all(a._a, axis=axis, keepdims=_flag(keepdims)))


@handles(np.any)
def _any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return wrap(type(a)._face, np.any(a._a, axis=axis, keepdims=_flag(keepdims)))


@handles(np.argmax)
def _argmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return wrap(type(a)._face, np.argmax(a._a, axis=axis, keepdims=_flag(keepdims)))


@handles(np.argmin)
def _argmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return wrap(type(a)._face, np.argmin(a._a, axis=axis, keepdims=_flag(keepdims)))


@handles(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return wrap(type(a)._face, np.count_nonzero(a._a, axis=axis, keepdims=_flag(keepdims)))


@handles(np.cumsum)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = FUNCTIONS["reshape"](a, (-1,)), 0
    return _finish(FUNCTIONS["cumsum"](a, axis, dtype=dtype), out)


@handles(np.cumprod)
def _cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = FUNCTIONS["reshape"](a, (-1,)), 0
    return _finish(FUNCTIONS["cumprod"](a, axis, dtype=dtype), out)


@handles(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return FUNCTIONS["linalg_norm"](x, ord, axis, keepdims)


REDUCTIONS = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.logical_and: np.all,
    np.logical_or: np.any,
}  # fmt: skip


# ---- shapes
@handles(np.reshape)
def _reshape(
    a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    shape = newshape if shape is None else shape
    if order == "F":
        lengths = (shape,) if isinstance(shape, int) else tuple(shape)
        reversed_ = FUNCTIONS["reshape"](_transpose(a), tuple(reversed(lengths)))
        return _transpose(reversed_)
    return FUNCTIONS["reshape"](a, (shape,) if isinstance(shape, int) else tuple(shape))


@handles(np.transpose, np.permute_dims)
def _transpose(a: Any, axes: Any = None) -> Any:
    rank = a._a.ndim
    order = tuple(reversed(range(rank))) if axes is None else tuple(k % rank for k in axes)
    return FUNCTIONS["permute"](a, order)


@handles(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return FUNCTIONS["transpose"](a, axis1, axis2)


@handles(np.matrix_transpose)
def _matrix_transpose(a: Any) -> Any:
    return FUNCTIONS["transpose"](a, -2, -1)


@handles(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return FUNCTIONS["movedim"](a, source, destination)


@handles(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, tuple) else (axis,)
    rank = a._a.ndim + len(axes)
    for k in sorted(k % rank for k in axes):
        a = FUNCTIONS["unsqueeze"](a, k)
    return a


@handles(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    for k in (axis if isinstance(axis, tuple) else (axis,)) if axis is not None else ():
        if a._a.shape[k] != 1:
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return FUNCTIONS["squeeze"](a) if axis is None else FUNCTIONS["squeeze"](a, axis)


@handles(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return FUNCTIONS["broadcast_to"](array, (shape,) if isinstance(shape, int) else tuple(shape))


@handles(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    first = next(a for a in args if isinstance(a, Recorded))
    return FUNCTIONS["broadcast_tensors"](*[_tensor(a, first) for a in args])


def _sequence(arrays: Any, dtype: Any = None) -> list[Any]:
    items = list(arrays)
    first = next(a for a in items if isinstance(a, Recorded))
    return [_cast(_tensor(a, first), dtype) for a in items]


@handles(np.concatenate)
def _concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = ""
) -> Any:
    items = _sequence(arrays, dtype)
    if axis is None:
        items, axis = [FUNCTIONS["reshape"](a, (-1,)) for a in items], 0
    return _finish(FUNCTIONS["cat"](items, axis), out)


@handles(np.stack)
def _stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "") -> Any:
    return _finish(FUNCTIONS["stack"](_sequence(arrays, dtype), axis), out)


@handles(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: str = "") -> Any:
    return FUNCTIONS["vstack"](_sequence(tup, dtype))


@handles(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: str = "") -> Any:
    return FUNCTIONS["hstack"](_sequence(tup, dtype))


@handles(np.dstack)
def _dstack(tup: Any) -> Any:
    return FUNCTIONS["dstack"](_sequence(tup))


@handles(np.column_stack)
def _column_stack(tup: Any) -> Any:
    return FUNCTIONS["column_stack"](_sequence(tup))


@handles(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return list(FUNCTIONS["tensor_split"](ary, indices_or_sections, axis))


@handles(np.repeat)
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    counts = repeats if isinstance(repeats, int) else wrap(Tensor, np.asarray(repeats))
    return FUNCTIONS["repeat_interleave"](a, counts, axis)


@handles(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    return FUNCTIONS["tile"](A, (reps,) if isinstance(reps, int) else tuple(reps))


@handles(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return FUNCTIONS["roll"](a, shift, axis)


@handles(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = tuple(range(m._a.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    return FUNCTIONS["flip"](m, axes)


@handles(np.flipud)
def _flipud(m: Any) -> Any:
    return FUNCTIONS["flip"](m, (0,))


@handles(np.fliplr)
def _fliplr(m: Any) -> Any:
    return FUNCTIONS["flip"](m, (1,))


@handles(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return FUNCTIONS["tril"](m, k)


@handles(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return FUNCTIONS["triu"](m, k)


@handles(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    return FUNCTIONS["diag"](v, k)


@handles(np.diagonal)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return FUNCTIONS["diagonal"](a, offset, axis1, axis2)


@handles(np.copy)
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return FUNCTIONS["clone"](a)


@handles(np.shape)
def _shape(a: Any) -> Any:
    return tuple(a._a.shape)


@handles(np.ndim)
def _ndim(a: Any) -> int:
    return int(a._a.ndim)


@handles(np.size)
def _size(a: Any, axis: Any = None) -> int:
    return int(a._a.size if axis is None else a._a.shape[axis])


# ---- elements
@handles(np.where)
def _where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None:
        return np.where(condition._a)
    first = next(v for v in (condition, x, y) if isinstance(v, Recorded))
    return FUNCTIONS["where"](_tensor(condition, first), x, y)


@handles(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    index = np.asarray(indices._a if isinstance(indices, Recorded) else indices)
    if axis is None:
        a, axis = FUNCTIONS["reshape"](a, (-1,)), 0
    axis %= a._a.ndim
    count = a._a.shape[axis]
    if mode != "raise":
        index = np.clip(index, 0, count - 1) if mode == "clip" else index % count
    return _finish(a[(slice(None),) * axis + (index,)], out)


@handles(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    return FUNCTIONS["take_along_dim"](arr, _tensor(indices, arr), axis)


@handles(np.clip)
def _clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return _finish(FUNCTIONS["clamp"](_tensor(a, low), low, high), out)


@handles(np.sort)
def _sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if axis is None:
        a, axis = FUNCTIONS["reshape"](a, (-1,)), 0
    return FUNCTIONS["sort"](a, axis)[0]


@handles(np.argsort)
def _argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return wrap(type(a)._face, np.argsort(a._a, axis=axis, kind="stable" if stable else kind))


@handles(np.round, np.around)
def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return _finish(FUNCTIONS["round"](a, decimals=decimals), out)


@handles(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    return FUNCTIONS["diff"](a, n, axis)


@handles(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    first = a if isinstance(a, Recorded) else b
    if not isinstance(axes, int):
        axes = tuple([k] if isinstance(k, int) else list(k) for k in axes)
    return FUNCTIONS["tensordot"](_tensor(a, first), _tensor(b, first), axes)


@handles(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    first = a if isinstance(a, Recorded) else b
    x, z = _tensor(a, first), _tensor(b, first)
    if x._a.ndim == 0 or z._a.ndim == 0:
        return _finish(FUNCTIONS["mul"](x, z), out)
    if z._a.ndim <= 2:
        return _finish(FUNCTIONS["matmul"](x, z), out)
    return _finish(FUNCTIONS["tensordot"](x, z, ([x._a.ndim - 1], [z._a.ndim - 2])), out)


@handles(np.einsum)
def _einsum(*operands: Any, out: Any = None, **kwargs: Any) -> Any:
    first = next(v for v in operands if isinstance(v, Recorded))
    return _finish(FUNCTIONS["einsum"](operands[0], *[_tensor(v, first) for v in operands[1:]]), out)


@handles(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    made = FUNCTIONS["cross"](np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1), -1)
    return np.moveaxis(made, -1, axisc)


# ---- new arrays like a tensor
@handles(np.zeros_like)
def _zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return like(np.zeros_like(a._a, dtype=dtype, shape=shape), a)


@handles(np.ones_like)
def _ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return like(np.ones_like(a._a, dtype=dtype, shape=shape), a)


@handles(np.empty_like)
def _empty_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return like(np.empty_like(a._a, dtype=dtype, shape=shape), a)


@handles(np.full_like)
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    if isinstance(fill_value, Recorded):
        target = like(np.empty_like(a._a, dtype=dtype, shape=shape), a)
        target[...] = fill_value
        return target
    return like(np.full_like(a._a, fill_value, dtype=dtype, shape=shape), a)
