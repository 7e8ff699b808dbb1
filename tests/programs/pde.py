"""Partial differential equations on small grids: stencils, in-place updates, double buffers, limiters."""

from __future__ import annotations

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.normal(size=8), rng.uniform(0.1, 0.3)), argnums=(0, 1))
def heat_1d_slices(u0, r):
    u = u0.copy()
    for _ in range(5):
        u[1:-1] += r * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


@program(args=lambda rng: (rng.normal(size=8), 0.2), argnums=(0, 1))
def heat_1d_double_buffer(u0, r):
    u = u0.copy()
    un = np.empty_like(u)
    for _ in range(5):
        un[0] = u[0]
        un[-1] = u[-1]
        for i in range(1, len(u) - 1):
            un[i] = u[i] + r * (u[i + 1] - 2.0 * u[i] + u[i - 1])
        u, un = un, u
    return np.sum(u[1:-1] ** 2) + u[3]


@program(args=lambda rng: (rng.normal(size=(5, 6)), rng.uniform(0.5, 1.5, (5, 6))), argnums=(0, 1))
def heat_2d_variable_conductivity(u0, kappa):
    u = u0.copy()
    for _ in range(4):
        flux_x = 0.5 * (kappa[1:, :] + kappa[:-1, :]) * (u[1:, :] - u[:-1, :])
        flux_y = 0.5 * (kappa[:, 1:] + kappa[:, :-1]) * (u[:, 1:] - u[:, :-1])
        u[1:-1, :] += 0.1 * (flux_x[1:, :] - flux_x[:-1, :])
        u[:, 1:-1] += 0.1 * (flux_y[:, 1:] - flux_y[:, :-1])
    return np.sum(u * u) + u[2, 3]


@program(args=lambda rng: (rng.normal(size=(4, 4, 4)),))
def heat_3d_loops(u0):
    nx, ny, nz = u0.shape
    u = u0.copy()
    new = u0.copy()
    for _ in range(2):
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                for k in range(1, nz - 1):
                    lap = u[i + 1, j, k] + u[i - 1, j, k] + u[i, j + 1, k] + u[i, j - 1, k]
                    lap += u[i, j, k + 1] + u[i, j, k - 1] - 6.0 * u[i, j, k]
                    new[i, j, k] = u[i, j, k] + 0.1 * lap
        u[:] = new
    return np.sum(u**2)


@program(args=lambda rng: (rng.normal(size=8), rng.uniform(0.4, 0.9)), argnums=(0, 1))
def advection_upwind_periodic(u0, courant):
    u = u0
    for _ in range(6):
        u = u - courant * (u - np.roll(u, 1))
    return np.sum(u**3)


@program(
    args=lambda rng: (rng.normal(size=7), np.array([0.5, 0.7, -0.4, -0.6, 0.3, 0.8, -0.2])), argnums=(0, 1)
)
def advection_upwind_sign(u0, velocity):
    n = len(u0)
    u = u0.copy()
    for _ in range(3):
        un = u.copy()
        for i in range(n):
            c = velocity[i]
            if c > 0:
                u[i] = un[i] - 0.5 * c * (un[i] - un[i - 1])
            else:
                u[i] = un[i] - 0.5 * c * (un[(i + 1) % n] - un[i])
    return np.dot(u, u)


@program(args=lambda rng: (rng.normal(size=9), rng.uniform(0.5, 0.9)), argnums=(0, 1))
def wave_leapfrog(u0, c):
    prev = u0.copy()
    cur = u0.copy()
    prev[0] = prev[-1] = cur[0] = cur[-1] = 0.0
    for _ in range(6):
        nxt = np.zeros_like(cur)
        nxt[1:-1] = 2 * cur[1:-1] - prev[1:-1] + c**2 * (cur[2:] - 2 * cur[1:-1] + cur[:-2])
        prev, cur = cur, nxt
    return np.sum(cur**2) + 0.5 * np.sum((cur - prev) ** 2)


@program(args=lambda rng: (1.5 + 0.3 * rng.normal(size=8), rng.uniform(0.02, 0.08)), argnums=(0, 1))
def burgers_viscous(u0, nu):
    dx, dt = 0.25, 0.05
    u = u0.copy()
    for _ in range(5):
        un = u.copy()
        u[1:-1] = (
            un[1:-1]
            - un[1:-1] * dt / dx * (un[1:-1] - un[:-2])
            + nu * dt / dx**2 * (un[2:] - 2 * un[1:-1] + un[:-2])
        )
        u[0] = un[0] - un[0] * dt / dx * (un[0] - un[-2])
        u[-1] = u[0]
    return np.mean(u**2)


@program(args=lambda rng: (1.0 + 0.1 * rng.normal(size=8), 0.1 * rng.normal(size=8)), argnums=(0, 1))
def shallow_water_lax_friedrichs(h0, hu0):
    g, ratio = 9.81, 0.1
    h, hu = h0.copy(), hu0.copy()
    for _ in range(4):
        flux_h = hu
        flux_hu = hu**2 / h + 0.5 * g * h**2
        h_new = 0.5 * (np.roll(h, 1) + np.roll(h, -1)) - 0.5 * ratio * (
            np.roll(flux_h, -1) - np.roll(flux_h, 1)
        )
        hu_new = 0.5 * (np.roll(hu, 1) + np.roll(hu, -1)) - 0.5 * ratio * (
            np.roll(flux_hu, -1) - np.roll(flux_hu, 1)
        )
        h, hu = h_new, hu_new
    return np.sum(h**2) + np.sum(hu**2 / h)


