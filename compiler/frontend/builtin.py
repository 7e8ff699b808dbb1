"""Python's builtin functions on abstract values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numba
import numpy as np

from ..arrays.core import elementwise, to_value
from ..arrays.value import AbstractValue, Arr, Known, Num, SliceVal, Tup
from ..ir.nodes import Value
from ..ir.types import is_complex, is_inexact, is_integer
from ..prims.prim import cast, emit
from .containers import as_items, copy_list, new_dict, new_list
from .iterate import Items, enumerate_items, iterate, range_items, reversed_items, zip_items
from .joins import is_number, num_form
from .lowerer import Lowerer
from .objects import length
from .operators import binary, static, truth
from .text import show
from .values import Box, Closure, ListRef, RangeVal, describe

Args = list[AbstractValue]
Kwargs = dict[str, AbstractValue]
Builtin = Callable[[Lowerer, Args, Kwargs], AbstractValue]
MATH_MODULES = ("math", "cmath", "_operator")
BUILTINS: dict[Any, Builtin] = {}


def builtin(*functions: Any, keywords: tuple[str, ...] = ()) -> Callable[[Builtin], Builtin]:
    """Enter a function as the lowering of builtins that take the given keywords."""

    def enter(fn: Builtin) -> Builtin:
        def checked(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
            extra = set(kwargs) - set(keywords)
            if extra:
                name = getattr(functions[0], "__name__", "?")
                lw.no_rule(f"{name}() with {sorted(extra)[0]}= cannot be compiled")
            return fn(lw, args, kwargs)

        BUILTINS.update(dict.fromkeys(functions, checked))
        return fn

    return enter


@builtin(abs)
def abs_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """abs(x)."""
    if isinstance(args[0], Known):
        return static(lw, abs, args[0].obj)
    return elementwise(lw.ctx, "abs", args[0])


@builtin(int)
def int_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """int(x): cut towards zero."""
    if all(isinstance(a, Known) for a in args):
        return static(lw, int, *[a.obj for a in args if isinstance(a, Known)])
    x = lw.num(args[0])
    if is_complex(x.dtype):
        lw.mismatch("int() of a complex number")
    if is_inexact(x.dtype):
        lw.ctx.require(
            emit(lw.b, "isfinite", x.value), "ValueError", "cannot convert float NaN or infinity to integer"
        )
    return Num(cast(lw.b, x.value, "int64"), True)


@builtin(float)
def float_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """float(x)."""
    if not args:
        return Known(0.0)
    if isinstance(args[0], Known):
        return static(lw, float, args[0].obj)
    return Num(lw.num_as(args[0], "float64"), True)


@builtin(bool)
def bool_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """bool(x)."""
    if not args:
        return Known(False)
    cond = truth(lw, args[0])
    return cond if isinstance(cond, Known) else Num(cond.value, True)


@builtin(complex)
def complex_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """complex(re, im)."""
    if all(isinstance(a, Known) for a in args):
        return static(lw, complex, *[a.obj for a in args if isinstance(a, Known)])
    if len(args) == 1:
        return Num(lw.num_as(args[0], "complex128"), True)
    parts = [lw.num_as(a, "float64") for a in args]
    return Num(lw.b.apply("complex", parts, "complex128"), True)


@builtin(round, keywords=("ndigits",))
def round_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """round(x, ndigits): half to even."""
    digits = kwargs.get("ndigits", args[1] if len(args) > 1 else Known(None))
    if isinstance(args[0], Known) and isinstance(digits, Known):
        return static(lw, round, args[0].obj, digits.obj)
    if isinstance(args[0], Arr) and args[0].rank:
        lw.refuse("round() of an array", "use np.round")
    x = lw.num(args[0])
    if not isinstance(digits, Known):
        lw.refuse("round() to a number of digits that is known at run time only")
    if not is_inexact(x.dtype):
        return Num(x.value, x.weak)
    if digits.obj is None:
        return Num(cast(lw.b, emit(lw.b, "rint", x.value), "int64"), True)
    assert isinstance(digits.obj, int)
    scale = lw.b.const(10.0 ** abs(digits.obj), x.dtype)
    there, back = ("mul", "div") if digits.obj >= 0 else ("div", "mul")
    return Num(emit(lw.b, back, emit(lw.b, "rint", emit(lw.b, there, x.value, scale)), scale), x.weak)


def _extreme(prim: str, fn: Callable[..., Any]) -> Builtin:
    def lower(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
        items = iterate(lw, args[0]) if len(args) == 1 else None
        if items is not None and not items.static:
            return _fold(lw, items, prim, None)
        values: Args = list(args) if items is None else [items.item(k) for k in range(int(items.length))]  # type: ignore[arg-type]
        if not values:
            lw.fail("ValueError", f"{fn.__name__}() arg is an empty sequence")
        if all(isinstance(v, Known) for v in values):
            return static(lw, fn, [v.obj for v in values if isinstance(v, Known)])
        result = values[0]
        for value in values[1:]:
            if not is_number(result) or not is_number(value):
                lw.mismatch(f"{fn.__name__}() of {describe(value)}", "use np.minimum or np.maximum on arrays")
            result = elementwise(lw.ctx, prim, result, value)
        return result

    return lower


builtin(min)(_extreme("pymin", min))
builtin(max)(_extreme("pymax", max))


@builtin(sum, keywords=("start",))
def sum_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """sum(iterable, start)."""
    start = kwargs.get("start", args[1] if len(args) > 1 else Known(0))
    items = iterate(lw, args[0])
    if items.static:
        total = start
        for k in range(int(items.length)):  # type: ignore[arg-type]
            total = binary(lw, ast.Add, total, items.item(k))
        return total
    if isinstance(args[0], Arr) and args[0].rank > 1:
        from ..arrays.library import FUNCTIONS

        return binary(lw, ast.Add, start, FUNCTIONS[np.sum](lw.ctx, args[0], axis=Known(0)))
    return _fold(lw, items, "add", start)


def _fold(lw: Lowerer, items: Items, prim: str, start: AbstractValue | None) -> AbstractValue:
    """A loop over run-time elements that carries one number."""
    b, n = lw.b, items.length
    assert isinstance(n, Value)
    zero, one = b.int(0), b.int(1)
    if start is None:
        lw.ctx.require(emit(b, "gt", n, zero), "ValueError", "min() or max() of an empty sequence")
        first = lw.num(items.item(zero))
        form, init, lo = num_form(lw, first), first.value, one
    else:
        index = Value(zero.type, "i")
        b.open((index,))
        lw.ctx.nonneg.add(index)
        sample = elementwise(lw.ctx, prim, start, lw.num(items.item(index)))
        b.suspend()
        assert isinstance(sample, Num)
        form = num_form(lw, sample)
        init, lo = to_value(lw.ctx, start, form.dtype), zero
    index, total = Value(zero.type, "i"), Value(init.type, "total")
    lw.ctx.nonneg.add(index)
    b.open((index, total))
    value = elementwise(lw.ctx, prim, Num(total, form.weak), lw.num(items.item(index)))
    (out,) = b.for_(lo, n, one, (init,), b.close([to_value(lw.ctx, value, form.dtype)]))
    return Num(out, form.weak)


@builtin(len)
def len_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """len(x)."""
    x = args[0]
    if isinstance(x, Arr):
        if not x.rank:
            lw.mismatch("len() of an array of rank 0")
        return length(lw, x.shape[0])
    if isinstance(x, ListRef):
        n = lw.b.list_len(x.ref)
        lw.ctx.nonneg.add(n)
        return Num(n, True)
    if isinstance(x, RangeVal):
        count = range_items(lw, x).length
        assert isinstance(count, Value)
        return length(lw, count)
    items = as_items(lw, x)
    if items is None:
        lw.mismatch(f"{describe(x)} has no len()")
    return Known(len(items))


@builtin(divmod)
def divmod_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """divmod(a, b)."""
    return Tup((binary(lw, ast.FloorDiv, *args), binary(lw, ast.Mod, *args)))


@builtin(pow)
def pow_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """pow(a, b)."""
    if len(args) != 2:
        lw.no_rule("pow() with a modulus cannot be compiled")
    return binary(lw, ast.Pow, args[0], args[1])


@builtin(range, numba.prange)
def range_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """range(…), and prange(…): which loops run in threads is decided on the final code."""
    for a in args:
        whole = isinstance(a, Num) and is_integer(a.dtype)
        if not whole and not (isinstance(a, Known) and isinstance(a.obj, int | np.integer)):
            lw.mismatch(f"range() of {describe(a)}", "convert it with int(...)")
    lo, hi, step = (Known(0), args[0], Known(1)) if len(args) == 1 else (*args, Known(1))[:3]
    return RangeVal(lo, hi, step)


def checkpointed(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """pullback.checkpoint(range(…), segments=…)."""
    given = dict(zip(("iterable", "segments"), args, strict=False)) | kwargs
    over, segments = given.get("iterable"), given.get("segments", Known(None))
    if not isinstance(over, RangeVal):
        what = "nothing" if over is None else describe(over)
        lw.mismatch(f"checkpoint() of {what}", "pass a range: `for t in pb.checkpoint(range(steps)):`")
    if not isinstance(segments, Known):
        lw.mismatch("the number of segments is not known at compile time", "leave it out, or write a number")
    if segments.obj is not None and (type(segments.obj) is not int or segments.obj < 1):
        lw.mismatch(f"checkpoint() into {segments.obj!r} segments", "pass a positive int")
    return replace(over, segments=-1 if segments.obj is None else segments.obj)


@builtin(enumerate, keywords=("start",))
def enumerate_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """enumerate(x, start)."""
    return enumerate_items(lw, args[0], kwargs.get("start", args[1] if len(args) > 1 else Known(0)))


@builtin(zip, keywords=("strict",))
def zip_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """zip(*parts)."""
    return zip_items(lw, args)


@builtin(reversed)
def reversed_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """reversed(x)."""
    return reversed_items(lw, args[0])


@builtin(print, keywords=("sep", "end", "flush"))
def print_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """print(…)."""
    sep, end = kwargs.get("sep", Known(" ")), kwargs.get("end", Known("\n"))
    if not isinstance(sep, Known) or not isinstance(end, Known):
        lw.refuse("print() with a separator that is known at run time only")
    texts: list[str] = []
    values: list[Value] = []
    for arg in args:
        text, more = show(lw, arg, len(values))
        texts.append(text)
        values += more
    lw.b.print(
        str(" " if sep.obj is None else sep.obj).join(texts),
        values,
        "\n" if end.obj is None else str(end.obj),
    )
    return Known(None)


@builtin(isinstance)
def isinstance_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """isinstance(x, T), answered when compiling."""
    if not isinstance(args[1], Known | Tup):
        lw.refuse("isinstance() with a class that is not known when compiling")
    kinds = (
        args[1].obj
        if isinstance(args[1], Known)
        else tuple(k.obj for k in args[1].items if isinstance(k, Known))
    )
    x = args[0]
    if isinstance(x, Known):
        return static(lw, isinstance, x.obj, kinds)
    if isinstance(x, Num):
        python = complex if is_complex(x.dtype) else int if is_integer(x.dtype) else float
        cls: type = (bool if x.dtype == "bool" else python) if x.weak else np.dtype(x.dtype).type
    elif isinstance(x, Arr):
        cls = np.ndarray
    elif isinstance(x, Tup):
        cls = x.type
    elif isinstance(x, Box):
        cls = x.cls
    else:
        cls = list if isinstance(x, ListRef) else type(lambda: None) if isinstance(x, Closure) else object
    return static(lw, issubclass, cls, kinds)


@builtin(tuple)
def tuple_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """tuple(x)."""
    if not args:
        return Tup(())
    return Tup(_all_items(lw, args[0]))


@builtin(list)
def list_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """list(x)."""
    if args and isinstance(args[0], ListRef):
        return copy_list(lw, args[0])
    return new_list(lw, _all_items(lw, args[0]) if args else (), lw.call_path[-1])


def _all_items(lw: Lowerer, x: AbstractValue) -> tuple[AbstractValue, ...]:
    from .iterate import known_range

    known = known_range(x)
    if known is not None:
        return tuple(Known(k) for k in known)
    items = iterate(lw, x)
    n = items.length if isinstance(items.length, int) else lw.b.const_of(items.length)
    if not isinstance(n, int):
        lw.refuse(
            "a list or tuple of something whose length is not known when compiling",
            "write a list comprehension: [v for v in x]",
        )
    return tuple(items.item(k) for k in range(n))


def dict_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """dict(key=value)."""
    if args:
        lw.no_rule("dict() of a value cannot be compiled", "write {...}")
    return new_dict(lw, list(kwargs.items()), lw.call_path[-1])


BUILTINS[dict] = lambda lw, args, kwargs: dict_(lw, args, kwargs)


@builtin(slice)
def slice_(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
    """slice(start, stop, step)."""
    parts = [None if isinstance(a, Known) and a.obj is None else a for a in args]
    return SliceVal(None, parts[0]) if len(parts) == 1 else SliceVal(*parts)


def _quantifier(prim: str, function: Any) -> Builtin:
    def lower(lw: Lowerer, args: Args, kwargs: Kwargs) -> AbstractValue:
        from ..arrays.library import FUNCTIONS
        from .operators import both

        items = as_items(lw, args[0])
        if items is None:
            return FUNCTIONS[function](lw.ctx, args[0])
        result: AbstractValue = Known(prim == "and")
        for item in items:
            result = both(lw, prim, result, item)
        return result

    return lower


builtin(all)(_quantifier("and", np.all))
builtin(any)(_quantifier("or", np.any))


def _operator(fn: Any, kind: type[ast.operator]) -> None:
    builtin(fn)(lambda lw, args, kwargs: binary(lw, kind, args[0], args[1]))


for _fn, _kind in ((operator.add, ast.Add), (operator.sub, ast.Sub), (operator.mul, ast.Mult)):
    _operator(_fn, _kind)
_operator(operator.truediv, ast.Div)
