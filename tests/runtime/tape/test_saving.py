"""What users do with saved tensors: hooks that keep them, refusals, names on nodes."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from pullback.runtime.tape.record import settings
from pullback.runtime.tape.saving import (
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES
from tensor_checks import check, sample

from pullback.autograd import Function, graph

tensor = NAMES["tensor"]


def leaf(*values: float) -> Any:
    return tensor(list(values), requires_grad=True)


def as_text() -> saved_tensors_hooks:
    """Keep saved tensors as lists."""
    return saved_tensors_hooks(lambda t: (t.tolist(), t.dtype), lambda kept: tensor(kept[0], dtype=kept[1]))


def test_gradients_from_what_was_kept_elsewhere() -> None:
    def f(x: Any, z: Any) -> Any:
        with as_text():
            return ((x * z).exp().tanh() @ z.t()).sort(0)[0].clamp(0.2, 0.9).pow(3).sum(0)

    check(f, sample(3, 2), sample(3, 2, seed=1))


def test_what_is_kept_and_when() -> None:
    x = leaf(1.0, 2.0)
    events: list[Any] = []
    with saved_tensors_hooks(
        lambda t: events.append(("pack", t.requires_grad, t.grad_fn is None)) or t,
        lambda t: events.append("unpack") or t,
    ):
        y = x.sin().exp()
        x.detach().sin()
    assert events == [("pack", True, True), ("pack", False, True)]  # an operand, and a result
    y.sum().backward()
    assert events[2:] == ["unpack", "unpack"]
    x.sin()
    assert len(events) == 4 and not settings["keep"]


def test_results_and_operands_can_be_differentiated_again() -> None:
    x = leaf(0.5, 0.25)
    with as_text():
        y = (x.exp() * x).sum()
    (g,) = grad(y, x, create_graph=True)
    (h,) = grad(g.sum(), x)
    a = x.detach().numpy()
    np.testing.assert_allclose(g.detach().numpy(), np.exp(a) * (1 + a), rtol=1e-6)
    np.testing.assert_allclose(h.numpy(), np.exp(a) * (2 + a), rtol=1e-6)


def test_of_nested_ones_the_innermost_counts() -> None:
    seen: list[str] = []

    def named(name: str) -> saved_tensors_hooks:
        return saved_tensors_hooks(lambda t: seen.append(name) or t, lambda t: t)

    x = leaf(1.0)
    with named("outer"):
        with named("inner"):
            y = x.sin()
        y.sin()
    assert seen == ["inner", "outer"]


def test_other_threads_are_left_alone() -> None:
    seen: list[Any] = []
    with saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        thread = threading.Thread(target=lambda: leaf(1.0).sin())
        thread.start()
        thread.join()
    assert seen == []


def test_functions_of_users() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            assert y.tolist() == [9]
            return 2 * x * g

    x = leaf(3.0)
    with as_text():
        y = Square.apply(x)
    y.backward()
    assert x.grad.tolist() == [6]


def test_hooks_that_do_wrong() -> None:
    x = leaf(1.0)
    with saved_tensors_hooks(lambda t: 1, lambda kept: kept):
        y = x.sin()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type int"):
        y.backward()
    writing = saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t)
    with writing, pytest.raises(RuntimeError, match="pack hook is modifying its input in place"):
        x.exp()


def test_refused() -> None:
    refused = pytest.raises(RuntimeError, match="not here")
    with disable_saved_tensors_hooks("not here"), refused, save_on_cpu():
        pass
    with save_on_cpu(), refused, disable_saved_tensors_hooks("not here"):
        pass
    with save_on_cpu():
        y = leaf(1.0).sin()
    y.backward()


def test_what_was_overwritten_is_noticed_on_the_cpu() -> None:
    x = leaf(1.0)
    with save_on_cpu():
        y = x * 1
        z = y.sin()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_in_place_operations() -> None:
    x = leaf(0.5, 0.25)
    with as_text():
        y = x * 1
        y.exp_()
        y[0] *= 3
        y.sqrt_()
    y.sum().backward()
    a = x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(a / 2) / 2 * np.sqrt([3, 1]), rtol=1e-6)


def test_names_of_what_a_node_saved() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    assert y.grad_fn._saved_result.tolist() == y.tolist() and y.grad_fn._saved_result.grad_fn is y.grad_fn
    assert (x * y).grad_fn._saved_self is x and (x * y).grad_fn._saved_other is y
    for name in ("_saved_self", "_saved_nothing", "nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(y.grad_fn, name)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        _ = y.grad_fn._saved_result


def test_hooks_on_one_saved_tensor() -> None:
    x = leaf(0.5)
    y = x.exp()
    kept = y.grad_fn._raw_saved_result
    kept.register_hooks(lambda t: t.item(), lambda value: tensor([value]))
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        kept.register_hooks(lambda t: t, lambda t: t)
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    y.backward()
    assert x.grad.tolist() == y.tolist()
    with pytest.raises(RuntimeError, match="after it has been freed"):
        y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: t)


def test_nodes_have_room_for_notes() -> None:
    y = leaf(1.0).sin()
    y.grad_fn.metadata["line"] = 3
    assert y.grad_fn.metadata == {"line": 3}
    assert y.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"


def test_edges() -> None:
    x = leaf(1.0, 2.0)
    parts = x.unbind()
    assert graph.get_gradient_edge(parts[1]) == (parts[1].grad_fn, 1)
    assert graph.get_gradient_edge(x).node.variable is x
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(x.detach())


def test_writes_that_the_tape_did_not_see() -> None:
    y = leaf(1.0) * 1
    z = y.sin()
    graph.increment_version([y])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
