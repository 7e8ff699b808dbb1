"""Calls of functions whose derivative the user wrote (`custom_vjp`).

    y = f(x)    becomes    y = call f(x)            three functions of the module:
                           f(x…) -> y…              the function itself
                           f_forward(x…) -> y…, residuals…
                           f_backward(residuals…, y_bar…) -> x_bar…

Tuples, lists and dicts are taken apart into scalars and arrays. Arguments that are known when compiling
(None, strings, constant numbers) take no part: each set of them makes functions of its own. What the three
read from outside is passed to all: the forward function hands it on with the residuals, and with it the
lengths of array arguments, by which the cotangents are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..arrays.core import cast_to, elementwise, reference, to_value
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import NoDerivativeError, NoRuleError, Src, UnsupportedError
from ..ir.nodes import Function, Module, Value
from ..ir.types import carries_derivative, is_complex, is_inexact
from ..prims.prim import emit
from .captures import outside, run_time
from .containers import as_items
from .joins import (
    ArrForm,
    Form,
    NumForm,
    SameForm,
    TupForm,
    as_tup,
    coerce,
    is_number,
    rebuild,
    same_form,
)
from .joins import types as form_types
from .lowerer import Lowerer, PathEnds, RecursiveFn
from .mutation import mutated_params
from .packing import form_key, form_of, holds, pack, unpack
from .values import Box, KnownAt, ListRef, Path, describe

MAX_ATTEMPTS = 10


@dataclass
class Rule:
    """The three functions for one object and one set of argument types."""

    obj: Any
    path: Path | None
    shown: str
    forms: list[Form]
    arg_names: list[str]
    primal: RecursiveFn
    forward: RecursiveFn
    backward: RecursiveFn
    residuals: Form | None = None
    captures: list[Path] = field(default_factory=list)

    @property
    def form(self) -> Form:
        """The form of the result."""
        assert self.primal.form is not None
        return self.primal.form

    def part(self, name: str) -> Known:
        """The user's function under an attribute of the object."""
        value = getattr(self.obj, name)
        return Known(value) if self.path is None else KnownAt(value, (*self.path, ("attr", name)))


def call_custom(
    lw: Lowerer, obj: Any, path: Path | None, args: list[AbstractValue], kwargs: dict[str, Any], shown: str
) -> AbstractValue:
    """A call of an object made by `custom_vjp`."""
    from .calls import call_value

    if any(obj is inner for inner in lw.inside):
        plain = Known(obj.fn) if path is None else KnownAt(obj.fn, (*path, ("attr", "fn")))
        return call_value(lw, plain, args, kwargs, shown)
    if obj.fwd is None or obj.bwd is None:
        lw.no_rule(f"{shown} has no derivative rule", f"give it one: {shown}.defvjp(forward, backward)")
    names, values = _positional(lw, obj, path, args, kwargs, shown)
    packed = [
        pack(lw, lw.bound(v), f"argument '{n}' of {shown}()") for n, v in zip(names, values, strict=True)
    ]
    forms = [form_of(lw, v) for v in packed]
    key = ("custom_vjp", id(obj), tuple(map(form_key, forms)))
    rule = lw.session.rules.get(key)
    if rule is None:
        rule = lw.session.rules[key] = _new_rule(lw, obj, path, shown, forms, names, key)
        _settle(lw, rule)
    if rule.primal.form is None:
        raise PathEnds
    parts = [p for v, f in zip(packed, forms, strict=True) for p in coerce(lw, v, f)]
    parts += [_captured(lw, p) for p in rule.captures]
    outs = lw.b.call_fn(rule.primal.name, parts, form_types(rule.form))
    return unpack(lw, rebuild(lw, rule.form, iter(outs)), (shown, "result"))


