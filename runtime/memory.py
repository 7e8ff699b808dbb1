"""What generated source imports as `mem`: fresh arrays whose large ones do not cost a page fault every 4 KB.

`mem.empty(shape)` is `np.empty(shape)`, in plain Python too. Compiled, an array of 4 MB or more asks the
system for huge pages, as NumPy does for its own arrays and Numba does not: a tape of 100 MB takes 16 ms to
write and read, not 55 (in memory that was used before: 10). It is one piece of code in the caller; of Numba,
`np.zeros_like` is a chain of functions: six arrays take 0.12 s to compile, not 0.54.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.npydecl import parse_dtype, parse_shape
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import _empty_nd_impl, _parse_empty_like_args, _parse_shape

# glibc gives freed memory back to the system from twice the size of the largest block that was ever freed on,
# up to 32 MB for such a block: a gradient whose arrays have 1 MB each would fault in its pages at every call.
# One block of 32 MB, of which no page is touched, has it keep 64 MB, as where a program frees a large array.
np.empty((1 << 25) - (1 << 16), np.uint8)

HUGE = 1 << 22
"""Bytes from which on NumPy asks for huge pages."""
PAGE = 4096
MADV_HUGEPAGE = 14


def empty(shape: Any, dtype: Any = np.float64) -> Any:
    """`np.empty`."""
    return np.empty(shape, dtype)


def zeros(shape: Any, dtype: Any = np.float64) -> Any:
    """`np.zeros`."""
    return np.zeros(shape, dtype)


def empty_like(array: Any) -> Any:
    """`np.empty_like`, in C order."""
    return np.empty(array.shape, array.dtype)


def zeros_like(array: Any) -> Any:
    """`np.zeros_like`, in C order."""
    return np.zeros(array.shape, array.dtype)


def _typed_by_shape(context: Any) -> Callable[..., Any]:
    def typer(shape: Any, dtype: Any = None) -> Any:
        rank, element = parse_shape(shape), types.float64 if dtype is None else parse_dtype(dtype)
        return None if rank is None or element is None else types.Array(element, rank, "C")

    return typer


def _typed_by_model(context: Any) -> Callable[..., Any]:
    def typer(array: Any) -> Any:
        return types.Array(array.dtype, array.ndim, "C") if isinstance(array, types.Array) else None

    return typer


def _register(function: Callable[..., Any], *, like: bool, zero: bool) -> None:
    """Teach Numba one of the functions above."""
    type_callable(function)(_typed_by_model if like else _typed_by_shape)

    @lower_builtin(function, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if like:
            _, shape = _parse_empty_like_args(context, builder, signature, args)
        else:
            shape = _parse_shape(context, builder, signature.args[0], args[0])
        array = _empty_nd_impl(context, builder, signature.return_type, shape)
        array.data = _apart(builder, array.data)
        size = builder.mul(array.itemsize, array.nitems)
        if sys.platform == "linux":
            _advise(builder, array.data, size)
        if zero:
            cgutils.memset(builder, array.data, size, 0)
        return array._getvalue()


def _advise(builder: Any, data: Any, size: Any) -> None:
    """Ask for huge pages if the array is large."""
    word = size.type
    with builder.if_then(builder.icmp_unsigned(">=", size, word(HUGE)), likely=False):
        first = builder.ptrtoint(data, word)
        start = builder.and_(builder.add(first, word(PAGE - 1)), word(-PAGE))
        end = builder.add(first, size)
        advice = ir.FunctionType(ir.IntType(32), [word, word, ir.IntType(32)])
        madvise = cgutils.get_or_insert_function(builder.module, advice, "madvise")
        builder.call(madvise, [start, builder.sub(end, start), ir.IntType(32)(MADV_HUGEPAGE)])


def _apart(builder: Any, data: Any) -> Any:
    """The address of a fresh array, of which LLVM knows that no other array lies there.

    LLVM can not see that, for the address comes out of Numba's record of the allocation; a loop over many
    arrays would have no vectors, as too many tests would have to tell them apart. So the address goes through
    assembly that does nothing, and whose result is declared to alias nothing, as that of `malloc` is. The
    second piece says that others know the address: who gives the array free may touch it.
    """
    pointer = data.type
    same = ir.InlineAsm(ir.FunctionType(pointer, [pointer]), "", "=r,0")
    address = builder.call(same, [data], cconv="noalias")  # where llvmlite has room for what is returned
    known = ir.InlineAsm(ir.FunctionType(ir.VoidType(), [pointer]), "", "r,~{memory}", side_effect=True)
    builder.call(known, [address])
    return address


_register(empty, like=False, zero=False)
_register(zeros, like=False, zero=True)
_register(empty_like, like=True, zero=False)
_register(zeros_like, like=True, zero=True)
