"""Library calls that are not linear algebra: sorting, Fourier transforms, copies, random draws.

Importing this module fills CALLS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import TypeMismatchError
from ..ir.nodes import Value
from ..ir.types import F64, INT, Array, Scalar, Type, is_complex
from . import linalg, triangular
from .libcall import CALLS, ForwardCtx, LibCall, ReverseCtx, call, declare
from .prim import cast, emit

Gen = np.random.Generator


def _vector(name: str, types: list[Type]) -> Array:
    (t,) = types
    if not isinstance(t, Array) or t.rank != 1:
        raise TypeMismatchError(f"{name} takes a 1-d array, not {t}")
    return t


def _complex_vector(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    t = _vector("a Fourier transform", types)
    if not is_complex(t.dtype):
        raise TypeMismatchError(f"a Fourier transform takes a complex array, not {t}")
    return [t]


def _length(ctx: ReverseCtx, array: Value) -> Value:
    return cast(ctx.b, ctx.b.dim(array, 0), array.dtype)


def _fft_vjp(ctx: ReverseCtx) -> None:
    """y = F x has x_bar = Fᴴ y_bar = n ifft(y_bar)."""
    y_bar = ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        back, n = call(ctx.b, "ifft", y_bar), _length(ctx, y_bar)
        ctx.add_elements(0, lambda b, at: emit(b, "mul", b.load(back, at), n))


def _ifft_vjp(ctx: ReverseCtx) -> None:
    """y = Fᴴ x / n has x_bar = F y_bar / n."""
    y_bar = ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        forth, n = call(ctx.b, "fft", y_bar), _length(ctx, y_bar)
        ctx.add_elements(0, lambda b, at: emit(b, "div", b.load(forth, at), n))


def _linear_jvp(name: str) -> Callable[[ForwardCtx], list[Value | None]]:
    def rule(ctx: ForwardCtx) -> list[Value | None]:
        x_dot = ctx.dot(0)
        return [None if x_dot is None else call(ctx.b, name, x_dot)]

    return rule


def _copy_vjp(ctx: ReverseCtx) -> None:
    y_bar = ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        ctx.add(0, y_bar)


def _complex_samples(*lengths: int) -> tuple[Callable[[Gen], tuple[Any, ...]], ...]:
    def make(n: int) -> Callable[[Gen], tuple[Any, ...]]:
        return lambda rng: (rng.normal(size=n) + 1j * rng.normal(size=n),)

    return tuple(make(n) for n in lengths)


declare(
    LibCall(
        "argsort", lambda types, static: [Array(INT.dtype, _vector("argsort", types).rank)],
        lambda x: np.argsort(x, kind="stable"), "support.argsort({0})", None, None,
        samples=(lambda rng: (rng.normal(size=7),), lambda rng: (rng.integers(0, 3, 40).astype(float),)),
    )
)  # fmt: skip
declare(
    LibCall(
        "fft", _complex_vector, np.fft.fft, "support.fft({0})", _fft_vjp, _linear_jvp("fft"),
        samples=_complex_samples(8, 6, 1),
    )
)  # fmt: skip
declare(
    LibCall(
        "ifft", _complex_vector, np.fft.ifft, "support.ifft({0})", _ifft_vjp, _linear_jvp("ifft"),
        samples=_complex_samples(8, 6, 1),
    )
)  # fmt: skip
declare(
    LibCall(
        "copy", lambda types, static: list(types), lambda x: np.array(x, order="C"), "{0}.copy()",
        _copy_vjp, _linear_jvp("copy"), cost=1,
        samples=(lambda rng: (rng.normal(size=3),), lambda rng: (rng.normal(size=(3, 2)).T,)),
    )
)  # fmt: skip


def _draws(dtype: str, size_from: int) -> Callable[[list[Type], tuple[Any, ...]], list[Type]]:
    def types(args: list[Type], static: tuple[Any, ...]) -> list[Type]:
        rank = len(args) - size_from
        return [Array(dtype, rank) if rank else Scalar(dtype)]

    return types


def _draw(
    name: str, template: str, ref: Callable[..., Any], dtype: str, size_from: int, *samples: Any
) -> None:
    """A draw: its last arguments, from `size_from` on, are the lengths of the result; none for a scalar."""

    def fixed(args: tuple[Any, ...]) -> Callable[[Gen], tuple[Any, ...]]:
        return lambda rng: args

    declare(
        LibCall(
            name, _draws(dtype, size_from), ref, template, None, None,
            random=True, samples=tuple(map(fixed, samples)), size_from=size_from,
        )
    )  # fmt: skip


def _size(lengths: tuple[int, ...]) -> tuple[int, ...] | None:
    return lengths or None


# Draws of fixed distributions. A distribution with parameters is arithmetic on these, which is
# differentiated: a normal variable is loc + scale * random_normal(), a uniform one lo + (hi - lo) *
# random_random().
_draw(
    "random_random", "np.random.random({size})",
    lambda *n: np.random.random(_size(n)),  # noqa: NPY002 - the user's own generator
    F64.dtype, 0, (), (5,), (2, 3),
)  # fmt: skip
_draw(
    "random_normal", "np.random.normal(0.0, 1.0, {size})",
    lambda *n: np.random.normal(0.0, 1.0, _size(n)),  # noqa: NPY002
    F64.dtype, 0, (), (5,), (2, 3),
)  # fmt: skip
_draw(
    "random_exponential", "np.random.exponential(1.0, {size})",
    lambda *n: np.random.exponential(1.0, _size(n)),  # noqa: NPY002
    F64.dtype, 0, (), (5,), (2, 3),
)  # fmt: skip
_draw(
    "random_uniform", "np.random.uniform({0}, {1}, {size})",
    lambda lo, hi, *n: np.random.uniform(lo, hi, _size(n)),  # noqa: NPY002
    F64.dtype, 2, (-1.0, 2.0), (-1.0, 2.0, 5), (-1.0, 2.0, 2, 3),
)  # fmt: skip
_draw(
    "random_randint", "np.random.randint({0}, {1}, {size})",
    lambda lo, hi, *n: np.random.randint(lo, hi, _size(n)),  # noqa: NPY002
    INT.dtype, 2, (-1, 5), (-1, 5, 4), (-1, 5, 2, 3),
)  # fmt: skip
declare(
    LibCall(
        "random_permutation", lambda types, static: [Array(INT.dtype, 1)],
        lambda n: np.random.permutation(n),  # noqa: NPY002
        "np.random.permutation({0})", None, None, random=True, samples=(lambda rng: (6,),),
    )
)  # fmt: skip

__all__ = ["CALLS", "ForwardCtx", "LibCall", "ReverseCtx", "linalg", "triangular"]
