"""Calls that are one node on the tape: compiled functions, libraries, functions with their own rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.errors import UnsupportedError
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
