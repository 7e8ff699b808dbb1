"""Rules of library calls for all lanes at once: one matrix product for many products with vectors.

    y = dot(a, x)        y_dot[:, lane] = dot(a, x_dot[:, lane])        y_dot = dot(a, x_dot)

The lanes are the last axis, so the tangents of a vector are a matrix. A call without such a rule has its own
tangent rule run lane by lane.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import Array
from ..prims.libcall import call, each, each_of_triangle, plus, shape, transposed
from ..prims.prim import emit


class LaneCtx(Protocol):
    """What a rule sees; the primal call has been emitted."""

    b: Builder
    lanes: Value

    def arg(self, i: int) -> Value:
        """Argument i."""

    def result(self, i: int) -> Value:
        """Result i."""

    def dots(self, i: int) -> Value | None:
        """The tangents of argument i with the lanes as last axis, contiguous; None where they are zero."""


def _dot(ctx: LaneCtx) -> Value | None:
    """The tangents of a product; None for tangents of a matrix on the left, whose lanes are inside."""
    x, z = ctx.arg(0), ctx.arg(1)
    x_dots = ctx.dots(0)
    if x_dots is not None and x.rank == 2:
        return None
    z_dots = ctx.dots(1)
    left = None if x_dots is None else _left(ctx.b, x_dots, z)
    return plus(ctx.b, left, None if z_dots is None else _right(ctx, x, z_dots))


def _left(b: Builder, x_dots: Value, z: Value) -> Value:
    """x_dots has the axes (j, lane)."""
    if z.rank == 1:
        return call(b, "dot", z, x_dots)
    return call(b, "dot", transposed(b, z), x_dots)


def _right(ctx: LaneCtx, x: Value, z_dots: Value) -> Value:
    """z_dots has the axes (j, lane), or (j, column, lane), whose last two are columns of one matrix."""
    b = ctx.b
    if z_dots.rank == 2:
        return call(b, "dot", x, z_dots)
    rows, columns = b.dim(z_dots, 0), b.dim(z_dots, 1)
    wide = b.view(z_dots, "reshape", (), (rows, emit(b, "mul", columns, ctx.lanes)), 2)
    product = call(b, "dot", x, wide)
    lengths = [*([b.dim(x, 0)] if x.rank == 2 else []), columns, ctx.lanes]
    return b.view(product, "reshape", (), lengths, len(lengths))


def _solve(ctx: LaneCtx, name: str) -> Value | None:
    """a y_dot = rhs_dot - a_dot y: one factorisation for all lanes of a vector."""
    b, y = ctx.b, ctx.result(0)
    if y.rank == 2:
        return None
    a_dots, rhs_dots = ctx.dots(0), ctx.dots(1)
    if a_dots is not None:
        (n,) = shape(b, y)
        rhs = b.alloc([n, ctx.lanes], y.dtype, "zeros", "rhs_dot")
        if rhs_dots is not None:
            given = rhs_dots
            each(b, [n, ctx.lanes], lambda at: b.store(rhs, at, b.load(given, at)))
        matrix = a_dots

        def subtract(row: tuple[Value, ...]) -> None:
            def one(lane: tuple[Value, ...]) -> None:
                product = emit(b, "mul", b.load(matrix, (*row, *lane)), b.load(y, row[1:]))
                b.store(rhs, (row[0], *lane), emit(b, "neg", product), accumulate=True)

            each(b, [ctx.lanes], one)

        if name == "solve":
            each(b, [n, n], subtract)
        else:
            each_of_triangle(b, n, name == "solve_upper", subtract)
        rhs_dots = rhs
    if rhs_dots is None:
        return None
    (out,) = b.call(name, (ctx.arg(0), rhs_dots), (Array(y.dtype, 2),))
    return out


SOLVERS = ("solve", "solve_lower", "solve_upper")
LANE_RULES: dict[str, Callable[[LaneCtx], Value | None]] = {
    "dot": _dot,
    **{name: partial(_solve, name=name) for name in SOLVERS},
}
