"""Stencils that are swept again and again: Jacobi, Gauss–Seidel, heat, the waves of Maxwell, convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import jnp, lax, torch

STEPS = 20


def jacobi_1d(a, b, steps):
    """Averages of three, between two arrays, as slices."""
    a, b = a.copy(), b.copy()
    for _ in range(steps):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
    return np.sum(a**2)


def jacobi_1d_hand(a, b, steps):
    n = len(a)
    a, b = a.copy(), b.copy()
    third = 1.0 / 3.0
    for _ in range(steps):
        for i in range(1, n - 1):
            b[i] = (a[i - 1] + a[i] + a[i + 1]) * third
        for i in range(1, n - 1):
            a[i] = (b[i - 1] + b[i] + b[i + 1]) * third
    value = 0.0
    for i in range(n):
        value += a[i] * a[i]
    a_bar, b_bar = 2.0 * a, np.zeros(n)
    inner = np.zeros(n)
    for _ in range(steps):
        for bar, other in ((a_bar, b_bar), (b_bar, a_bar)):
            inner[1:-1] = bar[1:-1]
            bar[1:-1] = 0.0
            other[0] += third * inner[1]
            other[n - 1] += third * inner[n - 2]
            for i in range(1, n - 1):
                other[i] += third * (inner[i - 1] + inner[i] + inner[i + 1])
    return value, (a_bar, b_bar)


def jacobi_1d_jax(a, b, steps):
    def step(both, _):
        a, b = both
        b = b.at[1:-1].set((a[:-2] + a[1:-1] + a[2:]) / 3.0)
        a = a.at[1:-1].set((b[:-2] + b[1:-1] + b[2:]) / 3.0)
        return (a, b), None

    (a, _), _ = lax.scan(step, (a, b), None, length=steps)
    return jnp.sum(a**2)


def jacobi_1d_torch(a, b, steps):
    for _ in range(steps):
        b = torch.cat((b[:1], (a[:-2] + a[1:-1] + a[2:]) / 3.0, b[-1:]))
        a = torch.cat((a[:1], (b[:-2] + b[1:-1] + b[2:]) / 3.0, a[-1:]))
    return torch.sum(a**2)


def jacobi_2d(a, b, steps):
    """Averages of five, between two arrays, as slices."""
    a, b = a.copy(), b.copy()
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])
    return np.sum(a**2)


def jacobi_2d_loops(a, b, steps):
    """The same as loops over elements."""
    a, b = a.copy(), b.copy()
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = 0.2 * (b[i, j] + b[i, j - 1] + b[i, j + 1] + b[i + 1, j] + b[i - 1, j])
    return np.sum(a**2)


def jacobi_2d_loops_hand(a, b, steps):
    """Each half step is its own transpose on the inner points; the borders only collect."""
    a, b = a.copy(), b.copy()
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = 0.2 * (b[i, j] + b[i, j - 1] + b[i, j + 1] + b[i + 1, j] + b[i - 1, j])
    value = np.sum(a * a)
    a_bar, b_bar = 2.0 * a, np.zeros((n, m))
    inner = np.zeros((n + 2, m + 2))
    for _ in range(steps):
        for bar, other in ((a_bar, b_bar), (b_bar, a_bar)):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    inner[i + 1, j + 1] = 0.2 * bar[i, j]
                    bar[i, j] = 0.0
            for i in range(n):
                for j in range(m):
                    around = inner[i + 1, j] + inner[i + 1, j + 2] + inner[i, j + 1] + inner[i + 2, j + 1]
                    other[i, j] += inner[i + 1, j + 1] + around
    return value, (a_bar, b_bar)


def jacobi_2d_jax(a, b, steps):
    def sweep(a):
        return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])

    def step(both, _):
        a, b = both
        b = b.at[1:-1, 1:-1].set(sweep(a))
        a = a.at[1:-1, 1:-1].set(sweep(b))
        return (a, b), None

    (a, _), _ = lax.scan(step, (a, b), None, length=steps)
    return jnp.sum(a**2)


def jacobi_2d_jax_loops(a, b, steps):
    n, m = a.shape

    def sweep(source, target):
        def row(i, target):
            def element(j, target):
                around = source[i, j - 1] + source[i, j + 1] + source[i + 1, j] + source[i - 1, j]
                return target.at[i, j].set(0.2 * (source[i, j] + around))

            return lax.fori_loop(1, m - 1, element, target)

        return lax.fori_loop(1, n - 1, row, target)

    def step(_, both):
        a, b = both
        b = sweep(a, b)
        return sweep(b, a), b

    a, _ = lax.fori_loop(0, steps, step, (a, b))
    return jnp.sum(a**2)


def jacobi_2d_torch(a, b, steps):
    def sweep(a):
        return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])

    for _ in range(steps):
        b = b.clone()
        b[1:-1, 1:-1] = sweep(a)
        a = a.clone()
        a[1:-1, 1:-1] = sweep(b)
    return torch.sum(a**2)


def heat_3d(a, steps):
    """Explicit Euler for heat in a cube, as loops, with a swap of two arrays."""
    a = a.copy()
    b = a.copy()
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    b[i, j, k] = (
                        a[i, j, k]
                        + 0.125 * (a[i + 1, j, k] - 2.0 * a[i, j, k] + a[i - 1, j, k])
                        + 0.125 * (a[i, j + 1, k] - 2.0 * a[i, j, k] + a[i, j - 1, k])
                        + 0.125 * (a[i, j, k + 1] - 2.0 * a[i, j, k] + a[i, j, k - 1])
                    )
        a, b = b, a
    return np.sum(a**2)


def heat_3d_jax(a, steps):
    def step(a, _):
        inner = a[1:-1, 1:-1, 1:-1]
        around = a[2:, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1] + a[1:-1, 2:, 1:-1] + a[1:-1, :-2, 1:-1]
        around += a[1:-1, 1:-1, 2:] + a[1:-1, 1:-1, :-2]
        return a.at[1:-1, 1:-1, 1:-1].set(0.25 * inner + 0.125 * around), None

    a, _ = lax.scan(step, a, None, length=steps)
    return jnp.sum(a**2)


def heat_3d_torch(a, steps):
    for _ in range(steps):
        inner = a[1:-1, 1:-1, 1:-1]
        around = a[2:, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1] + a[1:-1, 2:, 1:-1] + a[1:-1, :-2, 1:-1]
        around = around + a[1:-1, 1:-1, 2:] + a[1:-1, 1:-1, :-2]
        a = a.clone()
        a[1:-1, 1:-1, 1:-1] = 0.25 * inner + 0.125 * around
    return torch.sum(a**2)


def seidel_2d(a, steps):
    """Gauss–Seidel with nine points, in place."""
    a = a.copy()
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                above = a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                below = a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                a[i, j] = (above + a[i, j - 1] + a[i, j] + a[i, j + 1] + below) / 9.0
    return np.sum(a**2)


def seidel_2d_jax(a, steps):
    """The recurrence along a row, x[j] = (x[j - 1] + c[j]) / 9, is a product with a triangle."""
    m = a.shape[1] - 2
    distance = np.arange(m)[:, None] - np.arange(m)
    powers = jnp.asarray(np.where(distance >= 0, 9.0 ** (-1.0 - np.maximum(distance, 0)), 0.0))

    def row(above, rows):
        here, below = rows
        sums = above[:-2] + above[1:-1] + above[2:] + below[:-2] + below[1:-1] + below[2:]
        known = (sums + here[1:-1] + here[2:]).at[0].add(here[0])
        here = here.at[1:-1].set(powers @ known)
        return here, here

    def step(a, _):
        _, inner = lax.scan(row, a[0], (a[1:-1], a[2:]))
        return a.at[1:-1].set(inner), None

    a, _ = lax.scan(step, a, None, length=steps)
    return jnp.sum(a**2)


def seidel_2d_jax_loops(a, steps):
    n = a.shape[0]

    def element(i, j, a):
        above = a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
        below = a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
        return a.at[i, j].set((above + a[i, j - 1] + a[i, j] + a[i, j + 1] + below) / 9.0)

    def row(i, a):
        return lax.fori_loop(1, n - 1, lambda j, a: element(i, j, a), a)

    a = lax.fori_loop(0, steps, lambda _, a: lax.fori_loop(1, n - 1, row, a), a)
    return jnp.sum(a**2)


def fdtd_2d(ex, ey, hz, source):
    """Maxwell's equations in the plane on a staggered grid, driven at one edge."""
    ex, ey, hz = ex.copy(), ey.copy(), hz.copy()
    for t in range(len(source)):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return np.sum(hz**2)


