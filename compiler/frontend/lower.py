"""The entry of the frontend: a Python function and abstract arguments in, an IR module out."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence

from ..arrays.core import reference
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import ArgumentError, InternalError, TypeMismatchError, UnsupportedError
from ..ir.nodes import Function, Module, Value
from ..prims import registry as registry  # fills the tables of primitives and library calls
from . import builtin, calls, expressions, iterate, objects, statements
from .captures import Captures, parameter
from .containers import as_items
from .custom import check_rules, rules_of
from .fence import check_fence
from .lowerer import Lowerer, PathEnds, Retry, Session
from .mutation import mutated_params
from .objects import field_names, is_immutable
from .source import function_source
from .values import (
    ArraySpec,
    Box,
    Capture,
    ConstOut,
    DictSpec,
    KnownAt,
    KnownSpec,
    Leaf,
    ListRef,
    ListSpec,
    Lowered,
    NodeOut,
    OutTree,
    ParamSpec,
    Path,
    ScalarSpec,
    TupleSpec,
    describe,
)

MAX_RETRIES = 60
ROOMS = (builtin, calls, expressions, iterate, objects, statements)


def lower_function(fn: types.FunctionType, params: Sequence[ParamSpec], name: str = "") -> Lowered:
    """Lower a function for the given kinds of arguments, one per parameter in order of the signature.

    Parameters
    ----------
    fn : function
        A plain Python function (of a dispatcher, its `py_func`).
    params : sequence of ParamSpec
        The abstract value of every parameter; parameters beyond them take their defaults.
    name : str, optional
        The name of the entry function of the module.
    """
    source = function_source(fn)
    check_fence(source)
    session = Session(Captures())
    session.sources[fn.__code__] = source
    session.entry_name = name or source.name
    for _ in range(MAX_RETRIES):
        session.functions.clear()
        session.rules.clear()
        session.owners.clear()
        session.captures = Captures()
        lw = Lowerer(session)
        lw.src = lw.b.src = source.src(source.node)
        try:
            return _lower_once(lw, fn, params)
        except Retry:
            continue
    raise InternalError("the lowering of this function does not settle", source.src(source.node))


def _lower_once(lw: Lowerer, fn: types.FunctionType, specs: Sequence[ParamSpec]) -> Lowered:
    source = lw.session.sources[fn.__code__]
    positional = _parameter_names(fn)
    if len(specs) > len(positional):
        raise ArgumentError(f"{source.name}() takes {len(positional)} arguments, but {len(specs)} were given")
    names = positional[: len(specs)]
    leaves: list[str] = []
    args = {
        n: make_argument(lw, spec, n, (("param", n),), leaves) for n, spec in zip(names, specs, strict=True)
    }
    bound = calls.bind(lw, source, calls.python_defaults(lw, fn, ()), [], args)
    lw.calls.append((source.node, (0, ()), lw.b.depth))
    try:
        result = calls.run_body(lw, source, None, fn, (), bound)
    except PathEnds:
        raise UnsupportedError(
            f"{source.name}() never returns: every path raises or reads an unassigned variable",
            source.src(source.node),
        ) from None
    values: list[Value] = []
    out = _output(lw, result, values)
    root = lw.b.region
    root.yields = tuple(values)
    captures = [_capture(lw, path) for path in lw.captured]
    others = {r.name: r.function for r in lw.session.functions.values() if r.function is not None}
    check_rules(lw, others)
    module = Module(Function(lw.session.entry_name, root), others, rules_of(lw))
    guards = list(lw.session.captures.guards.items())
    leaves += [str(c.path[-1][1]) for c in captures]
    return Lowered(
        module, list(names), captures, guards, out, mutated_params(module), leaves, lw.session.custom
    )


def _parameter_names(fn: types.FunctionType) -> tuple[str, ...]:
    code = fn.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _capture(lw: Lowerer, path: Path) -> Capture:
    return lw.session.captures.found[path]


# -- arguments
def make_argument(lw: Lowerer, spec: ParamSpec, name: str, path: Path, leaves: list[str]) -> AbstractValue:
    """The abstract value of an argument; leaves become parameters of the IR function."""
    if isinstance(spec, ScalarSpec | ArraySpec):
        if spec.dtype in ("float16", "object", "longdouble", "clongdouble"):
            raise TypeMismatchError(
                f"the argument '{name}' has dtype {spec.dtype}, which cannot be compiled", lw.src
            )
        leaves.append(name)
        return parameter(lw, spec, name)
    if isinstance(spec, KnownSpec):
        return KnownAt(spec.obj, path)

    def inner(items: Iterator[tuple[object, ParamSpec]]) -> list[tuple[object, AbstractValue]]:
        return [(k, make_argument(lw, s, f"{name}_{k}", (*path, ("item", k)), leaves)) for k, s in items]

    if isinstance(spec, TupleSpec):
        lw.session.classes.setdefault(spec.type, (*path, ("attr", "__class__")))
        names = field_names(spec.type) or range(len(spec.items))
        return Tup(tuple(v for _, v in inner(zip(names, spec.items, strict=True))), spec.type)
    if isinstance(spec, ListSpec):
        from .containers import new_list

        items = [v for _, v in inner(iter(enumerate(spec.items)))]
        return new_list(lw, items, ("param", path), name)
    if isinstance(spec, DictSpec):
        from .containers import new_dict

        return new_dict(lw, inner(iter(spec.items)), ("param", path))
    lw.session.classes.setdefault(spec.type, (*path, ("attr", "__class__")))
    fields = inner(iter(spec.fields))
    if is_immutable(spec.type):
        return Tup(tuple(v for _, v in fields), spec.type)
    box = lw.new_box("object", spec.type, ("param", path), name)
    for key, value in fields:
        lw.set((box.owner, key), value)
    return box


# -- results
def _output(lw: Lowerer, value: AbstractValue, values: list[Value]) -> OutTree:
    def leaf(result: Value) -> Leaf:
        values.append(result)
        return Leaf(len(values) - 1)

    if isinstance(value, Num):
        return leaf(value.value)
    if isinstance(value, Arr):
        return leaf(reference(lw.ctx, value))
    if isinstance(value, ListRef):
        return leaf(value.ref)
    if isinstance(value, Known):
        return ConstOut(value.obj)
    if isinstance(value, Tup):
        names = field_names(value.type)
        return NodeOut(value.type, tuple(_output(lw, v, values) for v in value.items), names)
    if isinstance(value, Box):
        items = as_items(lw, value)
        if value.kind == "list":
            return NodeOut(list, tuple(_output(lw, v, values) for v in items or ()))
        keys: Sequence[object] = field_names(value.cls)
        if value.kind == "dict":
            keys = [k.obj for k in items or () if isinstance(k, Known)]
        elif not keys:
            keys = [k[1] for k in lw.state.values if k[0] is value.owner]
        found = [lw.get((value.owner, k), str(k)) for k in keys]
        return NodeOut(value.cls, tuple(_output(lw, v, values) for v in found), tuple(keys))
    raise TypeMismatchError(
        f"{describe(value)} cannot be returned", lw.src, "return numbers, arrays or containers"
    )
