"""Pointwise operations: what they save, what they refuse, and that NumPy stays quiet."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from pullback.runtime.tape.node import wrap
from pullback.runtime.tape.quiet import quiet
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.tensor import Tensor

tensor, float64 = NAMES["tensor"], NAMES["float64"]


def leaf(*values: float, wanted: bool = True) -> Any:
    return tensor(list(values), dtype=float64, requires_grad=wanted)


# What may be written to after an operation and before its backward pass, as in PyTorch: "x" the operand, "z"
# the other one, "y" the result.
FREE = [
    ("exp", "x"), ("tanh", "x"), ("sqrt", "x"), ("sigmoid", "x"), ("rsqrt", "x"), ("reciprocal", "x"),
    ("sin", "y"), ("log", "y"), ("atan", "y"), ("neg", "xy"), ("square", "y"), ("abs", "y"),
    ("add", "xzy"), ("sub", "xzy"), ("mul", "y"), ("div", "y"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "free"), FREE)
@pytest.mark.parametrize("which", "xzy")
def test_writes_before_the_backward_pass(name: str, free: str, which: str) -> None:
    binary = name in ("add", "sub", "mul", "div")
    if which == "z" and not binary:
        return
    operands = [leaf(0.5, 0.7) * 1 for _ in range(2 if binary else 1)]
    y = NAMES[name](*operands)
    written = y if which == "y" else operands["xz".index(which)]
    written.add_(1)
    if which in free:
        y.sum().backward()
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


@pytest.mark.parametrize("name", ["mul", "div"])
def test_operands_that_no_rule_reads_are_not_saved(name: str) -> None:
    x = leaf(0.5)
    y = x * 1
    out = NAMES[name](y, leaf(2.0, wanted=False))
    assert out.grad_fn.saved[0] is None and out.grad_fn.saved[1] is not None
    y.add_(1)
    out.backward()
    assert x.grad.item() == (2 if name == "mul" else 0.5)


def test_numpy_arrays_that_are_saved_are_copied() -> None:
    for dtype in (np.float64, np.float32, np.int64):
        x = leaf(1.0, 2.0)
        array = np.array([3, 4], dtype)
        y = x * array
        z = array * x
        array[:] = 0
        (y + z).sum().backward()
        assert x.grad.tolist() == [6, 8]


def test_results_in_place_keep_what_they_overwrite() -> None:
    x = leaf(3.0)
    y = x * 1
    y.mul_(y)
    y.exp_()
    y.backward()
    assert x.grad.item() == pytest.approx(6 * np.exp(9.0))


@pytest.mark.parametrize("name", ["exp", "tanh", "sqrt"])
def test_writes_through_a_detached_result_are_noticed(name: str) -> None:
    y = NAMES[name](leaf(0.5))
    d = y.detach()
    d.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_complex_rules_are_conjugated() -> None:
    z = tensor([1 + 2j], dtype=NAMES["complex128"], requires_grad=True)
    w = tensor([0.5 - 1j], dtype=NAMES["complex128"], requires_grad=True)
    (z * w).backward(tensor([1.0 + 0j], dtype=NAMES["complex128"]))
    assert z.grad.item() == 0.5 + 1j and w.grad.item() == 1 - 2j
    z.grad = w.grad = None
    (z / w).exp().backward(tensor([1.0 + 0j], dtype=NAMES["complex128"]))
    slope = np.exp((1 + 2j) / (0.5 - 1j)) / (0.5 - 1j)
    np.testing.assert_allclose(z.grad._a, [np.conj(slope)])
    np.testing.assert_allclose(w.grad._a, [np.conj(-slope * (1 + 2j) / (0.5 - 1j))])


def test_no_warnings_forward_and_backward() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = leaf(0.0, -1.0, np.inf)
        out = sum(
            f(x)
            for f in (
                NAMES["log"],
                NAMES["sqrt"],
                NAMES["exp"],
                NAMES["sin"],
                lambda x: 1 / x,
                lambda x: x / 0,
            )
        )
        out.backward(leaf(1.0, 1.0, 1.0).detach())
        assert not np.isfinite(x.grad._a).all()


def test_the_root_of_zero_has_an_infinite_slope() -> None:
    x = leaf(0.0)
    (x.sqrt() * 0).backward()
    assert np.isnan(x.grad.item())
    x.grad = None
    x.sqrt().backward()
    assert x.grad.item() == np.inf


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(2\) must match the size of tensor b \(3\)"
    ):
        leaf(1.0, 2.0) + leaf(1.0, 2.0, 3.0)


def test_quiet_restores_what_was_set() -> None:
    def fail(a: Any) -> Any:
        raise KeyError

    silent = quiet(np.log)
    with np.errstate(divide="raise"):
        assert silent(np.array([0.0]))[0] == -np.inf
        with pytest.raises(KeyError):
            quiet(fail)(1)
        with pytest.raises(FloatingPointError):
            np.log(np.array([0.0]))


def test_results_are_tensors_of_arrays() -> None:
    y = wrap(Tensor, np.array(2.0)) * 3
    assert type(y._a) is np.ndarray and y._a.shape == ()
