"""Rules of large arrays as one compiled loop: NumPy would make an array for each operation in them.

A rule such as `lambda y_bar, y: y_bar * (1.0 - y * y)` is run once on names, which writes it down as an
expression: `y_bar * (1.0 - y * y)`. A function with that expression is compiled like any other, with vector
math, and kept on disk. Rules that are no plain expression of NumPy's functions stay as they are.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.call.dispatch import Dispatcher, dispatcher
from ...compiler.call.signature import target_of
from ...compiler.errors import PullbackError
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

    def __bool__(self) -> bool:
        raise TypeError("branches are not written down")

    def _written(self, function: str, args: Any) -> Name:
        texts = [a.text if isinstance(a, Name) else repr(float(a)) for a in args]
        count = 1 + sum(a.operations for a in args if isinstance(a, Name))
        operator = _OPERATORS.get(function)
        if operator is not None and len(texts) == 2:
            return Name(f"({texts[0]} {operator} {texts[1]})", count)
        return Name(f"np.{function}({', '.join(texts)})", count)


_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class Kernel:
    """A rule that is compiled when it first meets large arrays."""

    def __init__(self, rule: Callable[..., Any], names: tuple[str, ...]) -> None:
        self.rule, self.names = rule, names
        self.lock = threading.Lock()
        self.compiled: Dispatcher | None = None
        self.tried = False
        self.read: list[int] = []  # which of the names the expression has

    def __call__(self, g: Any, *values: Any) -> Any:
        if type(g) is np.ndarray and g.size >= LARGE:
            found = self._find()
            given = (g, *values)
            read = [given[k] for k in self.read]
            if found is not None and self._suits(g, read):
                flat = tuple([a.reshape(-1) for a in read])
                code, inputs = found.find(flat)
                return code.owned(code.call(inputs), inputs)[0].reshape(g.shape)
        return self.rule(g, *values)

    def _suits(self, g: Any, read: list[Any]) -> bool:
        return g.dtype.name in _FLOATS and all(
            type(a) is np.ndarray and a.shape == g.shape and a.dtype is g.dtype and a.flags.c_contiguous
            for a in read
        )

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
        rule = written(text, f"rule {expression.text}", {"np": np})
        try:
            return dispatcher(target_of(rule), "value", ())
        except PullbackError:
            return None
