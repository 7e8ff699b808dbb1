"""Functions of `scipy.special` whose derivatives are formulas: one node each, differentiable again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

from ...compiler.errors import UnsupportedError
from ..tape.mode import mode
from ..tape.node import Node, Recorded
from ..tape.record import edge, record

Rule = Callable[..., Any]

_ROOT_PI = float(np.sqrt(np.pi))

# The derivative by each argument; None where there is no formula.
RULES: dict[Any, tuple[Rule | None, ...]] = {
    sp.erfcx: (lambda x: 2.0 * x * sp.erfcx(x) - 2.0 / _ROOT_PI,),
    sp.erfinv: (lambda x: 0.5 * _ROOT_PI * np.exp(sp.erfinv(x) ** 2),),
    sp.erfcinv: (lambda x: -0.5 * _ROOT_PI * np.exp(sp.erfcinv(x) ** 2),),
    sp.dawsn: (lambda x: 1.0 - 2.0 * x * sp.dawsn(x),),
    sp.ndtri: (lambda x: np.sqrt(2.0 * np.pi) * np.exp(0.5 * sp.ndtri(x) ** 2),),
    sp.log_ndtr: (lambda x: np.exp(-0.5 * x * x - sp.log_ndtr(x)) / np.sqrt(2.0 * np.pi),),
    sp.exp1: (lambda x: -np.exp(-x) / x,),
    sp.expi: (lambda x: np.exp(x) / x,),
    sp.expn: (None, lambda n, x: -sp.expn(n - 1, x)),
    sp.spence: (lambda x: np.log(x) / (1.0 - x),),
    sp.cosm1: (lambda x: -np.sin(x),),
    sp.rgamma: (lambda x: -sp.psi(x) * sp.rgamma(x),),
    sp.loggamma: (lambda x: sp.psi(x),),
    sp.beta: (
        lambda a, b: sp.beta(a, b) * (sp.psi(a) - sp.psi(a + b)),
        lambda a, b: sp.beta(a, b) * (sp.psi(b) - sp.psi(a + b)),
    ),
    sp.poch: (
        lambda z, m: sp.poch(z, m) * (sp.psi(z + m) - sp.psi(z)),
        lambda z, m: sp.poch(z, m) * sp.psi(z + m),
    ),
    sp.binom: (
        lambda n, k: sp.binom(n, k) * (sp.psi(n + 1.0) - sp.psi(n - k + 1.0)),
        lambda n, k: sp.binom(n, k) * (sp.psi(n - k + 1.0) - sp.psi(k + 1.0)),
    ),
    sp.gammainc: (None, lambda a, x: np.exp((a - 1.0) * np.log(x) - x - sp.gammaln(a))),
    sp.gammaincc: (None, lambda a, x: -np.exp((a - 1.0) * np.log(x) - x - sp.gammaln(a))),
    sp.betainc: (None, None, lambda a, b, x: x ** (a - 1.0) * (1.0 - x) ** (b - 1.0) / sp.beta(a, b)),
    sp.hyp0f1: (None, lambda b, x: sp.hyp0f1(b + 1.0, x) / b),
    sp.ellipk: (lambda m: (sp.ellipe(m) / (1.0 - m) - sp.ellipk(m)) / (2.0 * m),),
    sp.ellipe: (lambda m: (sp.ellipe(m) - sp.ellipk(m)) / (2.0 * m),),
    sp.boxcox: (lambda x, k: x ** (k - 1.0), None),
    sp.inv_boxcox: (lambda y, k: (k * y + 1.0) ** (1.0 / k - 1.0), None),
    # Bessel functions
    sp.j0: (lambda x: -sp.j1(x),),
    sp.j1: (lambda x: 0.5 * (sp.jv(0.0, x) - sp.jv(2.0, x)),),
    sp.y0: (lambda x: -sp.y1(x),),
    sp.y1: (lambda x: 0.5 * (sp.yv(0.0, x) - sp.yv(2.0, x)),),
    sp.i0: (lambda x: sp.i1(x),),
    sp.i1: (lambda x: 0.5 * (sp.iv(0.0, x) + sp.iv(2.0, x)),),
    sp.k0: (lambda x: -sp.k1(x),),
    sp.k1: (lambda x: -0.5 * (sp.kv(0.0, x) + sp.kv(2.0, x)),),
    sp.i0e: (lambda x: sp.i1e(x) - np.sign(x) * sp.i0e(x),),
    sp.k0e: (lambda x: sp.k0e(x) - sp.k1e(x),),
    sp.jv: (None, lambda n, x: 0.5 * (sp.jv(n - 1.0, x) - sp.jv(n + 1.0, x))),
    sp.yv: (None, lambda n, x: 0.5 * (sp.yv(n - 1.0, x) - sp.yv(n + 1.0, x))),
    sp.iv: (None, lambda n, x: 0.5 * (sp.iv(n - 1.0, x) + sp.iv(n + 1.0, x))),
    sp.kv: (None, lambda n, x: -0.5 * (sp.kv(n - 1.0, x) + sp.kv(n + 1.0, x))),
}


class SpecialBackward(Node):
    """A function with rules; `static` is the function."""

    __slots__ = ()

    def name(self) -> str:
        return f"{self.static.__name__.capitalize()}Backward0"

    def backward(self, g: Any, *saved: Any) -> Any:
        rules = RULES[self.static]
        return tuple(
            [
                None if there is None or rule is None else g * rule(*saved)
                for there, rule in zip(self.edges, rules, strict=True)
            ]
        )


def special(function: Any, *args: Any) -> Any:
    """A function of RULES on Arrays.

    Raises
    ------
    UnsupportedError
        If an argument wants a derivative by which there is none.
    """
    from .array import Array

    if mode.enabled:
        for k, (rule, value) in enumerate(zip(RULES[function], args, strict=True)):
            if rule is None and edge(value) is not None:
                raise UnsupportedError(
                    f"{function.__name__} has no derivative by its argument {k}",
                    hint="pb.stop_gradient that argument, or give the function a rule by pb.custom_vjp",
                )
    arrays = [np.asarray(a._a if isinstance(a, Recorded) else a) for a in args]
    if any(a.dtype.kind == "c" for a in arrays):
        raise UnsupportedError(f"{function.__name__} of complex numbers", hint="use real numbers")
    found = np.asarray(function(*arrays))
    kept = tuple([a if isinstance(a, Recorded) else x for a, x in zip(args, arrays, strict=True)])
    return record(SpecialBackward, found, args, kept, function, Array)
