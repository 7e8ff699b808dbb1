"""Calls that are one node on the tape: compiled functions, libraries, functions with their own rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.call.signature import target_of
from ...compiler.errors import UnsupportedError
from ...compiler.public.derivative import Derivative
from ..ops.written import written
from ..tape.node import Node, Recorded


class Call:
    """A call: what its node is named after, and how cotangents go through it.

    Attributes
    ----------
    name
        The name of the function.
    """

    name: str

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The cotangents of the operands from those of the results: arrays, or numbers without axes."""
        raise NotImplementedError

    def recorded(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The same for recorded cotangents.

        Raises
        ------
        UnsupportedError
            If the derivative of the call cannot be recorded.
        """
        raise UnsupportedError(
            f"the derivative of {self.name} cannot be recorded", hint="use pb.hessian or pb.hvp"
        )


class CallBackward(Node):
    """A call; `static` is what it was."""

    __slots__ = ()

    def name(self) -> str:
        return f"{self.static.name}Backward"

    def backward(self, g: Any) -> Any:
        call: Call = self.static
        if any(isinstance(part, Recorded) for part in g):
            return call.recorded(g)
        kinds = self.outputs or []
        full = [np.zeros(*kind) if part is None else part for part, kind in zip(g, kinds, strict=True)]
        return call.pulled([part[()] if part.ndim == 0 else part for part in full])


_WEIGHED: dict[Any, Derivative] = {}


def weighed(key: Any, function: Any, name: str, numbers: tuple[int, ...]) -> Derivative:
    """The gradient of sum(c * function(x0, x1, ...)) for the x of these numbers: a tuple.

    It is compiled, and called with recorded values a node itself: so derivatives of calls are recorded.
    """
    known = (key, numbers)
    if known not in _WEIGHED:
        names = ", ".join(f"x{k}" for k in range(function_arity(function)))
        text = f"def weighed(c, {names}):\n    return np.sum(c * function({names}))\n"
        made = written(text, f"cotangent of {name} {len(_WEIGHED)}", {"np": np, "function": function})
        _WEIGHED[known] = Derivative(made, tuple(k + 1 for k in numbers), fallback="error")
    return _WEIGHED[known]


def function_arity(function: Any) -> int:
    """How many arguments a function takes from its caller."""
    return len(
        function._target.visible.parameters
        if isinstance(function, Derivative)
        else target_of(function).visible.parameters
    )
