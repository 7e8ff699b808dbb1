"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tape.node import wrap
from ..tape.views import written
from ..tensor.tensor import Tensor
from . import steps
from .optimizer import Optimizer, evaluated, with_gradients


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    Parameters
    ----------
    params
        Parameters or groups of them.
    lr
        The learning rate.
    momentum
        The share of the last step that is kept.
    dampening
        How much less of the gradient goes into the momentum.
    weight_decay
        How much of the parameter is added to its gradient.
    nesterov
        Look ahead along the momentum.
    maximize
        Ascend.
    foreach, fused
        Taken, without effect: steps are fused anyway.
    differentiable
        Not supported.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> optimizer = pb.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> (2 * w).sum().backward()
    >>> optimizer.step()
    >>> optimizer.state[w]["momentum_buffer"]
    tensor([2.])
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        for name, value in (
            ("learning rate", lr),
            ("momentum value", momentum),
            ("weight_decay value", weight_decay),
        ):
            if not float(value) >= 0:
                raise ValueError(f"Invalid {name}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
                "differentiable": differentiable, "fused": fused,
            },
        )  # fmt: skip

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by one step.

        Parameters
        ----------
        closure
            Computes the loss and its gradients, and gives the loss.

        Returns
        -------
        Tensor or None
            The loss.
        """
        loss = evaluated(closure)
        for group in self.param_groups:
            momentum = float(group["momentum"])
            settings = {name: float(group[name]) for name in ("lr", "dampening", "weight_decay")}
            for p, g in with_gradients(group["params"]):
                buffer, first = None, False
                if momentum:
                    state = self.state[p]
                    first = state.get("momentum_buffer") is None
                    if first:
                        state["momentum_buffer"] = wrap(Tensor, np.empty_like(p._a))
                    buffer = state["momentum_buffer"]._a
                steps.sgd(
                    p._a,
                    g,
                    buffer,
                    momentum=momentum,
                    nesterov=group["nesterov"],
                    maximize=group["maximize"],
                    first=first,
                    **settings,
                )
                written(p)
        return loss


def refuse_differentiable(differentiable: bool) -> None:
    """Refuse steps that are to be recorded.

    Raises
    ------
    NotImplementedError
        If they are.
    """
    if differentiable:
        raise NotImplementedError(
            "differentiable=True is not supported: steps are not recorded; write them with tensors to "
            "differentiate through them"
        )
