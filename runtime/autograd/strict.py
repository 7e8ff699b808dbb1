"""Strict mode of `functional.py`: it refuses results and derivatives that do not depend on an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tape.node import wrap
from ..tensor.tensor import Tensor

_INDEPENDENT = (
    "The output of the user-provided function is independent of input {i}. This is not allowed "
    "in strict mode."
)
# What strict mode says of a gradient that is None, by what is computed.
_MISSING = {
    "back": _INDEPENDENT,
    "back_trick": (
        "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using "
        "the double backward trick to compute forward mode gradients. This is not allowed in strict mode."
    ),
    "double_back": (
        "The jacobian of the user-provided function is independent of input {i}. This is not allowed in "
        "strict mode."
    ),
    "double_back_trick": (
        "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is "
        "not allowed in strict mode as it prevents from using the double backward trick to replace forward "
        "mode AD."
    ),
}
# What it says of a tensor that does not require a gradient, by what the tensor is.
_CONSTANT = {
    "outputs": (
        "Output {i} of the user-provided function does not require gradients. The outputs must be computed "
        "in a differentiable manner from the input when running in strict mode."
    ),
    "grad_inputs": (
        "The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
        "This is not allowed in strict mode."
    ),
    "jacobian": (
        "While computing the hessian, found that the jacobian of the user-provided function with respect to "
        "input {i} is independent of the input. This is not allowed in strict mode. You should ensure that "
        "your function is twice differentiable and that the jacobian depends on the inputs (this would be "
        "violated by a linear function for example)."
    ),
    "hessian": (
        "The hessian of the user-provided function with respect to input {i} is independent of the input. "
        "This is not allowed in strict mode. You should ensure that your function is thrice differentiable "
        "and that the hessian depends on the inputs."
    ),
}


def filled(
    found: Sequence[Any], like: tuple[Tensor, ...], strict: bool, create_graph: bool, stage: str
) -> tuple[Tensor, ...]:
    """Gradients with zeros in place of those that are None.

    Raises
    ------
    RuntimeError
        In strict mode, if one is None or, with `create_graph`, does not depend on the inputs.
    """
    made = []
    for i, (g, x) in enumerate(zip(found, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(_MISSING[stage].format(i=i))
            g = wrap(Tensor, np.zeros_like(x._a))
        elif strict and create_graph and not g.requires_grad:
            what = "hessian" if stage.startswith("double") else "jacobian"
            raise RuntimeError(
                f"The {what} of the user-provided function is independent of input {i}. This is not allowed "
                "in strict mode when create_graph=True."
            )
        made.append(g)
    return tuple(made)


def check_recorded(tensors: Sequence[Any], what: str, strict: bool) -> None:
    """Refuse tensors that require no gradient; `what` they are decides how that is said.

    Raises
    ------
    RuntimeError
        In strict mode, if there is one.
    """
    if strict:
        for i, t in enumerate(tensors):
            if t is None:
                raise RuntimeError(_INDEPENDENT.format(i=i))
            if not t.requires_grad:
                raise RuntimeError(_CONSTANT[what].format(i=i))
