"""Factorisations and triangular systems, element by element or by rows, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import jnp, jsp, lax, torch


def cholesky(a):
    """The lower factor in place, as loops; the loss reads the lower triangle."""
    a = a.copy()
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] * a[i, k]
        a[i, i] = np.sqrt(a[i, i])
    total = 0.0
    for i in range(n):
        for j in range(i + 1):
            total += a[i, j] * np.cos(i - j)
    return total


def cholesky_hand(a):
    """The factor, then its reverse in place: row by row from the last, without a tape."""
    n = a.shape[0]
    low = a.copy()
    value = 0.0
    for i in range(n):
        for j in range(i):
            total = low[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            low[i, j] = total / low[j, j]
        total = low[i, i]
        for k in range(i):
            total -= low[i, k] * low[i, k]
        low[i, i] = np.sqrt(total)
    bar = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            weight = np.cos(i - j)
            value += low[i, j] * weight
            bar[i, j] = weight
    for i in range(n - 1, -1, -1):
        bar[i, i] /= 2.0 * low[i, i]
        for k in range(i):
            bar[i, k] -= 2.0 * bar[i, i] * low[i, k]
        for j in range(i - 1, -1, -1):
            total = bar[i, j] / low[j, j]
            bar[i, j] = total
            bar[j, j] -= total * low[i, j]
            for k in range(j):
                bar[i, k] -= total * low[j, k]
                bar[j, k] -= total * low[i, k]
    return value, bar


def cholesky_jax(a):
    """Only the lower triangle is read, and JAX would share its derivative with the upper one."""
    n = a.shape[0]
    lower = jnp.tril(a)
    factor = jnp.linalg.cholesky(lower + jnp.tril(a, -1).T, symmetrize_input=False)
    return jnp.sum(jnp.tril(factor) * np.cos(np.arange(n)[:, None] - np.arange(n)))


def cholesky_torch(a):
    factor = torch.linalg.cholesky(torch.tril(a) + torch.tril(a, -1).T)
    distance = torch.arange(a.shape[0])
    return torch.sum(factor * torch.cos((distance[:, None] - distance).to(a.dtype)))


def lu(a):
    """L and U in place without pivots, by slices."""
    a = a.copy()
    n = a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        for i in range(k + 1, n):
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
    return np.sum(np.sin(a))


def lu_jax(a):
    """With a dominant diagonal in each column the pivots of the library are where they are."""
    return jnp.sum(jnp.sin(jsp.linalg.lu_factor(a)[0]))


def lu_torch(a):
    return torch.sum(torch.sin(torch.linalg.lu_factor(a)[0]))


def ludcmp(a, b):
    """Solve A x = b: factorise by dot products, substitute forwards and backwards."""
    a = a.copy()
    n = len(b)
    for i in range(n):
        for j in range(i):
            a[i, j] = (a[i, j] - a[i, :j] @ a[:j, j]) / a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    y = np.zeros(n)
    for i in range(n):
        y[i] = b[i] - a[i, :i] @ y[:i]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return np.sum(x**2)


def ludcmp_jax(a, b):
    return jnp.sum(jnp.linalg.solve(a, b) ** 2)


def trisolv(lower, b):
    """Forward substitution, as loops."""
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        x[i] = b[i]
        for j in range(i):
            x[i] -= lower[i, j] * x[j]
        x[i] /= lower[i, i]
    return np.sum(x**2)


def trisolv_hand(lower, b):
    n = len(b)
    x = np.zeros(n)
    value = 0.0
    for i in range(n):
        total = b[i]
        for j in range(i):
            total -= lower[i, j] * x[j]
        x[i] = total / lower[i, i]
        value += x[i] * x[i]
    b_bar = 2.0 * x
    lower_bar = np.zeros((n, n))
    for i in range(n - 1, -1, -1):
        b_bar[i] /= lower[i, i]
        for j in range(i):
            b_bar[j] -= b_bar[i] * lower[i, j]
            lower_bar[i, j] = -b_bar[i] * x[j]
        lower_bar[i, i] = -b_bar[i] * x[i]
    return value, (lower_bar, b_bar)


def trisolv_jax(lower, b):
    return jnp.sum(jsp.linalg.solve_triangular(lower, b, lower=True) ** 2)


def trisolv_torch(lower, b):
    return torch.sum(torch.linalg.solve_triangular(lower, b[:, None], upper=False) ** 2)


def durbin(r):
    """The Yule–Walker equations by Durbin's recursion, with slices that run backwards."""
    n = len(r)
    y = np.empty(n)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, n):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(r[:k][::-1], y[:k])) / beta
        y[:k] += alpha * y[:k][::-1]
        y[k] = alpha
    return np.sum(y**2)


