"""Functions of `scipy.linalg`; `library.find` imports this file for a program that uses them.

A matrix of which SciPy reads one triangle has a derivative in that triangle only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from ..ir.types import Array, is_complex
from ..prims.prim import emit
from .core import Ctx, as_array, static, unify
from .elementwise import conj
from .linalg import blas_operand, call, square_call
from .linalg import solve as lu_solve
from .promotion import result_dtype
from .reduce import carried
from .registry import Sample, lowers, square_matrix, values
from .shape import permute
from .value import AbstractValue, Arr, Known, Num, Tup

NORMAL = {"N": 0, "T": 1, "C": 2}


def _uneven() -> np.ndarray[Any, Any]:
    """A matrix whose triangles differ."""
    return square_matrix() + np.triu(np.full((3, 3), 0.1), 1)


def _finite(ctx: Ctx, a: Arr, check_finite: AbstractValue) -> None:
    if static(ctx, check_finite, "check_finite"):
        ok = carried(
            ctx,
            a.shape,
            ctx.b.const(True, "bool"),
            lambda b, so_far, index: emit(b, "and", so_far, emit(b, "isfinite", a.at(b, index))),
        )
        ctx.require(ok, "ValueError", "array must not contain infs or NaNs")


def _substitution(ctx: Ctx, a: Arr, b: Arr, lower: bool) -> Arr:
    dtype = result_dtype(ctx, Num(ctx.b.const(0.0)), a, b)
    refs = [blas_operand(ctx, x, dtype) for x in (a, b)]
    name = "solve_lower" if lower else "solve_upper"
    found: Arr = call(ctx, name, refs, [Array(dtype, b.rank)], [b.shape])[0]
    return found


def _turned(ctx: Ctx, a: Arr) -> Arr:
    """The conjugate transpose."""
    turned = permute(a, (1, 0))
    return as_array(ctx, conj(ctx, turned)) if is_complex(a.dtype) else turned


def _right_hand_side(ctx: Ctx, a: Arr, b: AbstractValue, name: str) -> Arr:
    right = as_array(ctx, b)
    if right.rank not in (1, 2):
        raise ctx.no_rule(f"scipy.linalg.{name} takes a right-hand side of rank 1 or 2")
    unify(ctx, a.shape[0], right.shape[0], f"scipy.linalg.{name}: the sizes do not fit,")
    return right


def _square(ctx: Ctx, a: AbstractValue, name: str, check_finite: AbstractValue) -> Arr:
    arr = as_array(ctx, a)
    if arr.rank != 2:
        raise ctx.no_rule(f"scipy.linalg.{name} of an array of rank {arr.rank} is not supported")
    unify(ctx, arr.shape[0], arr.shape[1], f"scipy.linalg.{name}: the matrix must be square, not")
    _finite(ctx, arr, check_finite)
    return arr


@lowers(
    scipy.linalg.solve_triangular,
    samples=lambda: [
        Sample(square_matrix(), values(3)),
        Sample(square_matrix(), values(3, 2), lower=True),
        Sample(square_matrix(), values(3), trans=1),
        Sample(square_matrix(), values(3, 2), "T", True, check_finite=False),
        Sample(square_matrix() + 0.5j, values(3), trans="C"),
    ],
)
def solve_triangular(
    ctx: Ctx,
    a: AbstractValue,
    b: AbstractValue,
    trans: AbstractValue = 0,
    lower: AbstractValue = False,
    unit_diagonal: AbstractValue = False,
    overwrite_b: AbstractValue = False,
    check_finite: AbstractValue = True,
) -> Arr:
    """scipy.linalg.solve_triangular; `overwrite_b` allows to write to b, which nothing here does."""
    arr = _square(ctx, a, "solve_triangular", check_finite)
    right = _right_hand_side(ctx, arr, b, "solve_triangular")
    _finite(ctx, right, check_finite)
    if static(ctx, unit_diagonal, "unit_diagonal"):
        raise ctx.no_rule("scipy.linalg.solve_triangular with unit_diagonal=True is not supported")
    kind, low = static(ctx, trans, "trans"), bool(static(ctx, lower, "lower"))
    kind = NORMAL.get(kind, kind)
    if kind == 0:
        return _substitution(ctx, arr, right, low)
    turned = _turned(ctx, arr) if kind == 2 else permute(arr, (1, 0))
    return _substitution(ctx, turned, right, not low)


@lowers(
    scipy.linalg.cholesky,
    samples=lambda: [Sample(square_matrix()), Sample(square_matrix(), lower=True), Sample(_uneven())],
)
def cholesky(
    ctx: Ctx,
    a: AbstractValue,
    lower: AbstractValue = False,
    overwrite_a: AbstractValue = False,
    check_finite: AbstractValue = True,
) -> Arr:
    """scipy.linalg.cholesky: of the upper triangle, or of the lower one."""
    arr = _square(ctx, a, "cholesky", check_finite)
    low = bool(static(ctx, lower, "lower"))
    factor: Arr = square_call("cholesky")(ctx, arr if low else _turned(ctx, arr))
    return factor if low else _turned(ctx, factor)


@lowers(scipy.linalg.cho_factor)
def cho_factor(
    ctx: Ctx,
    a: AbstractValue,
    lower: AbstractValue = False,
    overwrite_a: AbstractValue = False,
    check_finite: AbstractValue = True,
) -> Tup:
    """scipy.linalg.cho_factor; zeros where SciPy leaves what was there."""
    return Tup((cholesky(ctx, a, lower, overwrite_a, check_finite), Known(bool(static(ctx, lower, "lower")))))


@lowers(
    scipy.linalg.cho_solve,
    samples=lambda: [
        Sample((square_matrix(), False), values(3)),
        Sample((square_matrix(), True), values(3, 2), check_finite=False),
    ],
)
def cho_solve(
    ctx: Ctx,
    c_and_lower: AbstractValue,
    b: AbstractValue,
    overwrite_b: AbstractValue = False,
    check_finite: AbstractValue = True,
) -> Arr:
    """scipy.linalg.cho_solve."""
    if not isinstance(c_and_lower, Tup) or len(c_and_lower.items) != 2:
        raise ctx.no_rule("scipy.linalg.cho_solve takes a pair (factor, lower)", "pass what cho_factor gives")
    c, lower = c_and_lower.items
    factor = _square(ctx, c, "cho_solve", check_finite)
    right = _right_hand_side(ctx, factor, b, "cho_solve")
    _finite(ctx, right, check_finite)
    low = bool(static(ctx, lower, "lower"))
    first, second = (factor, _turned(ctx, factor)) if low else (_turned(ctx, factor), factor)
    return _substitution(ctx, second, _substitution(ctx, first, right, True), False)


@lowers(
    scipy.linalg.solve,
    samples=lambda: [Sample(square_matrix(), values(3)), Sample(_uneven(), values(3, 2), assume_a="gen")],
)
def solve(
    ctx: Ctx,
    a: AbstractValue,
    b: AbstractValue,
    overwrite_a: AbstractValue = False,
    overwrite_b: AbstractValue = False,
    check_finite: AbstractValue = True,
    assume_a: AbstractValue | None = None,
) -> AbstractValue:
    """scipy.linalg.solve of a general matrix."""
    arr = _square(ctx, a, "solve", check_finite)
    right = _right_hand_side(ctx, arr, b, "solve")
    _finite(ctx, right, check_finite)
    if static(ctx, assume_a, "assume_a") not in (None, "gen", "general"):
        raise ctx.no_rule(
            "scipy.linalg.solve reads one triangle with assume_a: not supported",
            "leave assume_a out, or use cho_factor and cho_solve, or solve_triangular",
        )
    return lu_solve(ctx, arr, right)


def _one_matrix(name: str) -> Any:
    def lower(
        ctx: Ctx,
        a: AbstractValue,
        overwrite_a: AbstractValue = False,
        check_finite: AbstractValue = True,
    ) -> AbstractValue:
        found: AbstractValue = square_call(name)(ctx, _square(ctx, a, name, check_finite))
        return found

    return lower


for _function in (scipy.linalg.inv, scipy.linalg.det):
    lowers(_function, samples=lambda: [Sample(_uneven())])(_one_matrix(_function.__name__))
