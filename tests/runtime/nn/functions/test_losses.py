"""Losses: values by formulas, gradients of both orders by differences, reductions, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.mode import no_grad
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor
from scipy import special

RNG = np.random.default_rng(5)
X, T = RNG.uniform(-2, 2, (4, 3)), RNG.uniform(-2, 2, (4, 3))
P, Q = RNG.uniform(0.1, 0.9, (4, 3)), RNG.uniform(0.1, 0.9, (4, 3))
SIGNS = np.where(T > 0, 1.0, -1.0)
LOGP = special.log_softmax(X, 1)
CLASSES = np.array([0, 2, 1, 2])
WEIGHTS = np.array([0.5, 1.5, 2.0])


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a))


def smooth(d: Any, beta: float) -> Any:
    return np.where(abs(d) < beta, 0.5 * d**2 / beta, abs(d) - 0.5 * beta)


# name, settings, operands with a derivative, constant operands, the losses before reduction
PLAIN: list[tuple[str, dict[str, Any], tuple[Any, ...], tuple[Any, ...], Any]] = [
    ("mse_loss", {}, (X, T), (), (X - T) ** 2),
    ("l1_loss", {}, (X, T), (), abs(X - T)),
    ("smooth_l1_loss", {"beta": 0.7}, (X, T), (), smooth(X - T, 0.7)),
    ("huber_loss", {"delta": 0.7}, (X, T), (), 0.7 * smooth(X - T, 0.7)),
    ("binary_cross_entropy", {}, (P, Q), (), -(Q * np.log(P) + (1 - Q) * np.log(1 - P))),
    (
        "binary_cross_entropy_with_logits",
        {},
        (X, Q),
        (),
        -(Q * special.log_expit(X) + (1 - Q) * special.log_expit(-X)),
    ),
    (
        "binary_cross_entropy_with_logits",
        {"pos_weight": t(WEIGHTS), "weight": t(P)},
        (X, Q),
        (),
        -P * (WEIGHTS * Q * special.log_expit(X) + (1 - Q) * special.log_expit(-X)),
    ),
    ("soft_margin_loss", {}, (X,), (SIGNS,), np.log1p(np.exp(-SIGNS * X))),
    ("hinge_embedding_loss", {"margin": 0.8}, (X,), (SIGNS,), np.where(SIGNS > 0, X, np.maximum(0, 0.8 - X))),
    ("poisson_nll_loss", {}, (X, P), (), np.exp(X) - P * X),
    ("poisson_nll_loss", {"log_input": False}, (P, Q), (), P - Q * np.log(P + 1e-8)),
    ("kl_div", {}, (X, P), (), P * (np.log(P) - X)),
    ("kl_div", {"log_target": True}, (X, T), (), np.exp(T) * (T - X)),
    ("gaussian_nll_loss", {}, (X, T, P), (), 0.5 * (np.log(P) + (X - T) ** 2 / P)),
    (
        "margin_ranking_loss",
        {"margin": 0.1},
        (X, T),
        (np.where(P > 0.5, 1.0, -1.0),),
        np.maximum(0, -np.where(P > 0.5, 1.0, -1.0) * (X - T) + 0.1),
    ),
    (
        "triplet_margin_loss",
        {},
        (X, T, P),
        (),
        np.maximum(0, np.linalg.norm(X - T + 1e-6, axis=1) - np.linalg.norm(X - P + 1e-6, axis=1) + 1),
    ),
    ("nll_loss", {}, (LOGP,), (CLASSES,), -LOGP[range(4), CLASSES]),
    ("cross_entropy", {}, (X,), (CLASSES,), -LOGP[range(4), CLASSES]),
    (
        "cross_entropy",
        {"label_smoothing": 0.3},
        (X,),
        (CLASSES,),
        -((0.7 * np.eye(3)[CLASSES] + 0.1) * LOGP).sum(1),
    ),
    (
        "multi_margin_loss",
        {},
        (X,),
        (CLASSES,),
        (np.maximum(0, 1 - X[range(4), CLASSES][:, None] + X).sum(1) - 1) / 3,
    ),
    (
        "multilabel_soft_margin_loss",
        {},
        (X, Q),
        (),
        -(Q * special.log_expit(X) + (1 - Q) * special.log_expit(-X)).mean(1),
    ),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "settings", "operands", "constants", "losses"), PLAIN, ids=str)
def test_plain(name: str, settings: Any, operands: Any, constants: Any, losses: Any, reduction: str) -> None:
    f = getattr(F, name)
    fixed = [t(c) for c in constants]

    def loss(*leaves: Any) -> Any:
        return f(*leaves, *fixed, reduction=reduction, **settings)

    expected = {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[reduction]
    got = loss(*[t(a) for a in operands])._a
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    checks.check(loss, *operands)


def test_weights_of_classes() -> None:
    losses = -WEIGHTS[CLASSES] * LOGP[range(4), CLASSES]
    weight = t(WEIGHTS)
    assert float(F.nll_loss(t(LOGP), t(CLASSES), weight)) == pytest.approx(
        losses.sum() / WEIGHTS[CLASSES].sum()
    )
    kept = CLASSES != 2
    mean = losses[kept].sum() / WEIGHTS[CLASSES][kept].sum()
    assert float(F.cross_entropy(t(X), t(CLASSES), weight, ignore_index=2)) == pytest.approx(mean)
    assert F.nll_loss(t(LOGP), t(CLASSES), ignore_index=2, reduction="none")._a[~kept].tolist() == [0, 0]
    assert np.isnan(F.nll_loss(t(LOGP), t(np.full(4, -100)))._a)
    for ignored in (-100, 2):
        for smoothing in (0.0, 0.2):
            checks.check(
                lambda x, i=ignored, s=smoothing: F.cross_entropy(
                    x, t(CLASSES), weight, ignore_index=i, label_smoothing=s
                ),
                X,
            )


def test_target_probabilities() -> None:
    wanted = special.softmax(T, 1)
    losses = -(wanted * LOGP).sum(1)
    assert float(F.cross_entropy(t(X), t(wanted))) == pytest.approx(losses.mean())
    np.testing.assert_allclose(F.cross_entropy(t(X), t(wanted), reduction="none")._a, losses)
    smoothed = -((wanted * 0.7 + 0.1) * LOGP).sum(1)
    assert float(F.cross_entropy(t(X), t(wanted), label_smoothing=0.3)) == pytest.approx(smoothed.mean())
    checks.check(lambda x, p: F.cross_entropy(x, p, t(WEIGHTS)), X, wanted)


def test_axes_behind_the_classes_and_one_row() -> None:
    images = np.random.default_rng(0).standard_normal((2, 3, 4))
    classes = np.random.default_rng(1).integers(0, 3, (2, 4))
    rows = np.moveaxis(images, 1, 2).reshape(-1, 3)
    by_rows = float(F.cross_entropy(t(rows), t(classes.reshape(-1))))
    whole = F.cross_entropy(checks.leaf(images), t(classes))
    assert float(whole) == pytest.approx(by_rows)
    assert whole.grad_fn.name() == "NllLoss2DBackward0"
    checks.check(lambda x: F.cross_entropy(x, t(classes)), images)
    assert float(F.cross_entropy(t(rows[0]), t(classes[0, 0]))) == pytest.approx(
        float(F.cross_entropy(t(rows[:1]), t(classes[0, :1])))
    )


def test_cosine_embedding() -> None:
    y = np.array([1, -1, 1, -1])
    cosine = (X * T).sum(1) / (np.linalg.norm(X, axis=1) * np.linalg.norm(T, axis=1))
    losses = np.where(y == 1, 1 - cosine, np.maximum(0, cosine - 0.1))
    got = F.cosine_embedding_loss(t(X), t(T), t(y), margin=0.1, reduction="none")
    np.testing.assert_allclose(got._a, losses, atol=1e-10)
    checks.check(lambda a, b: F.cosine_embedding_loss(a, b, t(y), margin=0.1), X, T)


def test_extreme_probabilities_are_bounded() -> None:
    x = checks.leaf([0.0, 1.0])
    loss = F.binary_cross_entropy(x, t([1.0, 0.0]), reduction="sum")
    assert float(loss) == 200
    loss.backward()
    assert np.isfinite(x.grad._a).all()
    assert float(F.binary_cross_entropy_with_logits(t([1000.0]), t([0.0]))) == 1000
    assert float(F.kl_div(t([0.0]), t([0.0]), reduction="sum")) == 0


def test_older_arguments() -> None:
    with pytest.warns(UserWarning, match=r"size_average and reduce args .* reduction='sum'"):
        assert float(F.mse_loss(t(X), t(T), size_average=False)) == pytest.approx(((X - T) ** 2).sum())
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.mse_loss(t(X), t(T), reduce=False)._a.shape == X.shape
    with pytest.raises(ValueError, match="foo is not a valid value for reduction"):
        F.l1_loss(t(X), t(T), reduction="foo")


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("weight", lambda w: F.binary_cross_entropy(t(P), t(Q), weight=w)),
        ("weight", lambda w: F.binary_cross_entropy_with_logits(t(X), t(Q), weight=w)),
        ("pos_weight", lambda w: F.binary_cross_entropy_with_logits(t(X), t(Q), pos_weight=w)),
        ("weight", lambda w: F.nll_loss(t(LOGP), t(CLASSES), weight=w)),
        ("weight", lambda w: F.cross_entropy(t(X), t(CLASSES), weight=w)),
        ("weight", lambda w: F.cross_entropy(t(X), t(CLASSES), weight=w, label_smoothing=0.1)),
        ("target", lambda w: F.soft_margin_loss(t(X[0]), w)),
    ],
)
def test_operands_without_a_derivative_are_refused(argument: str, call: Any) -> None:
    with pytest.raises(RuntimeError, match=f"not differentiable with respect to argument '{argument}'"):
        call(checks.leaf(WEIGHTS))
    with no_grad():
        assert float(call(checks.leaf(WEIGHTS))) == float(call(t(WEIGHTS)))


def test_weights_have_derivatives_where_pytorch_has_them() -> None:
    for f, losses, mean in (
        (F.mse_loss, (X - T) ** 2, lambda losses: (P * losses).sum() / P.sum()),
        (F.huber_loss, smooth(X - T, 1.0), lambda losses: (P * losses).mean()),
    ):
        assert float(f(t(X), t(T), weight=t(P))) == pytest.approx(mean(losses))
        checks.check(lambda x, w, f=f: f(x, t(T), weight=w), X, P)
    checks.check(lambda x, w: F.cross_entropy(x, t(P), weight=w), X, WEIGHTS)


def test_names_of_nodes() -> None:
    x = checks.leaf(X)
    assert F.mse_loss(x, t(T)).grad_fn.name() == "MseLossBackward0"
    assert F.l1_loss(x, t(T)).grad_fn.name() == "MeanBackward0"
    assert F.huber_loss(x, t(T)).grad_fn.name() == "HuberLossBackward0"
    assert F.cross_entropy(x, t(CLASSES)).grad_fn.name() == "NllLossBackward0"
    node = F.binary_cross_entropy_with_logits(x, t(Q)).grad_fn
    assert node.name() == "BinaryCrossEntropyWithLogitsBackward0"


def test_what_is_refused() -> None:
    refused: list[tuple[type[Exception], str, Any]] = [
        (IndexError, "Target 3 is out of bounds", lambda: F.nll_loss(t(LOGP), t([0, 1, 2, 3]))),
        (
            ValueError,
            r"Expected input batch_size \(4\) to match target batch_size \(2\)",
            lambda: F.nll_loss(t(LOGP), t([0, 1])),
        ),
        (
            RuntimeError,
            "expected target dtype to be Long or Byte, but got Double",
            lambda: F.nll_loss(t(LOGP), t([0.0, 1, 2, 0])),
        ),
        (
            RuntimeError,
            "weight tensor should be defined either for all 3 classes",
            lambda: F.nll_loss(t(LOGP), t(CLASSES), t([1.0])),
        ),
        (
            RuntimeError,
            "label_smoothing must be between",
            lambda: F.cross_entropy(t(X), t(CLASSES), label_smoothing=2),
        ),
        (
            RuntimeError,
            "Expected floating point type for target",
            lambda: F.cross_entropy(t(X), t(np.ones((4, 3), np.int64))),
        ),
        (
            RuntimeError,
            "all elements of input should be between 0 and 1",
            lambda: F.binary_cross_entropy(t(X), t(Q)),
        ),
        (ValueError, "Using a target size", lambda: F.binary_cross_entropy(t(P), t(Q[:2]))),
        (
            RuntimeError,
            "Found dtype Float but expected Double",
            lambda: F.binary_cross_entropy(t(P), t(Q.astype(np.float32))),
        ),
        (ValueError, "var has negative entry", lambda: F.gaussian_nll_loss(t(X), t(T), t(-P))),
        (NotImplementedError, "\"mse_cpu\" not implemented for 'Long'", lambda: F.mse_loss(t([1]), t([2]))),
        (
            NotImplementedError,
            "\"huber_cpu\" not implemented for 'ComplexDouble'",
            lambda: F.huber_loss(t([1j]), t([2j])),
        ),
        (NotImplementedError, "smooth_l1_cpu", lambda: F.smooth_l1_loss(t([1]), t([2]))),
        (
            NotImplementedError,
            "log_sigmoid_cpu",
            lambda: F.binary_cross_entropy_with_logits(t([1j]), t([2j])),
        ),
        (
            RuntimeError,
            r"Expected target size \[4\], but got \[1\]",
            lambda: F.multi_margin_loss(t(X), t([1])),
        ),
        (
            RuntimeError,
            r"inconsistent weight size, expected 3 but got \[4\]",
            lambda: F.multi_margin_loss(t(X), t(CLASSES), weight=t(np.ones(4))),
        ),
        (
            RuntimeError,
            "Expected non-empty vector or matrix",
            lambda: F.multi_margin_loss(t(X[None]), t([1])),
        ),
        (
            RuntimeError,
            "kl_div: Integral inputs not supported",
            lambda: F.kl_div(t([1]), t([1]), reduction="sum"),
        ),
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()
    with pytest.warns(UserWarning, match="Using a target size"):
        F.mse_loss(t(X), t(T[:, :1]))
