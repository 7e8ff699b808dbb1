"""Products of matrices and vectors, as loops, as slices and as calls of the library."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import anp, jnp, torch


def gemm(a, b, c, alpha, beta):
    """alpha A B + beta C, row by row."""
    out = c * beta
    n, inner = a.shape
    for i in range(n):
        for k in range(inner):
            out[i, :] += alpha * a[i, k] * b[k, :]
    return np.sum(out**2)


def gemm_hand(a, b, c, alpha, beta):
    product = a @ b
    out = alpha * product + beta * c
    bar = 2.0 * out
    scaled = alpha * bar
    grads = (scaled @ b.T, a.T @ scaled, beta * bar, np.sum(bar * product), np.sum(bar * c))
    return np.sum(out * out), grads


def gemm_jax(a, b, c, alpha, beta):
    return jnp.sum((alpha * (a @ b) + beta * c) ** 2)


def gemm_torch(a, b, c, alpha, beta):
    return torch.sum((alpha * (a @ b) + beta * c) ** 2)


def gemver(a, u1, v1, u2, v2, y, z, alpha, beta):
    """A vector through a matrix that is updated by two outer products."""
    updated = a + np.outer(u1, v1) + np.outer(u2, v2)
    x = beta * (y @ updated) + z
    w = alpha * (updated @ x)
    return np.sum(w**2) + np.sum(x**2)


def gemver_jax(a, u1, v1, u2, v2, y, z, alpha, beta):
    updated = a + jnp.outer(u1, v1) + jnp.outer(u2, v2)
    x = beta * (y @ updated) + z
    w = alpha * (updated @ x)
    return jnp.sum(w**2) + jnp.sum(x**2)


def gemver_autograd(a, u1, v1, u2, v2, y, z, alpha, beta):
    updated = a + anp.outer(u1, v1) + anp.outer(u2, v2)
    x = beta * (y @ updated) + z
    w = alpha * (updated @ x)
    return anp.sum(w**2) + anp.sum(x**2)


def gesummv(a, b, x, alpha, beta):
    """The sum of two products with a vector, as loops."""
    n = len(x)
    y = np.empty(n)
    for i in range(n):
        first = 0.0
        second = 0.0
        for j in range(n):
            first += a[i, j] * x[j]
            second += b[i, j] * x[j]
        y[i] = alpha * first + beta * second
    return np.sum(y**2)


def gesummv_jax(a, b, x, alpha, beta):
    return jnp.sum((alpha * (a @ x) + beta * (b @ x)) ** 2)


def mvt(a, x1, x2, y1, y2):
    """Two products with a matrix and with its transpose, as loops."""
    n = len(x1)
    x1, x2 = x1.copy(), x2.copy()
    for i in range(n):
        for j in range(n):
            x1[i] += a[i, j] * y1[j]
    for i in range(n):
        for j in range(n):
            x2[i] += a[j, i] * y2[j]
    return np.sum(x1 * x2)


def mvt_jax(a, x1, x2, y1, y2):
    return jnp.sum((x1 + a @ y1) * (x2 + y2 @ a))


def mvt_torch(a, x1, x2, y1, y2):
    return torch.sum((x1 + a @ y1) * (x2 + y2 @ a))


def atax(a, x):
    """Aᵀ (A x), a row at a time."""
    m, n = a.shape
    y = np.zeros(n)
    for i in range(m):
        y += a[i, :] * np.dot(a[i, :], x)
    return np.sum(y**2)


def atax_hand(a, x):
    through = a @ x
    y = through @ a
    bar = 2.0 * y
    through_bar = a @ bar
    return np.sum(y * y), (np.outer(through, bar) + np.outer(through_bar, x), through_bar @ a)


def atax_jax(a, x):
    return jnp.sum(((a @ x) @ a) ** 2)


def atax_torch(a, x):
    return torch.sum(((a @ x) @ a) ** 2)


def bicg(a, p, r):
    """The two products of a step of the biconjugate gradients, in one pass over the matrix."""
    n, m = a.shape
    s = np.zeros(m)
    q = np.zeros(n)
    for i in range(n):
        for j in range(m):
            s[j] += r[i] * a[i, j]
            q[i] += a[i, j] * p[j]
    return np.sum(s**2) + np.sum(q**2)


def bicg_jax(a, p, r):
    return jnp.sum((r @ a) ** 2) + jnp.sum((a @ p) ** 2)


def bicg_torch(a, p, r):
    return torch.sum((r @ a) ** 2) + torch.sum((a @ p) ** 2)


def k2mm(a, b, c, d, alpha, beta):
    """alpha A B C + beta D by library calls."""
    return np.sum((alpha * a @ b @ c + beta * d) ** 2)


def k2mm_jax(a, b, c, d, alpha, beta):
    return jnp.sum((alpha * a @ b @ c + beta * d) ** 2)


def k2mm_torch(a, b, c, d, alpha, beta):
    return torch.sum((alpha * a @ b @ c + beta * d) ** 2)


def k2mm_autograd(a, b, c, d, alpha, beta):
    return anp.sum((alpha * a @ b @ c + beta * d) ** 2)


def k3mm(a, b, c, d):
    """(A B) (C D) by library calls."""
    return np.sum(((a @ b) @ (c @ d)) ** 2)


def k3mm_jax(a, b, c, d):
    return jnp.sum(((a @ b) @ (c @ d)) ** 2)


def k3mm_torch(a, b, c, d):
    return torch.sum(((a @ b) @ (c @ d)) ** 2)


def k3mm_autograd(a, b, c, d):
    return anp.sum(((a @ b) @ (c @ d)) ** 2)


def syrk(a, c, alpha, beta):
    """The lower triangle of alpha A Aᵀ + beta C, by rows."""
    c = c.copy()
    n, m = a.shape
    for i in range(n):
        c[i, : i + 1] *= beta
        for k in range(m):
            c[i, : i + 1] += alpha * a[i, k] * a[: i + 1, k]
    return np.sum(c**2)


def syrk_jax(a, c, alpha, beta):
    return jnp.sum(jnp.where(jnp.tri(c.shape[0]) > 0.0, alpha * (a @ a.T) + beta * c, c) ** 2)


def syr2k(a, b, c, alpha, beta):
    """The lower triangle of alpha (A Bᵀ + B Aᵀ) + beta C, as loops."""
    c = c.copy()
    n, m = a.shape
    for i in range(n):
        for j in range(i + 1):
            c[i, j] *= beta
        for k in range(m):
            for j in range(i + 1):
                c[i, j] += alpha * (a[j, k] * b[i, k] + b[j, k] * a[i, k])
    return np.sum(c**2)


def syr2k_jax(a, b, c, alpha, beta):
    product = a @ b.T
    return jnp.sum(jnp.where(jnp.tri(c.shape[0]) > 0.0, alpha * (product + product.T) + beta * c, c) ** 2)


def symm(a, b, c, alpha, beta):
    """alpha A B + beta C, where only the lower triangle of the symmetric A is read."""
    c = c.copy()
    m, n = c.shape
    row = np.zeros(n)
    for i in range(m):
        row[:] = 0.0
        for k in range(i):
            c[k, :] += alpha * b[i, :] * a[i, k]
            row += b[k, :] * a[i, k]
        c[i, :] = beta * c[i, :] + alpha * (b[i, :] * a[i, i] + row)
    return np.sum(c**2)


def symm_jax(a, b, c, alpha, beta):
    whole = jnp.tril(a) + jnp.tril(a, -1).T
    return jnp.sum((alpha * (whole @ b) + beta * c) ** 2)


def trmm(a, b, alpha):
    """alpha Lᵀ B in place, where the diagonal of the lower triangle L is 1 and not read."""
    b = b.copy()
    m, n = b.shape
    for i in range(m):
        for j in range(n):
            for k in range(i + 1, m):
                b[i, j] += a[k, i] * b[k, j]
            b[i, j] *= alpha
    return np.sum(b**2)


def trmm_jax(a, b, alpha):
    return jnp.sum((alpha * (b + jnp.tril(a, -1).T @ b)) ** 2)


def doitgen(a, c):
    """The last axis of a field of three axes through a matrix, in place, through a buffer."""
    a = a.copy()
    first, second, third = a.shape
    total = np.empty(third)
    for r in range(first):
        for q in range(second):
            for p in range(third):
                total[p] = 0.0
                for s in range(third):
                    total[p] += a[r, q, s] * c[s, p]
            a[r, q, :] = total
    return np.sum(a**2)


def doitgen_jax(a, c):
    return jnp.sum((a @ c) ** 2)


def random(seed: int, *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    """Arrays with entries around zero."""
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in shapes)


def squares(seed: int, count: int, *numbers: float) -> Any:
    """A function from a size to square matrices and numbers."""
    return lambda n: (*random(seed, *[(n, n)] * count), *numbers)


CASES = (
    Case(
        name="gemm",
        family="loops",
        fn=gemm,
        args=squares(21, 3, 1.5, 1.2),
        sizes=(4, 40, 120),
        argnums=(0, 1, 2, 3, 4),
        hand=gemm_hand,
        jax=lambda: gemm_jax,
        torch=lambda: gemm_torch,
        note="loops against the BLAS of the rivals",
    ),
    Case(
        name="gemver",
        family="loops",
        fn=gemver,
        args=lambda n: (*random(22, (n, n), (n,), (n,), (n,), (n,), (n,), (n,)), 1.5, 1.2),
        sizes=(4, 100, 400),
        argnums=(0, 1, 2, 3, 4, 5, 6),
        jax=lambda: gemver_jax,
        autograd=lambda: gemver_autograd,
    ),
    Case(
        name="gesummv",
        family="loops",
        fn=gesummv,
        args=lambda n: (*random(23, (n, n), (n, n), (n,)), 1.5, 1.2),
        sizes=(4, 100, 400),
        argnums=(0, 1, 2, 3, 4),
        jax=lambda: gesummv_jax,
    ),
    Case(
        name="mvt",
        family="loops",
        fn=mvt,
        args=lambda n: random(24, (n, n), (n,), (n,), (n,), (n,)),
        sizes=(4, 100, 400),
        argnums=(0, 1, 2, 3, 4),
        jax=lambda: mvt_jax,
        torch=lambda: mvt_torch,
    ),
    Case(
        name="atax",
        family="loops",
        fn=atax,
        args=lambda n: random(25, (n + 2, n), (n,)),
        sizes=(4, 100, 400),
        argnums=(0, 1),
        hand=atax_hand,
        jax=lambda: atax_jax,
        torch=lambda: atax_torch,
    ),
    Case(
        name="bicg",
        family="loops",
        fn=bicg,
        args=lambda n: random(26, (n + 2, n), (n,), (n + 2,)),
        sizes=(4, 100, 400),
        argnums=(0, 1, 2),
        jax=lambda: bicg_jax,
        torch=lambda: bicg_torch,
    ),
    Case(
        name="k2mm",
        family="loops",
        fn=k2mm,
        args=squares(27, 4, 1.5, 1.2),
        sizes=(4, 50, 200),
        argnums=(0, 1, 2, 3, 4, 5),
        jax=lambda: k2mm_jax,
        torch=lambda: k2mm_torch,
        autograd=lambda: k2mm_autograd,
    ),
    Case(
        name="k3mm",
        family="loops",
        fn=k3mm,
        args=squares(28, 4),
        sizes=(4, 50, 200),
        argnums=(0, 1, 2, 3),
        jax=lambda: k3mm_jax,
        torch=lambda: k3mm_torch,
        autograd=lambda: k3mm_autograd,
    ),
    Case(
        name="syrk",
        family="loops",
        fn=syrk,
        args=squares(29, 2, 1.5, 1.2),
        sizes=(4, 40, 120),
        argnums=(0, 1),
        jax=lambda: syrk_jax,
        note="loops against the BLAS of the rivals",
    ),
    Case(
        name="syr2k",
        family="loops",
        fn=syr2k,
        args=squares(30, 3, 1.5, 1.2),
        sizes=(4, 40, 120),
        argnums=(0, 1, 2),
        jax=lambda: syr2k_jax,
        note="loops against the BLAS of the rivals",
    ),
    Case(
        name="symm",
        family="loops",
        fn=symm,
        args=squares(31, 3, 1.5, 1.2),
        sizes=(4, 40, 120),
        argnums=(0, 1, 2),
        jax=lambda: symm_jax,
        note="loops against the BLAS of the rivals",
    ),
    Case(
        name="trmm",
        family="loops",
        fn=trmm,
        args=squares(32, 2, 1.5),
        sizes=(4, 40, 120),
        argnums=(0, 1, 2),
        jax=lambda: trmm_jax,
        note="loops against the BLAS of the rivals",
    ),
    Case(
        name="doitgen",
        family="loops",
        fn=doitgen,
        args=lambda n: random(33, (n, n, n), (n, n)),
        sizes=(4, 15, 40),
        argnums=(0, 1),
        jax=lambda: doitgen_jax,
        note="loops against the BLAS of the rivals",
    ),
)
