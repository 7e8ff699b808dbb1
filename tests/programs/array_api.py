"""Ufuncs, reductions, products of arrays and linear algebra."""

import numpy as np
from programs.registry import program


def spd(rng, n):
    m = rng.standard_normal((n, n))
    return m @ m.T + n * np.eye(n)


@program(args=lambda rng: (rng.uniform(0.2, 0.8, 5),))
def ufuncs_trigonometric(x):
    s = np.sum(np.sin(x) * np.cos(x) + np.tan(x))
    s += np.sum(np.arcsin(x) + np.arccos(x) ** 2 + np.arctan(x))
    s += np.sum(np.sinh(x) - np.cosh(x) * np.tanh(x))
    return s + np.sum(np.arcsinh(x) + np.arccosh(1.0 + x) * np.arctanh(x))


@program(args=lambda rng: (rng.uniform(0.5, 2.0, 5),))
def ufuncs_exponential(x):
    s = np.sum(np.exp(x) - np.expm1(-x) + np.exp2(x))
    s += np.sum(np.log(x) * np.log2(x) + np.log10(x) * np.log1p(x))
    return s + np.sum(np.sqrt(x) / np.cbrt(x) + np.square(x) * np.reciprocal(x))


@program(args=lambda rng: (rng.uniform(0.5, 2.0, 4), rng.uniform(0.5, 2.0, 4)), argnums=(0, 1))
def ufuncs_binary(x, y):
    s = np.sum(np.add(x, y) * np.subtract(x, y) + np.multiply(x, y) / np.divide(x, y + 1.0))
    s += np.sum(np.power(x, y) + np.hypot(x, y) * np.arctan2(y, x))
    s += np.sum(np.logaddexp(x, 2.0 * y) + np.negative(x) * np.true_divide(y, x))
    return s + np.sum(np.float_power(x, 1.5))


@program(args=lambda rng: (np.array([0.5, -1.2, 2.2]), np.array([-0.3, 1.4, 1.1])), argnums=(0, 1))
def ufuncs_with_kinks(x, y):
    s = np.sum(np.abs(x) * np.fabs(y) + np.maximum(x, y) * np.minimum(x, 2.0))
    s += np.sum(np.sign(x) * y + np.clip(x, -1.0, 1.0) * y)
    s += np.sum(np.floor(x) * y + np.ceil(y) * x + np.trunc(x) * np.rint(y) * x)
    s += np.sum(np.heaviside(x, 0.5) * x + np.copysign(x, y) * y)
    return s + np.sum(np.mod(x, 0.7) * y + np.fmax(x, y) + (x // 0.7) * y)


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def sums_over_axes(a):
    s = np.sum(a, axis=0)
    t = a.sum(axis=1, keepdims=True)
    u = np.sum(a * a, axis=-1)
    return np.sum(s**2) + np.sum(a * t) + u[1] * a.sum() + np.sum(a[0])


@program(args=lambda rng: (rng.standard_normal((2, 3, 2)),))
def reductions_over_two_axes(a):
    m = np.mean(a, axis=(0, 2))
    s = np.sum(a * a, axis=(1, 2), keepdims=True)
    p = a.max(axis=(0, 1))
    return np.sum(m**3) + np.sum(s * a) + p[0] * p[1]


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def means_and_variances(a):
    m = np.mean(a, axis=0, keepdims=True)
    centred = (a - m) / np.std(a, axis=0, keepdims=True)
    v = a.var(axis=1) * np.var(a, axis=1, ddof=1)
    return np.sum(centred**3) + np.sum(v) + a.std() * a.mean() + np.std(a[1], ddof=1)


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def maxima_and_minima(a):
    m = np.max(a, axis=1, keepdims=True)
    e = np.exp(a - m)
    p = e / e.sum(axis=1, keepdims=True)
    return np.sum(np.log(p[:, 0])) + a.min() * np.max(a) + np.sum(np.min(a, axis=0) ** 2)


@program(args=lambda rng: (rng.uniform(0.5, 1.5, (3, 3)), np.array([2.0, 0.0, 3.0])), argnums=(0, 1))
def products_and_a_zero(a, z):
    return np.prod(a) + np.sum(a.prod(axis=1) * z) + np.prod(z) + np.prod(z + a, axis=0)[1]


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def positions_of_extrema(a):
    i = np.argmax(a[0])
    j = a.argmin(axis=1)
    s = a[1, i] ** 2
    for k in range(3):
        s += a[k, j[k]] * a[k - 1, np.argmin(a[:, 0])]
    return s


@program(args=lambda rng: (np.array([0.5, -1.0, 2.0]),))
def any_and_all(x):
    s = np.sum(x**3)
    if np.any(x < 0.0) and not np.all(x > -5.0):
        s *= 100.0
    if (x > 0.0).any() or np.all(x > 1e3):
        s *= x[0]
    return s + np.all(x > -5.0) * x[1]


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def cumulative_sums(a):
    c = np.cumsum(a[0] ** 2)
    d = np.cumsum(a, axis=0) * a.cumsum(axis=1)
    e = np.cumsum(a)
    return np.sum(c * c) + np.sum(d * a) + e[7] * e[-1]


@program(args=lambda rng: (rng.standard_normal(5), rng.standard_normal((3, 4))), argnums=(0, 1))
def sorted_values(x, a):
    y = np.sort(x)
    r = np.sort(a, axis=0)
    x.sort()
    return np.sum(y * np.arange(5.0)) + np.sum(r[0] * r[2]) + np.sum(np.sort(a)[:, 1] ** 2) + x[0] * x[4]


@program(
    args=lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal((2, 4)), rng.standard_normal(3)),
    argnums=(0, 1, 2),
)
def matrix_products(a, b, x):
    c = a @ b
    d = np.dot(x, c)
    e = a.T @ x
    f = np.matmul(b.T, e) * d
    return np.sum(c**2) + d @ f + np.dot(x, x) + x.dot(a)[1] * c.T.dot(x)[0] + a.dot(b)[0, 1]


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(2)), argnums=(0, 1))
def outer_and_inner_products(x, y):
    o = np.outer(x, y)
    return np.sum(o**2) + np.inner(x, x) * o[2, 1] + np.inner(o, y)[0] + np.vdot(y, y)


