"""The compiled loops of `steps.py`, which says what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jitted import jit


@jit
def sgd(
    p: Any,
    g: Any,
    b: Any,
    lr: Any,
    momentum: Any,
    share: Any,
    decay: Any,
    has_momentum: bool,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """A step of gradient descent; `b` is not used without momentum."""
    for i in range(p.size):
        step = -g[i] if maximize else g[i]
        if decay != 0:
            step = step + decay * p[i]
        if has_momentum:
            velocity = step if first else momentum * b[i] + share * step
            b[i] = velocity
            step = step + momentum * velocity if nesterov else velocity
        p[i] -= lr * step


@jit
def adam(
    p: Any, g: Any, m: Any, v: Any, top: Any, size: Any, root: Any, rest_one: Any, two: Any, rest_two: Any,
    eps: Any, shrink: Any, decay: Any, has_top: bool, maximize: bool,
) -> None:  # fmt: skip
    """A step of Adam; `top` is not used unless `has_top`."""
    for i in range(p.size):
        value = p[i] * shrink
        slope = -g[i] if maximize else g[i]
        if decay != 0:
            slope = slope + decay * value
        mean = m[i] + (slope - m[i]) * rest_one
        square = two * v[i] + rest_two * slope * slope
        m[i] = mean
        v[i] = square
        if has_top:
            square = max(top[i], square)
            top[i] = square
        p[i] = value - size * (mean / (np.sqrt(square) / root + eps))
