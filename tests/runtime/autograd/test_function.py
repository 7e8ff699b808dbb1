"""Operations of a user's own."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from pullback.runtime.autograd.function import Function, once_differentiable
from pullback.runtime.autograd.gradcheck import gradcheck, gradgradcheck
from pullback.runtime.tape.mode import is_grad_enabled, no_grad
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES

tensor, ones, float64 = NAMES["tensor"], NAMES["ones"], NAMES["float64"]


def leaf(*values: float) -> Any:
    return tensor(list(values), dtype=float64, requires_grad=True)


def made(backward: Any, forward: Any = lambda ctx, *a: a[0] * 2) -> Any:
    """A class `MyFn` of these two."""
    return type("MyFn", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        assert not is_grad_enabled()
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Exp(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return ctx.saved_tensors[0] * g


@pytest.mark.parametrize("function", [Cube, Exp])
def test_first_and_second_derivatives(function: Any) -> None:
    assert gradcheck(function.apply, leaf(0.5, -1.0, 2.0))
    assert gradgradcheck(function.apply, leaf(0.5, -1.0, 2.0))


def test_how_it_prints() -> None:
    y = Cube.apply(leaf(2.0))
    assert repr(y) == "tensor([8.], dtype=pullback.float64, grad_fn=<CubeBackward>)"
    assert repr(y.grad_fn).startswith("<pullback.autograd.function.CubeBackward object at 0x")
    assert y.grad_fn.name() == "CubeBackward"


def test_the_node_shows_the_context() -> None:
    class Power(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, k: int) -> Any:
            ctx.k, ctx.shape = k, "any name will do"
            ctx.save_for_backward(x, None)
            return x**k

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            assert ctx.shape == "any name will do" and ctx.needs_input_grad == (True, False)
            return ctx.k * ctx.saved_tensors[0] ** (ctx.k - 1) * g, None

    x = leaf(3.0)
    y = Power.apply(x, 2)
    assert y.grad_fn.k == 2 and y.grad_fn.saved_tensors[0] is x and y.grad_fn.saved_tensors[1] is None
    assert len(y.grad_fn.next_functions) == 1
    y.backward()
    assert x.grad.item() == 6
    with pytest.raises(AttributeError):
        y.grad_fn.unknown  # noqa: B018


def test_setup_context_and_defaults() -> None:
    class Scale(Function):
        @staticmethod
        def forward(x: Any, k: float = 3) -> Any:
            return x * k

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.k, None

    x = leaf(1.0)
    (Scale.apply(x) + Scale.apply(x, k=4)).backward()
    assert x.grad.item() == 7


def test_vjp_is_another_name_of_backward() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def vjp(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(1.0)
    Twice.apply(x).backward()
    assert x.grad.item() == 2


@pytest.mark.parametrize(
    ("backward", "args", "message"),
    [
        (lambda c, g: (g, g), (), r"incorrect number of gradients \(expected 1, got 2\)"),
        (lambda c, g: g, (3,), r"incorrect number of gradients \(expected 2, got 1\)"),
        (lambda c, g: (g, g), (3,), "a gradient different than None at position 2, but the corresponding"),
        (lambda c, g: 3.0, (), r"expected Variable or None \(got float\)"),
        (lambda c, g: [g], (), r"expected Variable or None \(got list\)"),
        (
            lambda c, g: ones(5),
            (),
            r"MyFnBackward returned an invalid gradient at index 0 - got \[5\] but exp",
        ),
    ],
)
def test_wrong_gradients(backward: Any, args: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        made(backward).apply(leaf(1.0, 2.0), *args).sum().backward()


def test_surplus_nones_and_other_dtypes_are_fine() -> None:
    x = leaf(1.0)
    made(lambda c, g: (g.float(), None, None)).apply(x).backward()
    assert x.grad._a.dtype == np.float64


def test_missing_methods() -> None:
    class Nothing(Function):
        pass

    class Forward(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    with pytest.raises(NotImplementedError, match="You must implement the forward function"):
        Nothing.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="either the backward or vjp method"):
        Forward.apply(leaf(1.0)).backward()
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        Forward()


def test_only_tensors_are_saved() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(3)
        return x * 2

    with pytest.raises(
        TypeError, match="save_for_backward can only save variables, but argument 0 is of type int"
    ):
        made(lambda c, g: g, forward).apply(leaf(1.0))


def test_results_that_are_no_tensors() -> None:
    seen: list[Any] = []

    def backward(ctx: Any, *gs: Any) -> Any:
        seen.append(gs)
        return gs[0] * 2

    x = leaf(1.0)
    y, text, count = made(backward, lambda ctx, x: (x * 2, "text", tensor([1, 2]))).apply(x)
    assert text == "text" and not count.requires_grad and y.requires_grad
    y.backward()
    assert seen[0][1] is None and seen[0][2].tolist() == [0, 0]


def test_results_without_a_derivative() -> None:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        a, b = x * 2, x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        seen.append(h.tolist())
        return g * 2

    a, b = made(backward, forward).apply(leaf(1.0))
    assert a.requires_grad and not b.requires_grad
    a.backward()
    assert seen == [[0]]


@pytest.mark.parametrize("zeros", [True, False])
def test_unused_results(zeros: bool) -> None:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(zeros)
        return x * 2, x * 3

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        seen.append(None if h is None else h.tolist())
        return g * 2

    made(backward, forward).apply(leaf(1.0))[0].backward()
    assert seen == [[0] if zeros else None]


def test_a_function_behind_one_that_gives_none() -> None:
    x = leaf(1.0)
    made(lambda c, g: None).apply(made(lambda c, g: g * 2).apply(x)).backward()
    assert x.grad.tolist() == [0]


# ---- memory that is shared
class AddOne(Function):
    """Overwrites its argument."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        x.add_(1)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 7


