"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tape.node import wrap
from ..tape.views import written
from ..tensor.tensor import Tensor
from . import steps
from .optimizer import Optimizer, evaluated, with_gradients
from .sgd import refuse_differentiable


class Adam(Optimizer):
    """Steps scaled by the moments of the gradients (Kingma and Ba, 2015).

    Parameters
    ----------
    params
        Parameters or groups of them.
    lr
        The learning rate.
    betas
        How much of the means of gradients and of their squares is kept in each step.
    eps
        What is added to the root of the squares.
    weight_decay
        How much of the parameter is added to its gradient.
    amsgrad
        Scale by the largest mean of squares so far.
    foreach, capturable, fused
        Taken, without effect: steps are fused anyway.
    maximize
        Ascend.
    differentiable
        Not supported.
    decoupled_weight_decay
        Shrink the parameter itself instead, as `AdamW`.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> optimizer = pb.optim.Adam([w], lr=0.5)
    >>> (2 * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter containing:
    tensor([0.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if not float(lr) >= 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for k, beta in enumerate(betas):
            if not 0 <= float(beta) < 1:
                raise ValueError(f"Invalid beta parameter at index {k}: {beta}")
        if not weight_decay >= 0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
                "maximize": maximize, "foreach": foreach, "capturable": capturable,
                "differentiable": differentiable, "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )  # fmt: skip

    def _started(self, p: Any, amsgrad: bool) -> dict[str, Any]:
        """What is remembered of a parameter, made at its first step."""
        state = self.state[p]
        if not state:
            state["step"] = wrap(Tensor, np.zeros((), np.float32))
            for name in ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * amsgrad:
                state[name] = wrap(Tensor, np.zeros_like(p._a))
        return state

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
            settings = {name: float(group[name]) for name in ("lr", "eps", "weight_decay")}
            betas = (float(group["betas"][0]), float(group["betas"][1]))
            for p, g in with_gradients(group["params"]):
                state = self._started(p, group["amsgrad"])
                count = state["step"]._a
                count += 1
                largest = state["max_exp_avg_sq"]._a if group["amsgrad"] else None
                steps.adam(
                    p._a,
                    g,
                    state["exp_avg"]._a,
                    state["exp_avg_sq"]._a,
                    largest,
                    step=float(count),
                    betas=betas,
                    decoupled=group["decoupled_weight_decay"],
                    maximize=group["maximize"],
                    **settings,
                )
                written(p)
        return loss


class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks the parameters themselves (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    params
        Parameters or groups of them.
    lr
        The learning rate.
    betas
        How much of the means of gradients and of their squares is kept in each step.
    eps
        What is added to the root of the squares.
    weight_decay
        By which share of the learning rate parameters shrink.
    amsgrad
        Scale by the largest mean of squares so far.
    maximize
        Ascend.
    foreach, capturable, fused
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
    >>> pb.optim.AdamW([w]).param_groups[0]["weight_decay"]
    0.01
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
