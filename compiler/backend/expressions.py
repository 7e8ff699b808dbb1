"""Values → Python expressions.

Numba must infer the dtype that the IR says: literals carry their dtype, and results that Numba would widen
(small integers, float32 through functions that are not NumPy's) are cast back.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..errors import InternalError
from ..ir.nodes import Alloc, Apply, Call, Const, Dim, ListGet, ListLen, Load, Op, Undef, Value, View
from ..ir.types import Array, List, Type, is_integer
from ..prims.registry import CALLS, PRIMS
from .folding import Folding
from .names import Names

INFIX_UINT64 = ("add", "sub", "mul", "floordiv", "mod")


def name(text: str) -> ast.expr:
    """A name, or a dotted one."""
    return ast.parse(text, mode="eval").body


def literal(value: Any, dtype: str) -> ast.expr:
    """A number of a dtype."""
    if dtype == "bool":
        return ast.Constant(bool(value))
    if dtype in ("complex64", "complex128"):
        part = [literal(x, "float64") for x in (complex(value).real, complex(value).imag)]
        number = call("complex", part)
        return number if dtype == "complex128" else call("np.complex64", [number])
    if is_integer(dtype):
        plain = _signed(int(value))
        return plain if dtype == "int64" else call(f"np.{dtype}", [plain])
    if math.isnan(value):
        number = name("np.nan")
    elif math.isinf(value):
        number = name("np.inf") if value > 0 else name("-np.inf")
    else:
        number = _signed(float(str(np.float32(value))) if dtype == "float32" else float(value))
    return number if dtype == "float64" else call(f"np.{dtype}", [number])


def _signed(value: float) -> ast.expr:
    if math.copysign(1.0, value) < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def call(function: str, args: list[ast.expr], **keywords: ast.expr) -> ast.expr:
    """function(args, keywords)."""
    return ast.Call(name(function), args, [ast.keyword(k, v) for k, v in keywords.items()])


def item(value: ast.expr, index: list[ast.expr]) -> ast.expr:
    """value[index], `()` for rank 0."""
    key = index[0] if len(index) == 1 else ast.Tuple(index, ast.Load())
    return ast.Subscript(value, key, ast.Load())


def _is_whole(index: ast.expr) -> bool:
    """Whether an index is `:`."""
    return isinstance(index, ast.Slice) and index.lower is index.upper is index.step is None


def numpy_dtype(dtype: str) -> ast.expr:
    """np.float32."""
    return name("np.bool_" if dtype == "bool" else f"np.{dtype}")


def placeholder(type_: Type, strided: bool = False) -> ast.expr:
    """Some value of a type: 0.0, an array without elements, a list of one such value."""
    if isinstance(type_, Array):
        shape = ast.Tuple([ast.Constant(0)] * type_.rank, ast.Load())
        empty = call("np.empty", [shape], **_dtype_keyword(type_.dtype))
        every_second = ast.Slice(None, None, ast.Constant(2))
        return item(empty, [every_second] * type_.rank) if strided and type_.rank else empty
    if isinstance(type_, List):
        return ast.List([placeholder(type_.elem, strided)], ast.Load())
    return literal(0, type_.dtype)


def _dtype_keyword(dtype: str) -> dict[str, ast.expr]:
    return {} if dtype == "float64" else {"dtype": numpy_dtype(dtype)}


@cache
def _template(text: str) -> ast.expr:
    for k in range(16):
        text = text.replace(f"{{{k}}}", f"__{k}__")
    return ast.parse(text, mode="eval").body


class _Fill(ast.NodeTransformer):
    def __init__(self, args: list[ast.expr]) -> None:
        self.args = args

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.args[int(node.id[2:-2])] if node.id.startswith("__") else node


def fill(template: str, args: list[ast.expr]) -> ast.expr:
    """A template with {0}, {1} … as an expression; precedence takes care of itself."""
    filled: ast.expr = _Fill(args).visit(copy.deepcopy(_template(template)))
    return filled


class Expressions:
    """Expressions of one function."""

    def __init__(self, folding: Folding, names: Names) -> None:
        self.folding = folding
        self.names = names
        self._forms: dict[type[Op], Callable[[Any], ast.expr]] = {
            Const: lambda op: literal(op.value, op.out.dtype),
            Undef: lambda op: placeholder(op.out.type),
            Apply: self._apply,
            Load: lambda op: item(self.of(op.array), [self.of(i) for i in op.index]),
            Dim: lambda op: item(
                ast.Attribute(self.of(op.args[0]), "shape", ast.Load()), [ast.Constant(op.axis)]
            ),
            ListGet: lambda op: item(self.of(op.args[0]), [self.of(op.args[1])]),
            ListLen: lambda op: call("len", [self.of(op.args[0])]),
            View: self._view,
            Alloc: self._alloc,
            Call: self._call,
        }

    def of(self, value: Value) -> ast.expr:
        """The expression that gives a value where it is used: a variable, or its computation."""
        if value in self.folding.folded:
            return self.computed(self.folding.defs[value])
        return ast.Name(self.names.of(value), ast.Load())

    def computed(self, op: Op) -> ast.expr:
        """The computation of an op."""
        form = self._forms.get(type(op))
        if form is None:
            raise InternalError(f"{type(op).__name__} is not an expression", op.src)
        return form(op)

    def const(self, value: Value) -> Any:
        """The literal behind a value, or None."""
        op = self.folding.defs.get(value)
        return op.value if isinstance(op, Const) else None

    # -- scalars
    def _apply(self, op: Apply) -> ast.expr:
        args = [self.of(a) for a in op.args]
        dtype = op.out.dtype
        if op.prim == "cast":
            return _cast(args[0], op.args[0].dtype, dtype)
        if op.prim == "and":
            chained = _chained(args)
            if chained is not None:
                return chained
        less = self.const(op.args[-1]) if op.prim == "add" and dtype == "int64" else None
        if less is not None and less < 0:
            return ast.BinOp(args[0], ast.Sub(), literal(-less, dtype))
        record = PRIMS[op.prim]
        template = record.template(dtype)
        result = fill(template, args)
        return call(f"np.{dtype}", [result]) if _widens(op, template, dtype) else result

    # -- arrays
    def _view(self, op: View) -> ast.expr:
        array = self.of(op.array)
        operands = list(op.args[1:])
        if op.kind == "transpose":
            if tuple(op.spec) == tuple(reversed(range(len(op.spec)))):
                return ast.Attribute(array, "T", ast.Load())
            return call("np.transpose", [array, ast.Tuple([ast.Constant(k) for k in op.spec], ast.Load())])
        if op.kind == "reshape":
            shape = ast.Tuple([self.of(v) for v in operands], ast.Load())
            return ast.Call(ast.Attribute(array, "reshape", ast.Load()), [shape], [])
        index: list[ast.expr] = []
        axis = 0
        for kind in op.spec:
            if kind == "n":
                index.append(ast.Constant(None))
                continue
            if kind == "i":
                index.append(self.of(operands.pop(0)))
            elif kind == "s":
                index.append(self._slice(op.array, axis, operands[:3]))
                operands = operands[3:]
            else:
                index.append(ast.Slice(None, None, None))
            axis += 1
        while len(index) > 1 and _is_whole(index[-1]):  # Numba does not know that x[i, :] is contiguous
            index.pop()
        return item(array, index)

    def _slice(self, array: Value, axis: int, operands: list[Value]) -> ast.expr:
        start, stop, step = operands
        stride = self.const(step)
        upper: ast.expr | None = self.of(stop)
        if self._is_length(stop, array, axis) and isinstance(stride, int) and stride > 0:
            upper = None
        elif stride is None or stride < 0:
            upper = self._downward_stop(array, axis, stop, step)
        lower = None if self.const(start) == 0 and stride is not None and stride > 0 else self.of(start)
        return ast.Slice(lower, upper, None if stride == 1 else self.of(step))

    def _downward_stop(self, array: Value, axis: int, stop: Value, step: Value) -> ast.expr | None:
        """-1 means "past the first element", which Python spells None, or any index below -length."""
        known, stride = self.const(stop), self.const(step)
        if known is not None and stride is not None:
            return None if known < 0 else self.of(stop)
        length = item(ast.Attribute(self.of(array), "shape", ast.Load()), [ast.Constant(axis)])
        below = ast.BinOp(self.of(stop), ast.Sub(), length)
        if stride is not None:
            return below
        upward = ast.Compare(self.of(step), [ast.Gt()], [ast.Constant(0)])
        return ast.IfExp(upward, self.of(stop), below)

    def _is_length(self, value: Value, array: Value, axis: int) -> bool:
        op = self.folding.defs.get(value)
        return isinstance(op, Dim) and op.args[0] is array and op.axis == axis

    def _alloc(self, op: Alloc) -> ast.expr:
        model = self._model(op)
        if model is not None:
            return call(f"mem.{op.fill}_like", [self.of(model)])
        lengths = [self.of(v) for v in op.args]
        shape = lengths[0] if len(lengths) == 1 else ast.Tuple(lengths, ast.Load())
        return call(f"mem.{op.fill}", [shape], **_dtype_keyword(op.out.dtype))

    def _model(self, op: Alloc) -> Value | None:
        """The array whose shape is meant, in order and whole.

        Only the lengths are operands, so nothing keeps the array's variable from holding another by now: it
        must be a variable that is assigned once.
        """
        dims = [self.folding.defs.get(v) for v in op.args]
        arrays = {d.args[0] for d in dims if isinstance(d, Dim)}
        if len(arrays) != 1 or not all(isinstance(d, Dim) and d.axis == k for k, d in enumerate(dims)):
            return None
        (array,) = arrays
        reshaped = any(
            isinstance(u.op, View) and u.op.kind == "reshape" for u in self.folding.uses.get(op.out, [])
        )
        fits = array.type == op.out.type and not reshaped and self.names.assigned_once(array)
        return array if fits else None

    def _call(self, op: Call) -> ast.expr:
        args = [self.of(a) for a in op.args]
        return fill(CALLS[op.name].template(len(args)), args + [name(repr(s)) for s in op.attrs[1:]])


def _cast(value: ast.expr, source: str, target: str) -> ast.expr:
    if target == source:
        return value
    if target == "bool":
        return ast.Compare(value, [ast.NotEq()], [literal(0, source)])
    if source.startswith("complex") and not target.startswith("complex"):
        value = ast.Attribute(value, "real", ast.Load())
    return ast.Call(numpy_dtype(target), [value], [])


def _widens(op: Apply, template: str, dtype: str) -> bool:
    """Whether Numba would give a wider type than the IR says."""
    if op.prim in ("select", "stop_gradient", "pos"):
        return False
    if is_integer(dtype) and dtype != "int64":
        return dtype != "uint64" or op.prim not in INFIX_UINT64
    if dtype in ("float32", "complex64"):
        mixed = any(a.dtype not in ("float32", "complex64") for a in op.args)
        return mixed or ("(" in template and not template.startswith(("np.", "vm.", "mem.")))
    return False


def _chained(args: list[ast.expr]) -> ast.expr | None:
    """`0 <= i and i < n` → `0 <= i < n`."""
    left, right = args
    if not (isinstance(left, ast.Compare) and isinstance(right, ast.Compare) and len(left.ops) == 1):
        return None
    middle = left.comparators[0]
    if not isinstance(middle, ast.Name) or ast.dump(middle) != ast.dump(right.left):
        return None
    return ast.Compare(left.left, [*left.ops, *right.ops], [*left.comparators, *right.comparators])
