"""Operands of functions: tensors, and those that a function has no derivative for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tape.mode import mode
from ...tape.record import requires
from ...tensor import tensor as tensors

tensor_of: Callable[[Any], Any] = tensors.tensor_of
"""Gives Any to the type checker: the operators of Tensors are put on the class later."""


def refuse_gradient(function: str, argument: str, value: Any) -> None:
    """Refuse an operand that requires a gradient, where there is no derivative for it.

    Raises
    ------
    RuntimeError
        If it does, and operations are recorded: its gradient would silently be missing.
    """
    if mode.enabled and requires(value):
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{argument}'. This "
            "input cannot have requires_grad True."
        )