def stop_gradient(lw: Lowerer, x: AbstractValue) -> AbstractValue:
    """The value as a constant, through tuples, lists and dicts."""
    if isinstance(x, Box | ListRef):
        packed = pack(lw, x, "the argument of stop_gradient()")
        return unpack(lw, stop_gradient(lw, packed), lw.call_path[-1] if lw.call_path else "stop_gradient")
    if isinstance(x, Tup):
        return Tup(tuple(stop_gradient(lw, v) for v in x.items), x.type)
    return x if isinstance(x, Known) else elementwise(lw.ctx, "stop_gradient", x)


def rules_of(lw: Lowerer) -> dict[str, tuple[str, str]]:
    """`Module.custom` of all rules that were used."""
    return {r.primal.name: (r.forward.name, r.backward.name) for r in lw.session.rules.values()}


def check_rules(lw: Lowerer, others: dict[str, Function]) -> None:
    """A function with a rule must not change its arguments: the rule says nothing about that."""
    for rule in lw.session.rules.values():
        for record in (rule.primal, rule.forward):
            assert record.function is not None
            if mutated_params(Module(record.function, others)):
                raise UnsupportedError(
                    f"{rule.shown}() has a derivative rule and writes to an argument",
                    _place(rule.obj.fn if record is rule.primal else rule.obj.fwd),
                    "copy the array first: x = x.copy()",
                )


def _positional(
    lw: Lowerer, obj: Any, path: Path | None, args: list[AbstractValue], kwargs: dict[str, Any], shown: str
) -> tuple[list[str], list[AbstractValue]]:
    """The arguments in order, defaults filled in, and what they are called."""
    from .calls import bind, python_defaults, source_of

    fn = getattr(obj.fn, "py_func", obj.fn)
    source = source_of(lw, fn, shown)
    spec = source.node.args
    if spec.kwonlyargs or spec.kwarg is not None:
        lw.refuse(f"{shown}() has a derivative rule and takes keyword arguments", "make them positional")
    where = (
        None
        if path is None
        else (*path, ("attr", "fn"), *([("attr", "py_func")] if fn is not obj.fn else []))
    )
    bound = bind(lw, source, python_defaults(lw, fn, where), args, kwargs)
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    values = [bound[n] for n in names]
    if spec.vararg is not None:
        more = bound[spec.vararg.arg]
        assert isinstance(more, Tup)
        names += [f"{spec.vararg.arg}[{k}]" for k in range(len(more.items))]
        values += more.items
    return names, values


def _new_rule(
    lw: Lowerer, obj: Any, path: Path | None, shown: str, forms: list[Form], names: list[str], key: object
) -> Rule:
    base = getattr(obj.fn, "__name__", "f")
    base = base if base.isidentifier() else "lambda_"
    taken = {r.name for r in lw.session.functions.values()} | {lw.session.entry_name}
    base = next(
        n
        for n in (base, *(f"{base}_{k}" for k in range(1, 1000)))
        if not {n, f"{n}_forward", f"{n}_backward"} & taken
    )
    records = [RecursiveFn(n) for n in (base, f"{base}_forward", f"{base}_backward")]
    for record in records:
        lw.session.functions[key, record.name] = record
    return Rule(obj, path, shown, forms, names, records[0], records[1], records[2])


# -- parts
def _captured(lw: Lowerer, path: Path) -> Value:
    value = run_time(lw, path, lw.session.captures.found[path].spec, str(path[-1][1]))
    return value.value if isinstance(value, Num) else reference(lw.ctx, value)  # type: ignore[arg-type]


def _parameters(sub: Lowerer, form: Form, name: str) -> AbstractValue:
    """New parameters of the IR function for a value of a form."""
    parts = [sub.b.param(Value(t, name)) for t in form_types(form)]
    return rebuild(sub, form, iter(parts))


# -- the three functions
def _settle(lw: Lowerer, rule: Rule) -> None:
    """Lower all three until the result types and what they read from outside are stable."""
    for _ in range(MAX_ATTEMPTS):
        before = (rule.primal.form, rule.residuals, list(rule.captures))
        for lower in (_primal, _forward, _backward):
            lower(lw, rule)
        after = (rule.primal.form, rule.residuals, list(rule.captures))
        if before[2] == after[2] and all(
            a is not None and b is not None and same_form(a, b)
            for a, b in zip(before[:2], after[:2], strict=True)
        ):
            return
    raise UnsupportedError(f"the result type of {rule.shown}() does not settle", lw.src)


