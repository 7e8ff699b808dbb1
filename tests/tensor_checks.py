"""Checks that every function of tensors has to pass: gradients by finite differences, also of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.tensor import Tensor

STEP = 1e-6


def leaf(array: Any) -> Tensor:
    """A float64 (or complex128) tensor that requires a gradient."""
    array = np.asarray(array)
    out: Tensor = wrap(Tensor, np.array(array, np.complex128 if array.dtype.kind == "c" else np.float64))
    out._r = True
    return out


def sample(*shape: int, seed: int = 0, low: float = 0.3, high: float = 1.7) -> np.ndarray[Any, Any]:
    """Numbers in (low, high), the same ones for the same seed."""
    return np.random.default_rng(seed).uniform(low, high, shape)


def _results(value: Any) -> list[Tensor]:
    """The results that have a derivative."""
    values = value if isinstance(value, (tuple, list)) else [value]
    return [v for v in values if isinstance(v, Tensor) and v._a.dtype.kind in "fc"]


def _weighed(f: Callable[..., Any], seed: int) -> Callable[..., Tensor]:
    """The sum of the results of f with fixed weights: a real number."""

    def loss(*args: Tensor) -> Tensor:
        total: Any = 0.0
        for k, out in enumerate(_results(f(*args))):
            rng = np.random.default_rng(seed + k)
            weights = rng.uniform(0.5, 1.5, out._a.shape)
            if out._a.dtype.kind == "c":
                total = total + (out.real * wrap(Tensor, weights)).sum()
                total = total + (out.imag * wrap(Tensor, rng.uniform(0.5, 1.5, out._a.shape))).sum()
            else:
                total = total + (out * wrap(Tensor, weights)).sum()
        return total

    return loss


def check_gradient(f: Callable[..., Any], *arrays: Any, rtol: float = 1e-5, atol: float = 1e-7) -> None:
    """The gradient of f at real arrays is what central differences say, along random directions."""
    loss = _weighed(f, 7)
    leaves = [leaf(a) for a in arrays]
    value = loss(*leaves)
    slopes = grad(value, leaves, allow_unused=True, materialize_grads=True)
    for k, array in enumerate(arrays):
        rng = np.random.default_rng(k)
        for _ in range(2):
            direction = rng.standard_normal(np.shape(array))
            moved = [
                loss(*[leaf(a + (sign * STEP * direction if j == k else 0)) for j, a in enumerate(arrays)])._a
                for sign in (1, -1)
            ]
            expected = float(moved[0] - moved[1]) / (2 * STEP)
            actual = float(np.sum(slopes[k]._a * direction))
            np.testing.assert_allclose(
                actual, expected, rtol=rtol, atol=atol, err_msg=f"gradient for argument {k}"
            )


def check(f: Callable[..., Any], *arrays: Any, rtol: float = 1e-5, atol: float = 1e-7) -> None:
    """`check_gradient`, of f and of its gradient recorded by `create_graph`."""
    check_gradient(f, *arrays, rtol=rtol, atol=atol)

    def slopes(*leaves: Tensor) -> list[Tensor]:
        value = _weighed(f, 11)(*leaves)
        found = grad(value, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        return [g for g in found if g.requires_grad]

    if any(isinstance(g, Tensor) for g in slopes(*[leaf(a) for a in arrays])):
        check_gradient(slopes, *arrays, rtol=10 * rtol, atol=10 * atol)


torch = type("torch", (), {name: staticmethod(v) if callable(v) else v for name, v in NAMES.items()})
