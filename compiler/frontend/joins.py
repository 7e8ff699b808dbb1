"""Joining abstract values where control flow meets: forms, in which values are carried through IR regions.

A form is an abstract value without its IR values: `types(form)` are the IR types of its parts, `coerce` gives
the parts of a value in a form, `rebuild` makes a value out of new parts. If, For and While use nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays.core import is_contiguous, reference, result_dtype, to_value
from ..arrays.value import AbstractValue, Arr, Known, Memory, Num, SliceVal, Tup, of_memory
from ..errors import Src
from ..ir.nodes import Value
from ..ir.types import BOOL, Array, List, Scalar, Type
from .values import Box, Closure, ListRef, Maybe, Missing, Poison, RangeVal, describe

if TYPE_CHECKING:
    from .lowerer import Lowerer


@dataclass(frozen=True, eq=False)
class SameForm:
    """The very same value on all paths: nothing is carried."""

    value: AbstractValue


@dataclass(frozen=True)
class NumForm:
    """A scalar."""

    dtype: str
    weak: bool


@dataclass(frozen=True)
class ArrForm:
    """An array; a length is a constant, a value that all paths share, or None."""

    dtype: str
    shape: tuple[int | Value | None, ...]
    writeable: bool
    contiguous: bool = False


@dataclass(frozen=True)
class ListForm:
    """A growable list."""

    type: List


@dataclass(frozen=True)
class TupForm:
    """A tuple, element by element."""

    forms: tuple[Form, ...]
    type: type


@dataclass(frozen=True)
class MaybeForm:
    """A value with a flag."""

    form: Form


Form = SameForm | NumForm | ArrForm | ListForm | TupForm | MaybeForm


def same_form(a: Form, b: Form) -> bool:
    """Equality of forms; the same constant counts as the same."""
    if isinstance(a, SameForm) and isinstance(b, SameForm):
        poisoned = isinstance(a.value, Poison) and isinstance(b.value, Poison)
        return poisoned or same_value(a.value, b.value)
    if isinstance(a, TupForm) and isinstance(b, TupForm):
        same = a.type is b.type and len(a.forms) == len(b.forms)
        return same and all(same_form(x, y) for x, y in zip(a.forms, b.forms, strict=True))
    if isinstance(a, MaybeForm) and isinstance(b, MaybeForm):
        return same_form(a.form, b.form)
    return a == b


def same_value(a: AbstractValue, b: AbstractValue) -> bool:
    """Whether two abstract values are known to be the same object, or equal constants."""
    if a is b:
        return True
    if isinstance(a, Known) and isinstance(b, Known):
        return same_constant(a.obj, b.obj)
    if isinstance(a, Num) and isinstance(b, Num):
        return a.value is b.value and a.weak == b.weak
    if isinstance(a, Tup) and isinstance(b, Tup) and a.type is b.type and len(a.items) == len(b.items):
        return all(same_value(x, y) for x, y in zip(a.items, b.items, strict=True))
    if isinstance(a, Box) and isinstance(b, Box):
        return a.owner is b.owner
    if isinstance(a, ListRef) and isinstance(b, ListRef):
        return a.ref is b.ref
    if isinstance(a, Closure) and isinstance(b, Closure):
        return a.source.node is b.source.node and a.scope is b.scope and not a.defaults and not b.defaults
    return False


def same_constant(a: object, b: object) -> bool:
    """Equal constants of equal type; objects by identity."""
    if a is b:
        return True
    if type(a) is not type(b) or not isinstance(
        a, bool | int | float | complex | str | tuple | np.generic | slice
    ):
        return False
    return repr(a) == repr(b) if not isinstance(a, tuple) else _same_tuple(a, b)


def _same_tuple(a: tuple[object, ...], b: object) -> bool:
    assert isinstance(b, tuple)
    return len(a) == len(b) and all(same_constant(x, y) for x, y in zip(a, b, strict=True))


def is_number(x: AbstractValue) -> bool:
    """Num, or a constant number."""
    if isinstance(x, Num):
        return True
    return isinstance(x, Known) and isinstance(x.obj, bool | int | float | complex | np.number | np.bool_)


def as_tup(x: AbstractValue) -> Tup | None:
    """Tuples, constant ones too."""
    if isinstance(x, Tup):
        return x
    if isinstance(x, Known) and isinstance(x.obj, tuple):
        return Tup(tuple(Known(v) for v in x.obj), type(x.obj))
    return None


def num_form(lw: Lowerer, *values: AbstractValue) -> NumForm:
    """The scalar form that holds all of some numbers."""
    nums = [x if isinstance(x, Num) else lw.num(x) for x in values]
    if all(n.dtype == nums[0].dtype and n.weak == nums[0].weak for n in nums):
        return NumForm(nums[0].dtype, nums[0].weak)
    return NumForm(result_dtype(lw.ctx, *nums), all(n.weak for n in nums))


def escape_form(lw: Lowerer, value: AbstractValue) -> Form:
    """The form in which a value leaves the region where it was made."""
    if isinstance(value, Num):
        return SameForm(value) if lw.b.visible(value.value) else NumForm(value.dtype, value.weak)
    if isinstance(value, Arr):
        known = value.memory is not None and lw.b.visible(value.memory.ref) and value.whole
        if known and all(lw.b.visible(n) for n in value.shape):
            return SameForm(value)
        return ArrForm(
            value.dtype, tuple(length(lw, n) for n in value.shape), value.writeable, packed(lw, value)
        )
    if isinstance(value, Tup):
        return TupForm(tuple(escape_form(lw, v) for v in value.items), value.type)
    if isinstance(value, ListRef):
        assert isinstance(value.ref.type, List)
        return SameForm(value) if lw.b.visible(value.ref) else ListForm(value.ref.type)
    if isinstance(value, Maybe):
        return MaybeForm(escape_form(lw, value.value))
    if isinstance(value, RangeVal):
        parts = (value.lo, value.hi, value.step)
    elif isinstance(value, SliceVal):
        parts = tuple(p for p in (value.start, value.stop, value.step) if p is not None)  # type: ignore[assignment]
    else:
        return SameForm(value)
    if all(isinstance(escape_form(lw, p), SameForm) for p in parts):
        return SameForm(value)
    return SameForm(Poison(f"{describe(value)} made in a branch or loop is used after it", lw.src))


def general_form(lw: Lowerer, value: AbstractValue) -> Form:
    """The form of a variable that a loop assigns: constant numbers become run-time ones."""
    if is_number(value):
        return num_form(lw, value)
    tup = as_tup(value)
    if tup is not None:
        return TupForm(tuple(general_form(lw, v) for v in tup.items), tup.type)
    if isinstance(value, Maybe):
        return MaybeForm(general_form(lw, value.value))
    return SameForm(value)


def length(lw: Lowerer, n: Value) -> int | Value | None:
    """A length that is known outside of the region just left."""
    const = lw.b.const_of(n)
    if isinstance(const, int):
        return const
    return n if lw.b.visible(n) else None


def packed(lw: Lowerer, arr: Arr) -> bool:
    """Whether the reference to the array will be C-contiguous."""
    return arr.memory is None or arr.steps is None or is_contiguous(lw.ctx, arr)


def join(lw: Lowerer, a: AbstractValue, b: AbstractValue, name: str, src: Src) -> Form:
    """The form that holds both values; `name` and `src` (the last assignment) are for the message."""
    if same_value(a, b):
        return escape_form(lw, a)
    if isinstance(a, Poison | Missing) or isinstance(b, Poison | Missing):
        return _join_absent(lw, a, b)
    if isinstance(a, Maybe) or isinstance(b, Maybe):
        inner = [x.value if isinstance(x, Maybe) else x for x in (a, b)]
        form = join(lw, inner[0], inner[1], name, src)
        return form if isinstance(form, SameForm) and isinstance(form.value, Poison) else MaybeForm(form)
    if is_number(a) and is_number(b):
        return num_form(lw, a, b)
    if isinstance(a, Arr) and isinstance(b, Arr) and (a.dtype, a.rank) == (b.dtype, b.rank):
        shape = zip((length(lw, n) for n in a.shape), (length(lw, n) for n in b.shape), strict=True)
        lengths = tuple(n if n == m else None for n, m in shape)
        return ArrForm(a.dtype, lengths, a.writeable and b.writeable, packed(lw, a) and packed(lw, b))
    ta, tb = as_tup(a), as_tup(b)
    if ta is not None and tb is not None and ta.type is tb.type and len(ta.items) == len(tb.items):
        return TupForm(
            tuple(join(lw, x, y, name, src) for x, y in zip(ta.items, tb.items, strict=True)), ta.type
        )
    if isinstance(a, ListRef) and isinstance(b, ListRef) and a.ref.type == b.ref.type:
        assert isinstance(a.ref.type, List)
        return ListForm(a.ref.type)
    return SameForm(lw.misfit(a, b, name, src))


def _join_absent(lw: Lowerer, a: AbstractValue, b: AbstractValue) -> Form:
    poison = next((x for x in (a, b) if isinstance(x, Poison)), None)
    if poison is not None:
        return SameForm(poison)
    form = escape_form(lw, b if isinstance(a, Missing) else a)
    return form if isinstance(form, MaybeForm) else MaybeForm(form)


# -- parts
def types(form: Form) -> list[Type]:
    """The IR types of the parts."""
    if isinstance(form, NumForm):
        return [Scalar(form.dtype)]
    if isinstance(form, ArrForm):
        return [Array(form.dtype, len(form.shape))]
    if isinstance(form, ListForm):
        return [form.type]
    if isinstance(form, TupForm):
        return [t for f in form.forms for t in types(f)]
    if isinstance(form, MaybeForm):
        return [*types(form.form), BOOL]
    return []


def coerce(lw: Lowerer, value: AbstractValue, form: Form) -> list[Value]:
    """The parts of a value in a form; placeholders for a value that is missing."""
    if isinstance(form, MaybeForm):
        if isinstance(value, Maybe):
            return [*coerce(lw, value.value, form.form), value.flag]
        return [*coerce(lw, value, form.form), lw.b.const(not isinstance(value, Missing))]
    if isinstance(form, SameForm):
        return []
    if isinstance(value, Maybe):
        return coerce(lw, value.value, form)
    if isinstance(value, Missing | Poison):
        return [lw.b.undef(t) for t in types(form)]
    if isinstance(form, NumForm):
        return [to_value(lw.ctx, value, form.dtype)]
    if isinstance(form, ArrForm):
        assert isinstance(value, Arr)
        return [reference(lw.ctx, value)]
    if isinstance(form, ListForm):
        assert isinstance(value, ListRef)
        return [value.ref]
    tup = as_tup(value)
    assert tup is not None
    return [part for v, f in zip(tup.items, form.forms, strict=True) for part in coerce(lw, v, f)]


def rebuild(lw: Lowerer, form: Form, parts: Iterator[Value]) -> AbstractValue:
    """The value with new parts."""
    if isinstance(form, SameForm):
        return form.value
    if isinstance(form, NumForm):
        return Num(next(parts), form.weak)
    if isinstance(form, ArrForm):
        return _array(lw, form, next(parts))
    if isinstance(form, ListForm):
        return ListRef(next(parts))
    if isinstance(form, TupForm):
        return Tup(tuple(rebuild(lw, f, parts) for f in form.forms), form.type)
    value = rebuild(lw, form.form, parts)
    return Maybe(value, next(parts))


def _array(lw: Lowerer, form: ArrForm, ref: Value) -> Arr:
    shape = []
    for axis, n in enumerate(form.shape):
        shape.append(lw.b.int(n) if isinstance(n, int) else n if n is not None else lw.b.dim(ref, axis))
    lw.ctx.nonneg.update(shape)
    arr = of_memory(Memory(ref, tuple(shape), None, form.contiguous))
    if form.writeable:
        return arr
    from dataclasses import replace

    return replace(arr, writeable=False)


def name_parts(name: str, parts: list[Value]) -> None:
    """Give parts without a name that of their variable."""
    for part in parts:
        part.name = name