@program(args=lambda rng: (rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 2, 3))), argnums=(0, 1))
def stacked_matrix_product(a, b):
    c = a @ b
    d = np.matmul(a[0], b)
    return np.sum(c * c) + d[1, 0, 2] * c[1, 2, 1] + (c @ a)[0, 1, 1]


@program(args=lambda rng: (spd(rng, 3), rng.standard_normal(3)), argnums=(0, 1))
def linear_systems(a, b):
    x = np.linalg.solve(a, b)
    y = np.linalg.inv(a) @ x
    z = np.linalg.solve(a.T, a + np.eye(3))
    return x @ y + np.linalg.norm(z) + np.sum(z * z)


@program(args=lambda rng: (spd(rng, 3),))
def determinants(a):
    sign, logdet = np.linalg.slogdet(a)
    return np.log(np.linalg.det(a[:2, :2])) + sign * logdet**2 + np.linalg.det(a) * 0.01


# The second derivative of det is written with the inverse, so NumPy's LinAlgError refuses it here.
@program(args=lambda rng: (np.array([[1.0, 2.0], [2.0, 4.0]]),), second=False)
def determinant_of_singular_matrix(a):
    # The value is zero, the gradient is the adjugate.
    return np.linalg.det(a)


@program(args=lambda rng: (rng.standard_normal((3, 3)), rng.standard_normal(3)), argnums=(0, 1))
def gaussian_log_density(m, x):
    cov = m @ m.T + 3.0 * np.eye(3)
    chol = np.linalg.cholesky(cov)
    z = np.linalg.solve(chol, x)
    return -0.5 * np.sum(z * z) - np.sum(np.log(np.diag(chol)))


@program(args=lambda rng: (rng.standard_normal((3, 2)),))
def norms(a):
    return np.linalg.norm(a) * np.linalg.norm(a[0]) + np.sum(np.linalg.norm(a, axis=1) ** 3)


@program(args=lambda rng: (rng.standard_normal((4, 3)), rng.standard_normal((3, 1)), 0.3), argnums=(0, 1, 2))
def broadcasting(a, b, c):
    s = a[0] + b
    t = (a[:, None, :] - a[None, :, :]) ** 2
    u = c * a * b.T + c
    return np.sum(s * s) + np.sum(np.exp(-t.sum(axis=2))) + np.sum(u * u) + np.sum(c + b * c)


@program(args=lambda rng: (np.array([0.5, -1.0, 2.0]), 0.7), argnums=(0, 1))
def where_selects(x, c):
    y = np.where(x > 0.0, x * x, c)
    z = np.where(c > 0.5, y, x)
    return np.sum(y * z) + np.sum(np.where([True, False, True], 1.0, x * c)) + np.where(c > 0.0, c, 0.0) * c


@program(args=lambda rng: (rng.standard_normal(4),))
def methods_of_arrays(x):
    y = x.copy().reshape(2, 2).T.clip(-10.0, 10.0)
    return (y.sum(axis=0) * y.mean(axis=1)).max() + y.flatten().dot(x) * x.min() + y.ravel().std() + y.prod()


@program(args=lambda rng: (rng.standard_normal(4),))
def output_arguments(x):
    # A ufunc that writes into a buffer it also reads.
    y = np.empty(4)
    np.multiply(x, x, out=y)
    np.exp(y, out=y)
    np.add(y[1:], y[:-1], out=y[:-1])
    return np.sum(y * x)
