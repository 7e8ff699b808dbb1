"""Functions of NumPy and SciPy on the tape against finite differences; those that have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.spatial
import scipy.special

import pullback as pb

RNG = np.random.default_rng(0)
A = RNG.standard_normal((4, 4)) + 4 * np.eye(4)
M = RNG.standard_normal((5, 3))
V = RNG.random(4) + 0.5
W = RNG.random(6)
GRID = np.sort(RNG.random(6))

# Expressions of one argument x, by what x is.
OF_SQUARE = """
la.inv(x)
la.det(x)
la.slogdet(x).logabsdet
la.solve(x, V)
la.cholesky(x @ x.T)
la.qr(x).R
la.qr(x, mode="r")
la.eigh(x + x.T).eigenvalues
la.eigh(x + x.T)[1] ** 2
la.eigvalsh(x + x.T)
la.eigvals(x).real
la.eig(x)[0].real
np.max(np.abs(la.eigvals(x)))
la.svd(x).S
la.cond(x)
la.cond(x, 1)
la.multi_dot([x, x, V])
la.matrix_power(x, -2)
la.norm(x, "nuc")
la.norm(x, axis=1)
la.vector_norm(x)
la.matrix_norm(x)
la.tensorinv(x.reshape(2, 2, 4))
la.tensorsolve(x.reshape(2, 2, 2, 2), V.reshape(2, 2))
la.diagonal(x) * la.trace(x)
la.vecdot(x, x) + np.vecdot(x, x)
la.matmul(x, x) + la.matrix_transpose(x) + la.tensordot(x, x, axes=1)
la.matrix_rank(x) * x
scipy.linalg.inv(x) + scipy.linalg.det(x)
scipy.linalg.solve(x, V, assume_a="gen", check_finite=False)
scipy.linalg.cholesky(x @ x.T, lower=True)
scipy.linalg.cho_solve(scipy.linalg.cho_factor(x @ x.T), V)
scipy.linalg.solve_triangular(np.tril(x), V, lower=True)
scipy.linalg.eigh(x + x.T, eigvals_only=True)
scipy.linalg.eigh(x + x.T, np.eye(4) + np.ones((4, 4)))[0]
scipy.linalg.eigvalsh(x + x.T)
scipy.linalg.eigvals(x).real
scipy.linalg.svd(x)[1] + scipy.linalg.svdvals(x)
scipy.linalg.qr(x)[1]
scipy.linalg.expm(0.1 * x)
scipy.linalg.block_diag(x, x[:1])
scipy.linalg.norm(x)
np.gradient(x)[0]
np.gradient(x, axis=1, edge_order=2)
np.trapezoid(x, axis=0)
np.cov(x) + np.corrcoef(x)
np.median(x, axis=0) + np.quantile(x, 0.3, axis=1)
np.sum(x, axis=0, where=x > 0.5) + np.max(x, axis=0, initial=1.0)
np.nansum(x, axis=0)
np.apply_along_axis(lambda r: r**2 / np.sum(r), 1, x)
np.apply_over_axes(np.sum, x, [0])
np.block([[x, x[:, :1]], [x[:1], np.ones((1, 1))]])
np.hsplit(x, 2)[1] + np.vsplit(x, 2)[0].T
np.rollaxis(x, 1) + np.rot90(x)
np.unstack(x)[1]
np.ravel(x, order="F")
x.flat[5] ** 2 + sum(e**3 for e in x.flat)
np.vdot(x, x)
np.fft.fftn(x).real
x[np.ix_([0, 1], [2, 3])]
np.compress([True, False, True, False], x, axis=1)
scipy.special.logsumexp(x, axis=1) + scipy.special.softmax(x, axis=1)[0]
scipy.special.log_softmax(x, axis=-1)
"""
OF_TALL = """
la.qr(x)[0]
la.svd(x, full_matrices=False).U ** 2
la.svd(x, compute_uv=False)
la.svd(x)[1]
la.svdvals(x)
la.pinv(x)
la.lstsq(x, W[:5], rcond=None)[0]
la.lstsq(x, W[:5], rcond=None)[1]
scipy.linalg.lstsq(x, W[:5])[0]
scipy.linalg.pinv(x)
"""
OF_VECTOR = """
np.gradient(x, GRID)
np.gradient(x, edge_order=2)
np.interp(V, GRID, x)
np.interp(x, GRID, W, left=0.0, right=3.0)
np.trapezoid(x, GRID)
scipy.integrate.trapezoid(x, dx=0.5)
scipy.integrate.simpson(x)
scipy.integrate.simpson(x[:5], dx=0.5)
scipy.integrate.simpson(x[:2], x=GRID[:2])
scipy.integrate.simpson(W, x=np.cumsum(x**2))
scipy.integrate.simpson(W[:5], x=np.cumsum(x[:5] ** 2))
scipy.integrate.cumulative_trapezoid(x)
np.convolve(x, V, "same")
np.unwrap(6 * x)
np.polyfit(GRID, x, 2)
np.polyval(x, V)
np.polyder(x)
np.polyint(x)
np.polyadd(x, V)
np.roots(x + 0.5).real
np.poly(x)
np.poly1d(x)(0.3)
np.vander(x, 3)
np.polynomial.polynomial.polyval(V, x)
np.polynomial.chebyshev.chebval(V, x)
np.average(x, weights=x + 1.0)
np.percentile(x, [30, 60])
np.nanmedian(x) + np.nanprod(x) + np.nanmean(x)
np.nancumsum(x) + np.cumulative_sum(x)
np.ediff1d(x)
np.diff(x, prepend=0.0)
np.diff(x, append=x[:1])
np.i0(x)
np.select([x < 0.3, x < 0.6], [x, x**2], x**3)
np.piecewise(x, [x < 0.5, x >= 0.5], [lambda q: q**2, 3.0])
np.choose([0, 1, 0], [x[:3], x[3:]])
np.logaddexp.reduce(x)
np.maximum.accumulate(x)
np.add.accumulate(x) + np.multiply.accumulate(x)
np.add.reduceat(x, [0, 2, 4])
np.hypot.reduce(x)
np.multiply(x, x, dtype=float, where=True)
np.sort(x) + np.unique(x)
np.partition(x, 2)[2]
np.extract(x > 0.5, x)
np.delete(x, 1)
np.insert(x, 1, 2.0)
np.append(x, x[0])
np.trim_zeros(x)
np.diagflat(x)
np.resize(x, 9)
np.r_[x, 1.0, x]
np.c_[x, x**2]
np.bincount([0, 1, 1, 2, 0, 2], weights=x)
np.histogram(GRID, bins=3, weights=x)[0]
np.geomspace(x[0], x[1], 5)
np.lib.stride_tricks.sliding_window_view(x, 3).mean(-1)
sum(k[0] * e**2 for k, e in np.ndenumerate(x))
np.fromiter((e**2 for e in x), float)
np.asanyarray(x) * 2.0
np.vectorize(lambda q: q**2, otypes=[float])(x)
np.cross(x[:3], x[3:])
scipy.linalg.toeplitz(x) + scipy.linalg.circulant(x)
scipy.spatial.distance.cosine(x[:3], x[3:])
scipy.special.erfinv(0.9 * x) + scipy.special.erfcx(x) + scipy.special.dawsn(x)
scipy.special.ndtri(0.5 * x + 0.2) + scipy.special.log_ndtr(x)
scipy.special.j0(x) + scipy.special.j1(x) + scipy.special.jv(2.5, x)
scipy.special.y0(x + 0.2) + scipy.special.y1(x + 0.2) + scipy.special.yv(1.5, x + 0.2)
scipy.special.i0(x) + scipy.special.i1(x) + scipy.special.iv(1.5, x + 0.1) + scipy.special.i0e(x)
scipy.special.k0(x + 0.2) + scipy.special.k1(x + 0.2) + scipy.special.kv(1.5, x + 0.2)
scipy.special.k0e(x + 0.2)
scipy.special.exp1(x + 0.1) + scipy.special.expi(x + 0.1) + scipy.special.expn(2, x + 0.1)
scipy.special.gammainc(2.0, x) + scipy.special.gammaincc(0.5, x + 0.1)
scipy.special.betainc(2.0, 3.0, 0.9 * x)
scipy.special.ellipk(0.9 * x + 0.05) + scipy.special.ellipe(0.9 * x + 0.05)
scipy.special.beta(x + 0.5, 2.0) + scipy.special.poch(2.0, x) + scipy.special.binom(5.0, x)
scipy.special.spence(x + 0.1) + scipy.special.cosm1(x) + scipy.special.rgamma(x)
scipy.special.loggamma(x + 0.1)
scipy.special.boxcox(x + 0.1, 0.5) + scipy.special.inv_boxcox(x, 0.5) + scipy.special.hyp0f1(2.0, x)
scipy.special.erfcinv(x + 0.1)
scipy.integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0], rtol=1e-8, atol=1e-10).y[0, -1]
scipy.integrate.fixed_quad(lambda t: np.exp(-x[0] * t), 0, 1)[0]
scipy.optimize.brentq(lambda y: y**3 - x[0] * x[1], 0, 2)
scipy.optimize.brentq(lambda y, a: y**3 - a, 0, 2, args=(x[0],))
scipy.optimize.root_scalar(lambda y: y**2 - x[0], bracket=(0, 2)).root
scipy.optimize.newton(lambda y: y**2 - x[0], 1.0)
scipy.optimize.fsolve(lambda y: [y[0] ** 2 - x[0], y[0] * y[1] - x[1]], [1.0, 1.0])
"""
CASES = [
    (line, x)
    for lines, x in ((OF_SQUARE, A), (OF_TALL, M), (OF_VECTOR, W))
    for line in lines.strip().splitlines()
]
NAMES = {
    "np": np, "la": np.linalg, "scipy": scipy, "V": V, "W": W, "GRID": GRID,
}  # fmt: skip


def function(expression: str) -> Any:
    """The sum of the values of an expression, weighed."""
    names: dict[str, Any] = dict(NAMES)
    exec(
        f"def f(x):\n    y = {expression}\n"
        "    return np.sum(y * np.cos(np.arange(np.size(y))).reshape(np.shape(y)))",
        names,
    )
    return names["f"]


def differences(f: Any, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient by central differences."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        slopes[place] = (f(x + moved) - f(x - moved)) / (2 * step)
    return slopes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("expression", "x"), CASES, ids=[line for line, _ in CASES])
def test_gradients(expression: str, x: np.ndarray) -> None:
    f = function(expression)
    value, gradient = pb.value_and_grad(f, fallback="tape")(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-6)
    np.testing.assert_allclose(gradient, differences(f, x), rtol=2e-4, atol=2e-5)


SECOND = [
    "scipy.optimize.brentq(lambda y: y**3 - x[0] * x[1], 0, 2)",
    "scipy.special.j0(x) + scipy.special.iv(1.5, x + 0.1)",
    "scipy.special.logsumexp(x)",
    "np.linalg.svd(np.outer(x, x) + np.eye(6) * np.arange(6), compute_uv=False)",
    "np.interp(x[0], GRID, W) * x",
]


@pytest.mark.parametrize("expression", SECOND)
def test_second_derivatives(expression: str) -> None:
    f = function(expression)
    slope = pb.grad(f, fallback="tape")
    curve = pb.hessian(f, fallback="tape")(W)
    steps = 1e-6 * np.eye(6)
    expected = np.array([(slope(W + d) - slope(W - d)) / 2e-6 for d in steps])
    np.testing.assert_allclose(curve, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("scipy.integrate.quad(lambda t: np.exp(-x[0] * t), 0, 1)[0]", "fixed_quad"),
        ("scipy.integrate.odeint(lambda y, t: -x[0] * y, 1.0, [0, 1.0])[-1]", "solve_ivp"),
        ("scipy.linalg.sqrtm(np.outer(x, x) + np.eye(6))", "custom_vjp"),
        ("scipy.special.wofz(x).real", "custom_vjp"),
        ("scipy.special.gammainc(x, 2.0)", "custom_vjp"),
        ("scipy.linalg.qr(np.outer(x, x), pivoting=True)[1]", "without the option"),
        ("np.multiply.at(x, [0], x[:1])", "custom_vjp"),
        ("sum(e**2 for e in np.nditer(x))", "NumPy's functions"),
    ],
)
def test_what_has_no_derivative_is_refused_with_its_line(expression: str, hint: str) -> None:
    with pytest.raises(pb.UnsupportedError) as caught:
        pb.grad(function(expression), fallback="tape")(W)
    assert caught.value.src is not None and caught.value.src.line == 2
    assert hint in (caught.value.hint or "")


def test_errors_of_the_program_are_its_own() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        pb.grad(lambda x: np.sum(np.linalg.inv(np.outer(x, x) * 0.0)), fallback="tape")(W)
    with pytest.raises(ValueError, match="different signs"):
        pb.grad(lambda x: scipy.optimize.brentq(lambda y: y**2 + x[0], 0, 1), fallback="tape")(W)


def test_a_root_that_depends_on_nothing_is_a_number() -> None:
    def f(x):
        root = scipy.optimize.brentq(lambda y: y**2 - 2.0, 0, 2)
        assert type(root) is float
        return root * x

    assert pb.grad(f, fallback="tape")(3.0) == pytest.approx(np.sqrt(2.0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.concatenate((x, x), dtype=np.float64),
        lambda x: np.stack((x, x), dtype=np.float64),
        lambda x: np.vstack((x, x), dtype=np.float64),
        lambda x: np.hstack((x, x), dtype=np.float64),
        lambda x: np.std(x, dtype=np.float64),
        lambda x: np.var(x, dtype=np.float64, ddof=1),
    ],
)
def test_results_in_a_wanted_dtype(f: Any) -> None:
    x = np.linspace(0.1, 1.0, 4, dtype=np.float32)
    value, pull = pb.vjp(f, x, fallback="tape")
    assert np.asarray(value).dtype == np.float64
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    (found,) = pull(np.ones_like(f(x)))
    shift = 1e-4 * np.arange(1, 5)
    wanted = np.sum(f(x.astype(float) + shift) - f(x.astype(float) - shift)) / 2
    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ shift, wanted, rtol=1e-4)
