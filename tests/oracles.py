"""Oracles on IR: every derivative that a module can give, against the complex step and finite differences."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from pullback.compiler.adjoint.build import adjoint
from pullback.compiler.ir.nodes import Module
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.tangent.build import tangent


def complex_step(module: Module, args: Sequence[Any], k: int) -> np.ndarray:
    """The gradient of the first result with respect to argument k, exact to rounding (Squire & Trapp
    1998)."""
    point = np.asarray(args[k], float)
    gradient = np.zeros(point.shape)
    for place in np.ndindex(point.shape):
        moved = copy.deepcopy(list(args))
        z = np.array(point, complex)
        z[place] += 1e-30j
        moved[k] = z if point.ndim else z[()]
        value, *_ = run(module, moved, complex_step=True)
        gradient[place] = np.imag(value) / 1e-30
    return gradient


def central(module: Module, args: Sequence[Any], k: int, h: float = 1e-6) -> np.ndarray:
    """The gradient of the first result by central differences."""
    point = np.asarray(args[k], float)
    gradient = np.zeros(point.shape)
    for place in np.ndindex(point.shape):
        values = []
        for sign in (1.0, -1.0):
            moved = copy.deepcopy(list(args))
            x = np.array(point)
            x[place] += sign * h
            moved[k] = x if point.ndim else x[()]
            values.append(run(module, moved)[0])
        gradient[place] = (values[0] - values[1]) / (2 * h)
    return gradient


def check_derivatives(
    module: Module, args: Sequence[Any], wrt: Sequence[int], *, second: bool = True, analytic: bool = True
) -> None:
    """Reverse = complex step, forward = reverse, tangent of the adjoint = finite differences of the adjoint.

    Without `analytic` (a library call that complex numbers change) the first oracle is finite differences.
    """
    verify(module)
    reverse, _ = adjoint(module, wrt, name="f_adjoint")
    verify(reverse)
    count = len(module.entry.results)
    gradients = run(reverse, copy.deepcopy(list(args)))[count:]
    for k, gradient in zip(wrt, gradients, strict=True):
        if analytic:
            np.testing.assert_allclose(gradient, complex_step(module, args, k), rtol=1e-10, atol=1e-12)
        else:
            np.testing.assert_allclose(gradient, central(module, args, k), rtol=1e-6, atol=1e-7)

    rng = np.random.default_rng(0)
    dots = [rng.normal(size=np.shape(args[k]))[()] for k in wrt]
    forward = tangent(module, wrt, name="f_tangent")
    verify(forward)
    results = run(forward, copy.deepcopy([*args, *dots]))
    expected = sum(np.sum(d * g) for d, g in zip(dots, gradients, strict=True))
    np.testing.assert_allclose(results[count], expected, rtol=1e-9, atol=1e-11)
    if second:
        check_second(reverse, args, wrt, dots)


def check_second(reverse: Module, args: Sequence[Any], wrt: Sequence[int], dots: Sequence[Any]) -> None:
    """The tangent of an adjoint against central differences of the adjoint along one direction."""
    twice = tangent(reverse, wrt, name="f_hvp")
    verify(twice)
    products = run(twice, copy.deepcopy([*args, *dots]))[-len(wrt) :]

    def gradients(h: float) -> list[Any]:
        moved = copy.deepcopy(list(args))
        for k, dot in zip(wrt, dots, strict=True):
            moved[k] = moved[k] + h * dot
        return list(run(reverse, moved)[-len(wrt) :])

    for product, up, down in zip(products, gradients(1e-6), gradients(-1e-6), strict=True):
        estimate = (np.asarray(up) - np.asarray(down)) / 2e-6
        scale = max(1.0, float(np.max(np.abs(estimate), initial=0.0)))
        np.testing.assert_allclose(product, estimate, rtol=1e-5, atol=1e-6 * scale)
