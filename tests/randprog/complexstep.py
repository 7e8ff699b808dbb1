"""The complex text of a program: comparisons, kinks and allocations are sent through an oracle object.

Every comparison of floats is made on real parts and its distance from a tie is recorded, as are the
distances of ``abs``, ``max`` and casts from their kinks, so that programs near one can be rejected.
"""

from __future__ import annotations

import ast
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np


class Rejected(Exception):
    """The program is of no use as a test at these arguments."""


_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_REAL: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_METHODS = {"max", "min"}


class _ToComplex(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        operands = [node.left, *node.comparators]
        tests: list[ast.expr] = []
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            if type(operator) not in _COMPARE:
                return node
            text = ast.Constant(_COMPARE[type(operator)])
            tests.append(_call("compare", [text, left, right]))
        return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in _METHODS:
            return node
        if isinstance(function.value, ast.Name) and function.value.id == "np":
            return node
        node.func = _attribute(function.attr + "_of")
        node.args.insert(0, function.value)
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_call("tick", [])))
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_call("tick", [])))
        return node


def _attribute(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("oracle", ast.Load()), name, ast.Load())


def _call(name: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(_attribute(name), arguments, [])


def complex_source(source: str) -> str:
    """Rewrite a program for complex arguments.

    Parameters
    ----------
    source : str
        A module in plain Python and NumPy.

    Returns
    -------
    str
        The same module, with comparisons and reductions sent to a global named ``oracle``.
    """
    tree = _ToComplex().visit(ast.parse(source))
    tree.body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _real(value: Any) -> Any:
    return np.real(value) if isinstance(value, (complex, np.complexfloating, np.ndarray)) else value


class Oracle:
    """What the complex text calls: records the margin and counts the steps.

    Parameters
    ----------
    steps : int
        More loop iterations than this raise ``Rejected``.
    """

    def __init__(self, steps: int = 20000) -> None:
        self.margin = math.inf
        self.steps = steps

    def tick(self) -> None:
        """Count one loop iteration."""
        self.steps -= 1
        if self.steps < 0:
            raise Rejected("too many loop iterations")

    def near(self, distance: Any) -> None:
        """Record a distance from a tie or a kink."""
        if np.size(distance):
            self.margin = min(self.margin, float(np.min(np.abs(distance))))

    def compare(self, operator: str, left: Any, right: Any) -> Any:
        """A comparison of real parts."""
        left, right = _real(left), _real(right)
        if np.result_type(left, right).kind == "f":
            self.near(np.subtract(left, right))
        return _REAL[operator](left, right)

    def absolute(self, value: Any) -> Any:
        """``abs``, continued analytically from the real axis."""
        real = _real(value)
        self.near(real)
        if np.ndim(value) == 0:
            return value if real >= 0 else -value
        return np.where(real >= 0, value, -value)

    def larger(self, left: Any, right: Any, sign: float = 1.0) -> Any:
        """``np.maximum`` (``np.minimum`` for ``sign=-1``)."""
        distance = np.subtract(_real(left), _real(right)) * sign
        self.near(distance)
        if np.ndim(distance) == 0:
            return left if distance >= 0 else right
        return np.where(distance >= 0, left, right)

    def smaller(self, left: Any, right: Any) -> Any:
        """``np.minimum``."""
        return self.larger(left, right, -1.0)

    def max_of(self, array: Any, axis: int | None = None, sign: float = 1.0) -> Any:
        """A maximum over an axis; two equal largest values are a tie."""
        array = np.asarray(array)
        if axis is None:
            array, axis = array.reshape(-1), 0
        real = sign * np.real(array)
        if real.shape[axis] > 1:
            ordered = np.sort(real, axis=axis)
            self.near(np.take(ordered, -1, axis) - np.take(ordered, -2, axis))
        place = np.expand_dims(np.argmax(real, axis=axis), axis)
        return np.take_along_axis(array, place, axis).squeeze(axis)[()]

    def min_of(self, array: Any, axis: int | None = None) -> Any:
        """A minimum over an axis."""
        return self.max_of(array, axis, -1.0)

    def integer(self, value: Any) -> int:
        """``int`` of a float, whose jumps are kinks."""
        real = float(_real(value))
        if not math.isfinite(real):
            raise Rejected("a cast to int is not finite")
        if not isinstance(value, (int, np.integer)):
            self.near(real - round(real))
        return int(real)

    def namespace(self) -> dict[str, Any]:
        """The globals of the complex text."""
        numpy = _ComplexNumPy(self)
        elementary = {name: getattr(np, name) for name in ("sin", "cos", "tanh", "exp", "sqrt", "log")}
        return {
            "np": numpy,
            "math": types.SimpleNamespace(pi=math.pi, **elementary),
            "oracle": self,
            "abs": self.absolute,
            "max": self.larger,
            "min": self.smaller,
            "int": self.integer,
            "float": lambda value: value,
        }


class _ComplexNumPy:
    """NumPy, except that new float arrays are complex and kinks are recorded."""

    def __init__(self, oracle: Oracle) -> None:
        self.abs = self.fabs = oracle.absolute
        self.maximum, self.minimum = oracle.larger, oracle.smaller
        self.max = self.amax = oracle.max_of
        self.min = self.amin = oracle.min_of
        for name in (
            "zeros",
            "ones",
            "full",
            "array",
            "asarray",
            "zeros_like",
            "ones_like",
            "full_like",
            "linspace",
        ):
            setattr(self, name, self._complex(getattr(np, name)))
        self.empty = lambda shape: np.full(shape, np.nan, dtype=complex)
        self.empty_like = lambda array: np.full(np.shape(array), np.nan, dtype=complex)
        self.float64 = complex

    @staticmethod
    def _complex(create: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def created(*args: Any, **kwargs: Any) -> np.ndarray:
            array = create(*args, **kwargs)
            return array.astype(complex) if array.dtype.kind == "f" else array

        return created

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)
