"""Elements written, added and combined at the places that indices tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X, SRC = sample(3, 4), sample(2, 4, seed=1)
WHERE = np.array([[2, 0, 2, 1], [2, 1, 0, 1]])  # along axis 0, twice at (2, 0) and (1, 3)
PICKS, TWICE = np.array([2, 0]), np.array([1, 1])
COLUMNS = np.arange(4)[None] + 0 * WHERE


def _t(array: Any) -> Any:
    return torch.from_numpy(array)


def _by(ufunc: Any, key: Any) -> Any:
    def reference(a: Any, s: Any) -> Any:
        out = a.copy()
        if ufunc is None:
            for place in np.ndindex(s.shape) if s.shape == WHERE.shape and key is WHERE else ():
                out[WHERE[place], place[1]] = s[place]
            if key is not WHERE:
                out[key] = s
        else:
            ufunc.at(out, (WHERE, COLUMNS) if key is WHERE else key, s)
        return out

    return reference


CASES: list[tuple[Any, Any, Any]] = [
    (lambda x, s: x.scatter(0, _t(WHERE), s), _by(None, WHERE), SRC),
    (lambda x, s: x.scatter_add(0, _t(WHERE), s), _by(np.add, WHERE), SRC),
    (lambda x, s: x.scatter(0, _t(WHERE), s, reduce="add"), _by(np.add, WHERE), SRC),
    (lambda x, s: x.scatter(0, _t(WHERE), s, reduce="multiply"), _by(np.multiply, WHERE), SRC),
    (lambda x, s: x.scatter_reduce(0, _t(WHERE), s, "sum"), _by(np.add, WHERE), SRC),
    (lambda x, s: x.scatter_reduce(0, _t(WHERE), s, "prod"), _by(np.multiply, WHERE), SRC),
    (lambda x, s: x.scatter_reduce(0, _t(WHERE), s, "amax"), _by(np.maximum, WHERE), SRC),
    (lambda x, s: x.scatter_reduce(0, _t(WHERE), s, "amin"), _by(np.minimum, WHERE), SRC),
    (lambda x, s: x.index_add(0, _t(TWICE), s), _by(np.add, TWICE), SRC),
    (lambda x, s: x.index_add(1, _t(TWICE), s, alpha=1), _by(np.add, (slice(None), TWICE)), X[:, :2]),
    (lambda x, s: x.index_copy(0, _t(PICKS), s), _by(None, PICKS), SRC),
    (lambda x, s: x.index_copy(0, _t(TWICE), s), _by(None, TWICE), SRC),
    (lambda x, s: x.index_fill(1, _t(PICKS), s), _by(None, (slice(None), PICKS)), np.array(0.6)),
    (lambda x, s: x.index_put((_t(PICKS),), s), _by(None, PICKS), SRC),
    (lambda x, s: x.index_put((_t(TWICE),), s), _by(None, TWICE), SRC),
    (lambda x, s: x.index_put((_t(TWICE),), s, accumulate=True), _by(np.add, TWICE), SRC),
    (lambda x, s: x.index_put((None, _t(TWICE)), s, True), _by(np.add, (slice(None), TWICE)), X[:, :2]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference, source = CASES[case]
    x = leaf(X)
    np.testing.assert_allclose(f(x, leaf(source))._a, reference(X, source), rtol=1e-12)
    np.testing.assert_array_equal(x._a, X)
    check(lambda x, s: f(x * x, s * s) ** 2, X, source)


@pytest.mark.parametrize("way", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include", [True, False])
def test_combined_with_and_without_what_was_there(way: str, include: bool) -> None:
    groups: dict[tuple[int, int], list[float]] = {}
    for place in np.ndindex(WHERE.shape):
        groups.setdefault((int(WHERE[place]), place[1]), []).append(SRC[place])
    expected = X.copy()
    fold = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[way]
    for place, values in groups.items():
        expected[place] = fold([X[place]] * include + values)

    def f(x: Any, s: Any) -> Any:
        return x.scatter_reduce(0, _t(WHERE), s, way, include_self=include)

    np.testing.assert_allclose(f(leaf(X), leaf(SRC))._a, expected, rtol=1e-12)
    check(f, X, SRC)


def test_products_with_zeros() -> None:
    x = torch.tensor([2.0, 0.0, 3.0], requires_grad=True)
    s = torch.tensor([0.0, 5.0, 0.0, 0.0], requires_grad=True)
    x.scatter_reduce(0, torch.tensor([0, 0, 2, 2]), s, "prod").sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    assert s.grad.tolist() == [10.0, 0.0, 0.0, 0.0]


def test_put() -> None:
    def f(x: Any, s: Any) -> Any:
        return x.put(_t(np.array([[11, -1], [0, 4]])), s) + x.put(_t(TWICE), s[0], accumulate=True)

    check(lambda x, s: f(x * x, s * s) ** 2, X, sample(2, 2))
    assert torch.zeros(3).put(torch.tensor([-1]), torch.ones(1)).tolist() == [0.0, 0.0, 1.0]


def test_numbers() -> None:
    assert torch.zeros(3).scatter(0, torch.tensor([2]), 5.0).tolist() == [0.0, 0.0, 5.0]
    assert torch.zeros(3).index_fill(0, torch.tensor([-1]), 5).tolist() == [0.0, 0.0, 5.0]
    check(lambda x: (x * x).scatter(1, _t(WHERE[:, :1]), 2.0) ** 2, X)
    check(lambda x: (x * x).index_fill(0, _t(PICKS), 2.0) ** 2, X)


IN_PLACE: list[Any] = [
    lambda y, s: y.scatter_(0, _t(WHERE % 2), s),
    lambda y, s: y.scatter_add_(0, _t(WHERE % 2), s),
    lambda y, s: y.scatter_reduce_(0, _t(WHERE % 2), s, "amax"),
    lambda y, s: y.index_add_(0, _t(TWICE), s),
    lambda y, s: y.index_copy_(0, _t(TWICE), s),
    lambda y, s: y.index_fill_(0, _t(TWICE), s[0, 0]),
    lambda y, s: y.index_put_((_t(TWICE),), s),
    lambda y, s: y.index_put_((_t(TWICE),), s, accumulate=True),
    lambda y, s: y.put_(_t(TWICE), s[0, :2]),
]


@pytest.mark.parametrize("case", range(len(IN_PLACE)))
def test_in_place_through_a_view(case: int) -> None:
    def f(x: Any, s: Any) -> Any:
        y = x * x
        part = y[1:]
        assert IN_PLACE[case](part, s * s) is part
        return y * y

    check(f, X, SRC)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: x.scatter(0, _t(WHERE + 5), x),
            RuntimeError,
            "is out of bounds for dimension 0 with size 3",
        ),
        (lambda x: x.scatter(0, _t(PICKS), x), RuntimeError, "same number of dimensions as self tensor"),
        (lambda x: x.scatter(0, _t(WHERE), x[:1]), RuntimeError, "to be no larger size than src"),
        (
            lambda x: x.scatter(0, _t(WHERE), x.float()),
            RuntimeError,
            "Expected self.dtype to be equal to src.dtype",
        ),
        (lambda x: x.scatter(0, _t(WHERE), x, reduce="max"), RuntimeError, "must be either add or multiply"),
        (lambda x: x.scatter_reduce(0, _t(WHERE), x, "max"), RuntimeError, "reduce argument must be either"),
        (lambda x: x.index_add(0, _t(PICKS), x), RuntimeError, "should be equal to source.size"),
        (
            lambda x: x.index_copy(0, _t(PICKS), x[:2, :2]),
            RuntimeError,
            "source tensor shape must match self",
        ),
        (lambda x: x.index_fill(0, _t(PICKS), x[0]), RuntimeError, "only supports a 0-dimensional value"),
        (lambda x: x.index_put((_t(PICKS),), x.float()), RuntimeError, "source and destination dtypes match"),
        (lambda x: x.index_put((_t(PICKS),), x), RuntimeError, "shape mismatch: value tensor"),
        (lambda x: x.put(_t(PICKS), x), RuntimeError, "same number of elements"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(X))