def _sub(lw: Lowerer, rule: Rule, place: Src, inside: bool) -> Lowerer:
    sub = Lowerer(lw.session)
    sub.src = sub.b.src = place
    sub.call_path = lw.call_path
    sub.inside = (*lw.inside, rule.obj) if inside else lw.inside
    return sub


def _call(sub: Lowerer, rule: Rule, part: str, args: Sequence[AbstractValue]) -> AbstractValue:
    from .calls import call_value

    fn = rule.part(part)
    if isinstance(fn, KnownAt):
        outside(sub, fn.obj, fn.path, part)  # a rule that is replaced later is a changed global
    return call_value(sub, fn, list(args), {}, f"{rule.shown}.{part}")


def _finish(sub: Lowerer, rule: Rule, record: RecursiveFn, results: Sequence[Value]) -> None:
    rule.captures += [p for p in sub.captured if p not in rule.captures]
    root = sub.b.region
    root.yields = tuple(results)
    record.function = Function(record.name, root)


def _arguments(sub: Lowerer, rule: Rule) -> tuple[list[AbstractValue], list[AbstractValue]]:
    """The parameters of the primal and of the forward function: as made, and as the user's function sees
    them."""
    made = [_parameters(sub, f, n) for f, n in zip(rule.forms, rule.arg_names, strict=True)]
    for path in rule.captures:
        _captured(sub, path)
    return made, [unpack(sub, v, (rule.shown, n)) for v, n in zip(made, rule.arg_names, strict=True)]


def _primal(lw: Lowerer, rule: Rule) -> None:
    sub = _sub(lw, rule, _place(rule.obj.fn), inside=False)
    _, args = _arguments(sub, rule)
    try:
        result = pack(sub, sub.bound(_call(sub, rule, "fn", args)), f"the result of {rule.shown}()")
    except PathEnds:
        if rule.primal.form is None:
            raise UnsupportedError(f"{rule.shown}() never returns", _place(rule.obj.fn)) from None
        _finish(sub, rule, rule.primal, ())
        return
    form = rule.primal.form
    if form is None or not holds(form, result):
        rule.primal.form = form = form_of(sub, result, general=True)
    _finish(sub, rule, rule.primal, coerce(sub, result, form))


def _forward(lw: Lowerer, rule: Rule) -> None:
    place = _place(rule.obj.fwd)
    sub = _sub(lw, rule, place, inside=True)
    made, args = _arguments(sub, rule)
    try:
        both = as_tup(sub.bound(_call(sub, rule, "fwd", args)))
    except PathEnds:
        raise UnsupportedError(f"the forward function of {rule.shown}() never returns", place) from None
    if both is None or len(both.items) != 2:
        raise NoDerivativeError(
            f"the forward function of {rule.shown}() must return a tuple (value, residuals)", place
        )
    value = pack(sub, both.items[0], "the value")
    if not holds(rule.form, value):
        raise NoDerivativeError(
            f"the forward function of {rule.shown}() returns {describe(both.items[0])} as its value, and "
            f"{rule.shown}() itself something else",
            place,
            "return (the value of the function, residuals)",
        )
    residuals = pack(sub, both.items[1], f"what the forward function of {rule.shown}() keeps")
    rule.residuals = form_of(sub, residuals)
    results = [*coerce(sub, value, rule.form), *coerce(sub, residuals, rule.residuals)]
    results += [_captured(sub, p) for p in rule.captures]
    results += [n for _, arr in _arrays(rule, made) for n in arr.shape]
    _finish(sub, rule, rule.forward, results)


