"""The context of a lowering, and abstract values as IR scalars, indices, constants and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import NoRuleError, PullbackError, Src, TypeMismatchError
from ..ir.build import Builder
from ..ir.nodes import Apply, Dim, ListLen, Region, Value
from ..ir.types import is_complex, is_integer
from ..prims.prim import cast
from .value import AbstractValue, Arr, Known, Memory, Num, Tup, of_memory


@dataclass
class Ctx:
    """Where a lowering appends its IR, and what is known there.

    `nonneg` holds scalars known to be >= 0 (loop indices, lengths); the frontend and `nest` fill it.
    """

    b: Builder
    nonneg: set[Value] = field(default_factory=set)
    checked: set[tuple[int, Value]] = field(default_factory=set)
    keep: list[Region] = field(default_factory=list)

    @property
    def src(self) -> Src:
        """The place in the user's source that is being lowered."""
        return self.b.src

    def error(self, message: str, hint: str | None = None) -> PullbackError:
        """A type error at this place, to be raised by the caller."""
        return TypeMismatchError(message, self.src, hint)

    def no_rule(self, message: str, hint: str | None = None) -> PullbackError:
        """The refusal of something that has no lowering, to be raised by the caller."""
        return NoRuleError(message, self.src, hint)

    def require(self, cond: Value, exception: str, message: str, *values: Value) -> None:
        """Emit a Check, unless the same one already holds here."""
        if any((id(region), cond) in self.checked for region in self.b._open):
            return
        self.checked.add((id(self.b.region), cond))
        self.keep.append(self.b.region)
        self.b.check(cond, exception, message, values)

    def fresh(self, shape: Sequence[Value], dtype: str, fill: str = "empty", name: str = "") -> Arr:
        """A new array."""
        ref = self.b.alloc(tuple(shape), dtype, fill, name)
        return of_memory(Memory(ref, tuple(shape), object()))


# -- abstract values
def lift(ctx: Ctx, x: AbstractValue) -> Arr | Num:
    """An operand as an array or a run-time scalar: constants and literals are built."""
    from .core import from_nest

    if isinstance(x, Arr | Num):
        return x
    if isinstance(x, Known):
        x = x.obj  # defaults of lowerings are plain Python values
    if isinstance(x, bool | int | float | complex) and not isinstance(x, np.generic):
        return Num(ctx.b.const(x), weak=True)
    if isinstance(x, np.bool_ | np.number):
        return Num(ctx.b.const(x.item(), x.dtype.name))
    if isinstance(x, Tup):
        return from_nest(ctx, x)
    if isinstance(x, tuple | list):
        return from_nest(ctx, as_tup(x))
    raise ctx.error(f"a number or an array is needed here, not {describe(x)}")


def as_tup(items: Sequence[Any]) -> Tup:
    """A Python sequence, nested or not, as an abstract one."""

    def abstract(item: Any) -> AbstractValue:
        if isinstance(item, Known):
            return abstract(item.obj) if isinstance(item.obj, tuple | list) else item
        if isinstance(item, tuple | list):
            return as_tup(item)
        return (
            item
            if isinstance(item, Arr | Num) or not isinstance(item, int | float | complex)
            else Known(item)
        )

    return Tup(tuple(as_tup(i.items) if isinstance(i, Tup) else abstract(i) for i in items))


def describe(x: object) -> str:
    """How messages name an abstract value."""
    if isinstance(x, Arr):
        return f"{x.dtype} array of rank {x.rank}"
    if isinstance(x, Num):
        return f"{x.dtype} scalar"
    if isinstance(x, Tup):
        return x.type.__name__
    return repr(x.obj) if isinstance(x, Known) else type(x).__name__


def as_array(ctx: Ctx, x: AbstractValue) -> Arr:
    """An operand as an array; a scalar becomes one of rank 0."""
    x = lift(ctx, x)
    if isinstance(x, Arr):
        return x
    value = x.value
    return Arr(x.dtype, (), lambda b, index: value, steps=None, writeable=False)


def to_value(ctx: Ctx, x: AbstractValue, dtype: str | None = None) -> Value:
    """The IR scalar of an operand, converted to dtype."""
    x = lift(ctx, x)
    if isinstance(x, Arr):
        if x.rank:
            raise ctx.error(f"a scalar is needed here, not {describe(x)}")
        value = x.at(ctx.b, ())
    else:
        value = x.value
    if dtype and is_complex(value.dtype) and not is_complex(dtype):
        raise ctx.error(f"a complex value cannot become {dtype}", "take .real, .imag or abs() of it")
    return cast(ctx.b, value, dtype) if dtype else value


def as_index(ctx: Ctx, x: AbstractValue) -> Value:
    """An integer operand as an int64 scalar."""
    value = to_value(ctx, x)
    if not is_integer(value.dtype):
        raise ctx.error(f"an integer is needed here, not {value.dtype}", "convert it with int(...)")
    return cast(ctx.b, value, "int64")


def static(ctx: Ctx, x: AbstractValue, what: str = "this argument") -> Any:
    """The Python value of an argument that must be known when compiling."""
    if isinstance(x, Known):
        return x.obj
    if isinstance(x, Tup):
        return x.type(static(ctx, item, what) for item in x.items)
    if isinstance(x, Num):
        known = ctx.b.const_of(x.value)
        if known is None:
            raise ctx.no_rule(f"{what} must be a constant")
        return known
    if isinstance(x, Arr):
        raise ctx.no_rule(f"{what} must be a constant")
    return x


def dtype_name(ctx: Ctx, x: AbstractValue, default: str | None = None) -> str | None:
    """The name of a dtype argument."""
    obj = static(ctx, x, "dtype")
    if obj is None:
        return default
    try:
        kind = np.dtype(obj)
    except TypeError as err:
        raise ctx.error(f"{obj!r} is no dtype") from err
    if kind.kind not in "biufc":
        raise ctx.no_rule(f"an array of {kind}")
    return str(kind.name)


def nonneg(ctx: Ctx, v: Value) -> bool:
    """Whether a scalar is certainly >= 0, by simple reasoning."""
    if v in ctx.nonneg:
        return True
    known = ctx.b.const_of(v)
    if known is not None:
        return bool(known >= 0)
    op = ctx.b.defs.get(v)
    if isinstance(op, Dim | ListLen):
        return True
    if not isinstance(op, Apply):
        return False
    if op.prim in ("add", "mul", "floordiv", "minimum", "pymin"):
        return all(nonneg(ctx, a) for a in op.args)
    if op.prim in ("maximum", "pymax"):
        return any(nonneg(ctx, a) for a in op.args)
    if op.prim == "mod":
        return nonneg(ctx, op.args[1])
    return op.prim == "cast" and is_integer(op.args[0].dtype) and nonneg(ctx, op.args[0])
