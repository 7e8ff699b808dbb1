"""What generated source imports: numerical functions that neither NumPy nor Numba has in compiled code.

Every function is compiled by Numba when it is first called, and can be called from plain Python too. This
module imports nothing of the compiler, so that generated source needs only it, NumPy and Numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from .blas import dot as dot
from .blas import dot_into as dot_into
from .blas import solve as solve
from .jitted import jit
from .shared import lend, shared


def as_like(value: float, like: float) -> Any:
    """`value` in the dtype of `like`: a float32 argument gives a float32 result."""
    return np.asarray(like).dtype.type(value)


@overload(as_like, strict=False)
def _as_like(value: Any, like: Any) -> Any:
    if like == types.float32:
        return lambda value, like: np.float32(value)
    return lambda value, like: value


@jit
def over(x: complex, z: complex) -> Any:
    """x / z, where 0 / 0 is 0."""
    return x if x == 0 and z == 0 else x / z


@jit
def _argsort(x: Any) -> Any:
    return np.argsort(x, kind="mergesort")


def argsort(x: Any) -> Any:
    """The stable `np.argsort` of a vector."""
    return np.argsort(x, kind="mergesort")


lend(argsort, lambda kinds: _argsort)


# -- linear algebra, compiled here once for all


@shared
@jit
def inv(a: Any) -> Any:
    """`np.linalg.inv`."""
    return np.linalg.inv(a)


@shared
@jit
def det(a: Any) -> Any:
    """`np.linalg.det`."""
    return np.linalg.det(a)


@shared
@jit
def slogdet(a: Any) -> Any:
    """`np.linalg.slogdet`."""
    return np.linalg.slogdet(a)


@shared
@jit
def cholesky(a: Any) -> Any:
    """`np.linalg.cholesky`."""
    return np.linalg.cholesky(a)


# -- gamma and its kin


@jit
def gamma(x: float) -> Any:
    """Γ(x); infinite or NaN at its poles, where `math.gamma` raises."""
    return as_like(math.gamma(x), x)


@jit
def lgamma(x: float) -> Any:
    """log |Γ(x)|; infinite at the poles, where `math.lgamma` raises."""
    return as_like(math.lgamma(x), x)


@jit
def digamma(x: float) -> Any:
    """ψ(x), the derivative of log Γ: recurrence upwards, then the asymptotic series; reflection for x < 0."""
    z = float(x)
    if z == 0.0:
        return as_like(math.copysign(np.inf, -z), x)
    if z == -np.inf or (z < 0.0 and z == np.floor(z)):
        return as_like(np.nan, x)
    value = 0.0
    if z < 0.0:
        turn = z - np.rint(z)  # exact, and tan has this period
        value = -np.pi / np.tan(np.pi * turn)
        z = 1.0 - z
    while z < 12.0:
        value -= 1.0 / z
        z += 1.0
    w = 1.0 / (z * z)
    tail = w * (
        1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - w * (691 / 32760 - w / 12)))))
    )
    return as_like(value + np.log(z) - 0.5 / z - tail, x)


# B(2j) / (2j)! for j = 1, 2, …
_BERNOULLI = np.array(
    [
        1 / 12,
        -1 / 720,
        1 / 30240,
        -1 / 1209600,
        1 / 47900160,
        -691 / 1307674368000,
        1 / 74724249600,
        -3617 / 10670622842880000,
        43867 / 5109094217170944000,
    ]
)


@jit
def polygamma(x: float, n: float) -> Any:
    """The n-th derivative of ψ, n >= 1: (-1)ⁿ⁺¹ n! ζ(n + 1, x) by Euler-Maclaurin; NaN below x = -100000."""
    z, s = float(x), float(n) + 1.0
    if z < -1e5:
        return as_like(np.nan, x)
    if z <= 0.0 and z == np.floor(z):
        return as_like(np.inf if s % 2.0 == 0.0 else np.nan, x)
    total = 0.0
    while z < 12.0 + s:
        total += z**-s
        z += 1.0
    total += z ** (1.0 - s) / (s - 1.0) + 0.5 * z**-s
    term = s * z ** (-s - 1.0)
    for j in range(len(_BERNOULLI)):
        total += _BERNOULLI[j] * term
        term *= (s + 2 * j + 1.0) * (s + 2 * j + 2.0) / (z * z)
    sign = 1.0 if s % 2.0 == 0.0 else -1.0
    return as_like(sign * math.gamma(s) * total, x)


# -- Fourier transforms


@jit
def _butterflies(x: Any, sign: float) -> Any:
    """The transform of a length that is a power of two: radix 2, in order of bit-reversed indices."""
    n = x.shape[0]
    out = np.empty(n, np.complex128)
    reverse = 0
    for i in range(n):
        out[i] = x[reverse]
        bit = n >> 1
        while reverse & bit:
            reverse ^= bit
            bit >>= 1
        reverse |= bit
    roots = np.empty(max(n // 2, 1), np.complex128)
    for k in range(n // 2):
        angle = sign * 2.0 * np.pi * k / n
        roots[k] = complex(np.cos(angle), np.sin(angle))
    half = 1
    while half < n:
        step = n // (2 * half)
        for start in range(0, n, 2 * half):
            for k in range(half):
                low, high = out[start + k], out[start + k + half] * roots[k * step]
                out[start + k] = low + high
                out[start + k + half] = low - high
        half *= 2
    return out


@jit
def _chirp(x: Any, sign: float) -> Any:
    """The transform of any length: Bluestein's convolution with a chirp."""
    n = x.shape[0]
    m = 1
    while m < 2 * n - 1:
        m *= 2
    chirp = np.empty(n, np.complex128)
    for k in range(n):
        angle = sign * np.pi * (k * k % (2 * n)) / n  # reduced before it loses digits
        chirp[k] = complex(np.cos(angle), np.sin(angle))
    a, b = np.zeros(m, np.complex128), np.zeros(m, np.complex128)
    for k in range(n):
        a[k] = x[k] * chirp[k]
        b[k] = np.conj(chirp[k])
        b[(m - k) % m] = b[k]
    product = _butterflies(_butterflies(a, -1.0) * _butterflies(b, -1.0), 1.0)
    return product[:n] * chirp / m


