"""Linear maps and embeddings: values, gradients of both orders, the graph, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a))


W, B = checks.sample(3, 4, seed=1), checks.sample(3, seed=2)


@pytest.mark.parametrize("shape", [(2, 4), (4,), (2, 5, 4), (1, 2, 3, 4)], ids=str)
def test_linear(shape: Any) -> None:
    x = checks.sample(*shape)
    np.testing.assert_allclose(F.linear(t(x), t(W), t(B))._a, x @ W.T + B)
    np.testing.assert_allclose(F.linear(t(x), t(W))._a, x @ W.T)
    checks.check(F.linear, x, W, B)
    checks.check(F.linear, x, W)


def test_a_vector_as_weight_and_no_rows() -> None:
    checks.check(F.linear, checks.sample(2, 4), checks.sample(4, seed=1))
    w = checks.leaf(W)
    F.linear(t(np.zeros((0, 4))), w, t(B)).sum().backward()
    assert not w.grad._a.any()


def test_the_graph() -> None:
    x, w, b = checks.leaf(checks.sample(2, 4)), checks.leaf(W), checks.leaf(B)
    node = F.linear(x, w, b).grad_fn
    assert node.name() == "AddmmBackward0"
    assert [f.name() for f, _ in node.next_functions] == [
        "torch::autograd::AccumulateGrad",
        "torch::autograd::AccumulateGrad",
        "TBackward0",
    ]
    assert F.linear(x, w).grad_fn.name() == "MmBackward0"
    (F.linear(x, w, b) ** 2).sum().backward()
    assert w.grad._a.flags.c_contiguous
    assert w.grad._a.base is None


def test_gradients_do_not_share_memory() -> None:
    w = checks.leaf(W)
    x = t(checks.sample(2, 4))
    F.linear(x, w).sum().backward()
    held = w.grad
    first = held._a.copy()
    F.linear(x, w).sum().backward()
    np.testing.assert_allclose(held._a, 2 * first)


def test_bilinear() -> None:
    x, z, w, b = checks.sample(5, 4), checks.sample(5, 3, seed=1), checks.sample(2, 4, 3, seed=2), B[:2]
    expected = np.einsum("ni,kij,nj->nk", x, w, z) + b
    np.testing.assert_allclose(F.bilinear(t(x), t(z), t(w), t(b))._a, expected)
    checks.check(F.bilinear, x, z, w, b)


def test_embedding() -> None:
    rows = np.array([[1, 2, 1], [0, 1, 4]])
    w = checks.sample(5, 4)
    np.testing.assert_array_equal(F.embedding(t(rows), t(w))._a, w[rows])
    checks.check(lambda w: F.embedding(t(rows), w) ** 2, w)
    leaf = checks.leaf(w)
    F.embedding(t(rows), leaf, padding_idx=-4).sum().backward()
    assert leaf.grad._a[:, 0].tolist() == [1, 0, 1, 0, 1]
    checks.check_gradient(lambda w: F.embedding(t(rows.astype(np.int32)), w).sin(), w)
    assert F.embedding(t(rows), leaf).grad_fn.name() == "EmbeddingBackward0"


def test_long_rows_are_shortened_in_place() -> None:
    w = t(np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]]))
    got = F.embedding(t([0, 1]), w, max_norm=1.0)
    np.testing.assert_allclose(got._a, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(w._a[2], [6, 8])
    assert w._version == 1


def test_one_hot() -> None:
    assert F.one_hot(t([0, 2]))._a.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert F.one_hot(t([[1]]), 3)._a.tolist() == [[[0, 1, 0]]]


def test_distances() -> None:
    x, z = checks.sample(3, 4), checks.sample(3, 4, seed=1)
    cosine = (x * z).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(z, axis=1)
    np.testing.assert_allclose(F.cosine_similarity(t(x), t(z))._a, cosine)
    np.testing.assert_allclose(F.pairwise_distance(t(x), t(z))._a, np.linalg.norm(x - z + 1e-6, axis=1))
    np.testing.assert_allclose(F.normalize(t(x), dim=0)._a, x / np.linalg.norm(x, axis=0))
    checks.check(F.cosine_similarity, x, z)
    checks.check(F.pairwise_distance, x, z)
    checks.check(F.normalize, x)


CUBE = np.ones((3, 4, 4))


def test_what_is_refused() -> None:
    x, rows = t(np.ones((2, 4))), t([0, 1])
    refused: list[tuple[type[Exception], str, Any]] = [
        (RuntimeError, r"mat1 and mat2 shapes cannot be multiplied \(2x5 and 4x3\)",
         lambda: F.linear(t(np.ones((2, 5))), t(W), t(B))),
        (RuntimeError, "The expanded size of the tensor", lambda: F.linear(x, t(W), t(B[:2]))),
        (RuntimeError, "mat1 and mat2 must have the same dtype, but got Float and Double",
         lambda: F.linear(t(np.ones((2, 4), np.float32)), t(W), t(B))),
        (IndexError, "index out of range in self", lambda: F.embedding(t([5]), t(W))),
        (RuntimeError, "Expected tensor for argument #1 'indices'", lambda: F.embedding(t([0.5]), t(W))),
        (NotImplementedError, "gradients are dense", lambda: F.embedding(rows, t(W), sparse=True)),
        (RuntimeError, "'weight' must be 2-D", lambda: F.embedding(rows, t(B))),
        (RuntimeError, "input dimensions do not match: got 2 and 1", lambda: F.bilinear(x, x[0], t(CUBE))),
        (RuntimeError, "batch dimensions do not match at dim 0: got 2 and 1",
         lambda: F.bilinear(x, x[:1], t(CUBE))),
        (RuntimeError, "input2 size does not match weight size: got 1 but expected 4",
         lambda: F.bilinear(x, x[:, :1], t(CUBE))),
        (RuntimeError, "bias size does not match weight size: got 1 but expected 3",
         lambda: F.bilinear(x, x, t(CUBE), t([0.0]))),
        (RuntimeError, "Class values must be non-negative", lambda: F.one_hot(t([-1]))),
        (RuntimeError, "Class values must be smaller", lambda: F.one_hot(t([3]), 2)),
        (RuntimeError, "only applicable to index tensor of type LongTensor", lambda: F.one_hot(t([0.0]))),
    ]  # fmt: skip
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()
