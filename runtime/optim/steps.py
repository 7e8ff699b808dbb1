"""Steps of optimizers on arrays, in place: compiled loops for large arrays, NumPy for small ones.

A compiled loop passes once over memory, three to five times as fast as NumPy; but Numba has to be imported
for it, and the loop compiled once on a machine. Both ways round alike: same operations, same order.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

COMPILED = 1 << 17
"""From how many elements on a step is compiled."""


def _flat(*arrays: Array | None) -> list[Any] | None:
    """The arrays for a compiled loop, or None if they are small, of different dtypes, or have gaps."""
    first = arrays[0]
    assert first is not None
    if first.size < COMPILED or first.dtype.kind != "f" or first.itemsize < 4:
        return None
    for a in arrays:
        if a is not None and not (a.flags.c_contiguous and a.dtype == first.dtype):
            return None
    return [None if a is None else a.reshape(-1) for a in arrays]


@functools.cache
def _loops() -> Any:
    """The compiled loops: importing them takes a while."""
    from . import loops

    return loops


def _real(*arrays: Array | None) -> list[Any]:
    """Complex arrays as real ones: the parts are parameters of their own."""
    return [a if a is None or a.dtype.kind != "c" else _parts(a) for a in arrays]


def _parts(a: Array) -> Array:
    """Real and imaginary parts along one more axis; `a.view` wants the last axis without gaps."""
    real = a.real
    return np.lib.stride_tricks.as_strided(real, (*a.shape, 2), (*a.strides, real.itemsize))


def sgd(
    p: Array, g: Array, momentum_buffer: Array | None, *, lr: float, momentum: float, dampening: float,
    weight_decay: float, nesterov: bool, maximize: bool, first: bool,
) -> None:  # fmt: skip
    """A step of gradient descent; `first` is the first with this momentum buffer."""
    p, g, b = _real(p, g, momentum_buffer)
    flat = _flat(p, g, b)
    if flat is not None:
        P, G, B = flat
        number = p.dtype.type
        _loops().sgd(
            P,
            G,
            P if B is None else B,
            number(lr),
            number(momentum),
            number(1 - dampening),
            number(weight_decay),
            B is not None,
            nesterov,
            maximize,
            first,
        )
        return
    step = -g if maximize else g
    if weight_decay:
        step = step + weight_decay * p
    if b is not None:
        if first:
            b[...] = step
        else:
            b *= momentum
            b += step if dampening == 0 else (1 - dampening) * step
        step = step + momentum * b if nesterov else b
    p -= lr * step


def adam(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, largest: Array | None, *, step: float, lr: float,
    betas: tuple[float, float], eps: float, weight_decay: float, decoupled: bool, maximize: bool,
) -> None:  # fmt: skip
    """Step number `step` of Adam; of AdamW, if the decay is `decoupled`; of AMSGrad, with `largest`."""
    p, g, m, v, top = _real(p, g, exp_avg, exp_avg_sq, largest)
    one, two = betas
    size = lr / (1 - one**step)
    root = math.sqrt(1 - two**step)
    shrink = 1 - lr * weight_decay if decoupled else 1.0
    decay = 0.0 if decoupled else weight_decay
    flat = _flat(p, g, m, v, top)
    if flat is not None:
        P, G, M, V, T = flat
        n = p.dtype.type
        _loops().adam(
            P, G, M, V, P if T is None else T, n(size), n(root), n(1 - one), n(two), n(1 - two), n(eps),
            n(shrink), n(decay), T is not None, maximize,
        )  # fmt: skip
        return
    if shrink != 1:
        p *= shrink
    if maximize:
        g = -g
    if decay:
        g = g + decay * p
    m += (g - m) * (1 - one)
    v *= two
    v += (1 - two) * g * g
    if top is not None:
        np.maximum(top, v, out=top)
        v = top
    scale = np.sqrt(v)
    scale /= root
    scale += eps
    np.divide(m, scale, out=scale)
    scale *= size
    p -= scale
