"""Integers, booleans, float32 and complex numbers beside float64."""

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(4), np.array([3, -1, 2, 0])))
def integer_data(x, n):
    s = 0.0
    for i in range(4):
        s += n[i] * x[i] ** 2 + (n[i] // 2) * x[i] + n[i] % 2
    return s + np.sum(n * x) / np.sum(n)


@program(args=lambda rng: (rng.standard_normal(4), np.array([1, 2, 0, 3], dtype=np.int32)))
def small_integer_data(x, n):
    k = n.astype(np.float64)
    return np.sum(x ** n[3]) + np.sum(k * x * x) + x[n[1]] * n.max()


@program(args=lambda rng: (rng.standard_normal(4), np.array([True, False, True, True])))
def boolean_data(x, keep):
    s = np.sum(keep * x * x)
    for i in range(4):
        if keep[i] and not keep[i - 1]:
            s *= x[i]
    return s + np.sum(keep) * x[1] + np.sum(np.where(keep, x, 2.0 * x) ** 3)


@program(args=lambda rng: (rng.standard_normal(4),))
def count_by_comparison(x):
    n = 0
    for v in x:
        n += v > 0.0
    m = int(np.sum(x < 0.5))
    return (n + 1) * x[0] ** 2 + m * x[1] + bool(m) * x[2]


@program(args=lambda rng: (1.7, rng.standard_normal(5)), argnums=(0, 1))
def int_of_active_value(a, x):
    # `int` and `round` cut the derivative, the rest of the expression keeps it.
    k = int(a * 2.0)
    j = round(a)
    frac = a - int(a)
    return x[k] * frac + x[j] * a + float(k) * frac * frac


@program(args=lambda rng: (rng.standard_normal(4), np.array([1, 2, 3, 4])))
def integer_array_overwritten(x, n):
    for i in range(1, 4):
        n[i] += n[i - 1]
        x[i] = x[i] * n[i] + x[i - 1]
    return np.sum(x * n)


@program(args=lambda rng: (rng.standard_normal(3),))
def store_into_integer_array_truncates(x):
    # The cast to an integer has derivative zero.
    n = np.zeros(3, dtype=np.int64)
    for i in range(3):
        n[i] = int(10.0 * x[i])
    return np.sum(n * x) + n[0]


@program(args=lambda rng: (rng.standard_normal(4),), second=False, rtol=1e-2)
def computed_in_float32(x):
    # The float32 part is small, so that its rounding does not spoil finite differences in float64.
    y = x.astype(np.float32)
    z = y * y * np.float32(1e-3)
    return float(np.sum(z)) + np.sum(x * x)


@program(args=lambda rng: (rng.standard_normal(4), np.array([0.5, 2.0, -1.0, 0.25], dtype=np.float32)))
def float32_data_promotes(x, w):
    y = w * x + w
    acc = w[0] * x[1]
    for i in range(4):
        acc += w[i] * y[i] * x[i]
    return acc


@program(args=lambda rng: (0.7, -0.4), argnums=(0, 1))
def complex_scalars(a, b):
    z = complex(a, b)
    w = z * z + 2j * z - 1.0
    return abs(w) + w.real * w.imag + (w.conjugate() * z).real


@program(args=lambda rng: (rng.standard_normal(4), rng.standard_normal(4)), argnums=(0, 1))
def complex_arrays(x, y):
    z = x + 1j * y
    w = np.exp(1j * z) * np.conj(z)
    return np.sum(np.abs(w) ** 2) + np.sum(w.real * np.imag(z)) + np.real(w[0] * w[1])


@program(args=lambda rng: (rng.standard_normal(5), 1.3), argnums=(0, 1))
def phase_sum_in_a_loop(x, k):
    s = 0j
    for i in range(5):
        s += x[i] * np.exp(-1j * k * i)
    return s.real**2 + s.imag**2


@program(args=lambda rng: (rng.standard_normal(6),))
def fourier_power_spectrum(x):
    f = np.fft.fft(x)
    f[0] = 0.0
    p = np.abs(f) ** 2
    return np.sum(p * np.arange(6.0)) / 6.0 + np.fft.ifft(f * f).real[2]


@program(args=lambda rng: (rng.standard_normal(6), rng.standard_normal(5)), argnums=(0, 1))
def real_fourier_even_and_odd(x, y):
    f = np.fft.rfft(x)
    g = np.fft.rfft(y)
    return np.sum(f.real**2 * np.arange(4)) + np.sum(np.abs(g) ** 2) + f[1].imag * g[2].real


@program(args=lambda rng: (rng.standard_normal(4),))
def complex_memory(x):
    z = np.zeros(4, dtype=np.complex128)
    z[1:] = x[:-1] * 1j
    z += x
    z[0] *= z[1]
    for i in range(1, 4):
        z[i] = z[i] * z[i - 1]
    return z[3].real + np.sum(np.abs(z))
