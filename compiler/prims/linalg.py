"""Library calls of linear algebra, with rules of both modes.

Notation as in the literature: for C = A·B, A_bar = C_bar Bᵀ and B_bar = Aᵀ C_bar. Rules are written with
plain transposes; `holomorphic` conjugates them for complex matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NoRuleError, TypeMismatchError
from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import Array, Scalar, Type, is_complex, is_inexact
from .libcall import (
    ForwardCtx,
    LibCall,
    ReverseCtx,
    call,
    declare,
    holomorphic,
    inner,
    negated,
    plus,
    scaled,
    transposed,
)
from .prim import emit

Gen = np.random.Generator


def array_type(name: str, t: Type, ranks: tuple[int, ...]) -> Array:
    """The type of an argument, refused unless it is an array of floats of one of these ranks."""
    if not isinstance(t, Array) or t.rank not in ranks or not is_inexact(t.dtype):
        wanted = " or ".join(f"{rank}-d" for rank in ranks)
        raise TypeMismatchError(f"{name} takes {wanted} arrays of floats, not {t}")
    return t


def _dot_types(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    x, z = (array_type("dot", t, (1, 2)) for t in types)
    if x.dtype != z.dtype:
        raise TypeMismatchError(f"dot takes arrays of one dtype, not {x} and {z}")
    rank = x.rank + z.rank - 2
    return [Array(x.dtype, rank) if rank else Scalar(x.dtype)]


def solve_types(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    """The result of a system: like its right-hand side."""
    a, rhs = array_type("solve", types[0], (2,)), array_type("solve", types[1], (1, 2))
    if a.dtype != rhs.dtype:
        raise TypeMismatchError(f"solve takes arrays of one dtype, not {a} and {rhs}")
    return [rhs]


def _like(name: str, types: list[Type]) -> list[Type]:
    return [array_type(name, types[0], (2,))]


def _real_matrix(name: str, types: list[Type]) -> Array:
    a = array_type(name, types[0], (2,))
    if is_complex(a.dtype):
        raise NoRuleError(f"{name} of a complex matrix is not supported")
    return a


def _outer(x: Value, z: Value, sign: str | None = None) -> Callable[[Builder, tuple[Value, ...]], Value]:
    """Elements of the outer product of two vectors, negated when `sign` is "neg"."""

    def element(b: Builder, at: tuple[Value, ...]) -> Value:
        product = emit(b, "mul", b.load(x, at[:1]), b.load(z, at[1:]))
        return emit(b, sign, product) if sign else product

    return element


def _subtract(ctx: ReverseCtx, i: int, contribution: Value) -> None:
    ctx.add_elements(i, lambda b, at: emit(b, "neg", b.load(contribution, at)))


# -- dot


def _dot_vjp(ctx: ReverseCtx) -> None:
    b, y_bar = ctx.b, ctx.bar(0)
    if y_bar is None:
        return
    x_rank, z_rank = (a.rank for a in ctx.op.args)
    if ctx.active(0):
        _dot_left(ctx, b, y_bar, ctx.arg(1), x_rank)
    if ctx.active(1):
        _dot_right(ctx, b, y_bar, ctx.arg(0), z_rank)


def _dot_left(ctx: ReverseCtx, b: Builder, y_bar: Value, z: Value, x_rank: int) -> None:
    if not y_bar.rank:
        ctx.add_elements(0, lambda b, at: emit(b, "mul", y_bar, b.load(z, at)))
    elif z.rank == 1:
        ctx.add_elements(0, _outer(y_bar, z))
    elif x_rank == 1:
        ctx.add(0, call(b, "dot", z, y_bar))
    else:
        ctx.add(0, call(b, "dot", y_bar, transposed(b, z)))


def _dot_right(ctx: ReverseCtx, b: Builder, y_bar: Value, x: Value, z_rank: int) -> None:
    if not y_bar.rank:
        ctx.add_elements(1, lambda b, at: emit(b, "mul", y_bar, b.load(x, at)))
    elif x.rank == 1:
        ctx.add_elements(1, _outer(x, y_bar))
    else:  # y_bar has the rank of z
        ctx.add(1, call(b, "dot", transposed(b, x), y_bar))


def _dot_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, x_dot, z_dot = ctx.b, ctx.dot(0), ctx.dot(1)
    left = None if x_dot is None else call(b, "dot", x_dot, ctx.arg(1))
    right = None if z_dot is None else call(b, "dot", ctx.arg(0), z_dot)
    return [plus(b, left, right)]


# -- solve and inv


def _solve_vjp(ctx: ReverseCtx) -> None:
    b, y_bar = ctx.b, ctx.bar(0)
    if y_bar is None:
        return
    rhs_bar = call(b, "solve", transposed(b, ctx.arg(0)), y_bar)
    if ctx.active(1):
        ctx.add(1, rhs_bar)
    if ctx.active(0) and y_bar.rank == 1:
        ctx.add_elements(0, _outer(rhs_bar, ctx.result(0), "neg"))
    elif ctx.active(0):
        _subtract(ctx, 0, call(b, "dot", rhs_bar, transposed(b, ctx.result(0))))


def _solve_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, a_dot, rhs_dot = ctx.b, ctx.dot(0), ctx.dot(1)
    if a_dot is not None:
        rhs_dot = plus(b, rhs_dot, negated(b, call(b, "dot", a_dot, ctx.result(0))))
    return [None if rhs_dot is None else call(b, "solve", ctx.arg(0), rhs_dot)]


def _inv_vjp(ctx: ReverseCtx) -> None:
    b, y_bar = ctx.b, ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        y_t = transposed(b, ctx.result(0))
        _subtract(ctx, 0, call(b, "dot", call(b, "dot", y_t, y_bar), y_t))


def _inv_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, a_dot = ctx.b, ctx.dot(0)
    if a_dot is None:
        return [None]
    y = ctx.result(0)
    return [negated(b, call(b, "dot", call(b, "dot", y, a_dot), y))]


# -- determinants. The derivative of det is the matrix of cofactors, which exists for singular matrices too;
# the derivative of that one (second derivatives of det) is written with the inverse, and raises for a
# singular matrix.


def _det_vjp(ctx: ReverseCtx) -> None:
    y_bar = ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        cofactors = call(ctx.b, "cofactor", ctx.arg(0))
        ctx.add_elements(0, lambda b, at: emit(b, "mul", y_bar, b.load(cofactors, at)))


def _det_jvp(ctx: ForwardCtx) -> list[Value | None]:
    a_dot = ctx.dot(0)
    return [None if a_dot is None else inner(ctx.b, call(ctx.b, "cofactor", ctx.arg(0)), a_dot)]


def _cofactor_vjp(ctx: ReverseCtx) -> None:
    b, c_bar = ctx.b, ctx.bar(0)
    if c_bar is None or not ctx.active(0):
        return
    c, v = ctx.result(0), transposed(b, call(b, "inv", ctx.arg(0)))
    ctx.add(0, scaled(b, v, inner(b, c_bar, c)))
    _subtract(ctx, 0, call(b, "dot", call(b, "dot", c, transposed(b, c_bar)), v))


def _cofactor_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, a_dot = ctx.b, ctx.dot(0)
    if a_dot is None:
        return [None]
    c, v = ctx.result(0), transposed(b, call(b, "inv", ctx.arg(0)))
    turned = call(b, "dot", call(b, "dot", v, transposed(b, a_dot)), c)
    return [plus(b, scaled(b, c, inner(b, v, a_dot)), negated(b, turned))]


def _slogdet_vjp(ctx: ReverseCtx) -> None:
    y_bar = ctx.bar(1)
    if y_bar is not None and ctx.active(0):
        v = transposed(ctx.b, call(ctx.b, "inv", ctx.arg(0)))
        ctx.add_elements(0, lambda b, at: emit(b, "mul", y_bar, b.load(v, at)))


def _slogdet_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, a_dot = ctx.b, ctx.dot(0)
    if a_dot is None:
        return [None, None]
    return [None, inner(b, transposed(b, call(b, "inv", ctx.arg(0))), a_dot)]


# -- samples


def normal(*shapes: tuple[int, ...], dtype: str = "float64") -> Callable[[Gen], tuple[Any, ...]]:
    """Draws of the given shapes; square matrices are moved away from singular ones."""

    def one(rng: Gen, size: tuple[int, ...]) -> Any:
        x = rng.normal(size=size)
        if dtype == "complex128":
            x = x + 1j * rng.normal(size=size)
        square = len(size) == 2 and size[0] == size[1]
        return x + 3 * np.eye(size[0]) if square else x

    return lambda rng: tuple(one(rng, size) for size in shapes)


C = "complex128"
SQUARES = (normal((3, 3)), normal((1, 1)), normal((5, 5)), normal((3, 3), dtype=C))


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def _cofactor_ref(a: Any) -> Any:
    """By minors: slow, and right for every matrix."""
    a = np.asarray(a)
    out = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        out[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return out


def _det_types(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    return [Scalar(array_type("det", types[0], (2,)).dtype)]


def _slogdet_types(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    a = _real_matrix("slogdet", types)
    return [Scalar(a.dtype), Scalar(a.dtype)]


declare(
    LibCall(
        "dot", _dot_types, np.dot, "support.dot({0}, {1})", holomorphic(_dot_vjp), _dot_jvp,
        cost=50,
        samples=(
            normal((4,), (4,)), normal((3, 4), (4,)), normal((4,), (4, 3)), normal((2, 4), (4, 3)),
            normal((4,), (4,), dtype=C), normal((3, 4), (4,), dtype=C), normal((2, 4), (4, 3), dtype=C),
        ),
    )
)  # fmt: skip
declare(
    LibCall(
        "dot_into", lambda types, static: [types[2]], np.dot, "support.dot_into({0}, {1}, {2})", None, None,
        cost=50,
    )
)  # fmt: skip
declare(
    LibCall(
        "solve", solve_types, np.linalg.solve, "support.solve({0}, {1})",
        holomorphic(_solve_vjp), _solve_jvp,
        samples=(normal((3, 3), (3,)), normal((3, 3), (3, 2)), normal((3, 3), (3, 2), dtype=C)),
    )
)  # fmt: skip
declare(
    LibCall(
        "inv", lambda types, static: _like("inv", types), np.linalg.inv, "support.inv({0})",
        holomorphic(_inv_vjp), _inv_jvp, samples=SQUARES,
    )
)  # fmt: skip
declare(
    LibCall(
        "det", _det_types, np.linalg.det, "support.det({0})",
        holomorphic(_det_vjp), _det_jvp, samples=(*SQUARES, lambda rng: (SINGULAR.copy(),)),
    )
)  # fmt: skip
declare(
    LibCall(
        "cofactor", lambda types, static: _like("cofactor", types), _cofactor_ref, "support.cofactor({0})",
        holomorphic(_cofactor_vjp), _cofactor_jvp, samples=SQUARES,
    )
)  # fmt: skip
declare(
    LibCall(
        "slogdet", _slogdet_types, np.linalg.slogdet, "support.slogdet({0})", _slogdet_vjp, _slogdet_jvp,
        samples=(normal((3, 3)), normal((1, 1))),
    )
)  # fmt: skip
