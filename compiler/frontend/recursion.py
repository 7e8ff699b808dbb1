"""Recursive calls: a function that calls itself under a run-time condition becomes an IR function.

Its result type is found by a fixpoint: at first a recursive call is taken never to return, so that only the
other returns count.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence

from ..arrays.core import from_reference, reference
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import UnsupportedError
from ..ir.nodes import Function, Value
from ..ir.types import INT, Type
from ..prims.prim import emit
from .captures import run_time
from .joins import (
    ArrForm,
    Form,
    ListForm,
    NumForm,
    SameForm,
    TupForm,
    as_tup,
    coerce,
    is_number,
    join,
    num_form,
    rebuild,
    same_form,
)
from .joins import types as form_types
from .lowerer import Lowerer, PathEnds, RecursiveFn
from .source import FunctionSource
from .values import Box, Closure, ListRef, Path, Scope, describe

MAX_INLINE = 12
MAX_ATTEMPTS = 10
MAX_DEPTH = 1000

Call = tuple[object, tuple[object, ...], int]


def note_call(
    lw: Lowerer, source: FunctionSource, parent: Scope | None, bound: dict[str, AbstractValue]
) -> Call:
    """What is remembered of an inlined call while it is open."""
    return (source.node, _key(lw, parent, bound), lw.b.depth)


def is_recursive(
    lw: Lowerer, source: FunctionSource, parent: Scope | None, bound: dict[str, AbstractValue]
) -> bool:
    """Whether the call must not be inlined: the same call is open, or one that run-time conditions repeat."""
    key = _key(lw, parent, bound)
    if (source.node, key) in lw.session.functions:
        return True
    same = [c for c in lw.calls if isinstance(c, tuple) and c[0] is source.node]
    if any(c[1] == key for c in same):
        return True
    with_functions = any(isinstance(v, Closure) for v in bound.values())
    if with_functions or (parent is not None and not any(c[1][0] == id(parent) for c in same)):
        return len(same) >= MAX_INLINE * 4
    return any(lw.b.depth > c[2] for c in same) or len(same) >= MAX_INLINE


def _key(lw: Lowerer, parent: Scope | None, bound: dict[str, AbstractValue]) -> tuple[object, ...]:
    return (id(parent) if parent is not None else 0, tuple((n, _form_key(lw, v)) for n, v in bound.items()))


def _form_key(lw: Lowerer, x: AbstractValue) -> object:
    if isinstance(x, Num):
        return ("num", x.dtype, x.weak)
    if isinstance(x, Arr):
        return ("array", x.dtype, x.rank)
    if isinstance(x, Tup):
        return ("tuple", x.type, tuple(_form_key(lw, v) for v in x.items))
    if isinstance(x, ListRef):
        return ("list", x.ref.type)
    if isinstance(x, Known):
        return (
            "known",
            type(x.obj),
            repr(x.obj) if isinstance(x.obj, bool | int | float | str | tuple) else id(x.obj),
        )
    if isinstance(x, Closure):
        return ("closure", id(x.source.node), id(x.scope))
    return ("object", id(x.owner)) if isinstance(x, Box) else ("value", id(x))


def call_recursive(
    lw: Lowerer,
    source: FunctionSource,
    parent: Scope | None,
    python: types.FunctionType | None,
    path: Path | None,
    bound: dict[str, AbstractValue],
) -> AbstractValue:
    """Call a function of the module, which is lowered on its first call."""
    args = {name: _general(lw, value) for name, value in bound.items()}
    outer = dict(_outer_values(lw, source, parent))
    forms = [_form(lw, v) for v in (*args.values(), *outer.values())]
    key = (source.node, _key(lw, parent, args))
    record = lw.session.functions.get(key)
    if record is None:
        taken = {r.name for r in lw.session.functions.values()} | {lw.session.entry_name}
        base = source.name
        name = next(n for n in (base, *(f"{base}_{k}" for k in range(1, 1000))) if n not in taken)
        record = lw.session.functions[key] = RecursiveFn(name)
        _lower(lw, record, source, parent, python, path, args, outer, forms)
    if record.form is None:
        raise PathEnds
    depth = lw.b.int(0) if lw.depth is None else emit(lw.b, "add", lw.depth, lw.b.int(1))
    parts = [depth]
    parts += [
        p for v, f in zip((*args.values(), *outer.values()), forms, strict=True) for p in coerce(lw, v, f)
    ]
    for captured in record.captures:
        value = run_time(lw, captured, lw.session.captures.found[captured].spec, str(captured[-1][1]))
        parts.append(_part(lw, value))
    outs = lw.b.call_fn(record.name, parts, form_types(record.form))
    return rebuild(lw, record.form, iter(outs))


def _part(lw: Lowerer, value: AbstractValue) -> Value:
    return value.value if isinstance(value, Num) else reference(lw.ctx, value)  # type: ignore[arg-type]


def _general(lw: Lowerer, value: AbstractValue) -> AbstractValue:
    """Constant numbers become run-time ones, so that the depth of the recursion does not matter."""
    if isinstance(value, Known) and is_number(value) and not isinstance(value.obj, bool):
        return lw.num(value)
    tup = as_tup(value)
    if tup is not None:
        return Tup(tuple(_general(lw, v) for v in tup.items), tup.type)
    if isinstance(value, Box):
        lw.refuse(f"{describe(value)} is passed to a recursive function", "pass its elements, or an array")
    return value


def _form(lw: Lowerer, value: AbstractValue) -> Form:
    if isinstance(value, Num):
        return num_form(lw, value)
    if isinstance(value, Arr):
        ones = tuple(1 if lw.b.const_of(n) == 1 else None for n in value.shape)
        return ArrForm(value.dtype, ones, value.writeable)
    if isinstance(value, Tup):
        return TupForm(tuple(_form(lw, v) for v in value.items), value.type)
    return ListForm(value.ref.type) if isinstance(value, ListRef) else SameForm(value)  # type: ignore[arg-type]


def _outer_values(
    lw: Lowerer, source: FunctionSource, parent: Scope | None
) -> Iterator[tuple[tuple[object, object], AbstractValue]]:
    """Variables of enclosing functions that the function reads."""
    names = {n.id for n in source.loads}
    scope = parent
    while scope is not None:
        for key, value in lw.state.values.items():
            if key[0] is scope and key[1] in names:
                yield key, value
        scope = scope.parent


def _lower(
    lw: Lowerer,
    record: RecursiveFn,
    source: FunctionSource,
    parent: Scope | None,
    python: types.FunctionType | None,
    path: Path | None,
    args: dict[str, AbstractValue],
    outer: dict[tuple[object, object], AbstractValue],
    forms: Sequence[Form],
) -> None:
    from .calls import run_body

    for _ in range(MAX_ATTEMPTS):
        sub = Lowerer(lw.session)
        sub.src = sub.b.src = source.src(source.node)
        _count_depth(sub, source.name)
        names = [*args, *(str(k[1]) for k in outer)]
        values = [_parameter(sub, form, name) for form, name in zip(forms, names, strict=True)]
        for captured in record.captures:
            run_time(sub, captured, lw.session.captures.found[captured].spec, str(captured[-1][1]))
        inner = dict(zip(args, values, strict=False))
        for key, value in zip(outer, values[len(args) :], strict=True):
            sub.state.values[key] = value
        sub.calls = [(source.node, _key(sub, parent, inner), sub.b.depth)]
        try:
            result: AbstractValue | None = sub.bound(run_body(sub, source, parent, python, path, inner))
        except PathEnds:
            result = None
        captures = list(sub.captured)
        form = record.form if result is None else _result_form(sub, record.form, result)
        if form is None:
            raise UnsupportedError(
                f"infinite recursion: {source.name}() never returns without calling itself",
                source.src(source.node),
            )
        if record.form is not None and same_form(form, record.form) and captures == record.captures:
            root = sub.b.region
            root.yields = tuple(coerce(sub, result, form)) if result is not None else ()
            record.function = Function(record.name, root)
            return
        record.form, record.captures = form, captures
    raise UnsupportedError(f"the result type of the recursive {source.name}() does not settle", lw.src)


def _count_depth(sub: Lowerer, name: str) -> None:
    """Recursion without end must not overflow the stack: machine code does not look at it."""
    sub.depth = sub.b.param(Value(INT, "depth"))
    fine = emit(sub.b, "lt", sub.depth, sub.b.int(MAX_DEPTH))
    message = f"maximum recursion depth exceeded: {name}() called itself {MAX_DEPTH} times"
    sub.b.check(fine, "RecursionError", message)


def _result_form(sub: Lowerer, before: Form | None, result: AbstractValue) -> Form:
    form = (
        _form(sub, sub.num(result)) if isinstance(result, Known) and is_number(result) else _form(sub, result)
    )
    if before is None or same_form(before, form):
        return form
    if isinstance(before, NumForm) and isinstance(form, NumForm):
        old = Num(sub.b.undef(form_types(before)[0]), before.weak)
        return join(sub, old, result, "%retval", sub.src)
    return form


def _parameter(sub: Lowerer, form: Form, name: str) -> AbstractValue:
    def parts() -> Iterator[Value]:
        for t in form_types(form):
            yield _param(sub, t, name)

    if isinstance(form, ArrForm):
        ref = next(parts())
        shape = [sub.b.one_at_top() if n == 1 else sub.b.dim(ref, k) for k, n in enumerate(form.shape)]
        return from_reference(sub.ctx, ref, shape, None, False)
    return rebuild(sub, form, parts())


def _param(sub: Lowerer, t: Type, name: str) -> Value:
    return sub.b.param(Value(t, name))
