"""Weather and flow: diffusion, vertical advection, Navier–Stokes in a channel and in a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import jnp, lax, torch


def adi(u, steps):
    """Alternating directions: in each half step a tridiagonal system along one axis, by elimination."""
    u = u.copy()
    n = u.shape[0]
    v = np.zeros((n, n))
    p = np.zeros((n, n))
    q = np.zeros((n, n))
    a, b = -1.0, 3.0
    d, e = -0.5, 2.0
    for _ in range(steps):
        v[0, 1:-1] = 1.0
        p[1:-1, 0] = 0.0
        q[1:-1, 0] = v[0, 1:-1]
        for j in range(1, n - 1):
            p[1:-1, j] = -a / (a * p[1:-1, j - 1] + b)
            right = -d * u[j, :-2] + (1.0 + 2.0 * d) * u[j, 1:-1] - d * u[j, 2:]
            q[1:-1, j] = (right - a * q[1:-1, j - 1]) / (a * p[1:-1, j - 1] + b)
        v[-1, 1:-1] = 1.0
        for j in range(n - 2, 0, -1):
            v[j, 1:-1] = p[1:-1, j] * v[j + 1, 1:-1] + q[1:-1, j]
        u[1:-1, 0] = 1.0
        p[1:-1, 0] = 0.0
        q[1:-1, 0] = u[1:-1, 0]
        for j in range(1, n - 1):
            p[1:-1, j] = -d / (d * p[1:-1, j - 1] + e)
            right = -a * v[:-2, j] + (1.0 + 2.0 * a) * v[1:-1, j] - a * v[2:, j]
            q[1:-1, j] = (right - d * q[1:-1, j - 1]) / (d * p[1:-1, j - 1] + e)
        u[1:-1, -1] = 1.0
        for j in range(n - 2, 0, -1):
            u[1:-1, j] = p[1:-1, j] * u[1:-1, j + 1] + q[1:-1, j]
    return np.sum(u**2)


def adi_jax(u, steps):
    a, b = -1.0, 3.0
    d, e = -0.5, 2.0
    ones = jnp.ones(u.shape[0] - 2)

    def solve(off, diagonal, rights):
        """The inner rows of a field whose first and last row are 1."""

        def eliminate(before, right):
            p, q = before
            below = off * p + diagonal
            here = -off / below, (right - off * q) / below
            return here, here

        def substitute(after, both):
            p, q = both
            here = p * after + q
            return here, here

        _, both = lax.scan(eliminate, (jnp.zeros(()), ones), rights)
        return lax.scan(substitute, ones, both, reverse=True)[1]

    def step(u, _):
        right = -d * u[1:-1, :-2] + (1.0 + 2.0 * d) * u[1:-1, 1:-1] - d * u[1:-1, 2:]
        v = jnp.concatenate((ones[None], solve(a, b, right), ones[None]))
        right = -a * v[:-2] + (1.0 + 2.0 * a) * v[1:-1] - a * v[2:]
        u = u.at[1:-1, 0].set(1.0).at[1:-1, -1].set(1.0)
        return u.at[1:-1, 1:-1].set(solve(d, e, right.T).T), None

    u, _ = lax.scan(step, u, None, length=steps)
    return jnp.sum(u**2)


def hdiff(field, coefficient):
    """Horizontal diffusion of a weather model, its fluxes limited where they would go uphill."""
    height, width = coefficient.shape[:2]
    lap = 4.0 * field[1:-1, 1:-1] - (field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2])
    step = lap[1:, 1:-1] - lap[:-1, 1:-1]
    flux_x = np.where(step * (field[2 : height + 3, 2:-2] - field[1 : height + 2, 2:-2]) > 0.0, 0.0, step)
    step = lap[1:-1, 1:] - lap[1:-1, :-1]
    flux_y = np.where(step * (field[2:-2, 2 : width + 3] - field[2:-2, 1 : width + 2]) > 0.0, 0.0, step)
    out = field[2:-2, 2:-2] - coefficient * (flux_x[1:] - flux_x[:-1] + flux_y[:, 1:] - flux_y[:, :-1])
    return np.sum(out**2)


def hdiff_jax(field, coefficient):
    lap = 4.0 * field[1:-1, 1:-1] - (field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2])
    step = lap[1:, 1:-1] - lap[:-1, 1:-1]
    flux_x = jnp.where(step * (field[2:-1, 2:-2] - field[1:-2, 2:-2]) > 0.0, 0.0, step)
    step = lap[1:-1, 1:] - lap[1:-1, :-1]
    flux_y = jnp.where(step * (field[2:-2, 2:-1] - field[2:-2, 1:-2]) > 0.0, 0.0, step)
    out = field[2:-2, 2:-2] - coefficient * (flux_x[1:] - flux_x[:-1] + flux_y[:, 1:] - flux_y[:, :-1])
    return jnp.sum(out**2)


def hdiff_torch(field, coefficient):
    lap = 4.0 * field[1:-1, 1:-1] - (field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2])
    step = lap[1:, 1:-1] - lap[:-1, 1:-1]
    flux_x = torch.where(step * (field[2:-1, 2:-2] - field[1:-2, 2:-2]) > 0.0, 0.0, step)
    step = lap[1:-1, 1:] - lap[1:-1, :-1]
    flux_y = torch.where(step * (field[2:-2, 2:-1] - field[2:-2, 1:-2]) > 0.0, 0.0, step)
    out = field[2:-2, 2:-2] - coefficient * (flux_x[1:] - flux_x[:-1] + flux_y[:, 1:] - flux_y[:, :-1])
    return torch.sum(out**2)


def vadv(u, w, tendency, dt):
    """Vertical advection by Crank–Nicolson: a tridiagonal system per column, eliminated by levels."""
    levels = u.shape[2]
    c = np.zeros_like(u)
    d = np.zeros_like(u)
    for k in range(levels):
        diagonal = np.full(u.shape[:2], 1.0 / dt)
        right = u[:, :, k] / dt + tendency[:, :, k]
        if k < levels - 1:
            upper = 0.25 * w[:, :, k + 1]
            diagonal -= upper
            right -= upper * (u[:, :, k + 1] - u[:, :, k])
            c[:, :, k] = upper
        if k > 0:
            lower = -0.25 * w[:, :, k]
            diagonal -= lower
            right -= lower * (u[:, :, k - 1] - u[:, :, k])
            diagonal -= lower * c[:, :, k - 1]
            right -= lower * d[:, :, k - 1]
        c[:, :, k] /= diagonal
        d[:, :, k] = right / diagonal
    out = np.empty_like(u)
    out[:, :, levels - 1] = d[:, :, levels - 1]
    for k in range(levels - 2, -1, -1):
        out[:, :, k] = d[:, :, k] - c[:, :, k] * out[:, :, k + 1]
    return np.sum((out - u) ** 2)


def vadv_jax(u, w, tendency, dt):
    upper = jnp.pad(0.25 * w[:, :, 1:-1], ((0, 0), (0, 0), (0, 1)))
    lower = jnp.pad(-0.25 * w[:, :, 1:-1], ((0, 0), (0, 0), (1, 0)))
    diagonal = 1.0 / dt - upper - lower
    steps = jnp.diff(u, axis=2)
    right = u / dt + tendency
    right = right.at[:, :, :-1].add(-upper[:, :, :-1] * steps).at[:, :, 1:].add(lower[:, :, 1:] * steps)

    def eliminate(before, row):
        lower, diagonal, upper, right = row
        pivot = diagonal - lower * before[0]
        here = upper / pivot, (right - lower * before[1]) / pivot
        return here, here

    def substitute(after, both):
        here = both[1] - both[0] * after
        return here, here

    rows = tuple(jnp.moveaxis(x, 2, 0) for x in (lower, diagonal, upper, right))
    zero = jnp.zeros(u.shape[:2])
    _, both = lax.scan(eliminate, (zero, zero), rows)
    _, out = lax.scan(substitute, zero, both, reverse=True)
    return jnp.sum((jnp.moveaxis(out, 0, 2) - u) ** 2)


def cavity_flow(u, v, p, viscosity, steps):
    """Flow in a box under a moving lid: a pressure equation by Jacobi sweeps, then upwind momentum."""
    u, v, p = u.copy(), v.copy(), p.copy()
    h, dt = 2.0 / (u.shape[0] - 1), 0.001
    for _ in range(steps):
        ux = (u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * h)
        uy = (u[2:, 1:-1] - u[:-2, 1:-1]) / (2.0 * h)
        vx = (v[1:-1, 2:] - v[1:-1, :-2]) / (2.0 * h)
        vy = (v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * h)
        b = (ux + vy) / dt - ux**2 - 2.0 * uy * vx - vy**2
        for _ in range(10):
            pn = p.copy()
            p[1:-1, 1:-1] = 0.25 * (pn[1:-1, 2:] + pn[1:-1, :-2] + pn[2:, 1:-1] + pn[:-2, 1:-1] - h**2 * b)
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0.0
        un, vn = u.copy(), v.copy()
        uc, vc = un[1:-1, 1:-1], vn[1:-1, 1:-1]
        u[1:-1, 1:-1] = (
            uc
            - dt / h * (uc * (uc - un[1:-1, :-2]) + vc * (uc - un[:-2, 1:-1]))
            - dt / (2.0 * h) * (p[1:-1, 2:] - p[1:-1, :-2])
            + viscosity * dt / h**2 * (un[1:-1, 2:] + un[1:-1, :-2] + un[2:, 1:-1] + un[:-2, 1:-1] - 4.0 * uc)
        )
        v[1:-1, 1:-1] = (
            vc
            - dt / h * (uc * (vc - vn[1:-1, :-2]) + vc * (vc - vn[:-2, 1:-1]))
            - dt / (2.0 * h) * (p[2:, 1:-1] - p[:-2, 1:-1])
            + viscosity * dt / h**2 * (vn[1:-1, 2:] + vn[1:-1, :-2] + vn[2:, 1:-1] + vn[:-2, 1:-1] - 4.0 * vc)
        )
        u[0, :], u[:, 0], u[:, -1] = 0.0, 0.0, 0.0
        u[-1, :] = 1.0
        v[0, :], v[-1, :], v[:, 0], v[:, -1] = 0.0, 0.0, 0.0, 0.0
    return np.sum(u**2 + v**2) + 1e-3 * np.sum(p**2)


def cavity_flow_jax(u, v, p, viscosity, steps):
    h, dt = 2.0 / (u.shape[0] - 1), 0.001

    def around(f):
        return f[1:-1, 2:] + f[1:-1, :-2] + f[2:, 1:-1] + f[:-2, 1:-1]

    def moved(f, u, v, pressure):
        fc, uc, vc = f[1:-1, 1:-1], u[1:-1, 1:-1], v[1:-1, 1:-1]
        carried = uc * (fc - f[1:-1, :-2]) + vc * (fc - f[:-2, 1:-1])
        inner = fc - dt / h * carried - dt / (2.0 * h) * pressure
        return inner + viscosity * dt / h**2 * (around(f) - 4.0 * fc)

    def step(fields, _):
        u, v, p = fields
        ux = (u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * h)
        uy = (u[2:, 1:-1] - u[:-2, 1:-1]) / (2.0 * h)
        vx = (v[1:-1, 2:] - v[1:-1, :-2]) / (2.0 * h)
        vy = (v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * h)
        b = (ux + vy) / dt - ux**2 - 2.0 * uy * vx - vy**2

        def sweep(p, _):
            inner = 0.25 * (around(p) - h**2 * b)
            p = jnp.pad(inner, 1, mode="edge")
            return p.at[-1, :].set(0.0), None

        p, _ = lax.scan(sweep, p, None, length=10)
        new_u = jnp.pad(moved(u, u, v, p[1:-1, 2:] - p[1:-1, :-2]), 1).at[-1, :].set(1.0)
        new_v = jnp.pad(moved(v, u, v, p[2:, 1:-1] - p[:-2, 1:-1]), 1)
        return (new_u, new_v, p), None

    (u, v, p), _ = lax.scan(step, (u, v, p), None, length=steps)
    return jnp.sum(u**2 + v**2) + 1e-3 * jnp.sum(p**2)


def channel_flow(u, v, p, force, steps):
    """Flow driven along a periodic channel, as loops over elements."""
    u, v, p = u.copy(), v.copy(), p.copy()
    n, m = u.shape
    h, dt, viscosity = 2.0 / (n - 1), 0.001, 0.1
    b = np.zeros((n, m))
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(m):
                west, east = (j - 1) % m, (j + 1) % m
                ux = (u[i, east] - u[i, west]) / (2.0 * h)
                uy = (u[i + 1, j] - u[i - 1, j]) / (2.0 * h)
                vx = (v[i, east] - v[i, west]) / (2.0 * h)
                vy = (v[i + 1, j] - v[i - 1, j]) / (2.0 * h)
                b[i, j] = (ux + vy) / dt - ux**2 - 2.0 * uy * vx - vy**2
        for _ in range(10):
            pn = p.copy()
            for i in range(1, n - 1):
                for j in range(m):
                    west, east = (j - 1) % m, (j + 1) % m
                    around = pn[i, east] + pn[i, west] + pn[i + 1, j] + pn[i - 1, j]
                    p[i, j] = 0.25 * (around - h**2 * b[i, j])
            p[0, :] = p[1, :]
            p[-1, :] = p[-2, :]
        un, vn = u.copy(), v.copy()
        for i in range(1, n - 1):
            for j in range(m):
                west, east = (j - 1) % m, (j + 1) % m
                uc, vc = un[i, j], vn[i, j]
                carried = uc * (uc - un[i, west]) + vc * (uc - un[i - 1, j])
                spread = un[i, east] + un[i, west] + un[i + 1, j] + un[i - 1, j] - 4.0 * uc
                slope = (p[i, east] - p[i, west]) / 2.0
                u[i, j] = uc - dt / h * (carried + slope) + viscosity * dt / h**2 * spread + dt * force
                carried = uc * (vc - vn[i, west]) + vc * (vc - vn[i - 1, j])
                spread = vn[i, east] + vn[i, west] + vn[i + 1, j] + vn[i - 1, j] - 4.0 * vc
                slope = (p[i + 1, j] - p[i - 1, j]) / 2.0
                v[i, j] = vc - dt / h * (carried + slope) + viscosity * dt / h**2 * spread
    return np.sum(u**2 + v**2) + 1e-3 * np.sum(p**2)


def channel_flow_jax(u, v, p, force, steps):
    h, dt, viscosity = 2.0 / (u.shape[0] - 1), 0.001, 0.1

    def west(f):
        return jnp.roll(f, 1, 1)

    def east(f):
        return jnp.roll(f, -1, 1)

    def around(f):
        return east(f)[1:-1] + west(f)[1:-1] + f[2:] + f[:-2]

    def moved(f, u, v, slope):
        fc = f[1:-1]
        carried = u[1:-1] * (fc - west(f)[1:-1]) + v[1:-1] * (fc - f[:-2])
        return fc - dt / h * (carried + slope) + viscosity * dt / h**2 * (around(f) - 4.0 * fc)

    def step(fields, _):
        u, v, p = fields
        ux = (east(u) - west(u))[1:-1] / (2.0 * h)
        uy = (u[2:] - u[:-2]) / (2.0 * h)
        vx = (east(v) - west(v))[1:-1] / (2.0 * h)
        vy = (v[2:] - v[:-2]) / (2.0 * h)
        b = (ux + vy) / dt - ux**2 - 2.0 * uy * vx - vy**2

        def sweep(p, _):
            return jnp.pad(0.25 * (around(p) - h**2 * b), ((1, 1), (0, 0)), mode="edge"), None

        p, _ = lax.scan(sweep, p, None, length=10)
        new_u = u.at[1:-1].set(moved(u, u, v, (east(p) - west(p))[1:-1] / 2.0) + dt * force)
        new_v = v.at[1:-1].set(moved(v, u, v, (p[2:] - p[:-2]) / 2.0))
        return (new_u, new_v, p), None

    (u, v, p), _ = lax.scan(step, (u, v, p), None, length=steps)
    return jnp.sum(u**2 + v**2) + 1e-3 * jnp.sum(p**2)


def one_field(size: int) -> tuple[Any, ...]:
    """A field and a number of steps."""
    return np.random.default_rng(11).random((size, size)), 5


def weather(size: int) -> tuple[Any, ...]:
    """A field with two rows of margin and its coefficient, on eight levels."""
    rng = np.random.default_rng(12)
    return rng.random((size + 4, size + 4, 8)), 0.1 * rng.random((size, size, 8))


def columns(size: int) -> tuple[Any, ...]:
    """Velocities, vertical wind at the interfaces, tendencies, on 20 levels."""
    rng = np.random.default_rng(13)
    wind = rng.standard_normal((size, size, 21))
    return rng.random((size, size, 20)), wind, rng.random((size, size, 20)), 0.3


def flow(size: int) -> tuple[Any, ...]:
    """Velocities, pressure, and a number."""
    rng = np.random.default_rng(14)
    u, v, p = (0.1 * rng.random((size, size)) for _ in range(3))
    return u, v, p, 0.1, 5


CASES = (
    Case(
        name="adi",
        family="loops",
        fn=adi,
        args=one_field,
        sizes=(6, 30, 100),
        argnums=(0,),
        jax=lambda: adi_jax,
    ),
    Case(
        name="hdiff",
        family="loops",
        fn=hdiff,
        args=weather,
        sizes=(5, 32, 100),
        argnums=(0, 1),
        jax=lambda: hdiff_jax,
        torch=lambda: hdiff_torch,
    ),
    Case(
        name="vadv",
        family="loops",
        fn=vadv,
        args=columns,
        sizes=(3, 20, 50),
        argnums=(0, 1, 2, 3),
        jax=lambda: vadv_jax,
    ),
    Case(
        name="cavity_flow",
        family="loops",
        fn=cavity_flow,
        args=flow,
        sizes=(7, 20, 60),
        argnums=(0, 1, 2, 3),
        jax=lambda: cavity_flow_jax,
    ),
    Case(
        name="channel_flow",
        family="loops",
        fn=channel_flow,
        args=flow,
        sizes=(7, 20, 60),
        argnums=(0, 1, 2, 3),
        jax=lambda: channel_flow_jax,
    ),
)
