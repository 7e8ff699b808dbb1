"""Lists, tuples and dicts.

A list is static (its elements are known one by one) until a run shows that it cannot be: then the session
remembers its site and element type, and the lowering starts again with a growable list there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..arrays.core import fill, from_reference, reference, to_value
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import Src, TypeMismatchError
from ..ir.nodes import Value
from ..ir.types import Array, List, Scalar, promote
from ..prims.prim import emit
from .joins import as_tup, is_number, num_form
from .lowerer import Lowerer, Retry
from .values import Box, KnownAt, ListRef, describe

MAX_UNROLL = 64
MUTATORS = {"append", "extend", "insert", "pop", "remove", "clear", "update", "sort", "reverse", "add"}


def as_items(lw: Lowerer, x: AbstractValue) -> tuple[AbstractValue, ...] | None:
    """The elements of a tuple, a static list, or a constant sequence."""
    tup = as_tup(x)
    if tup is not None:
        return tup.items
    if isinstance(x, Box) and x.kind == "list":
        items = lw.state.values[x.owner, "%items"]
        assert isinstance(items, Tup)
        return items.items
    if isinstance(x, Box) and x.kind == "dict":
        keys = lw.get((x.owner, "%keys"), x.owner.name)
        assert isinstance(keys, Known) and isinstance(keys.obj, tuple)
        return tuple(Known(k) for k in keys.obj)
    if isinstance(x, Known) and isinstance(x.obj, list | str | dict):
        return tuple(Known(v) for v in x.obj)
    return None


# -- making
def new_list(
    lw: Lowerer, items: Sequence[AbstractValue], site: object, name: str = "the list"
) -> Box | ListRef:
    """A list with the given elements."""
    box = lw.new_box("list", list, site, name)
    elem = lw.session.growable.get(box.owner.site)
    if elem is not None:
        ref = ListRef(lw.b.list_new(elem))
        for item in items:
            append(lw, ref, item, box.owner.site)
        lw.state.values[ref.ref, "%site"] = Known(box.owner.site)
        return ref
    set_items(lw, box, items)
    return box


def set_items(lw: Lowerer, box: Box, items: Sequence[AbstractValue]) -> None:
    """Give a static list new elements."""
    lw.set((box.owner, "%items"), Tup(tuple(items), list))


def new_dict(lw: Lowerer, entries: Sequence[tuple[object, AbstractValue]], site: object) -> Box:
    """A dict with constant keys."""
    box = lw.new_box("dict", dict, site, "the dict")
    lw.set((box.owner, "%keys"), Known(tuple(dict.fromkeys(k for k, _ in entries))))
    for key, value in entries:
        lw.set((box.owner, key), value)
    return box


# -- growing
def grow(lw: Lowerer, box: Box, more: Sequence[AbstractValue] = (), retry: bool = True) -> None:
    """Make a list growable in the next attempt."""
    items = [*(as_items(lw, box) or ()), *more]
    elem = element_type(lw, items, box.owner.name)
    known = lw.session.growable.get(box.owner.site)
    if isinstance(known, Scalar) and isinstance(elem, Scalar) and items:
        elem = Scalar(promote(known.dtype, elem.dtype))
    lw.session.growable[box.owner.site] = known if known is not None and not items else elem
    if retry:
        raise Retry


def element_type(lw: Lowerer, items: Sequence[AbstractValue], name: str) -> Scalar | Array:
    """The one type of all elements."""
    if all(is_number(x) for x in items):
        return Scalar(num_form(lw, *items).dtype) if items else Scalar("float64")
    kinds = {(x.dtype, x.rank) if isinstance(x, Arr) else None for x in items}
    if len(kinds) == 1 and None not in kinds:
        ((dtype, rank),) = kinds  # type: ignore[misc]
        return Array(dtype, rank)
    if not all(is_number(x) or isinstance(x, Arr) for x in items):
        unroll_or(lw)
    first = next((x for x in items if type(x) is not type(items[0]) or isinstance(x, Arr)), items[-1])
    held = dict.fromkeys([describe(items[0]), describe(items[-1] if first is items[0] else first)])
    lw.refuse(
        f"'{name}' holds {' and '.join(held)}, and grows at run time",
        "such a list holds numbers, or arrays of one dtype and rank",
    )


def unroll_or(lw: Lowerer) -> None:
    """Unroll the innermost loop over a short constant range that is not yet unrolled, and start again."""
    for frame in reversed(lw.frames):
        for loop in reversed(frame.loops):
            if (
                loop.known is not None
                and len(loop.known) <= MAX_UNROLL
                and loop.node not in lw.session.unrolled
            ):
                lw.session.unrolled.add(loop.node)
                raise Retry


def append(lw: Lowerer, ref: ListRef, item: AbstractValue, site: object = None) -> None:
    """ref.append(item)."""
    lw.b.push(ref.ref, as_element(lw, ref, item, site))


def as_element(lw: Lowerer, ref: ListRef, item: AbstractValue, site: object = None) -> Value:
    """A value as an element of a growable list."""
    assert isinstance(ref.ref.type, List)
    elem = ref.ref.type.elem
    if (
        isinstance(elem, Array)
        and isinstance(item, Arr)
        and (item.dtype, item.rank) == (elem.dtype, elem.rank)
    ):
        return reference(lw.ctx, item)
    if isinstance(elem, Scalar) and is_number(item):
        dtype = num_form(lw, item).dtype
        wide = promote(dtype, elem.dtype)
        if wide != elem.dtype and not (isinstance(item, Known) and elem.dtype.startswith("float")):
            if site is None:
                known = lw.state.values.get((ref.ref, "%site"))
                site = known.obj if isinstance(known, Known) else None
            if site is not None:
                lw.session.growable[site] = Scalar(wide)
                raise Retry
            lw.mismatch(
                f"a list of {elem.dtype} cannot take {describe(item)}", "make the first element a float"
            )
        return to_value(lw.ctx, item, elem.dtype)
    kind = f"arrays of {elem.dtype} and rank {elem.rank}" if isinstance(elem, Array) else elem.dtype
    name = ref.ref.name or "the list"
    lw.mismatch(f"'{name}' is a list of {kind} and cannot take {describe(item)}", "keep a list for each type")


def element(lw: Lowerer, ref: ListRef, value: Value) -> AbstractValue:
    """An IR element as an abstract value."""
    return from_reference(lw.ctx, value) if isinstance(value.type, Array) else Num(value)


def item_at(lw: Lowerer, ref: ListRef, index: Value) -> AbstractValue:
    """ref[index]."""
    return element(lw, ref, lw.b.list_get(ref.ref, index))


def to_array(lw: Lowerer, ref: ListRef) -> Arr:
    """np.array(list)."""
    assert isinstance(ref.ref.type, List)
    n = lw.b.list_len(ref.ref)
    lw.ctx.nonneg.add(n)
    elem = ref.ref.type.elem
    if isinstance(elem, Scalar):
        out = lw.ctx.fresh((n,), elem.dtype)
        return fill(lw.ctx, out, lambda b, index: b.list_get(ref.ref, index[0]))
    lw.ctx.require(emit(lw.b, "gt", n, lw.b.int(0)), "ValueError", "an array of an empty list of arrays")
    shape = from_reference(lw.ctx, lw.b.list_get(ref.ref, lw.b.int(0))).shape
    out = lw.ctx.fresh((n, *shape), elem.dtype)
    memory = out.memory
    assert memory is not None
    i = Value(n.type, "i")
    lw.ctx.nonneg.add(i)
    zero, one = lw.b.int(0), lw.b.int(1)
    lw.b.open((i,))
    part = from_reference(lw.ctx, lw.b.list_get(ref.ref, i))
    from ..arrays.indexing import store

    store(lw.ctx, out, [Num(i)], part)
    lw.b.for_(zero, n, one, (), lw.b.close())
    return out


# -- operators
def concatenate(lw: Lowerer, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """a + b on sequences."""
    x, y = as_items(lw, a), as_items(lw, b)
    lists = [
        isinstance(v, Box | ListRef) or (isinstance(v, Known) and isinstance(v.obj, list)) for v in (a, b)
    ]
    if x is not None and y is not None and lists[0] == lists[1]:
        return new_list(lw, (*x, *y), (lw.src, "+")) if lists[0] else Tup((*x, *y))
    if all(lists):
        out = copy_list(lw, a)
        extend(lw, out, b)
        return out
    lw.mismatch(f"can only concatenate sequences of one kind, not {describe(a)} and {describe(b)}")


def repeat(lw: Lowerer, sequence: AbstractValue, count: AbstractValue) -> AbstractValue:
    """sequence * count."""
    items = as_items(lw, sequence)
    if items is None or not isinstance(count, Known) or not isinstance(count.obj, int):
        lw.refuse("a list or tuple repeated a run-time number of times", "use np.full or a loop with append")
    if isinstance(sequence, Tup | Known):
        return Tup(items * count.obj)
    return new_list(lw, items * count.obj, (lw.src, "*"))


def copy_list(lw: Lowerer, x: AbstractValue) -> Box | ListRef:
    """A new list with the same elements."""
    items = as_items(lw, x)
    if items is not None:
        return new_list(lw, items, (lw.src, "copy"))
    assert isinstance(x, ListRef) and isinstance(x.ref.type, List)
    out = ListRef(lw.b.list_new(x.ref.type.elem))
    extend(lw, out, x)
    return out


def extend(lw: Lowerer, target: Box | ListRef, source: AbstractValue) -> None:
    """target.extend(source)."""
    items = as_items(lw, source)
    if items is None:
        if isinstance(target, Box) and isinstance(source, ListRef):
            assert isinstance(source.ref.type, List)
            lw.session.growable.setdefault(target.owner.site, source.ref.type.elem)
            raise Retry
        if not isinstance(source, ListRef):
            lw.refuse(f"extend with {describe(source)}", "append in a loop")
        n = lw.b.list_len(source.ref)
        i = Value(n.type, "i")
        zero, one = lw.b.int(0), lw.b.int(1)
        lw.b.open((i,))
        assert isinstance(target, ListRef)
        append(lw, target, item_at(lw, source, i))
        lw.b.for_(zero, n, one, (), lw.b.close())
    elif isinstance(target, Box):
        set_items(lw, target, (*(as_items(lw, target) or ()), *items))
    else:
        for item in items:
            append(lw, target, item)


# -- methods
def call_method(
    lw: Lowerer, owner: Box | ListRef | Tup | Known, name: str, args: list[AbstractValue]
) -> AbstractValue:
    """A method of a list, dict, tuple or string."""
    if isinstance(owner, ListRef):
        return _list_method(lw, owner, name, args)
    if isinstance(owner, Known) and isinstance(owner.obj, list | dict | set) and name in MUTATORS:
        refuse_outer(lw, owner)
    if isinstance(owner, Known) and all(isinstance(a, Known) for a in args):
        return Known(getattr(owner.obj, name)(*[a.obj for a in args if isinstance(a, Known)]))
    if isinstance(owner, Box) and owner.kind == "list" and name in STATIC_LIST:
        return STATIC_LIST[name](lw, owner, list(as_items(lw, owner) or ()), args)
    if isinstance(owner, Box) and owner.kind == "dict" and name in DICT:
        return DICT[name](lw, owner, args)
    lw.no_rule(f"the method .{name}() of {describe(owner)} cannot be compiled")


def refuse_outer(lw: Lowerer, owner: Known) -> None:
    """Objects from outside are constants."""
    where = owner.path[-1][1] if isinstance(owner, KnownAt) and owner.path else "an object"
    lw.refuse(f"'{where}' is changed, which is defined outside of the function", "pass it as an argument")


def _list_method(lw: Lowerer, owner: ListRef, name: str, args: list[AbstractValue]) -> AbstractValue:
    if name == "append":
        append(lw, owner, args[0])
    elif name == "pop":
        if args and not (isinstance(args[0], Known) and args[0].obj == -1):
            lw.refuse("pop from the middle of a list that grows at run time", "pop the last element")
        return element(lw, owner, lw.b.pop(owner.ref))
    elif name == "extend":
        extend(lw, owner, args[0])
    elif name == "copy":
        return copy_list(lw, owner)
    else:
        lw.no_rule(f"the method .{name}() of a list that grows at run time cannot be compiled")
    return Known(None)


def _known_int(lw: Lowerer, x: AbstractValue) -> int:
    if not isinstance(x, Known) or not isinstance(x.obj, int):
        lw.refuse("a position in a list that is known at run time only", "use an array")
    return x.obj


def _append(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    set_items(lw, box, [*items, args[0]])
    return Known(None)


def _pop(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    at = _known_int(lw, args[0]) if args else -1
    if not -len(items) <= at < len(items):
        lw.fail("IndexError", "pop from empty list" if not items else "pop index out of range")
    value = items.pop(at)
    set_items(lw, box, items)
    return value


def _extend(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    extend(lw, box, args[0])
    return Known(None)


def _insert(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    items.insert(_known_int(lw, args[0]), args[1])
    set_items(lw, box, items)
    return Known(None)


def _reverse(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    set_items(lw, box, items[::-1])
    return Known(None)


def _clear(lw: Lowerer, box: Box, items: list[AbstractValue], args: list[AbstractValue]) -> AbstractValue:
    set_items(lw, box, [])
    return Known(None)


STATIC_LIST: dict[str, Callable[[Lowerer, Box, list[AbstractValue], list[AbstractValue]], AbstractValue]] = {
    "append": _append,
    "pop": _pop,
    "extend": _extend,
    "insert": _insert,
    "reverse": _reverse,
    "clear": _clear,
    "copy": lambda lw, box, items, args: copy_list(lw, box),
}


def _dict_get(lw: Lowerer, box: Box, args: list[AbstractValue]) -> AbstractValue:
    keys = as_items(lw, box) or ()
    if not isinstance(args[0], Known):
        lw.refuse("a dict key that is known at run time only", "use an array")
    if args[0].obj in [k.obj for k in keys if isinstance(k, Known)]:
        return lw.get((box.owner, args[0].obj), str(args[0].obj))
    return args[1] if len(args) > 1 else Known(None)


def _dict_values(lw: Lowerer, box: Box, args: list[AbstractValue]) -> Tup:
    keys = as_items(lw, box) or ()
    return Tup(tuple(lw.get((box.owner, k.obj), str(k.obj)) for k in keys if isinstance(k, Known)))


DICT: dict[str, Callable[[Lowerer, Box, list[AbstractValue]], AbstractValue]] = {
    "get": _dict_get,
    "keys": lambda lw, box, args: Tup(as_items(lw, box) or ()),
    "values": _dict_values,
    "items": lambda lw, box, args: Tup(
        tuple(
            Tup(pair) for pair in zip(as_items(lw, box) or (), _dict_values(lw, box, args).items, strict=True)
        )
    ),
    "copy": lambda lw, box, args: new_dict(
        lw,
        [
            (k.obj, v)
            for k, v in zip(as_items(lw, box) or (), _dict_values(lw, box, args).items, strict=True)
            if isinstance(k, Known)
        ],
        (lw.src, "copy"),
    ),
}


def join_items(lw: Lowerer, owner_name: str, site: object, a: Tup, b: Tup, src: Src) -> None:
    """Two lengths of a static list meet: it must grow at run time."""
    outer, lw.src = lw.src, src
    longer = (*a.items, *b.items)
    elem = element_type(lw, longer, owner_name)
    lw.src = outer
    if site in lw.session.growable:
        raise TypeMismatchError(f"'{owner_name}' changes its length on some paths only", src)
    lw.session.growable[site] = elem
    raise Retry