def laplacian_periodic(a):
    return (
        np.roll(a, 1, axis=0)
        + np.roll(a, -1, axis=0)
        + np.roll(a, 1, axis=1)
        + np.roll(a, -1, axis=1)
        - 4 * a
    )


@program(
    args=lambda rng: (
        rng.uniform(0.6, 1.0, (4, 5)),
        rng.uniform(0.1, 0.4, (4, 5)),
        rng.uniform(0.02, 0.06),
        0.06,
    ),
    argnums=(0, 1, 2, 3),
)
def gray_scott(u, v, feed, kill):
    for _ in range(4):
        uvv = u * v * v
        u = u + 0.16 * laplacian_periodic(u) - uvv + feed * (1 - u)
        v = v + 0.08 * laplacian_periodic(v) + uvv - (feed + kill) * v
    return np.mean(v**2) + 0.1 * np.sum(u)


def minmod(a, b):
    if a * b <= 0.0:
        return 0.0
    if abs(a) < abs(b):
        return a
    return b


@program(
    args=lambda rng: (
        np.array([0.0, 0.4, 1.5, 3.0, 2.1, 1.0, 0.4, 0.1]) + 0.05 * rng.normal(size=8),
        rng.uniform(0.2, 0.5),
    ),
    argnums=(0, 1),
    second=False,
)
def transport_minmod(u0, courant):
    """Second-order upwind transport; the limiter branches on neighbouring slopes."""
    n = len(u0)
    u = u0.copy()
    slope = np.zeros(n)
    flux = np.zeros(n + 1)
    for _ in range(3):
        for i in range(1, n - 1):
            slope[i] = minmod(u[i] - u[i - 1], u[i + 1] - u[i])
        flux[0] = u[0]
        for i in range(1, n + 1):
            flux[i] = u[i - 1] + 0.5 * (1.0 - courant) * slope[i - 1]
        for i in range(n):
            u[i] -= courant * (flux[i + 1] - flux[i])
    return np.sum(u**2)


@program(args=lambda rng: (rng.normal(size=(5, 5)), rng.normal(size=(5, 5))), argnums=(0, 1))
def poisson_jacobi(f, guess):
    p = guess.copy()
    for _ in range(5):
        pn = p.copy()
        p[1:-1, 1:-1] = 0.25 * (pn[2:, 1:-1] + pn[:-2, 1:-1] + pn[1:-1, 2:] + pn[1:-1, :-2] - f[1:-1, 1:-1])
        p[0, :] = p[1, :]
        p[:, -1] = 0.0
    return np.sum(p**2)


@program(args=lambda rng: (rng.normal(size=(5, 5)), rng.uniform(1.2, 1.7)), argnums=(0, 1))
def poisson_sor_in_place(rhs, relax):
    n, m = rhs.shape
    p = np.zeros((n, m))
    for _ in range(4):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                gs = 0.25 * (p[i - 1, j] + p[i + 1, j] + p[i, j - 1] + p[i, j + 1] - rhs[i, j])
                p[i, j] += relax * (gs - p[i, j])
    return p[2, 2] + np.sum(p**2)


@program(args=lambda rng: (rng.normal(size=7), rng.uniform(0.2, 0.6)), argnums=(0, 1))
def crank_nicolson_thomas(u0, r):
    """Crank-Nicolson heat steps with the Thomas algorithm written out."""
    n = len(u0)
    u = u0.copy()
    cp = np.zeros(n)
    dp = np.zeros(n)
    for _ in range(3):
        d = u.copy()
        d[1:-1] += 0.5 * r * (u[2:] - 2 * u[1:-1] + u[:-2])
        b = 1.0 + r
        off = -0.5 * r
        cp[0] = off / b
        dp[0] = d[0] / b
        for i in range(1, n):
            m = b - off * cp[i - 1]
            cp[i] = off / m
            dp[i] = (d[i] - off * dp[i - 1]) / m
        u[-1] = dp[-1]
        for i in range(n - 2, -1, -1):
            u[i] = dp[i] - cp[i] * u[i + 1]
    return np.sum(u * np.arange(n)) + np.sum(u**2)


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 9), rng.normal(size=3)), argnums=(0, 1))
def acoustic_inversion(speed, recorded):
    """Waveform misfit at a receiver: the classical adjoint-state problem."""
    n = len(speed)
    u_old, u = np.zeros(n), np.zeros(n)
    misfit = 0.0
    for t in range(9):
        source = np.sin(0.7 * (t + 1))
        u_new = np.zeros(n)
        for i in range(1, n - 1):
            u_new[i] = 2 * u[i] - u_old[i] + 0.3 * speed[i] ** 2 * (u[i - 1] - 2 * u[i] + u[i + 1])
        u_new[2] += source
        u_old, u = u, u_new
        if t % 3 == 2:
            misfit += (u[5] - recorded[t // 3]) ** 2
    return 0.5 * misfit


@program(args=lambda rng: (rng.normal(size=8), 0.3), argnums=(0, 1))
def spectral_heat(u0, time):
    """Exact periodic heat flow through the FFT, then a nonlinear functional."""
    n = len(u0)
    k = np.concatenate((np.arange(0, n // 2), np.arange(-n // 2, 0)))
    u_hat = np.fft.fft(u0) * np.exp(-(k**2) * time)
    u = np.fft.ifft(u_hat).real
    return np.sum(np.tanh(u) ** 2)
