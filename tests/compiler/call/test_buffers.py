"""Gradients written into the caller's arrays."""

from __future__ import annotations

from dataclasses import dataclass

import api_samples as samples
import numpy as np
import pytest

import pullback as pb


@dataclass
class Layer:
    weight: np.ndarray
    bias: float


def layered(p, x):
    return np.sum(np.tanh(p.weight @ x)) * p.bias


def of_tree(p):
    return np.sum(p["w"] ** 2) * p["s"] + np.sum(p["rest"][0]) * p["rest"][1]


def swaps(x, y):
    a, b = x, y
    for i in range(3):
        a, b = b, a
        a[i] = a[i] * b[i]
    return np.sum(a * b)


def diagonal(a, x):
    s = 0.0
    for i in range(len(x)):
        s += a[i, i] * x[i]
    return s


def same(x, y):
    return np.sum(x + y)


X, Y = np.array([0.5, 2.0, 3.0]), np.array([1.5, -2.0, 4.0])
CASES = {
    "elementwise": (lambda x, y: np.sum(np.sin(x) * y), (X, Y)),
    "float32": (lambda x, y: np.sum(x * y), (X.astype(np.float32), Y.astype(np.float32))),
    "partly read": (diagonal, (np.outer(X, Y), X)),
    "library": (lambda a, x: np.sum(np.linalg.solve(a, x)), (np.eye(3) + np.outer(X, X), Y)),
    "product": (lambda a, x: np.sum(a @ x) + a[0, 1] * x[2], (np.outer(X, Y), X)),
    "swapped": (swaps, (X, Y)),
    "written": (samples.mutates_one, (X, Y)),
    "unused": (lambda x, y: np.sum(x), (X, Y)),
    "equal gradients": (same, (X, Y)),
    "a number": (lambda x, k: np.sum(x) * k, (X, 3.0)),
    "empty": (lambda x, y: np.sum(x) * y[0], (np.zeros(0), Y)),
    "zero-d": (lambda x, y: x * np.sum(y), (np.array(2.0), Y)),
    "one": (lambda x, y: np.sum(x * y), (np.ones(1), Y)),
}


def junk(value):
    return np.full_like(value, np.nan) if isinstance(value, np.ndarray) else None


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_fresh_arrays(case: str, jit: bool) -> None:
    f, args = CASES[case]
    g = pb.value_and_grad(f, (0, 1), jit=jit)
    expected = g(*args)
    for _ in range(3):
        out = tuple(map(junk, args))
        value, gradients = g.into(out, *args)
        assert value == expected[0]
        for given, gradient, want in zip(out, gradients, expected[1], strict=True):
            assert type(gradient) is type(want) and np.array_equal(gradient, want)
            assert gradient is given or given is None
            assert getattr(gradient, "dtype", None) == getattr(want, "dtype", None)


def test_containers_and_aux() -> None:
    p = {"w": X, "s": 2.0, "rest": [Y, 3.0, "text"]}
    g = pb.grad(of_tree, jit=False)
    out = {"w": junk(X), "s": None, "rest": [junk(Y), None, None]}
    made = g.into(out, p)
    assert repr(made) == repr(g(p)) and made["w"] is out["w"] and made["rest"][0] is out["rest"][0]

    layer = Layer(np.outer(X, Y), 2.0)
    h = pb.grad(layered, jit=False)
    buffer = Layer(junk(layer.weight), None)
    assert (
        repr(h.into(buffer, layer, X)) == repr(h(layer, X))
        and h.into(buffer, layer, X).weight is buffer.weight
    )

    aux = pb.grad(lambda x: (np.sum(x * x), x + 1.0), has_aux=True, jit=False)
    assert repr(aux.into(junk(X), X)) == repr(aux(X))
    assert repr(g.into(None, p)) == repr(g(p))  # fresh arrays everywhere


def test_a_parameter_may_be_called_out() -> None:
    def f(out, n=2):
        return np.sum(out**n)

    g, buffer = pb.grad(f, jit=False), junk(X)
    assert g.into(buffer, out=X, n=3) is buffer and buffer.tolist() == (3.0 * X**2).tolist()


WRONG = [
    (np.empty(4), "has shape \\(4,\\)"),
    (np.empty((3, 1)), "has shape \\(3, 1\\)"),
    (np.empty(3, np.float32), "has dtype float32"),
    (np.empty(3, ">f8"), "has dtype >f8"),
    (np.empty(6)[::2], "is not contiguous"),
    (np.broadcast_to(1.0, 3), "is read-only"),
    ([0.0, 0.0, 0.0], "must be an array, not list"),
    (np.empty(3).view(np.memmap), "must be an array, not memmap"),
]


@pytest.mark.parametrize(("out", "message"), WRONG)
def test_arrays_that_do_not_fit(out, message: str) -> None:
    with pytest.raises(pb.ArgumentError, match=f"out for 'x' {message}"):
        pb.grad(samples.squares, jit=False).into(out, X)


def test_structures_that_do_not_fit() -> None:
    g = pb.grad(samples.product, (0, 1), jit=False)
    for out in (np.empty(2), (None,), (None, None, None)):
        with pytest.raises(pb.ArgumentError, match="out must be a tuple of 2"):
            g.into(out, 2.0, 3.0)
    with pytest.raises(pb.ArgumentError, match="out for 'y': the gradient is a number"):
        g.into((None, np.empty(())), 2.0, 3.0)
    h = pb.grad(of_tree, jit=False)
    p = {"w": X, "s": 2.0, "rest": [Y, 3.0]}
    for out, message in (
        ({"w": junk(X)}, "must be a dict with the keys"),
        ([junk(X), None, None], "must be a dict with the keys"),
        ({"w": None, "s": None, "rest": [None]}, r"out for 'p'\['rest'\] must be a sequence of 2"),
    ):
        with pytest.raises(pb.ArgumentError, match=message):
            h.into(out, p)
    with pytest.raises(pb.ArgumentError, match="must be a Layer, not dict"):
        pb.grad(layered, jit=False).into({}, Layer(np.outer(X, Y), 2.0), X)
    with pytest.raises(pb.UnsupportedError, match="derivative of a derivative"):
        pb.grad(pb.grad(lambda x: x**3)).into(None, 2.0)


def test_aliasing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    g = pb.grad(lambda x, y: np.sum(x * y), (0, 1), jit=False)
    whole = np.arange(6.0)
    for out, args, message in (
        ((whole[:3], None), (whole[3:], whole[2:5]), "out shares memory with 'y'"),
        ((X, None), (X, Y), "out shares memory with 'x'"),
        ((whole[:3], whole[2:5]), (X, Y), "two arrays of out share memory"),
    ):
        before = whole.copy()
        with pytest.raises(pb.OverlapError, match=message):
            g.into(out, *args)
        assert whole.tolist() == before.tolist()
    g.into((whole[:3], whole[3:]), X, Y)
    assert whole.tolist() == [*Y, *X]
    with pytest.raises(pb.OverlapError, match="out shares memory with 'WEIGHTS'"):
        pb.grad(samples.weighted, jit=False).into(samples.WEIGHTS, X)


def test_the_code_allocates_no_gradient() -> None:
    g = pb.grad(lambda x: np.sum(np.sin(x)), jit=False)
    g.into(junk(X), X)
    body = g._writer.newest.code.text.partition("@jit")[2]
    assert "x_bar[i] = " in body and "np.zeros" not in body and "np.empty" not in body
