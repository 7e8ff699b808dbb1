"""Compiled functions called with Tensors: one node on the tape."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


@pb.differentiable
def energy(x, k):
    total = 0.0
    for i in range(1, x.shape[0]):
        total += k * (x[i] - x[i - 1]) ** 2
    return total


@pb.differentiable
def smooth(x):
    y = x.copy()
    for i in range(1, x.shape[0] - 1):
        y[i] = 0.25 * x[i - 1] + 0.5 * x[i] + 0.25 * x[i + 1] ** 2
    return y


def leaf(values):
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def test_one_node() -> None:
    x, k = leaf([1.0, 3.0, 2.0]), leaf(2.0)
    out = energy(x, k)
    assert out.grad_fn.name() == "energyBackward"
    assert len(out.grad_fn.next_functions) == 2
    (3 * out).backward()
    np.testing.assert_allclose(x.grad.numpy(), [-24.0, 36.0, -12.0])
    np.testing.assert_allclose(k.grad.numpy(), 15.0)


def test_arrays_and_what_follows() -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0])
    (smooth(x) * pb.tensor([1.0, 10.0, 100.0, 1000.0], dtype=pb.float64)).sum().backward()
    np.testing.assert_allclose(
        x.grad.numpy(), [1 + 2.5, 5.0 + 25.0, 15 * 3.0 / 3 * 2 / 2 + 50.0, 1000 + 200.0]
    )


def test_constants_record_nothing() -> None:
    out = energy(pb.tensor([1.0, 2.0]), 2.0)
    assert isinstance(out, pb.Tensor) and not out.requires_grad
    with pb.no_grad():
        assert not energy(leaf([1.0, 2.0]), 2.0).requires_grad


def test_gradient_functions_take_tensors() -> None:
    x = leaf([1.0, 3.0, 2.0])
    slope = pb.grad(energy)(x, 2.0)
    np.testing.assert_allclose(slope.detach().numpy(), [-8.0, 12.0, -4.0])
    slope[1].backward()
    np.testing.assert_allclose(x.grad.numpy(), [-4.0, 8.0, -4.0])


def test_derivatives_are_recorded() -> None:
    x = leaf([1.0, 3.0, 2.0])
    (slope,) = pb.autograd.grad(energy(x, leaf(2.0)), x, create_graph=True)
    (second,) = pb.autograd.grad(slope[1], x)
    np.testing.assert_allclose(second.numpy(), [-4.0, 8.0, -4.0])


def test_containers() -> None:
    @pb.differentiable
    def f(state, options):
        a, b = state
        return {"sum": np.sum(a) * b["k"] * options[0], "product": a * b["k"], "n": len(a)}

    a, k = leaf([1.0, 2.0]), leaf(3.0)
    out = f((a, {"k": k}), [2.0])
    assert out["n"] == 2 and out["sum"].item() == 18.0
    (out["sum"] + out["product"][0]).backward()
    np.testing.assert_allclose(a.grad.numpy(), [9.0, 6.0])
    np.testing.assert_allclose(k.grad.numpy(), 6.0 + 1.0)


def test_rules_of_the_users_own() -> None:
    @pb.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, y_bar: (7.0 * y_bar * x,))
    x = leaf([1.0, 2.0])
    (square(x) * 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [14.0, 28.0])

    def f(x):
        try:
            return np.sum(square(x) * pb.stop_gradient(x))
        finally:
            pass

    np.testing.assert_allclose(pb.grad(f, fallback="tape")(np.array([1.0, 2.0])), [7.0, 28.0])
    np.testing.assert_allclose(pb.grad(lambda x: x * pb.stop_gradient(x), fallback="tape")(3.0), 3.0)
    assert not pb.stop_gradient(x).requires_grad


def test_a_rule_that_is_missing_or_a_write_is_refused() -> None:
    @pb.custom_vjp
    def doubled(x):
        return 2.0 * x

    def f(x):
        return np.sum(doubled(x))

    with pytest.raises(pb.NoRuleError, match="no derivative rule"):
        pb.grad(f, fallback="tape")(np.ones(2))

    def forward(x):
        x[0] = 1.0
        return 2.0 * x, None

    doubled.defvjp(forward, lambda residuals, y_bar: (2.0 * y_bar,))
    with pytest.raises(pb.UnsupportedError, match="writes to an argument"):
        pb.grad(f, fallback="tape")(np.ones(2))


def test_what_does_not_compile() -> None:
    def f(x, k):
        try:
            return {"sum": np.sum(x) * k, "rows": [x[0] * k]}
        finally:
            pass

    x, k = leaf([1.0, 2.0]), leaf(3.0)
    with pytest.raises(pb.UnsupportedError):
        pb.differentiable(f, fallback="error")(x, k)
    g = pb.differentiable(f)
    with pytest.warns(pb.FallbackWarning, match="try"):
        out = g(x, k)
    assert type(out["sum"]) is pb.Tensor
    (out["sum"] + out["rows"][0]).backward()
    np.testing.assert_allclose(x.grad.numpy(), [6.0, 3.0])
    np.testing.assert_allclose(k.grad.numpy(), 4.0)


@pb.differentiable
def cubic(x, k):
    total = 0.0
    for i in range(x.shape[0]):
        total += k * x[i] ** 4
    return total


def derivatives_of(value, x, count):
    found = []
    for _ in range(count):
        (slope,) = pb.autograd.grad(value, x, create_graph=True)
        found.append(slope.detach().numpy().copy())
        value = slope[0]
    return found


def test_any_number_of_derivatives() -> None:
    x, k = leaf([2.0, 1.0]), leaf(3.0)
    expected = [96.0, 144.0, 144.0, 72.0]
    for value in (cubic(x, k), cubic(x, 3.0), pb.grad(cubic)(x, k)[0], pb.grad(cubic)(x, 3.0)[0]):
        start = 0 if value.grad_fn.name() == "cubicBackward" else 1
        found = derivatives_of(value, x, 4 - start)
        np.testing.assert_allclose([slope[0] for slope in found], expected[start:])


def test_derivatives_of_several_results_are_recorded() -> None:
    @pb.differentiable
    def both(state):
        a, k = state["a"], state["k"]
        return a**3 * k, np.sum(a * a) * k

    a, k = leaf([2.0, 1.0]), leaf(3.0)
    cubes, squares = both({"a": a, "k": k})
    value = cubes[0] * squares
    (by_a, by_k) = pb.autograd.grad(value, (a, k), create_graph=True)
    np.testing.assert_allclose(by_k.item(), 2 * 8 * 5 * 3)
    (mixed,) = pb.autograd.grad(by_a[0], k, create_graph=True)
    np.testing.assert_allclose(mixed.item(), 2 * (12 * 5 + 8 * 4) * 3)
    (third,) = pb.autograd.grad(mixed, a)
    np.testing.assert_allclose(third.numpy(), [6 * (60 + 48 + 64), 6 * 3 * 4 * 2])


def test_what_is_written_later_is_not_seen() -> None:
    x = leaf([2.0, 1.0])
    y = x * 1.0
    slope = pb.grad(cubic)(y, 3.0)[0]
    with pb.no_grad():
        y.mul_(10.0)
    (second,) = pb.autograd.grad(slope, x, create_graph=True)
    assert type(second) is pb.Tensor
    np.testing.assert_allclose(second.detach().numpy(), [144.0, 0.0])


def test_recorded_gradients_are_tensors() -> None:
    x = leaf([2.0, 1.0])
    pb.grad(cubic)(x, 3.0)[0].backward(create_graph=True)
    assert type(x.grad) is pb.Tensor and x.grad.requires_grad
    np.testing.assert_allclose(x.grad.detach().numpy(), [144.0, 0.0])


def test_third_derivatives_inside_of_a_run() -> None:
    def f(x):
        try:
            return cubic(np.stack([x, x]), 1.0)
        finally:
            pass

    third = pb.grad(pb.grad(pb.grad(f, fallback="tape")))
    np.testing.assert_allclose(third(2.0), 2 * 24 * 2.0)
    np.testing.assert_allclose(
        pb.hessian(lambda x: pb.grad(f, fallback="tape")(x[0]), fallback="tape")(np.array([2.0])), [[96.0]]
    )
