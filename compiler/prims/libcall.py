"""The record of a library call, what its rules are given, and the IR idioms that rules share.

A library call takes arrays and scalars and gives fresh results. Its rules are written in IR: `vjp` adds to
the adjoints of the arguments, `jvp` gives the tangents of the results. Whatever they call is a library call
with rules too, so derivatives of any order exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import InternalError
from ..ir.build import Builder
from ..ir.nodes import Op, Value
from ..ir.types import INT, Scalar, Type, is_complex
from .prim import emit

Element = Callable[[Builder, tuple[Value, ...]], Value]


class ReverseCtx(Protocol):
    """What a reverse rule sees; `b` inserts into the reverse sweep."""

    b: Builder
    op: Op

    @property
    def static(self) -> tuple[Any, ...]:
        """The static attributes of the call, without its name."""

    def active(self, i: int) -> bool:
        """Whether argument i needs an adjoint."""

    def arg(self, i: int) -> Value:
        """Argument i as it was at the call; asking may cost tape."""

    def result(self, i: int) -> Value:
        """Result i as the call gave it; asking may cost tape."""

    def bar(self, i: int) -> Value | None:
        """The cotangent of result i: a shadow to read, or a scalar, None where it is zero."""

    def add(self, i: int, contribution: Value) -> None:
        """Add a scalar, or an array of the argument's shape, to the adjoint of argument i."""

    def add_elements(self, i: int, fn: Element) -> None:
        """Add fn(b, index) to every element of the adjoint of argument i."""

    def add_triangle(self, i: int, fn: Element, upper: bool) -> None:
        """The same for the elements of one triangle of a square matrix, with the diagonal."""


class ForwardCtx(Protocol):
    """What a tangent rule sees; the primal call has been emitted."""

    b: Builder
    op: Op

    @property
    def static(self) -> tuple[Any, ...]:
        """The static attributes of the call, without its name."""

    def arg(self, i: int) -> Value:
        """Argument i."""

    def result(self, i: int) -> Value:
        """Result i."""

    def dot(self, i: int) -> Value | None:
        """The tangent of argument i, None where it is zero."""


Sample = Callable[[np.random.Generator], tuple[Any, ...]]


@dataclass(frozen=True)
class LibCall:
    """One library call.

    `types` gives the result types from argument types and static attributes; `ref(*args, *static)` is its
    NumPy meaning; `emit` a Python expression template, see `template`. `vjp` and `jvp` are None for a call
    without derivative. A `random` call is never executed twice. `cost` is a rough count of additions per
    element of the arguments; `samples` make arguments for tests, at which every active argument has a
    derivative.
    """

    name: str
    types: Callable[[list[Type], tuple[Any, ...]], list[Type]]
    ref: Callable[..., Any]
    emit: str
    vjp: Callable[[ReverseCtx], None] | None
    jvp: Callable[[ForwardCtx], list[Value | None]] | None
    random: bool = False
    cost: int = 100
    samples: tuple[Sample, ...] = ()
    size_from: int = 0

    def template(self, count: int) -> str:
        """The template for a call with `count` arguments.

        Random draws take lengths as their last arguments, from `size_from` on: `{size}` becomes `, ({0},
        {1},)`, or nothing for a scalar draw.
        """
        lengths = "".join(f"{{{i}}}, " for i in range(self.size_from, count)).rstrip()
        return (
            self.emit.replace("{size}", f"({lengths})" if lengths else "")
            .replace("(, ", "(")
            .replace(", )", ")")
        )


CALLS: dict[str, LibCall] = {}


def declare(record: LibCall) -> LibCall:
    """Register a library call."""
    if record.name in CALLS:
        raise InternalError(f"library call {record.name} is declared twice")
    CALLS[record.name] = record
    return record


def call(b: Builder, name: str, *args: Value) -> Value:
    """Append a call with one result, typed by its record."""
    (out,) = b.call(name, args, CALLS[name].types([a.type for a in args], ()))
    return out


def shape(b: Builder, array: Value) -> list[Value]:
    """The lengths of an array."""
    return [b.dim(array, axis) for axis in range(array.rank)]


def transposed(b: Builder, matrix: Value) -> Value:
    """The transpose of a matrix, as a view."""
    return b.view(matrix, "transpose", (1, 0), (), 2)


def each(b: Builder, lengths: list[Value], body: Callable[[tuple[Value, ...]], None]) -> None:
    """A loop nest over all indices."""

    def nest(index: tuple[Value, ...]) -> None:
        axis = len(index)
        if axis == len(lengths):
            body(index)
            return
        i = Value(INT, "ijklmn"[axis])
        b.open([i])
        nest((*index, i))
        inside = b.close()
        b.for_(b.int(0), lengths[axis], b.int(1), (), inside)

    nest(())


