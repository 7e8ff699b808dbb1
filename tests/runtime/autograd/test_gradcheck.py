"""`gradcheck` finds what is wrong, and lets pass what is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.autograd.function import Function
from pullback.runtime.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from pullback.runtime.tensor.namespace import NAMES

tensor, float64 = NAMES["tensor"], NAMES["float64"]


def leaf(*shape: int, dtype: str = "float64") -> Any:
    array = np.random.default_rng(0).uniform(0.5, 1.5, shape)
    return tensor(array + (0.3j if "c" in dtype else 0), dtype=NAMES[dtype], requires_grad=True)


def function(forward: Any, backward: Any) -> Any:
    return type(
        "Made", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    ).apply


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sin() * x,
        lambda x: (x * 2, x.sum()),
        lambda x: x.sum() * 0 + 1,
        lambda x: (x, 3, x > 0),
    ],
)
def test_right_ones(f: Any) -> None:
    assert gradcheck(f, leaf(2, 3))
    assert gradgradcheck(f, leaf(2, 3))


def test_several_inputs_of_which_some_are_constant() -> None:
    assert gradcheck(lambda x, k, y: x * k * y, (leaf(3), 2.5, leaf(1)))
    x = leaf(2).detach()
    assert gradcheck(lambda x, y: x * y, (x, leaf(2)))


def test_complex() -> None:
    z = leaf(2, dtype="complex128")
    assert gradcheck(lambda z: z * z, z)
    assert gradcheck(lambda z, x: z * x, (z, leaf(2)))
    assert gradcheck(lambda x: x * tensor([1j], dtype=NAMES["complex128"]), leaf(2))
    bad = function(lambda ctx, z: z * 1j, lambda ctx, g: g * 1j)  # should be the conjugate
    with pytest.raises(
        GradcheckError, match="While considering the imaginary part of complex outputs only, Jac"
    ):
        gradcheck(bad, z)


def test_wrong_ones() -> None:
    bad = function(lambda ctx, x: x * 2, lambda ctx, g: g * 3)
    with pytest.raises(
        GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0,\nnumerical:"
    ):
        gradcheck(bad, leaf(2))
    assert not gradcheck(bad, leaf(2), raise_exception=False)


def test_wrong_second_derivatives() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0].detach() * g

    assert gradcheck(Square.apply, leaf(2))
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(Square.apply, leaf(2))


def test_backward_must_be_linear() -> None:
    bad = function(lambda ctx, x: x * 1, lambda ctx, g: g * 0 + 1)
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(bad, leaf(1))


def test_backward_must_be_the_same_twice() -> None:
    calls: list[int] = []

    def backward(ctx: Any, g: Any) -> Any:
        calls.append(1)
        return g * (1 + 1e-9 * len(calls))

    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(function(lambda ctx, x: x * 1, backward), leaf(1))
    assert gradcheck(function(lambda ctx, x: x * 1, backward), leaf(1), nondet_tol=1e-6)


def test_undefined_cotangents_are_tried() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 1, x * 2

    bad = function(forward, lambda ctx, g, h: g + 2 * h)
    with pytest.raises(TypeError, match="NoneType"):
        gradcheck(bad, leaf(1))


def test_results_that_are_not_recorded() -> None:
    assert gradcheck(lambda x: tensor([1.0]), leaf(1))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, leaf(1))


def test_inputs_are_checked_and_left_as_they_were() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, leaf(1).detach())
    x = leaf(3)
    before = x.tolist()
    gradcheck(lambda x: x * x, x)
    assert x.tolist() == before and x.grad is None
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        gradcheck(lambda x: x * 2, leaf(1, dtype="float32"), eps=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="no forward mode"):
        gradcheck(lambda x: x, leaf(1), check_forward_ad=True)


def test_cotangents_of_ones_own() -> None:
    assert gradgradcheck(lambda x: x**3, leaf(2), leaf(2))
    assert gradgradcheck(lambda x: x**3, leaf(2), gen_non_contig_grad_outputs=True)
