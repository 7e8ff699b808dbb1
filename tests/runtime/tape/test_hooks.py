"""Hooks: when they run, what they see, what they may change."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from pullback.runtime.tape.mode import is_grad_enabled
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.tensor import Tensor

tensor, ones = NAMES["tensor"], NAMES["ones"]


def leaf(*values: float) -> Any:
    return tensor(list(values), requires_grad=True)


def test_a_hook_on_a_leaf_sees_the_sum() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).backward()
    assert seen == [[5]] and x.grad.tolist() == [5]


def test_what_a_hook_gives_takes_the_place() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (x * 2).backward()
    assert x.grad.tolist() == [21]


def test_a_hook_in_the_middle() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    (y * 3).backward()
    assert x.grad.tolist() == [60]


def test_handles_take_hooks_away() -> None:
    x = leaf(1.0)
    y = x * 2
    first, second = (y.register_hook(lambda g: g * 10) for _ in range(2))
    first.remove()
    first.remove()
    with y.register_hook(lambda g: g * 0):
        pass
    (y * 1).backward(retain_graph=True)
    assert x.grad.tolist() == [20]
    second.remove()
    x.grad = None
    (y * 1).backward()
    assert x.grad.tolist() == [2]


def test_handles_of_large_tensors() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    handles = [y.register_hook(lambda g: None) for _ in range(3)]
    for handle in handles[::-1]:
        handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_the_same_hook_twice() -> None:
    x = leaf(1.0)

    def double(g: Any) -> Any:
        return g * 2

    x.register_hook(double)
    x.register_hook(double).remove()
    (x * 1).backward()
    assert x.grad.tolist() == [2]


def test_hooks_run_with_the_mode_of_the_pass() -> None:
    x = leaf(1.0)
    seen: list[bool] = []
    x.register_hook(lambda g: seen.append(is_grad_enabled()))
    y = x * x
    y.backward(retain_graph=True)
    y.backward(create_graph=True)
    assert seen == [False, True]


def test_hooks_are_differentiated() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * g)
    (slope,) = grad(y * x, x, create_graph=True)  # y's cotangent is x, squared by the hook: x² · 2x + y
    assert slope.item() == 2 * 27 + 9
    (curve,) = grad(slope, x)
    assert curve.item() == 6 * 9 + 6


@pytest.mark.parametrize(
    ("hook", "error", "message"),
    [
        (lambda g: 3, TypeError, "expected Variable, but hook returned 'int'"),
        (lambda g: ones(5), RuntimeError, "hook '<lambda>' has changed the size of value"),
        (lambda g: ones(1, dtype=NAMES["float64"]), RuntimeError, "hook '<lambda>' has changed the type"),
    ],
)
def test_wrong_results_of_hooks(hook: Any, error: type[Exception], message: str) -> None:
    x = leaf(1.0)
    x.register_hook(hook)
    with pytest.raises(error, match=message):
        (x * 2).backward()


def test_hooks_need_a_gradient() -> None:
    with pytest.raises(
        RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"
    ):
        ones(1).register_hook(print)


# ---- gradients that are kept
def test_retain_grad() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * 3).backward(retain_graph=True)
    assert y.retains_grad and y.grad.tolist() == [3]
    (y * 3).backward()
    assert y.grad.tolist() == [6]


def test_retain_grad_comes_after_all_hooks() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 100,))
    (y * 3).backward()
    assert y.grad.tolist() == [30] and x.grad.tolist() == [6000]


def test_retain_grad_follows_writes_in_place() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.mul_(5)
    (y * 3).backward()
    assert y.grad.tolist() == [3] and x.grad.tolist() == [30]


def test_retain_grad_of_leaves_and_constants() -> None:
    x = leaf(1.0)
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        ones(1).retain_grad()


def test_kept_gradients_do_not_keep_tensors() -> None:
    gc.disable()
    try:
        x = leaf(1.0)
        y = x * 2
        y.retain_grad()
        z = y * 3
        seen = weakref.ref(y)
        del y
        assert seen() is None
        z.backward()
        assert x.grad.tolist() == [6]
    finally:
        gc.enable()


def test_kept_gradients_share_no_memory() -> None:
    x = leaf(1.0, 2.0)
    y, z = x + 1, x + 2
    for t in (y, z):
        t.retain_grad()
    (y + z).sum().backward()
    arrays = [t.grad._a for t in (x, y, z)]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


# ---- hooks on nodes
def test_hooks_before_and_after_a_node() -> None:
    x = leaf(1.0)
    y = x * 2
    seen: list[Any] = []
    y.grad_fn.register_prehook(lambda gs: seen.append(("before", gs[0].item())))
    y.grad_fn.register_hook(
        lambda gin, gout: seen.append(
            ("after", [None if g is None else g.item() for g in gin], gout[0].item())
        )
    )
    (y * 3).backward()
    assert seen == [("before", 3), ("after", [6, None], 3)]


def test_hooks_after_a_node_see_and_change_fitted_cotangents() -> None:
    x = leaf(1.0)
    y = x * tensor([1.0, 1.0, 1.0])
    shapes: list[Any] = []

    def change(gin: Any, gout: Any) -> Any:
        shapes.append(tuple(gin[0].shape))
        return (gin[0] * 2, None)

    y.grad_fn.register_hook(change)
    y.sum().backward()
    assert shapes == [(1,)] and x.grad.tolist() == [6]


def test_hooks_on_the_accumulator_of_a_leaf() -> None:
    x = leaf(1.0)
    accumulator = (x * 1).grad_fn.next_functions[0][0]
    seen: list[Any] = []
    accumulator.register_hook(lambda gin, gout: seen.append(("post", gin, gout[0].item(), x.grad.item())))
    accumulator.register_prehook(lambda gs: seen.append(("pre", gs[0].item())))
    x.register_hook(lambda g: seen.append(("hook", g.item())))
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(("after", p.grad.item())))
    (x * 2).backward()
    assert seen == [("hook", 2), ("pre", 2), ("after", 2), ("post", (), 2, 2)]
    seen.clear()
    grad(x * 2, x)
    assert seen == [("hook", 2)]
    seen.clear()
    handle.remove()
    (x * 2).backward(inputs=[x])
    assert [what for what, *_ in seen] == ["hook", "pre", "post"]


def test_post_accumulate_hooks_on_leaves_only() -> None:
    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf tensors"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_an_optimizer_in_the_backward_pass() -> None:
    x = leaf(1.0)

    def step(p: Tensor) -> None:
        p._a -= 0.5 * p.grad._a  # type: ignore[union-attr]
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    assert x.tolist() == [0] and x.grad is None


# ---- hooks and targets
def test_targets_before_their_hooks_if_others_are_behind() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    z = y * 3
    gy, gx = grad(z, (y, x), retain_graph=True)
    assert (gy.item(), gx.item()) == (3, 60)
    assert grad(z, y)[0].item() == 30


def test_hooks_of_leaves_that_are_no_targets_do_not_run() -> None:
    x, w = leaf(1.0), leaf(2.0)
    x.register_hook(lambda g: pytest.fail("not wanted"))
    assert grad(x * w, w)[0].item() == 1


def test_leaves_come_first_and_in_order() -> None:
    x, w = leaf(1.0), leaf(1.0)
    y = x * 2
    order: list[str] = []
    for name, t in (("x", x), ("w", w), ("y", y)):
        t.register_hook(lambda g, name=name: order.append(name))
    (y * w).backward()
    (w * x).backward()
    assert order == ["w", "y", "x", "w", "x"]


def test_hooks_do_not_see_memory_that_is_overwritten() -> None:
    x = leaf(1.0, 2.0, 3.0)
    kept: list[Any] = []
    y = x * 1
    y.register_hook(kept.append)
    z = y * 1
    z.mul_(tensor([2.0, 2.0, 2.0]))
    (z + y).sum().backward()
    assert kept[0].tolist() == [3, 3, 3]
