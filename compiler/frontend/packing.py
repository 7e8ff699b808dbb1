"""Values as they go through a call of a function with a derivative rule: lists and dicts as tuples."""

from __future__ import annotations

from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..ir.types import is_complex
from .containers import as_items, new_dict, new_list
from .joins import ArrForm, Form, NumForm, SameForm, TupForm, as_tup, is_number, num_form, same_constant
from .lowerer import Lowerer
from .values import Box, Closure, ListRef, describe


def pack(lw: Lowerer, value: AbstractValue, what: str) -> AbstractValue:
    """Lists and dicts become tuples that remember what they were; a dict alternates keys and values."""
    if isinstance(value, Num | Arr):
        return value
    if isinstance(value, Box) and value.kind != "object":
        items = as_items(lw, value) or ()
        if value.kind == "list":
            return Tup(tuple(pack(lw, v, what) for v in items), list)
        pairs = [(k, pack(lw, lw.get((value.owner, k.obj), str(k.obj)), what)) for k in items]  # type: ignore[attr-defined]
        return Tup(tuple(x for pair in pairs for x in pair), dict)
    tup = as_tup(value)
    if tup is not None:
        return Tup(tuple(pack(lw, v, what) for v in tup.items), tup.type)
    if isinstance(value, Known):
        return value
    hint = "make it an array: np.array(...)" if isinstance(value, ListRef) else "pass numbers, arrays, tuples"
    if isinstance(value, Closure):
        hint = "define it outside of the function"
    lw.refuse(f"{what} is {describe(value)}, which a derivative rule cannot take", hint)


def unpack(lw: Lowerer, value: AbstractValue, site: object) -> AbstractValue:
    """The inverse of `pack`."""
    if not isinstance(value, Tup):
        return value
    items = [unpack(lw, v, (site, k)) for k, v in enumerate(value.items)]
    if value.type is list:
        return new_list(lw, items, site)
    if value.type is dict:
        keys = [k.obj for k in items[::2] if isinstance(k, Known)]
        return new_dict(lw, list(zip(keys, items[1::2], strict=True)), site)
    return Tup(tuple(items), value.type)


def form_of(lw: Lowerer, value: AbstractValue, general: bool = False) -> Form:
    """The form in which a packed value goes through a call; `general` makes constant numbers run-time
    ones."""
    if isinstance(value, Num) or (general and is_number(value) and not _is_bool(value)):
        return num_form(lw, value)
    if isinstance(value, Arr):
        ones = tuple(1 if lw.b.const_of(n) == 1 else None for n in value.shape)
        return ArrForm(value.dtype, ones, value.writeable)
    if isinstance(value, Tup):
        as_keys = value.type is dict
        return TupForm(
            tuple(form_of(lw, v, general and not (as_keys and not k % 2)) for k, v in enumerate(value.items)),
            value.type,
        )
    return SameForm(value)


def _is_bool(value: AbstractValue) -> bool:
    return isinstance(value, Known) and isinstance(value.obj, bool)


def form_key(form: Form) -> object:
    """Equal for forms that the same functions serve."""
    if isinstance(form, SameForm):
        obj = form.value.obj if isinstance(form.value, Known) else form.value
        plain = isinstance(obj, bool | int | float | complex | str | type(None))
        return ("known", type(obj), repr(obj) if plain else id(obj))
    if isinstance(form, TupForm):
        return ("tuple", form.type, tuple(map(form_key, form.forms)))
    return form


def holds(form: Form, value: AbstractValue) -> bool:
    """Whether a packed value can be converted to a form."""
    if isinstance(form, NumForm):
        if not is_number(value):
            return False
        kind = value.dtype if isinstance(value, Num) else type(value.obj).__name__  # type: ignore[attr-defined]
        return is_complex(form.dtype) or "complex" not in kind
    if isinstance(form, ArrForm):
        return isinstance(value, Arr) and (value.dtype, value.rank) == (form.dtype, len(form.shape))
    if isinstance(form, TupForm):
        tup = as_tup(value)
        same = tup is not None and tup.type is form.type and len(tup.items) == len(form.forms)
        return same and tup is not None and all(map(holds, form.forms, tup.items))
    if isinstance(form, SameForm) and isinstance(form.value, Known):
        return isinstance(value, Known) and same_constant(form.value.obj, value.obj)
    return False