def fdtd_2d_jax(ex, ey, hz, source):
    def step(fields, drive):
        ex, ey, hz = fields
        ey = ey.at[0, :].set(drive).at[1:, :].add(-0.5 * (hz[1:, :] - hz[:-1, :]))
        ex = ex.at[:, 1:].add(-0.5 * (hz[:, 1:] - hz[:, :-1]))
        hz = hz.at[:-1, :-1].add(-0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]))
        return (ex, ey, hz), None

    (_, _, hz), _ = lax.scan(step, (ex, ey, hz), source)
    return jnp.sum(hz**2)


def conv2d(image, kernel, bias):
    """A layer of convolutions over images of several channels, with a rectifier."""
    size = kernel.shape[0]
    height, width = image.shape[1] - size + 1, image.shape[2] - size + 1
    out = np.empty((image.shape[0], height, width, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            patch = image[:, i : i + size, j : j + size, :]
            for c in range(kernel.shape[3]):
                for b in range(image.shape[0]):
                    out[b, i, j, c] = np.sum(patch[b] * kernel[:, :, :, c]) + bias[c]
    return np.mean(np.maximum(out, 0.0) ** 2)


def conv2d_jax(image, kernel, bias):
    out = lax.conv_general_dilated(image, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.mean(jnp.maximum(out + bias, 0.0) ** 2)


def conv2d_torch(image, kernel, bias):
    out = torch.nn.functional.conv2d(image.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias)
    return torch.mean(torch.clamp(out, min=0.0) ** 2)


def line(size: int) -> tuple[Any, ...]:
    """Two lines."""
    rng = np.random.default_rng(1)
    return rng.random(size), rng.random(size), STEPS


def square(size: int) -> tuple[Any, ...]:
    """Two squares."""
    rng = np.random.default_rng(2)
    return rng.random((size, size)), rng.random((size, size)), STEPS


def cube(size: int) -> tuple[Any, ...]:
    """A cube."""
    return np.random.default_rng(3).random((size, size, size)), STEPS


def one_square(size: int) -> tuple[Any, ...]:
    """A square."""
    return np.random.default_rng(4).random((size, size)), STEPS


def waves(size: int) -> tuple[Any, ...]:
    """Three fields and what drives them."""
    rng = np.random.default_rng(5)
    fields = tuple(rng.random((size, size)) for _ in range(3))
    return *fields, np.sin(0.3 * np.arange(2.0 * STEPS))


def images(size: int) -> tuple[Any, ...]:
    """Two images of three channels, sixteen 3×3 kernels."""
    rng = np.random.default_rng(6)
    return rng.random((2, size, size, 3)), rng.standard_normal((3, 3, 3, 16)), rng.standard_normal(16)


CASES = (
    Case(
        name="jacobi_1d",
        family="loops",
        fn=jacobi_1d,
        args=line,
        sizes=(12, 500, 5000),
        argnums=(0, 1),
        hand=jacobi_1d_hand,
        jax=lambda: jacobi_1d_jax,
        torch=lambda: jacobi_1d_torch,
    ),
    Case(
        name="jacobi_2d",
        family="loops",
        fn=jacobi_2d,
        args=square,
        sizes=(6, 50, 150),
        argnums=(0, 1),
        jax=lambda: jacobi_2d_jax,
        torch=lambda: jacobi_2d_torch,
    ),
    Case(
        name="jacobi_2d_loops",
        family="loops",
        fn=jacobi_2d_loops,
        args=square,
        sizes=(6, 50, 150),
        argnums=(0, 1),
        hand=jacobi_2d_loops_hand,
        jax=lambda: jacobi_2d_jax,
        jax_loops=lambda: jacobi_2d_jax_loops,
        torch=lambda: jacobi_2d_torch,
    ),
    Case(
        name="heat_3d",
        family="loops",
        fn=heat_3d,
        args=cube,
        sizes=(5, 16, 40),
        argnums=(0,),
        jax=lambda: heat_3d_jax,
        torch=lambda: heat_3d_torch,
    ),
    Case(
        name="seidel_2d",
        family="loops",
        fn=seidel_2d,
        args=one_square,
        sizes=(6, 40, 100),
        argnums=(0,),
        jax=lambda: seidel_2d_jax,
        jax_loops=lambda: seidel_2d_jax_loops,
    ),
    Case(
        name="fdtd_2d",
        family="loops",
        fn=fdtd_2d,
        args=waves,
        sizes=(6, 50, 150),
        argnums=(0, 1, 2, 3),
        jax=lambda: fdtd_2d_jax,
    ),
    Case(
        name="conv2d",
        family="loops",
        fn=conv2d,
        args=images,
        sizes=(6, 16, 40),
        argnums=(0, 1, 2),
        jax=lambda: conv2d_jax,
        torch=lambda: conv2d_torch,
    ),
)
