"""Operators on abstract values: arithmetic, comparison, truth."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from ..arrays.core import elementwise
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..ir.nodes import Value
from ..ir.types import is_inexact, is_integer
from ..prims.prim import emit
from .containers import as_items, concatenate, repeat
from .joins import as_tup, is_number
from .lowerer import Lowerer
from .values import Box, ListRef, RangeVal, describe

BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any], str]] = {
    ast.Add: ("add", operator.add, "+"),
    ast.Sub: ("sub", operator.sub, "-"),
    ast.Mult: ("mul", operator.mul, "*"),
    ast.Div: ("div", operator.truediv, "/"),
    ast.FloorDiv: ("floordiv", operator.floordiv, "//"),
    ast.Mod: ("mod", operator.mod, "%"),
    ast.Pow: ("pow", operator.pow, "**"),
    ast.BitAnd: ("bitand", operator.and_, "&"),
    ast.BitOr: ("bitor", operator.or_, "|"),
    ast.BitXor: ("bitxor", operator.xor, "^"),
    ast.LShift: ("lshift", operator.lshift, "<<"),
    ast.RShift: ("rshift", operator.rshift, ">>"),
    ast.MatMult: ("matmul", operator.matmul, "@"),
}
UNARY: dict[type[ast.unaryop], tuple[str, Callable[[Any], Any]]] = {
    ast.USub: ("neg", operator.neg),
    ast.UAdd: ("pos", operator.pos),
    ast.Invert: ("invert", operator.invert),
}
COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le),
    ast.Gt: ("gt", operator.gt),
    ast.GtE: ("ge", operator.ge),
    ast.Eq: ("eq", operator.eq),
    ast.NotEq: ("ne", operator.ne),
}
MAX_KNOWN = 10_000


def static(lw: Lowerer, fn: Callable[..., Any], *args: Any) -> Known:
    """An operation on constants, done now; what it raises, the program raises."""
    try:
        return Known(fn(*args))
    except TypeError as error:
        lw.mismatch(str(error))
    except Exception as error:
        lw.fail(type(error).__name__, str(error))


def binary(lw: Lowerer, kind: type[ast.operator], a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """a op b."""
    prim, fn, sign = BINARY[kind]
    if isinstance(a, Known) and isinstance(b, Known):
        return static(lw, fn, a.obj, b.obj)
    sequence = _sequences(lw, sign, a, b)
    if sequence is not None:
        return sequence
    a, b = number_or_array(lw, a, sign, b), number_or_array(lw, b, sign, a)
    if prim == "matmul":
        from ..arrays.library import matmul

        return matmul(lw.ctx, a, b)
    if is_number(a) and is_number(b):
        x, y = lw.num(a), lw.num(b)
        if isinstance(b, Known) and prim == "pow":
            return power(lw, x, b)
        _check_operands(lw, prim, x, y)
    return elementwise(lw.ctx, prim, a, b)


def number_or_array(lw: Lowerer, x: AbstractValue, sign: str, other: AbstractValue) -> AbstractValue:
    """An operand of arithmetic; lists and tuples beside an array become arrays."""
    if is_number(x) or isinstance(x, Arr):
        return x
    if isinstance(other, Arr):
        items = as_items(lw, x)
        if items is not None:
            return Tup(items, list)
        if isinstance(x, ListRef):
            from .containers import to_array

            return to_array(lw, x)
    if isinstance(x, Known) and isinstance(x.obj, str):
        lw.mismatch(f"unsupported operand types for {sign}: str and {describe(other)}")
    lw.mismatch(f"unsupported operand types for {sign}: {describe(x)} and {describe(other)}")


def _sequences(lw: Lowerer, sign: str, a: AbstractValue, b: AbstractValue) -> AbstractValue | None:
    listed = (Tup, Box, ListRef)
    if not isinstance(a, listed) and not isinstance(b, listed):
        return None
    if isinstance(a, Arr) or isinstance(b, Arr):
        return None
    if sign == "+":
        return concatenate(lw, a, b)
    if sign == "*":
        return repeat(lw, b, a) if is_number(a) else repeat(lw, a, b)
    return None


def _check_operands(lw: Lowerer, prim: str, x: Num, y: Num) -> None:
    """Python's own numbers raise where NumPy's give inf, nan or nonsense."""
    if prim in ("div", "floordiv", "mod") and x.weak and y.weak:
        what = "division by zero"
        if prim != "div":
            integer = is_integer(x.dtype) and is_integer(y.dtype)
            what = "integer division or modulo by zero" if integer else "float floor division by zero"
            what = "float modulo by zero" if not integer and prim == "mod" else what
        lw.ctx.require(emit(lw.b, "ne", y.value, lw.b.const(0, y.dtype)), "ZeroDivisionError", what)
    if prim == "pow" and all(is_integer(n.dtype) or n.dtype == "bool" for n in (x, y)):
        ok = emit(lw.b, "ge", y.value, lw.b.const(0, y.dtype))
        lw.ctx.require(ok, "ValueError", "an integer to a negative power: write the base as a float")


def power(lw: Lowerer, x: Num, exponent: Known) -> AbstractValue:
    """x ** constant."""
    k = exponent.obj
    if x.weak and isinstance(k, int) and not isinstance(k, bool) and k < 0:
        _check_operands(lw, "div", x, x)
        x = Num(lw.num_as(x, "float64"), True) if is_integer(x.dtype) else x
        return elementwise(lw.ctx, "pow", x, Known(float(k)))
    if x.weak and x.dtype == "bool":
        x = Num(lw.num_as(x, "int64"), True)
    if k == 2 and (type(k) is int or (type(k) is float and is_inexact(x.dtype))):
        return elementwise(lw.ctx, "square", x)
    if is_integer(x.dtype) and isinstance(k, int) and k < 0:
        lw.fail("ValueError", "Integers to negative integer powers are not allowed.")
    return elementwise(lw.ctx, "pow", x, exponent)


def unary(lw: Lowerer, kind: type[ast.unaryop], x: AbstractValue) -> AbstractValue:
    """-x, +x, ~x, not x."""
    if kind is ast.Not:
        cond = truth(lw, x)
        return Known(not cond.obj) if isinstance(cond, Known) else Num(emit(lw.b, "not", cond.value), True)
    prim, fn = UNARY[kind]
    if isinstance(x, Known):
        return static(lw, fn, x.obj)
    if not is_number(x) and not isinstance(x, Arr):
        lw.mismatch(f"bad operand type for a unary operator: {describe(x)}")
    if prim == "invert" and isinstance(x, Num) and x.weak and x.dtype == "bool":
        x = Num(lw.num_as(x, "int64"), True)
    return elementwise(lw.ctx, prim, x)


def truth(lw: Lowerer, x: AbstractValue) -> Known | Num:
    """bool(x): a constant, or a run-time bool."""
    if isinstance(x, Known):
        return Known(bool(x.obj))
    if isinstance(x, Arr) and not x.rank:
        x = lw.num(x)
    if isinstance(x, Num):
        if x.dtype == "bool":
            return x
        value = emit(lw.b, "ne", x.value, lw.b.const(0, x.dtype))
        known = lw.b.const_of(value)
        return Num(value, True) if known is None else Known(known)
    if isinstance(x, ListRef):
        return Num(emit(lw.b, "gt", lw.b.list_len(x.ref), lw.b.int(0)), True)
    items = as_items(lw, x)
    if items is not None:
        return Known(len(items) > 0)
    if isinstance(x, Arr):
        lw.mismatch(
            "the truth value of an array is ambiguous", "use np.any(...), np.all(...) or compare one element"
        )
    if isinstance(x, RangeVal):
        lw.refuse("a range as a condition")
    return Known(True)


def compare(lw: Lowerer, op: ast.cmpop, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """One comparison."""
    if isinstance(op, ast.Is | ast.IsNot):
        return _identity(lw, a, b, isinstance(op, ast.IsNot))
    if isinstance(op, ast.In | ast.NotIn):
        found = contains(lw, b, a)
        return unary(lw, ast.Not, found) if isinstance(op, ast.NotIn) else found
    prim, fn = COMPARE[type(op)]
    if isinstance(a, Known) and isinstance(b, Known):
        return static(lw, fn, a.obj, b.obj)
    if isinstance(a, Arr) or isinstance(b, Arr):
        return elementwise(lw.ctx, prim, number_or_array(lw, a, prim, b), number_or_array(lw, b, prim, a))
    if is_number(a) and is_number(b):
        return elementwise(lw.ctx, prim, a, b)
    if prim in ("eq", "ne"):
        return _equal(lw, a, b, prim == "ne")
    lw.mismatch(f"{describe(a)} and {describe(b)} cannot be ordered")


def _identity(lw: Lowerer, a: AbstractValue, b: AbstractValue, negated: bool) -> Known:
    if isinstance(a, Known) and isinstance(b, Known):
        return Known((a.obj is not b.obj) if negated else (a.obj is b.obj))
    if isinstance(a, Known) or isinstance(b, Known):
        return Known(negated)
    if isinstance(a, Box) and isinstance(b, Box):
        return Known((a.owner is b.owner) is not negated)
    lw.refuse("`is` between run-time values", "compare with ==")


def _equal(lw: Lowerer, a: AbstractValue, b: AbstractValue, negated: bool) -> AbstractValue:
    x, y = as_items(lw, a), as_items(lw, b)
    if x is None or y is None:
        if isinstance(a, Known | Num | Tup) and isinstance(b, Known | Num | Tup):
            return Known(negated)
        lw.refuse(f"== between {describe(a)} and {describe(b)}")
    if len(x) != len(y):
        return Known(negated)
    result: AbstractValue = Known(True)
    for p, q in zip(x, y, strict=True):
        result = both(lw, "and", result, compare(lw, ast.Eq(), p, q))
    return unary(lw, ast.Not, result) if negated else result


def both(lw: Lowerer, prim: str, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """Logic on two conditions that are both evaluated."""
    x, y = truth(lw, a), truth(lw, b)
    if isinstance(x, Known) and isinstance(y, Known):
        return Known(x.obj and y.obj if prim == "and" else x.obj or y.obj)
    values: list[Value] = [lw.num(v).value for v in (x, y)]
    return Num(emit(lw.b, prim, *values), True)


def contains(lw: Lowerer, container: AbstractValue, x: AbstractValue) -> AbstractValue:
    """x in container."""
    if isinstance(container, Known) and isinstance(x, Known) and as_tup(container) is None:
        return static(lw, operator.contains, container.obj, x.obj)
    if isinstance(container, Box) and container.kind == "dict":
        keys = lw.state.values[container.owner, "%keys"]
        assert isinstance(keys, Known)
        if not isinstance(x, Known):
            lw.refuse("`in` on a dict with a run-time key")
        return Known(x.obj in keys.obj)  # type: ignore[operator]
    items = as_items(lw, container)
    if items is None:
        lw.refuse(f"`in` on {describe(container)}", "use a loop, or np.any(x == value)")
    result: AbstractValue = Known(False)
    for item in items:
        result = both(lw, "or", result, compare(lw, ast.Eq(), x, item))
    return result
