"""Expressions of large arrays as one compiled loop: NumPy would make an array for each operation in them.

A rule such as `lambda y_bar, y: y_bar * (1.0 - y * y)` is run once on names, which writes it down as an
expression: `y_bar * (1.0 - y * y)`. A function with that expression is compiled like any other, with vector
math, and kept on disk. Rules that are no plain expression of NumPy's functions stay as they are.

    @fused
    def slope(g, x, alpha):             slope(g, x, 0.1)    NumPy's passes, or one loop over large arrays;
        return np.where(x > 0, g, alpha * g)                operations on Tensors, if g or x is one
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.call.dispatch import Dispatcher, dispatcher
from ...compiler.call.signature import target_of
from ...compiler.errors import PullbackError
from ..tape.quiet import quiet
from .written import written

LARGE = 1 << 16  # elements from which a loop of our own is worth its call; smaller arrays stay in the cache
_FLOATS = ("float32", "float64")


class Name(np.lib.mixins.NDArrayOperatorsMixin):
    """A value that only has a name: operations on it are written down."""

    def __init__(self, text: str, operations: int = 0) -> None:
        self.text, self.operations = text, operations

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        name = str(getattr(ufunc, "__name__", ""))
        if method != "__call__" or kwargs or getattr(np, name, None) is not ufunc:
            raise TypeError(f"{ufunc} is not written down")
        return self._written(name, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if kwargs or function is not np.where:
            raise TypeError(f"{function} is not written down")
        return self._written("where", args)

    def __getitem__(self, key: Any) -> Any:
        if key != ():
            raise TypeError("elements are not written down")
        return self

    def sigmoid(self) -> Name:
        """1 / (1 + exp(-x)), a method as of Tensors."""
        made: Name = 1.0 / (1.0 + np.exp(-self))
        return made

    def erf(self) -> Name:
        """The error function, a method as of Tensors."""
        return Name(f"special.erf({self.text})", self.operations + 1)

    def __bool__(self) -> bool:
        raise TypeError("branches are not written down")

    def _written(self, function: str, args: Any) -> Name:
        texts = [a.text if isinstance(a, Name) else repr(float(a)) for a in args]
        count = 1 + sum(a.operations for a in args if isinstance(a, Name))
        operator = _OPERATORS.get(function)
        if operator is not None and len(texts) == 2:
            return Name(f"({texts[0]} {operator} {texts[1]})", count)
        return Name(f"np.{function}({', '.join(texts)})", count)


_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "bitwise_and": "&", "bitwise_or": "|",
    "greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<=",
}  # fmt: skip


class Kernel:
    """A rule that is compiled when it first meets large arrays: of one shape and dtype, without gaps.

    It may take numbers too; an array that is one number broadcast is such a number. `small` computes with
    everything else.
    """

    def __init__(self, rule: Callable[..., Any], names: tuple[str, ...], small: Any = None) -> None:
        self.rule, self.names, self.small = rule, names, small or rule
        self.lock = threading.Lock()
        self.compiled: Dispatcher | None = None
        self.tried = False
        self.read: list[int] = []  # which of the names the expression has

    def __call__(self, g: Any, *values: Any) -> Any:
        if type(g) is np.ndarray and g.size >= LARGE and g.dtype.name in _FLOATS:
            found = self._find()
            if found is not None:
                given = (g, *values)
                flat = _flat([given[k] for k in self.read], g)
                if flat is not None:
                    code, inputs = found.find(flat)
                    made = code.owned(code.call(inputs), inputs)[0]
                    # Arrays of code from the disk have a dtype object of their own; others are NumPy's one.
                    return made.reshape(g.shape).view(g.dtype)
        return self.small(g, *values)

    def _find(self) -> Dispatcher | None:
        if not self.tried:
            with self.lock:
                if not self.tried:
                    self.compiled = self._made()
                    self.tried = True
        return self.compiled

    def _made(self) -> Dispatcher | None:
        try:
            expression = self.rule(*[Name(name) for name in self.names])
        except (TypeError, ValueError, AttributeError):
            return None
        if not isinstance(expression, Name) or expression.operations < 2:
            return None  # NumPy makes one pass too
        self.read = [k for k, name in enumerate(self.names) if re.search(rf"\b{name}\b", expression.text)]
        names = [self.names[k] for k in self.read]
        text = f"def rule({', '.join(names)}):\n    return {expression.text}\n"
        known: dict[str, Any] = {"np": np}
        if "special." in text:
            import scipy.special

            known["special"] = scipy.special
        rule = written(text, f"rule {expression.text}", known)
        try:
            return dispatcher(target_of(rule), "value", ())
        except PullbackError:
            return None


def _flat(given: list[Any], g: Any) -> tuple[Any, ...] | None:
    """What a compiled rule takes for values of the shape and dtype of g; None if it does not take them."""
    flat: list[Any] = []
    arrays = 0
    for a in given:
        if type(a) is float or type(a) is int:
            flat.append(float(a))
        elif type(a) is g.dtype.type:
            flat.append(a)
        elif type(a) is not np.ndarray or a.dtype != g.dtype or (a.ndim and a.shape != g.shape):
            return None
        elif a.ndim and a.flags.c_contiguous:
            flat.append(a.reshape(-1))
            arrays += 1
        elif not any(a.strides):
            flat.append(a[(0,) * a.ndim])
        else:
            return None
    return tuple(flat) if arrays else None


def fused(rule: Callable[..., Any]) -> Kernel:
    """An expression of arrays and numbers, the first an array, as one loop where arrays are large."""
    return Kernel(rule, tuple(inspect.signature(rule).parameters))


def fused_values(rule: Callable[..., Any]) -> Kernel:
    """`fused` for values rather than derivatives, which the engine keeps quiet: without warnings."""
    return Kernel(rule, tuple(inspect.signature(rule).parameters), quiet(rule))
