"""`custom_vjp` and `stop_gradient` inside compiled functions."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.array([0.1, -0.2, 0.5])
WEIGHTS = np.array([1.0, 2.0, 3.0])


@pb.custom_vjp
def soft(x):
    return np.log(1.0 + np.exp(x))


soft.defvjp(lambda x: (soft(x), x), lambda x, y_bar: (10.0 * y_bar / (1.0 + np.exp(-x)),))


def soft_slope(x):
    return 10.0 / (1.0 + np.exp(-x))


@pb.custom_vjp
def measured(x, scale, mode="plain"):
    return scale * np.sum(WEIGHTS * x * x), {"twice": 2.0 * x}


def measured_forward(x, scale, mode):
    assert mode == "weighted"
    return measured(x, scale, mode), (x, [scale, None], {"square": x * x})


def measured_backward(kept, y_bar):
    x, (scale, _), more = kept
    total_bar, dict_bar = y_bar
    return (
        3.0 * total_bar * scale * 2.0 * x * WEIGHTS + 2.0 * dict_bar["twice"],
        total_bar * np.sum(more["square"] * WEIGHTS),
        None,
    )


measured.defvjp(measured_forward, measured_backward)


@pb.custom_vjp
def clipped(x):
    return np.maximum(x, 0.0)


clipped.defvjp(lambda x: (np.maximum(x, 0.0), None), lambda _, y_bar: (y_bar,))


@pb.custom_vjp
def short(x, y):
    return x * y


def short_backward(kept, y_bar):
    return (y_bar * kept,)


short.defvjp(lambda x, y: (x * y, y), short_backward)


@pytest.mark.parametrize("jit", [False, True])
def test_the_rule_is_used_not_the_true_derivative(jit: bool) -> None:
    assert pb.grad(lambda x: 2.0 * soft(x), jit=jit)(0.3) == pytest.approx(2.0 * soft_slope(0.3))


def test_gradient_of_the_object_itself() -> None:
    assert pb.grad(soft)(0.3) == pytest.approx(soft_slope(0.3))
    assert pb.value_and_grad(soft)(0.3)[0] == soft(0.3)


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_loop(jit: bool) -> None:
    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += soft(x[i]) * x[i]
        return s

    np.testing.assert_allclose(pb.grad(f, jit=jit)(X), soft(X) + X * soft_slope(X), rtol=1e-14)


@pytest.mark.parametrize("jit", [False, True])
def test_arrays_containers_and_constants(jit: bool) -> None:
    def f(x, scale):
        value, more = measured(x, scale, mode="weighted")
        return value * value + np.sum(more["twice"])

    x_bar, scale_bar = pb.grad(f, (0, 1), jit=jit)(X, 2.0)
    value = 2.0 * np.sum(WEIGHTS * X * X)
    np.testing.assert_allclose(x_bar, 2.0 * value * 3.0 * 4.0 * X * WEIGHTS + 2.0, rtol=1e-14)
    assert scale_bar == pytest.approx(value * value)


def test_a_changed_global_of_the_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    g = pb.grad(lambda x: measured(x, 1.0, "weighted")[0], jit=False)
    before = g(X)
    monkeypatch.setitem(globals(), "WEIGHTS", 2.0 * WEIGHTS)
    np.testing.assert_allclose(g(X), 2.0 * before, rtol=1e-14)


def test_a_changed_rule_is_seen() -> None:
    @pb.custom_vjp
    def f(x):
        return x * x

    f.defvjp(lambda x: (x * x, x), lambda x, y_bar: (y_bar * x,))
    g = pb.grad(f)
    assert g(3.0) == 3.0
    f.defvjp(lambda x: (x * x, x), lambda x, y_bar: (7.0 * y_bar * x,))
    assert g(3.0) == 21.0


def test_cotangent_that_reads_an_overwritten_array() -> None:
    def f(x):
        y = x * 1.0
        s = 0.0
        for _ in range(3):
            s += measured(y, 1.0, "weighted")[0]
            y[0] = 2.0 * y[0]
        return s

    expected = 6.0 * X * WEIGHTS * 3.0
    expected[0] = 6.0 * X[0] * (1.0 + 4.0 + 16.0)
    np.testing.assert_allclose(pb.grad(f, jit=False)(X), expected, rtol=1e-14)


def test_no_residuals() -> None:
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(clipped(x)))(X), np.ones(3))


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_recursive_function(jit: bool) -> None:
    def down(x, n):
        if n == 0:
            return x
        return soft(down(x, n - 1))

    x, slope = 0.3, 1.0
    for _ in range(4):
        slope *= soft_slope(x)
        x = soft(x)
    assert pb.grad(down, jit=jit)(0.3, 4) == pytest.approx(slope)


def test_one_rule_inside_another() -> None:
    @pb.custom_vjp
    def outer(x):
        return soft(x) * 2.0

    outer.defvjp(lambda x: (soft(x) * 2.0, x), lambda x, y_bar: (y_bar * soft(x),))
    assert pb.grad(lambda x: outer(x) * 3.0)(0.3) == pytest.approx(3.0 * soft(0.3))


def test_second_derivatives_go_through_the_rule() -> None:
    x = 0.3
    p = 1.0 / (1.0 + np.exp(-x))
    assert pb.hessian(soft)(x) == pytest.approx(10.0 * p * (1.0 - p))
    total = pb.hessian(lambda x: np.sum(soft(x)), jit=False)(X)
    q = 1.0 / (1.0 + np.exp(-X))
    np.testing.assert_allclose(total, np.diag(10.0 * q * (1.0 - q)), rtol=1e-12, atol=1e-15)


def test_forward_mode_is_not_compiled() -> None:
    with pytest.raises(pb.NoRuleError, match="custom_vjp"):
        pb.jvp(lambda x: soft(x) * 2.0, (0.3,), (1.0,), fallback="error")


def test_wrong_number_of_cotangents() -> None:
    with pytest.raises(pb.TypeMismatchError, match=r"returns 1 cotangent, and short.. takes 2") as caught:
        pb.grad(lambda x: short(x, x))(0.3)
    assert caught.value.src.line == short_backward.__code__.co_firstlineno


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (lambda x: x, lambda x, g: (g,), "must return a tuple .value, residuals."),
        (lambda x: (x[0], x), lambda x, g: (g * x,), "as its value"),
        (lambda x: (x * x, x), lambda x, g: g * x, "a tuple with one cotangent per argument"),
        (lambda x: (x * x, x), lambda x, g: (1.0,), "an array of rank 1, is"),
    ],
)
def test_rules_that_do_not_fit(forward, backward, words: str) -> None:
    @pb.custom_vjp
    def square(x):
        return x * x

    square.defvjp(forward, backward)
    with pytest.raises(pb.TypeMismatchError, match=words):
        pb.grad(lambda x: np.sum(square(x)), jit=False)(X)


@pytest.mark.parametrize("jit", [False, True])
def test_cotangent_of_the_wrong_length(jit: bool) -> None:
    @pb.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, y_bar: (y_bar[1:],))
    with pytest.raises(ValueError, match="length 2 along axis 0, the argument 3"):
        pb.grad(lambda x: np.sum(square(x)), jit=jit)(X)


def test_missing_rule_and_written_argument() -> None:
    @pb.custom_vjp
    def square(x):
        x[0] = 0.0
        return x * x

    def f(x):
        return np.sum(square(x * 1.0))

    with pytest.raises(pb.NoRuleError, match="no derivative rule"):
        pb.grad(f, fallback="error")(X)
    square.defvjp(lambda x: (x * x, x), lambda x, y_bar: (y_bar * x,))
    with pytest.raises(pb.UnsupportedError, match="writes to an argument"):
        pb.grad(f, fallback="error")(X)


def test_missing_cotangents_are_zero() -> None:
    @pb.custom_vjp
    def mixed(pair, n):
        return pair[0] * np.sum(pair[1]) * n

    mixed.defvjp(
        lambda pair, n: (pair[0] * np.sum(pair[1]) * n, n), lambda n, y_bar: ((y_bar * n, None), None)
    )
    a_bar, x_bar = pb.grad(lambda a, x: mixed((a, x), 2), (0, 1))(0.5, X)
    assert a_bar == 2.0
    np.testing.assert_array_equal(x_bar, np.zeros(3))


@pytest.mark.parametrize("jit", [False, True])
def test_stop_gradient(jit: bool) -> None:
    def scalar(x):
        return x * pb.stop_gradient(x * x)

    def array(x):
        return np.sum(x * pb.stop_gradient(x) * 2.0)

    def tree(x):
        kept = pb.stop_gradient({"a": [x, 2.0 * x], "b": (x[0], 3)})
        return np.sum(x * kept["a"][1]) + kept["b"][0] * kept["b"][1]

    assert pb.grad(scalar, jit=jit)(3.0) == 9.0
    np.testing.assert_array_equal(pb.grad(array, jit=jit)(X), 2.0 * X)
    np.testing.assert_array_equal(pb.grad(tree, jit=jit)(X), 2.0 * X)