def durbin_jax(r):
    """One length for all steps: what lies beyond the order is masked."""
    n = len(r)
    places = jnp.arange(n)

    def step(carry, k):
        y, alpha, beta = carry
        beta = beta * (1.0 - alpha * alpha)
        turned = jnp.roll(y[::-1], k)  # y[k - 1], ..., y[0], then what was beyond, which is 0
        alpha = -(r[k] + jnp.dot(r, turned)) / beta
        y = (y + alpha * turned).at[k].set(alpha)
        return (jnp.where(places <= k, y, 0.0), alpha, beta), None

    start = jnp.zeros(n).at[0].set(-r[0]), -r[0], jnp.ones(())
    (y, _, _), _ = lax.scan(step, start, jnp.arange(1, n))
    return jnp.sum(y**2)


def gramschmidt(a):
    """Q and R by the modified Gram–Schmidt process, column by column."""
    a = a.copy()
    m, n = a.shape
    q = np.zeros((m, n))
    r = np.zeros((n, n))
    for k in range(n):
        r[k, k] = np.sqrt(np.sum(a[:, k] ** 2))
        q[:, k] = a[:, k] / r[k, k]
        for j in range(k + 1, n):
            r[k, j] = np.dot(q[:, k], a[:, j])
            a[:, j] -= q[:, k] * r[k, j]
    return np.sum(np.sin(r)) + np.sum(q**3)


def gramschmidt_jax(a):
    """The factorisation of the library, whose signs are turned."""
    q, r = jnp.linalg.qr(a)
    signs = jnp.sign(jnp.diagonal(r))
    return jnp.sum(jnp.sin(r * signs[:, None])) + jnp.sum((q * signs) ** 3)


def gramschmidt_torch(a):
    q, r = torch.linalg.qr(a)
    signs = torch.sign(torch.diagonal(r))
    return torch.sum(torch.sin(r * signs[:, None])) + torch.sum((q * signs) ** 3)


def positive(size: int) -> tuple[Any, ...]:
    """A positive definite matrix."""
    x = np.random.default_rng(41).standard_normal((size, size))
    return (x @ x.T / size + 2.0 * np.eye(size),)


def dominant(size: int) -> tuple[Any, ...]:
    """A matrix with a dominant diagonal."""
    return (np.random.default_rng(42).random((size, size)) / size + 2.0 * np.eye(size),)


def system(size: int) -> tuple[Any, ...]:
    """A matrix with a dominant diagonal and a right-hand side."""
    return *dominant(size), np.random.default_rng(43).standard_normal(size)


def lower_system(size: int) -> tuple[Any, ...]:
    """A lower triangle and a right-hand side."""
    a, b = system(size)
    return np.tril(a), b


def autocorrelations(size: int) -> tuple[Any, ...]:
    """Those of a process of first order, disturbed."""
    return (0.7 ** np.arange(1, size + 1) + 1e-3 * np.random.default_rng(44).random(size),)


def tall(size: int) -> tuple[Any, ...]:
    """A tall matrix."""
    return (np.random.default_rng(45).standard_normal((size + size // 4, size)),)


CASES = (
    Case(
        name="cholesky",
        family="loops",
        fn=cholesky,
        args=positive,
        sizes=(5, 40, 120),
        argnums=(0,),
        hand=cholesky_hand,
        jax=lambda: cholesky_jax,
        torch=lambda: cholesky_torch,
        note="loops against the LAPACK of the rivals",
    ),
    Case(
        name="lu",
        family="loops",
        fn=lu,
        args=dominant,
        sizes=(5, 40, 120),
        argnums=(0,),
        jax=lambda: lu_jax,
        torch=lambda: lu_torch,
        note="loops against the LAPACK of the rivals",
    ),
    Case(
        name="ludcmp",
        family="loops",
        fn=ludcmp,
        args=system,
        sizes=(5, 40, 120),
        argnums=(0, 1),
        jax=lambda: ludcmp_jax,
        note="loops against the LAPACK of the rivals",
    ),
    Case(
        name="trisolv",
        family="loops",
        fn=trisolv,
        args=lower_system,
        sizes=(5, 100, 400),
        argnums=(0, 1),
        hand=trisolv_hand,
        jax=lambda: trisolv_jax,
        torch=lambda: trisolv_torch,
        note="loops against the LAPACK of the rivals",
    ),
    Case(
        name="durbin",
        family="loops",
        fn=durbin,
        args=autocorrelations,
        sizes=(5, 100, 400),
        argnums=(0,),
        jax=lambda: durbin_jax,
    ),
    Case(
        name="gramschmidt",
        family="loops",
        fn=gramschmidt,
        args=tall,
        sizes=(4, 30, 80),
        argnums=(0,),
        jax=lambda: gramschmidt_jax,
        torch=lambda: gramschmidt_torch,
        note="loops against the LAPACK of the rivals",
    ),
)