def _backward(lw: Lowerer, rule: Rule) -> None:
    place = _place(rule.obj.bwd)
    sub = _sub(lw, rule, place, inside=True)
    assert rule.residuals is not None
    residuals = _parameters(sub, rule.residuals, "kept")
    for path in rule.captures:
        _captured(sub, path)
    lengths: list[tuple[Value, ...]] = []
    for _, form in _array_forms(rule):
        lengths.append(tuple(_length(sub) for _ in form.shape))
    cotangent = _cotangent(sub, rule.form)
    args = [unpack(sub, residuals, (rule.shown, "kept")), unpack(sub, cotangent, (rule.shown, "bar"))]
    try:
        given = _call(sub, rule, "bwd", args)
    except PathEnds:
        raise UnsupportedError(f"the backward function of {rule.shown}() never returns", place) from None
    _finish(sub, rule, rule.backward, _gradients(sub, rule, given, iter(lengths)))


def _length(sub: Lowerer) -> Value:
    n = sub.b.param(Value(sub.b.int(0).type, "length"))
    sub.ctx.nonneg.add(n)
    return n


def _cotangent(sub: Lowerer, form: Form) -> AbstractValue:
    """One parameter per differentiable part of the result; None for the others."""
    if isinstance(form, TupForm):
        keys = form.type is dict
        parts = [
            f.value if keys and not k % 2 and isinstance(f, SameForm) else _cotangent(sub, f)
            for k, f in enumerate(form.forms)
        ]
        return Tup(tuple(parts), form.type)
    if isinstance(form, NumForm | ArrForm) and is_inexact(form.dtype):
        return _parameters(sub, form, "y_bar")
    return Known(None)


# -- what the backward function returns
def _gradients(
    sub: Lowerer, rule: Rule, given: AbstractValue, lengths: Iterator[tuple[Value, ...]]
) -> list[Value]:
    """One value per differentiable part of the arguments, and zeros for what is read from outside."""
    place = _place(rule.obj.bwd)
    items = as_items(sub, given) if not isinstance(given, Arr | Num) else None
    count = len(rule.forms)
    if items is None:
        raise NoDerivativeError(
            f"the backward function of {rule.shown}() must return a tuple with one cotangent per argument, "
            f"and it returns {describe(given)}",
            place,
            "return (x_bar,)" if count == 1 else "return x_bar, y_bar, ...",
        )
    if len(items) != count:
        raise NoDerivativeError(
            f"the backward function of {rule.shown}() returns {len(items)} "
            f"cotangent{'s' * (len(items) != 1)}, and {rule.shown}() takes {count} "
            f"argument{'s' * (count != 1)}",
            place,
            "return one per argument, None for those without a derivative",
        )
    sub.src = sub.b.src = place
    results: list[Value] = []
    for form, value, name in zip(rule.forms, items, rule.arg_names, strict=True):
        packed = pack(sub, sub.bound(value), f"the cotangent of '{name}'")
        results += _gradient(sub, form, packed, name, lengths)
    for path in rule.captures:
        part = _captured(sub, path)
        if carries_derivative(part.type):
            zeros = [sub.b.int(0)] * part.rank
            results.append(
                sub.b.alloc(zeros, part.dtype, "zeros") if part.rank else sub.b.const(0, part.dtype)
            )
    return results


def _gradient(
    sub: Lowerer, form: Form, value: AbstractValue, name: str, lengths: Iterator[tuple[Value, ...]]
) -> list[Value]:
    absent = isinstance(value, Known) and value.obj is None
    if isinstance(form, TupForm):
        parts = [value] * len(form.forms) if absent else _aligned(sub, form, value, name)
        named = enumerate(zip(form.forms, parts, strict=True))
        return [g for k, (f, v) in named for g in _gradient(sub, f, v, f"{name}[{k}]", lengths)]
    if not isinstance(form, NumForm | ArrForm) or not is_inexact(form.dtype):
        return []
    if isinstance(form, ArrForm):
        return [_array_gradient(sub, form, value, name, next(lengths))]
    if absent:
        return [sub.b.const(0, form.dtype)]
    if isinstance(value, Arr) and not value.rank:
        value = sub.num(value)
    if not holds(form, value):
        sub.mismatch(f"the cotangent of '{name}', a number of {form.dtype}, is {describe(value)}")
    return [to_value(sub.ctx, value, form.dtype)]


