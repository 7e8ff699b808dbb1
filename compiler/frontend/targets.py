"""Assignment targets: names, attributes, subscripts, unpacking."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..arrays.core import as_array, as_index
from ..arrays.indexing import store, subscript
from ..arrays.value import AbstractValue, Arr, Known, Num, SliceVal, Tup
from ..ir.nodes import Value
from ..prims.prim import emit
from .containers import (
    as_element,
    as_items,
    element_type,
    grow,
    item_at,
    new_list,
    refuse_outer,
    set_items,
    unroll_or,
)
from .joins import as_tup
from .lowerer import Lowerer
from .objects import assign_by_class
from .values import Box, KnownAt, ListRef, describe


def assign_target(lw: Lowerer, target: ast.expr, value: AbstractValue) -> None:
    """target = value."""
    lw.at(target)
    if isinstance(target, ast.Name):
        lw.set((lw.scope, target.id), value)
    elif isinstance(target, ast.Tuple | ast.List):
        unpack(lw, target.elts, value)
    elif isinstance(target, ast.Subscript):
        owner, index = lw.expr(target.value), index_of(lw, target.slice)
        lw.at(target)
        store_item(lw, owner, index, value)
    elif isinstance(target, ast.Attribute):
        owner = lw.expr(target.value)
        lw.at(target)
        set_attribute(lw, owner, target.attr, value)
    else:
        lw.syntax("this cannot be assigned to")


def unpack(lw: Lowerer, targets: Sequence[ast.expr], value: AbstractValue) -> None:
    """a, *b, c = value."""
    starred = [k for k, t in enumerate(targets) if isinstance(t, ast.Starred)]
    items = as_items(lw, value)
    if items is None and isinstance(value, Arr) and value.rank:
        items = _unpack_array(lw, value, len(targets), bool(starred))
    if items is None and isinstance(value, ListRef) and not starred:
        n = lw.b.list_len(value.ref)
        lw.b.check(
            emit(lw.b, "eq", n, lw.b.int(len(targets))), "ValueError", "wrong number of values to unpack"
        )
        items = tuple(item_at(lw, value, lw.b.int(k)) for k in range(len(targets)))
    if items is None:
        lw.mismatch(f"cannot unpack {describe(value)}", "its length must be known when compiling")
    if not starred:
        if len(items) != len(targets):
            few = len(items) < len(targets)
            lw.fail("ValueError", "not enough values to unpack" if few else "too many values to unpack")
        for target, item in zip(targets, items, strict=True):
            assign_target(lw, target, item)
        return
    at = starred[0]
    after = len(targets) - at - 1
    if len(items) < at + after:
        lw.fail("ValueError", "not enough values to unpack")
    middle = new_list(lw, items[at : len(items) - after], targets[at])
    star = targets[at]
    assert isinstance(star, ast.Starred)
    whole = [*items[:at], middle, *items[len(items) - after :]]
    plain = [*targets[:at], star.value, *targets[at + 1 :]]
    for target, item in zip(plain, whole, strict=True):
        assign_target(lw, target, item)


def _unpack_array(lw: Lowerer, value: Arr, count: int, starred: bool) -> tuple[AbstractValue, ...]:
    n = lw.b.const_of(value.shape[0])
    if starred and not isinstance(n, int):
        lw.syntax("starred unpacking of an array whose length is not known when compiling")
    count = n if starred and isinstance(n, int) else count
    ok = emit(lw.b, "eq", value.shape[0], lw.b.int(count))
    lw.ctx.require(ok, "ValueError", f"cannot unpack an array of {{0}} elements into {count}", value.shape[0])
    arr = lw.bound(value)
    assert isinstance(arr, Arr)
    return tuple(subscript(lw.ctx, arr, [Known(k)]) for k in range(count))


def index_of(lw: Lowerer, node: ast.expr) -> AbstractValue:
    """The value between brackets: slices become SliceVal, several axes a Tup."""
    if isinstance(node, ast.Slice):
        parts = [None if p is None else lw.expr(p) for p in (node.lower, node.upper, node.step)]
        parts = [None if isinstance(p, Known) and p.obj is None else p for p in parts]
        return SliceVal(*parts)
    if isinstance(node, ast.Tuple):
        return Tup(tuple(index_of(lw, e) for e in node.elts))
    return lw.expr(node)


def array_items(lw: Lowerer, index: AbstractValue) -> list[AbstractValue]:
    """The index of an array as a list of items, one per axis."""
    tup = as_tup(index)
    items = list(tup.items) if tup is not None else [index]
    return [_array_item(lw, item) for item in items]


def _array_item(lw: Lowerer, item: AbstractValue) -> AbstractValue:
    if isinstance(item, Known) and isinstance(item.obj, slice):
        parts = (item.obj.start, item.obj.stop, item.obj.step)
        return SliceVal(*[None if p is None else Known(p) for p in parts])
    if isinstance(item, Box | ListRef):
        from .calls import library_argument

        return library_argument(lw, item)
    return item


# -- reading
def load_item(lw: Lowerer, owner: AbstractValue, index: AbstractValue) -> AbstractValue:
    """owner[index]."""
    if isinstance(owner, Arr):
        return subscript(lw.ctx, owner, array_items(lw, index))
    if isinstance(owner, Box) and owner.kind == "dict":
        return lw.get((owner.owner, _key(lw, owner, index)), owner.owner.name)
    if isinstance(owner, Known) and isinstance(owner.obj, dict):
        if not isinstance(index, Known):
            lw.refuse("a dict key that is known at run time only", "use an array")
        if index.obj not in owner.obj:
            lw.fail("KeyError", repr(index.obj))
        from .captures import outside

        path = (*owner.path, ("item", index.obj)) if isinstance(owner, KnownAt) else None
        return outside(lw, owner.obj[index.obj], path, str(index.obj))
    if isinstance(owner, ListRef):
        return item_at(lw, owner, _list_index(lw, owner, index))
    items = as_items(lw, owner)
    if items is None:
        lw.mismatch(f"{describe(owner)} cannot be indexed")
    if isinstance(index, SliceVal):
        return _slice(lw, owner, items, index)
    if isinstance(index, Known):
        return _known_item(lw, owner, items, index.obj)
    return _run_time_item(lw, owner, items, index)


def _list_index(lw: Lowerer, owner: ListRef, index: AbstractValue) -> Value:
    value = as_index(lw.ctx, index)
    known = lw.b.const_of(value)
    if known is not None and known < 0:
        return emit(lw.b, "add", lw.b.list_len(owner.ref), value)
    n = lw.b.list_len(owner.ref)
    if known is not None or value in lw.ctx.nonneg:
        return value
    wrapped = emit(lw.b, "add", value, n)
    return emit(lw.b, "select", emit(lw.b, "lt", value, lw.b.int(0)), wrapped, value)


def _key(lw: Lowerer, owner: Box, index: AbstractValue) -> object:
    if not isinstance(index, Known):
        lw.refuse("a dict key that is known at run time only", "use an array")
    keys = lw.get((owner.owner, "%keys"), owner.owner.name)
    assert isinstance(keys, Known) and isinstance(keys.obj, tuple)
    if index.obj not in keys.obj:
        lw.fail("KeyError", repr(index.obj))
    return index.obj


def _slice(
    lw: Lowerer, owner: AbstractValue, items: tuple[AbstractValue, ...], index: SliceVal
) -> AbstractValue:
    parts: list[Any] = []
    for part in (index.start, index.stop, index.step):
        if part is not None and not isinstance(part, Known):
            lw.refuse("a slice of a list or tuple with run-time bounds", "use an array")
        parts.append(None if part is None else part.obj)
    chosen = items[slice(*parts)]
    if isinstance(owner, Known) and isinstance(owner.obj, str):
        return Known("".join(str(c.obj) for c in chosen if isinstance(c, Known)))
    return new_list(lw, chosen, (lw.src, "slice")) if isinstance(owner, Box) else Tup(chosen)


def _known_item(
    lw: Lowerer, owner: AbstractValue, items: tuple[AbstractValue, ...], k: object
) -> AbstractValue:
    if not isinstance(k, int):
        lw.mismatch(f"{describe(owner)} is indexed with a {type(k).__name__}")
    if not -len(items) <= k < len(items):
        kind = "list" if isinstance(owner, Box) else "tuple"
        lw.fail("IndexError", f"{kind} index out of range")
    return items[k]


def _run_time_item(
    lw: Lowerer, owner: AbstractValue, items: tuple[AbstractValue, ...], index: AbstractValue
) -> AbstractValue:
    if isinstance(owner, Box):
        element_type(lw, items, owner.owner.name)
        grow(lw, owner)
    unroll_or(lw)
    if not all(isinstance(x, Num | Known | Arr) for x in items):
        lw.refuse("a tuple of different things indexed at run time", "index it with a constant")
    arr = lw.bound(as_array(lw.ctx, Tup(items)))
    assert isinstance(arr, Arr)
    return subscript(lw.ctx, arr, [index])


# -- writing
def store_item(
    lw: Lowerer, owner: AbstractValue, index: AbstractValue, value: AbstractValue, op: str | None = None
) -> None:
    """owner[index] = value, or op= on arrays."""
    if isinstance(owner, Arr):
        items = as_items(lw, value)
        if items is not None or isinstance(value, ListRef):
            from .calls import library_argument

            value = library_argument(lw, value)
        store(lw.ctx, owner, array_items(lw, index), value, op)
    elif isinstance(owner, Box) and owner.kind == "dict":
        _store_dict(lw, owner, index, value)
    elif isinstance(owner, ListRef):
        lw.b.list_set(owner.ref, _list_index(lw, owner, index), as_element(lw, owner, value))
    elif isinstance(owner, Box) and owner.kind == "list":
        items = as_items(lw, owner) or ()
        if not isinstance(index, Known):
            element_type(lw, (*items, value), owner.owner.name)
            grow(lw, owner, (value,))
        assert isinstance(index, Known)
        _known_item(lw, owner, items, index.obj)
        changed = list(items)
        changed[index.obj] = value  # type: ignore[call-overload]
        set_items(lw, owner, changed)
    elif isinstance(owner, Known):
        refuse_outer(lw, owner)
    else:
        lw.mismatch(f"{describe(owner)} does not support item assignment")


def _store_dict(lw: Lowerer, owner: Box, index: AbstractValue, value: AbstractValue) -> None:
    if not isinstance(index, Known):
        lw.refuse("a dict key that is known at run time only", "use an array")
    keys = lw.get((owner.owner, "%keys"), owner.owner.name)
    assert isinstance(keys, Known) and isinstance(keys.obj, tuple)
    if index.obj not in keys.obj:
        lw.set((owner.owner, "%keys"), Known((*keys.obj, index.obj)))
    lw.set((owner.owner, index.obj), value)


def set_attribute(lw: Lowerer, owner: AbstractValue, name: str, value: AbstractValue) -> None:
    """owner.name = value."""
    if isinstance(owner, Box) and owner.kind == "object":
        params = getattr(owner.cls, "__dataclass_params__", None)
        if params is not None and params.frozen:
            lw.fail("AttributeError", f"cannot assign to field '{name}'")
        if not assign_by_class(lw, owner, name, value):
            lw.set((owner.owner, name), value)
    elif isinstance(owner, Known):
        refuse_outer(lw, owner)
    else:
        lw.refuse(f"assignment to the attribute '{name}' of {describe(owner)}")