def test_dirty_arguments() -> None:
    x = leaf(1.0)
    z = x * 1
    assert AddOne.apply(z) is z and z.tolist() == [2] and z._version == 2
    z.backward()
    assert x.grad.item() == 7
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        AddOne.apply(x)


def test_dirty_views() -> None:
    x = leaf(1.0, 1.0, 1.0)
    z = x * 1
    AddOne.apply(z[1:])
    assert z.grad_fn.name() == "CopySlices" and z.tolist() == [1, 2, 2]
    z.sum().backward()
    assert x.grad.tolist() == [1, 7, 7]


def test_dirty_arguments_must_be_results() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x * 2

    with pytest.raises(RuntimeError, match="Some elements marked as dirty"):
        made(lambda c, g: g, forward).apply(leaf(1.0) * 1)


def test_dirty_without_a_graph() -> None:
    z = ones(2)
    assert AddOne.apply(z) is z and z.tolist() == [2, 2] and not z.requires_grad


def test_arguments_given_back_are_views() -> None:
    x = leaf(1.0)
    y = made(lambda c, g: g * 5, lambda ctx, x: x).apply(x)
    assert y is not x and y._base is x
    with pytest.raises(RuntimeError, match="Output 0 of MyFn is a view and is being modified inplace"):
        y.add_(1)
    y.backward()
    assert x.grad.item() == 5


def test_views_of_arguments() -> None:
    View = made(lambda c, g: NAMES["cat"]([g[:1] * 0, g]), lambda ctx, x: x[1:])
    x = leaf(1.0, 2.0)
    View.apply(x).sum().backward()
    assert x.grad.tolist() == [0, 1]
    z = x * 1
    v = View.apply(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match="its base or another view of its base has been modified inplace"):
        v.sum()


def test_the_same_result_twice() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    x = leaf(1.0)
    a, b = made(lambda c, g, h: g * 2 + h * 10, forward).apply(x)
    (a + 3 * b).backward()
    assert x.grad.item() == 32


def test_writes_to_what_is_saved_are_noticed() -> None:
    q = leaf(1.0) * 1
    y = Cube.apply(q)
    q.add_(1)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.backward()
    e = Exp.apply(leaf(1.0))
    e.mul_(2)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        e.backward()


def test_saved_values_are_freed() -> None:
    y = Cube.apply(leaf(1.0))
    y.backward()
    for ask in (y.backward, lambda: y.grad_fn.saved_tensors):
        with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
            ask()


@pytest.mark.parametrize("function", [Cube, Exp])
def test_nothing_is_left_behind(function: Any) -> None:
    gc.disable()
    try:
        x = leaf(1.0)
        y = function.apply(x * 1)
        refs = [weakref.ref(y), weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.static)]
        grad(y, x, create_graph=True)
        del y
        assert [ref() for ref in refs] == [None] * 3
    finally:
        gc.enable()


def test_nothing_is_recorded_without_need() -> None:
    with no_grad():
        y = Cube.apply(leaf(1.0))
    assert not y.requires_grad and not Cube.apply(ones(1)).requires_grad


def test_failures_in_forward_restore_the_mode() -> None:
    with pytest.raises(KeyError):
        made(lambda c, g: g, lambda ctx, x: {}[1]).apply(leaf(1.0))
    assert is_grad_enabled()


def test_once_differentiable() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            assert not is_grad_enabled()
            return tensor(2 * ctx.saved_tensors[0].numpy() * g.numpy())

    x = leaf(3.0)
    Once.apply(x).backward()
    assert x.grad.item() == 6
    (slope,) = grad(Once.apply(x), x, leaf(1.0), create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was marked with"):
        slope.backward()


def test_legacy_calls_are_refused() -> None:
    with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError, match="Legacy autograd function"):
        Cube()(leaf(1.0))