def fill(b: Builder, array: Value, source: Value | None) -> None:
    """Give an array the elements of another one, or zeros."""

    def store(index: tuple[Value, ...]) -> None:
        b.store(array, index, b.const(0, array.dtype) if source is None else b.load(source, index))

    each(b, shape(b, array), store)


def each_of_triangle(b: Builder, n: Value, upper: bool, body: Callable[[tuple[Value, ...]], None]) -> None:
    """A loop nest over the lower triangle of a square matrix, or the upper one, with the diagonal."""
    i, j = Value(INT, "i"), Value(INT, "j")
    b.open([i])
    b.open([j])
    body((i, j))
    row = b.close()
    lo, hi = (i, n) if upper else (b.int(0), emit(b, "add", i, b.int(1)))
    b.for_(lo, hi, b.int(1), (), row)
    rows = b.close()
    b.for_(b.int(0), n, b.int(1), (), rows)


def fresh(b: Builder, lengths: list[Value], dtype: str, element: Element) -> Value:
    """A fresh array given by its elements."""
    out = b.alloc(lengths, dtype)
    each(b, lengths, lambda index: b.store(out, index, element(b, index)))
    return out


def plus(b: Builder, x: Value | None, z: Value | None) -> Value | None:
    """The sum of two tangents, either of which may be zero."""
    if x is None or z is None:
        return z if x is None else x
    if isinstance(x.type, Scalar):
        return emit(b, "add", x, z)
    return fresh(b, shape(b, x), x.dtype, lambda b, at: emit(b, "add", b.load(x, at), b.load(z, at)))


def negated(b: Builder, x: Value) -> Value:
    """-x as a fresh array, or a scalar."""
    if isinstance(x.type, Scalar):
        return emit(b, "neg", x)
    return fresh(b, shape(b, x), x.dtype, lambda b, at: emit(b, "neg", b.load(x, at)))


def scaled(b: Builder, x: Value, factor: Value) -> Value:
    """factor * x as a fresh array."""
    return fresh(b, shape(b, x), x.dtype, lambda b, at: emit(b, "mul", b.load(x, at), factor))


def conjugate(b: Builder, x: Value) -> Value:
    """conj(x), itself where x is real."""
    if not is_complex(x.dtype):
        return x
    if isinstance(x.type, Scalar):
        return emit(b, "conj", x)
    return fresh(b, shape(b, x), x.dtype, lambda b, at: emit(b, "conj", b.load(x, at)))


def inner(b: Builder, x: Value, z: Value) -> Value:
    """The sum of x * z over all elements, without conjugation."""
    lengths = shape(b, x)

    def nest(index: tuple[Value, ...], total: Value) -> Value:
        axis = len(index)
        if axis == len(lengths):
            return emit(b, "add", total, emit(b, "mul", b.load(x, index), b.load(z, index)))
        i, carried = Value(INT, "ijkl"[axis]), Value(total.type, "total")
        b.open([i, carried])
        body = b.close([nest((*index, i), carried)])
        (out,) = b.for_(b.int(0), lengths[axis], b.int(1), (total,), body)
        return out

    return nest((), b.const(0, x.dtype))


class _Conjugated:
    """A reverse context that makes the adjoint rule of a holomorphic call out of its plain transpose."""

    def __init__(self, ctx: ReverseCtx) -> None:
        self.ctx, self.b, self.op, self.static = ctx, ctx.b, ctx.op, ctx.static
        self.active, self.arg, self.result = ctx.active, ctx.arg, ctx.result

    def bar(self, i: int) -> Value | None:
        y_bar = self.ctx.bar(i)
        return None if y_bar is None else conjugate(self.b, y_bar)

    def add(self, i: int, contribution: Value) -> None:
        if isinstance(contribution.type, Scalar):
            self.ctx.add(i, emit(self.b, "conj", contribution))
        else:
            self.ctx.add_elements(i, lambda b, at: emit(b, "conj", b.load(contribution, at)))

    def add_elements(self, i: int, fn: Element) -> None:
        self.ctx.add_elements(i, lambda b, at: emit(b, "conj", fn(b, at)))

    def add_triangle(self, i: int, fn: Element, upper: bool) -> None:
        self.ctx.add_triangle(i, lambda b, at: emit(b, "conj", fn(b, at)), upper)


def holomorphic(rule: Callable[[ReverseCtx], None]) -> Callable[[ReverseCtx], None]:
    """Let a rule written with plain transposes serve complex arguments: x_bar = conj(rule(conj(y_bar)))."""

    def wrapped(ctx: ReverseCtx) -> None:
        complex_ = any(is_complex(a.dtype) for a in ctx.op.args)
        rule(_Conjugated(ctx) if complex_ else ctx)

    return wrapped
