"""Systems with a triangular matrix, and Cholesky factors, with rules of both modes.

What is on the other side of the diagonal is not read, and gets no adjoint. NumPy's Cholesky reads the lower
triangle only, so its adjoint has an empty upper triangle: for a matrix built symmetric this is the usual
derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NoRuleError
from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import Type, is_complex
from .libcall import (
    ForwardCtx,
    LibCall,
    ReverseCtx,
    call,
    declare,
    each_of_triangle,
    fresh,
    holomorphic,
    negated,
    plus,
    shape,
    transposed,
)
from .linalg import array_type, normal, solve_types
from .prim import emit

Gen = np.random.Generator
Element = Callable[[Builder, tuple[Value, ...]], Value]


def triangle(b: Builder, n: Value, dtype: str, element: Element, *, upper: bool = False) -> Value:
    """A fresh triangular matrix, given by its elements; zero on the other side."""
    out = b.alloc([n, n], dtype, "zeros")
    each_of_triangle(b, n, upper, lambda at: b.store(out, at, element(b, at)))
    return out


def triangle_of(b: Builder, x: Value, *, upper: bool = False) -> Value:
    """np.tril(x), or np.triu(x)."""
    return triangle(b, b.dim(x, 0), x.dtype, lambda b, at: b.load(x, at), upper=upper)


# -- systems


def _solve_vjp(upper: bool) -> Callable[[ReverseCtx], None]:
    def rule(ctx: ReverseCtx) -> None:
        b, y_bar = ctx.b, ctx.bar(0)
        if y_bar is None:
            return
        turned = transposed(b, ctx.arg(0))
        rhs_bar = call(b, "solve_lower" if upper else "solve_upper", turned, y_bar)
        if ctx.active(1):
            ctx.add(1, rhs_bar)
        if not ctx.active(0):
            return
        y = ctx.result(0)
        if y.rank == 2:
            product = call(b, "dot", rhs_bar, transposed(b, y))
            ctx.add_triangle(0, lambda b, at: emit(b, "neg", b.load(product, at)), upper)
        else:
            ctx.add_triangle(
                0,
                lambda b, at: emit(b, "neg", emit(b, "mul", b.load(rhs_bar, at[:1]), b.load(y, at[1:]))),
                upper,
            )

    return rule


def _solve_jvp(upper: bool) -> Callable[[ForwardCtx], list[Value | None]]:
    def rule(ctx: ForwardCtx) -> list[Value | None]:
        b, a_dot, rhs_dot = ctx.b, ctx.dot(0), ctx.dot(1)
        if a_dot is not None:
            product = call(b, "dot", triangle_of(b, a_dot, upper=upper), ctx.result(0))
            rhs_dot = plus(b, rhs_dot, negated(b, product))
        name = "solve_upper" if upper else "solve_lower"
        return [None if rhs_dot is None else call(b, name, ctx.arg(0), rhs_dot)]

    return rule


# -- Cholesky (Murray 2016)


def _real_matrix(types: list[Type], static: tuple[Any, ...]) -> list[Type]:
    a = array_type("cholesky", types[0], (2,))
    if is_complex(a.dtype):
        raise NoRuleError("cholesky of a complex matrix is not supported")
    return [a]


def _half_lower(b: Builder, x: Value) -> Value:
    """Φ: the lower triangle with half the diagonal."""

    def element(b: Builder, at: tuple[Value, ...]) -> Value:
        value = b.load(x, at)
        half = emit(b, "mul", value, b.const(0.5, x.dtype))
        return emit(b, "select", emit(b, "eq", *at), half, value)

    return triangle(b, b.dim(x, 0), x.dtype, element)


def _mirrored(b: Builder, x: Value) -> Value:
    """The symmetric matrix with the lower triangle of x."""

    def element(b: Builder, at: tuple[Value, ...]) -> Value:
        return emit(b, "select", emit(b, "ge", *at), b.load(x, at), b.load(x, at[::-1]))

    return fresh(b, shape(b, x), x.dtype, element)


def _cholesky_vjp(ctx: ReverseCtx) -> None:
    b, y_bar = ctx.b, ctx.bar(0)
    if y_bar is not None and ctx.active(0):
        ctx.add(0, call(b, "cholesky_adjoint", ctx.result(0), y_bar))


def _cholesky_jvp(ctx: ForwardCtx) -> list[Value | None]:
    b, a_dot = ctx.b, ctx.dot(0)
    if a_dot is None:
        return [None]
    lower = ctx.result(0)
    left = call(b, "solve_lower", lower, _mirrored(b, a_dot))
    middle = call(b, "solve_lower", lower, transposed(b, left))
    return [call(b, "dot", lower, _half_lower(b, middle))]


# The adjoint of a Cholesky factor L is the lower triangle of S + Sᵀ, the diagonal once, with
#
#     S = L⁻ᵀ M L⁻¹    M = Φ(Lᵀ L_bar)
#
# which takes 4 n³ operations as written, and 2/3 n³ in the blocks of the library call.


def _left_divided(b: Builder, lower: Value, x: Value) -> Value:
    """L⁻ᵀ x."""
    return call(b, "solve_upper", transposed(b, lower), x)


def _right_divided(b: Builder, lower: Value, x: Value) -> Value:
    """x L⁻¹."""
    return transposed(b, _left_divided(b, lower, transposed(b, x)))


def _middle(b: Builder, lower: Value, lower_bar: Value) -> Value:
    """M."""
    return _half_lower(b, call(b, "dot", transposed(b, lower), lower_bar))


def _with_transpose(b: Builder, x: Value) -> Value:
    """x + xᵀ."""
    return fresh(b, shape(b, x), x.dtype, lambda b, at: emit(b, "add", b.load(x, at), b.load(x, at[::-1])))


def _adjoint_jvp(ctx: ForwardCtx) -> list[Value | None]:
    """dS = L⁻ᵀ (dM - dLᵀ (L⁻ᵀ M) - (M L⁻¹) dL) L⁻¹ with dM = Φ(dLᵀ L_bar + Lᵀ dL_bar)."""
    b, lower, lower_bar = ctx.b, ctx.arg(0), ctx.arg(1)
    lower_dot, bar_dot = ctx.dot(0), ctx.dot(1)
    inside: Value | None = None
    if bar_dot is not None:
        inside = _middle(b, lower, bar_dot)
    if lower_dot is not None:
        change = triangle_of(b, lower_dot)
        middle = _middle(b, lower, lower_bar)
        known = plus(b, inside, _middle(b, change, lower_bar))
        left = call(b, "dot", transposed(b, change), _left_divided(b, lower, middle))
        right = call(b, "dot", _right_divided(b, lower, middle), change)
        inside = plus(b, plus(b, known, negated(b, left)), negated(b, right))
    if inside is None:
        return [None]
    s_dot = _right_divided(b, lower, _left_divided(b, lower, inside))

    def element(b: Builder, at: tuple[Value, ...]) -> Value:
        value = b.load(s_dot, at)
        both = emit(b, "add", value, b.load(s_dot, at[::-1]))
        return emit(b, "select", emit(b, "eq", *at), value, both)

    return [triangle(b, b.dim(s_dot, 0), s_dot.dtype, element)]


def _adjoint_vjp(ctx: ReverseCtx) -> None:
    """With G the cotangent, mirrored, and N = Φ(L⁻¹ G L⁻ᵀ): the cotangent of L_bar is L N, the tangent of the
    factor; that of L is the lower triangle of L_bar Nᵀ - (S + Sᵀ) G L⁻ᵀ."""
    b, y_bar = ctx.b, ctx.bar(0)
    if y_bar is None:
        return
    lower, g = ctx.arg(0), _mirrored(b, y_bar)
    divided = call(b, "solve_lower", lower, g)  # L⁻¹ G, whose transpose is G L⁻ᵀ
    middle_bar = _half_lower(b, call(b, "solve_lower", lower, transposed(b, divided)))
    if ctx.active(1):
        change = call(b, "dot", lower, middle_bar)
        ctx.add_triangle(1, lambda b, at: b.load(change, at), upper=False)
    if ctx.active(0):
        middle = _middle(b, lower, ctx.arg(1))
        s = _right_divided(b, lower, _left_divided(b, lower, middle))
        first = call(b, "dot", triangle_of(b, ctx.arg(1)), transposed(b, middle_bar))
        second = call(b, "dot", _with_transpose(b, s), transposed(b, divided))
        ctx.add_triangle(0, lambda b, at: emit(b, "sub", b.load(first, at), b.load(second, at)), upper=False)


# -- what they mean, and samples


def _cholesky_adjoint_ref(lower: Any, lower_bar: Any) -> Any:
    inverse = np.linalg.inv(np.tril(lower))
    middle = np.tril(np.tril(lower).T @ np.tril(lower_bar))
    middle[np.diag_indices_from(middle)] *= 0.5
    s = inverse.T @ middle @ inverse
    return np.tril(s + s.T) - np.diag(np.diag(s))


def _positive(n: int) -> Callable[[Gen], tuple[Any, ...]]:
    def make(rng: Gen) -> tuple[Any, ...]:
        x = rng.normal(size=(n, n))
        return (x @ x.T + n * np.eye(n),)

    return make


def _factor(n: int) -> Callable[[Gen], tuple[Any, ...]]:
    return lambda rng: (np.linalg.cholesky(*_positive(n)(rng)), rng.normal(size=(n, n)))


SYSTEMS = (normal((3, 3), (3,)), normal((3, 3), (3, 2)), normal((3, 3), (3, 2), dtype="complex128"))


def _solve(name: str, upper: bool) -> LibCall:
    triangle = np.triu if upper else np.tril
    return LibCall(
        name,
        solve_types,
        lambda a, rhs: np.linalg.solve(triangle(a), rhs),
        f"triangular.{name}({{0}}, {{1}})",
        holomorphic(_solve_vjp(upper)),
        _solve_jvp(upper),
        samples=SYSTEMS,
    )


declare(_solve("solve_lower", upper=False))
declare(_solve("solve_upper", upper=True))
declare(
    LibCall(
        "cholesky", _real_matrix, np.linalg.cholesky, "support.cholesky({0})", _cholesky_vjp, _cholesky_jvp,
        samples=(_positive(3), _positive(1)),
    )
)  # fmt: skip
declare(
    LibCall(
        "cholesky_adjoint", _real_matrix, _cholesky_adjoint_ref, "triangular.cholesky_adjoint({0}, {1})",
        _adjoint_vjp, _adjoint_jvp, samples=(_factor(3), _factor(1), _factor(4)),
    )
)  # fmt: skip