@jit
def _transform(x: Any, sign: float) -> Any:
    n = x.shape[0]
    if n < 1:
        raise ValueError("a Fourier transform of no data points")
    if n & (n - 1) == 0:
        return _butterflies(x, sign)
    return _chirp(x, sign)


@shared
@jit
def fft(x: Any) -> Any:
    """`np.fft.fft` of a complex vector of any length."""
    return _transform(x, -1.0).astype(x.dtype)


@shared
@jit
def ifft(x: Any) -> Any:
    """`np.fft.ifft` of a complex vector of any length."""
    return (_transform(x, 1.0) / x.shape[0]).astype(x.dtype)


# -- cofactors


@jit
def _eliminate(u: Any, lower: Any, rows: Any, cols: Any) -> float:
    """Gaussian elimination with complete pivoting, in place; the sign of the permutations."""
    n = u.shape[0]
    sign = 1.0
    for k in range(n - 1):
        p, q = k, k
        for i in range(k, n):
            for j in range(k, n):
                if abs(u[i, j]) > abs(u[p, q]):
                    p, q = i, j
        if u[p, q] == 0:
            break
        if p != k:
            sign = -sign
            rows[k], rows[p] = rows[p], rows[k]
            for j in range(n):
                u[k, j], u[p, j] = u[p, j], u[k, j]
            for j in range(k):
                lower[k, j], lower[p, j] = lower[p, j], lower[k, j]
        if q != k:
            sign = -sign
            cols[k], cols[q] = cols[q], cols[k]
            for i in range(n):
                u[i, k], u[i, q] = u[i, q], u[i, k]
        for i in range(k + 1, n):
            lower[i, k] = u[i, k] / u[k, k]
            for j in range(k, n):
                u[i, j] -= lower[i, k] * u[k, j]
    return sign


@jit
def _adjugate_upper(u: Any) -> Any:
    """The adjugate of an upper triangular matrix of which only the last diagonal element may be zero."""
    n = u.shape[0]
    m = n - 1
    out = np.zeros_like(u)
    scale = u[0, 0] / u[0, 0]
    for k in range(m):
        scale = scale * u[k, k]
    for j in range(n):  # column j of [[u₁₁, u₁₂], [0, 1]]⁻¹, bottom up
        for i in range(j, -1, -1):
            value = u[i, i] / u[i, i] if i == j and i < m else u[0, 0] * 0
            if i == j == m:
                value = value + 1
            for k in range(i + 1, j + 1):
                value = value - u[i, k] * out[k, j]
            out[i, j] = value / u[i, i] if i < m else value
    for i in range(n):
        for j in range(n):
            out[i, j] *= scale if j == m else scale * u[m, m]
    return out


@shared
@jit
def cofactor(a: Any) -> Any:
    """The matrix of cofactors, ∂det(a)/∂a, for singular matrices too.

    With P·a·Q = L·U the adjugate is ± Q·adj(U)·L⁻¹·P, and adj(U) needs no division by the smallest pivot.
    """
    n = a.shape[0]
    if a.shape[1] != n:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if n < 2:
        return np.ones_like(a)
    u, lower = a.copy(), np.zeros_like(a)
    rows, cols = np.arange(n), np.arange(n)
    sign = _eliminate(u, lower, rows, cols)
    out = np.zeros_like(a)
    if u[n - 2, n - 2] == 0:  # two dimensions of null space: every minor is zero
        return out
    adjugate = _adjugate_upper(u)
    for j in range(n - 1, -1, -1):
        for k in range(j + 1, n):
            for i in range(n):
                adjugate[i, j] -= adjugate[i, k] * lower[k, j]
    for i in range(n):
        for j in range(n):
            out[rows[j], cols[i]] = adjugate[i, j] * sign
    return out
