"""Filters, transforms, smoothing and alignment of sequences."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.normal(size=8), rng.normal(size=3)), argnums=(0, 1))
def fir_filter(x, taps):
    y = np.zeros_like(x)
    for n in range(len(x)):
        for k in range(len(taps)):
            if n - k >= 0:
                y[n] += taps[k] * x[n - k]
    return np.sum(y**2)


@program(
    args=lambda rng: (rng.normal(size=8), rng.uniform(-0.5, 0.5, 3), rng.uniform(-0.4, 0.4, 2)),
    argnums=(0, 1, 2),
)
def iir_biquad(x, b, a):
    """Direct form II transposed, two delay registers."""
    z1 = z2 = 0.0
    energy = 0.0
    for sample in x:
        out = b[0] * sample + z1
        z1 = b[1] * sample - a[0] * out + z2
        z2 = b[2] * sample - a[1] * out
        energy += out * out
    return energy


@program(args=lambda rng: (rng.normal(size=7), rng.uniform(0.2, 0.8)), argnums=(0, 1))
def exponential_smoothing_error(x, alpha):
    level = x[0]
    sse = 0.0
    for t in range(1, len(x)):
        error = x[t] - level
        sse += error**2
        level += alpha * error
    return sse


@program(args=lambda rng: (rng.uniform(8, 12, 9), rng.uniform(0.2, 0.6, 3)), argnums=(0, 1))
def holt_winters_additive(y, smoothing):
    alpha, beta, gamma = smoothing
    period = 3
    season = y[:period] - np.mean(y[:period])
    level, trend = np.mean(y[:period]), 0.0
    sse = 0.0
    for t in range(period, len(y)):
        s = t % period
        forecast = level + trend + season[s]
        sse += (y[t] - forecast) ** 2
        last = level
        level = alpha * (y[t] - season[s]) + (1 - alpha) * (level + trend)
        trend = beta * (level - last) + (1 - beta) * trend
        season[s] = gamma * (y[t] - level) + (1 - gamma) * season[s]
    return sse


@program(args=lambda rng: (rng.normal(size=8),))
def autocorrelation_penalty(x):
    n = len(x)
    centred = x - np.mean(x)
    variance = np.dot(centred, centred)
    total = 0.0
    for lag in range(1, 4):
        r = np.sum(centred[: n - lag] * centred[lag:]) / variance
        total += r * r / (n - lag)
    return n * (n + 2) * total


@program(args=lambda rng: (rng.normal(size=6),))
def dft_loops_log_power(x):
    n = len(x)
    total = 0.0
    for k in range(n // 2 + 1):
        re = 0.0
        im = 0.0
        for t in range(n):
            angle = 2.0 * math.pi * k * t / n
            re += x[t] * math.cos(angle)
            im -= x[t] * math.sin(angle)
        total += math.log(re * re + im * im + 0.1)
    return total


@program(args=lambda rng: (rng.normal(size=8), rng.normal(size=8)), argnums=(0, 1))
def fft_spectral_distance(x, y):
    return np.sum((np.abs(np.fft.fft(x)) - np.abs(np.fft.fft(y))) ** 2)


@program(args=lambda rng: (rng.normal(size=8) + np.sin(np.arange(8.0)),))
def rfft_spectral_centroid(x):
    n = len(x)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    power = np.abs(np.fft.rfft(window * x)) ** 2
    freqs = np.arange(n // 2 + 1) / n
    return np.sum(freqs * power) / np.sum(power)


@program(args=lambda rng: (rng.normal(size=8), rng.normal(size=8)), argnums=(0, 1))
def circular_convolution_fft(x, h):
    y = np.fft.ifft(np.fft.fft(x) * np.fft.fft(h)).real
    return np.sum(y**2) + y[0]


@program(args=lambda rng: (rng.normal(size=8), rng.uniform(0.1, 0.5)), argnums=(0, 1))
def haar_wavelet_shrinkage(x, width):
    """In-place Haar pyramid; the details are shrunk smoothly and measured."""
    a = x.copy()
    n = len(a)
    scratch = np.empty_like(a)
    total = 0.0
    while n > 1:
        half = n // 2
        for i in range(half):
            scratch[i] = (a[2 * i] + a[2 * i + 1]) / math.sqrt(2.0)
            scratch[half + i] = (a[2 * i] - a[2 * i + 1]) / math.sqrt(2.0)
        a[:n] = scratch[:n]
        total += np.sum(np.sqrt(a[half:n] ** 2 + width**2) - width)
        n = half
    return total + a[0] ** 2


@program(args=lambda rng: (rng.normal(size=5), rng.normal(size=4)), argnums=(0, 1), second=False)
def dynamic_time_warping(a, b):
    n, m = len(a), len(b)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            d = (a[i - 1] - b[j - 1]) ** 2
            cost[i, j] = d + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
    return cost[n, m]


def softmin3(a, b, c, gamma):
    low = min(a, min(b, c))
    return low - gamma * math.log(
        math.exp((low - a) / gamma) + math.exp((low - b) / gamma) + math.exp((low - c) / gamma)
    )


@program(args=lambda rng: (rng.normal(size=5), rng.normal(size=4), 0.8), argnums=(0, 1, 2))
def soft_dtw(a, b, gamma):
    n, m = len(a), len(b)
    r = np.zeros((n + 1, m + 1))
    r[1:, 0] = 1e3
    r[0, 1:] = 1e3
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            d = (a[i - 1] - b[j - 1]) ** 2
            r[i, j] = d + softmin3(r[i - 1, j], r[i, j - 1], r[i - 1, j - 1], gamma)
    return r[n, m]


@program(
    args=lambda rng: (rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), rng.uniform(0.5, 1.0)),
    argnums=(0, 1, 2),
)
def soft_edit_distance(left, right, gap):
    """Two rolling rows of the alignment table."""
    m = right.shape[0]
    previous = gap * np.arange(m + 1)
    for i in range(left.shape[0]):
        current = np.empty(m + 1)
        current[0] = gap * (i + 1)
        for j in range(m):
            swap = previous[j] + 1.0 - np.exp(-np.sum((left[i] - right[j]) ** 2))
            current[j + 1] = softmin3(previous[j + 1] + gap, current[j] + gap, swap, 0.3)
        previous = current
    return previous[m]


@program(args=lambda rng: (rng.normal(size=9),), second=False)
def median_filter_energy(x):
    total = 0.0
    for i in range(1, len(x) - 1):
        window = np.sort(x[i - 1 : i + 2])
        total += (x[i] - 0.5 * window[1]) ** 2
    return total


@program(args=lambda rng: (rng.normal(size=(5, 5)), rng.uniform(0.6, 1.2)), argnums=(0, 1))
def gaussian_blur_total_variation(image, sigma):
    offsets = np.arange(-1.0, 2.0)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    rows = kernel[0] * image[:, :-2] + kernel[1] * image[:, 1:-1] + kernel[2] * image[:, 2:]
    blurred = kernel[0] * rows[:-2] + kernel[1] * rows[1:-1] + kernel[2] * rows[2:]
    dx = np.diff(blurred, axis=0)[:, :-1]
    dy = np.diff(blurred, axis=1)[:-1, :]
    return np.sum(np.sqrt(dx**2 + dy**2 + 1e-2))


@program(
    args=lambda rng: (rng.uniform(0.5, 1.5), rng.uniform(0.8, 1.2), rng.uniform(0, 1), rng.normal(size=8)),
    argnums=(0, 1, 2, 3),
)
def sinusoid_fit(amplitude, frequency, phase, data):
    loss = 0.0
    for i, d in enumerate(data):
        loss += (amplitude * np.sin(frequency * 0.5 * i + phase) - d) ** 2
    return loss / len(data)


@program(
    args=lambda rng: (rng.normal(size=8), rng.normal(size=3), rng.uniform(0.01, 0.05)), argnums=(0, 1, 2)
)
def lms_adaptive_filter(x, w0, rate):
    w = w0.copy()
    total = 0.0
    for n in range(3, len(x)):
        window = x[n - 3 : n][::-1]
        e = x[n] - w @ window
        w += 2 * rate * e * window
        total += e**2
    return total