def _array_gradient(
    sub: Lowerer, form: ArrForm, value: AbstractValue, name: str, lengths: tuple[Value, ...]
) -> Value:
    absent = isinstance(value, Known) and value.obj is None
    if absent or (not lengths and is_number(value)):
        made = sub.b.alloc(lengths, form.dtype, "zeros")
        if not absent:
            sub.b.store(made, (), to_value(sub.ctx, value, form.dtype))
        return made
    rank = len(form.shape)
    if not isinstance(value, Arr) or value.rank != rank:
        sub.mismatch(
            f"the cotangent of '{name}', an array of rank {rank}, is {describe(value)}",
            "it must have the shape of the argument",
        )
    if is_complex(value.dtype) and not is_complex(form.dtype):
        sub.mismatch(f"the cotangent of '{name}', an array of {form.dtype}, is complex", "take its .real")
    for axis, (n, wanted) in enumerate(zip(value.shape, lengths, strict=True)):
        sub.b.check(
            emit(sub.b, "eq", n, wanted),
            "ValueError",
            f"the cotangent of '{name}' has length {{0}} along axis {axis}, the argument {{1}}",
            [n, wanted],
        )
    converted = cast_to(sub.ctx, value, form.dtype)
    assert isinstance(converted, Arr)
    return reference(sub.ctx, converted)


def _aligned(sub: Lowerer, form: TupForm, value: AbstractValue, name: str) -> Sequence[AbstractValue]:
    tup = as_tup(value)
    if tup is not None and form.type is dict and tup.type is dict:
        given = {
            k.obj: v for k, v in zip(tup.items[::2], tup.items[1::2], strict=True) if isinstance(k, Known)
        }
        keys = [f.value for f in form.forms[::2] if isinstance(f, SameForm)]
        if {k.obj for k in keys if isinstance(k, Known)} == set(given):
            return [x for k in keys if isinstance(k, Known) for x in (k, given[k.obj])]
    elif tup is not None and form.type is not dict and len(tup.items) == len(form.forms):
        return tup.items
    sub.mismatch(
        f"the cotangent of '{name}', a {form.type.__name__}, is {describe(value)} of another structure"
    )


def _arrays(rule: Rule, made: Sequence[AbstractValue]) -> Iterator[tuple[Form, Arr]]:
    """The differentiable arrays in the arguments."""
    for form, value in zip(rule.forms, made, strict=True):
        yield from _arrays_in(form, value)


def _arrays_in(form: Form, value: AbstractValue) -> Iterator[tuple[Form, Arr]]:
    if isinstance(form, ArrForm) and isinstance(value, Arr) and is_inexact(form.dtype):
        yield form, value
    elif isinstance(form, TupForm) and isinstance(value, Tup):
        for f, v in zip(form.forms, value.items, strict=True):
            yield from _arrays_in(f, v)


def _array_forms(rule: Rule) -> Iterator[tuple[int, ArrForm]]:
    todo = list(enumerate(rule.forms))
    while todo:
        k, form = todo.pop(0)
        if isinstance(form, ArrForm) and is_inexact(form.dtype):
            yield k, form
        elif isinstance(form, TupForm):
            todo[:0] = [(k, f) for f in form.forms]


def _place(fn: Any) -> Src:
    """Where a function of the user begins."""
    code = getattr(getattr(fn, "py_func", fn), "__code__", None)
    if code is None:
        raise NoRuleError(f"{fn!r} is not written in Python, and cannot be part of a derivative rule")
    return Src(code.co_filename, code.co_firstlineno, def_line=code.co_firstlineno)
