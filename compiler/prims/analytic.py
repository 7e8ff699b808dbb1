"""Real functions continued to complex numbers, for derivatives by complex steps.

The real part of every result is exactly what the real function gives for the real parts, so that branches
are taken as in the real program; the imaginary part is that of an analytic continuation: a directional
derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from ..ir.types import is_float, is_integer
from .prim import Prim


def analytic_cast(value: Any, source: str, target: str) -> Any:
    """A conversion of a number that stands for one of dtype `source`."""
    if is_float(source) and (is_integer(target) or target == "bool"):
        return value.real
    return value


def analytic_prim(record: Prim, args: Sequence[Any]) -> Any:
    """A primitive on numbers of which the real ones are held as complex."""
    reals = [a.real if isinstance(a, np.complexfloating) else a for a in args]
    if record.name == "select":
        return args[1] if args[0] else args[2]
    real = record.ref(*reals)
    if record.result == "bool" or record.name in _CONSTANT_PIECES:
        return real
    if record.name in ("real", "imag", "conj", "complex"):
        raise NotImplementedError(f"a complex step through complex numbers: {record.name}")
    continued = _CONTINUED.get(record.name, record.ref)(*args)
    return complex(real, continued.imag)


def analytic_call(name: str, ref: Callable[..., Any]) -> Callable[..., Any]:
    """A library call on arrays of which the real ones are held as complex."""
    if "fft" in name:
        raise NotImplementedError(f"a complex step through complex numbers: {name}")
    return _CALLS.get(name, ref)


def _less(x: Any, z: Any) -> bool:
    return bool(x.real < z.real)


def _minimum(x: Any, z: Any) -> Any:
    if x.real == z.real:
        return (x + z) / 2
    return x if _less(x, z) or np.isnan(x.real) else z


def _maximum(x: Any, z: Any) -> Any:
    if x.real == z.real:
        return (x + z) / 2
    return x if _less(z, x) or np.isnan(x.real) else z


def _fmin(x: Any, z: Any) -> Any:
    return z if np.isnan(x.real) else x if np.isnan(z.real) else _minimum(x, z)


def _fmax(x: Any, z: Any) -> Any:
    return z if np.isnan(x.real) else x if np.isnan(z.real) else _maximum(x, z)


def _power(x: Any, k: Any) -> Any:
    if k.imag == 0 and k.real == np.rint(k.real):
        # By multiplications: the logarithm of a negative number would spoil a small imaginary part.
        n, power = int(abs(k.real)), np.complex128(1)
        while n:
            power = power * x if n % 2 else power
            n, x = n // 2, x * x
        return 1 / power if k.real < 0 else power
    return np.exp(k * np.log(x))


def _arctan2(z: Any, x: Any) -> Any:
    d = (x.real * z.imag - z.real * x.imag) / (x.real**2 + z.real**2)
    return complex(0.0, d)


def _logaddexp(x: Any, z: Any) -> Any:
    high, low = (z, x) if _less(x, z) else (x, z)
    return high + np.log1p(np.exp(low - high))


def _logaddexp2(x: Any, z: Any) -> Any:
    return _logaddexp(x * np.log(2), z * np.log(2)) / np.log(2)


def _abs(x: Any) -> Any:
    return x * np.sign(x.real)


def _cbrt(x: Any) -> Any:
    return complex(0.0, x.imag / (3 * np.cbrt(x.real) ** 2))


_CONSTANT_PIECES = {"sign", "floor", "ceil", "trunc", "rint", "round", "floordiv", "stop_gradient"}

_CONTINUED: dict[str, Callable[..., Any]] = {
    "attach": lambda x, z: complex(0.0, z.imag),
    "pymin": lambda x, z: z if _less(z, x) else x,
    "pymax": lambda x, z: z if _less(x, z) else x,
    "minimum": _minimum,
    "maximum": _maximum,
    "fmin": _fmin,
    "fmax": _fmax,
    "abs": _abs,
    "mod": lambda x, m: x - m * np.floor(x.real / m.real),
    "fmod": lambda x, m: x - m * np.trunc(x.real / m.real),
    "pow": _power,
    "ipow": _power,
    "arctan2": _arctan2,
    "over": lambda x, z: x / z,
    "hypot": lambda x, z: np.sqrt(x * x + z * z),
    "copysign": lambda x, z: x * (np.sign(x.real) * np.copysign(1.0, z.real)),
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "first_share": lambda x, z: 1.0 / (1.0 + np.exp(z - x)),
    "second_share": lambda x, z: 1.0 / (1.0 + np.exp(x - z)),
    "cbrt": _cbrt,
    "exp2": lambda x: np.exp(x * np.log(2)),
    "lgamma": special.loggamma,
    "gamma": special.gamma,
    "digamma": special.digamma,
    "polygamma": lambda x, n: complex(0.0, special.polygamma(n + 1, x.real) * x.imag),
    "erf": special.erf,
    "erfc": special.erfc,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
}


def _cholesky(a: Any) -> Any:
    low = np.zeros_like(a)
    for j in range(a.shape[0]):
        low[j, j] = np.sqrt(a[j, j] - low[j, :j] @ low[j, :j])
        low[j + 1 :, j] = (a[j + 1 :, j] - low[j + 1 :, :j] @ low[j, :j]) / low[j, j]
    return low


def _slogdet(a: Any) -> tuple[Any, Any]:
    sign, log = np.linalg.slogdet(a.real)
    return sign, complex(log, np.log(np.linalg.det(a) * sign).imag)


_CALLS: dict[str, Callable[..., Any]] = {
    "cholesky": _cholesky,
    "slogdet": _slogdet,
    "argsort": lambda a, *static: np.argsort(a.real, kind="stable"),
}
