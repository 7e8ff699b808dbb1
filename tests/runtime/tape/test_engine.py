"""The backward pass: which gradients arrive where, and what is left behind."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
from pullback.runtime.autograd.function import Function
from pullback.runtime.tape import engine
from pullback.runtime.tape.mode import is_grad_enabled, mode
from pullback.runtime.tape.node import Node, wrap
from pullback.runtime.tape.record import record, record_many
from pullback.runtime.tensor.backward import backward, grad
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.tensor import Tensor

tensor, ones, zeros = NAMES["tensor"], NAMES["ones"], NAMES["zeros"]


def leaf(*values: float) -> Any:
    return tensor(list(values), dtype=NAMES["float64"], requires_grad=True)


def test_shared_subgraphs_run_once() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y + y  # x⁴ + x²
    z.backward()
    assert x.grad.tolist() == [4 * 8 + 2 * 2]


def test_a_value_used_many_times() -> None:
    x = leaf(1.0, 2.0)
    total = x
    for _ in range(5):
        total = total + x
    total.backward(ones(2, dtype=NAMES["float64"]))
    assert x.grad.tolist() == [6, 6]


def test_gradients_accumulate() -> None:
    x = leaf(3.0)
    (x * 2).backward()
    first = x.grad
    (x * 5).backward()
    assert x.grad is first and first.tolist() == [7]


def test_create_graph_does_not_write_to_the_old_gradient() -> None:
    x = leaf(3.0)
    (x * 2).backward()
    first = x.grad
    (x * x).backward(create_graph=True)
    assert x.grad is not first and first.tolist() == [2]
    assert x.grad.tolist() == [8] and x.grad.requires_grad


def test_second_derivative() -> None:
    x = leaf(0.5)
    (slope,) = grad(x.sin() * x, x, create_graph=True)
    (curve,) = grad(slope, x)
    np.testing.assert_allclose(curve._a, 2 * np.cos(0.5) - 0.5 * np.sin(0.5))


def test_third_derivative() -> None:
    x = leaf(2.0)
    g = x**5
    for _ in range(3):
        (g,) = grad(g, x, create_graph=True)
    assert g.item() == 60 * 2.0**2


def test_several_roots_with_a_shared_part() -> None:
    x = leaf(2.0)
    y = x * 3
    backward([y * y, y], [leaf(1.0).detach(), leaf(10.0).detach()])
    assert x.grad.tolist() == [2 * 6 * 3 + 30]


def test_a_root_behind_another_root() -> None:
    x = leaf(2.0)
    y = x * 3
    assert [g.item() for g in grad([y * 2, y], [x, y])] == [9, 3]


def test_the_gradient_of_a_leaf_itself() -> None:
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1
    assert grad(x, x)[0].item() == 1


def test_inputs_limit_what_is_accumulated() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    (y * y).backward(inputs=[w, y])
    assert x.grad is None and w.grad.item() == 2 * 6 * 2 and y.grad.item() == 12


def test_grad_accumulates_nothing() -> None:
    x, w = leaf(2.0), leaf(3.0)
    assert grad(x * w, [x, w])[1].item() == 2
    assert x.grad is None and w.grad is None


def test_grad_of_values_in_the_middle() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y * y
    gy, gx = grad(z, [y, x])
    assert (gy.item(), gx.item()) == (12, 36)


def test_unused_inputs() -> None:
    x, w = leaf(2.0), leaf(1.0, 1.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(x * 2, [x, w])
    assert grad(x * 2, [x, w], allow_unused=True)[1] is None
    assert grad(x * 2, [x, w], materialize_grads=True)[1].tolist() == [0, 0]
    with pytest.raises(ValueError, match="allow_unused to be True"):
        grad(x * 2, w, allow_unused=False, materialize_grads=True)


def test_only_what_leads_to_the_inputs_runs() -> None:
    calls = []

    class Costly(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls.append(1)
            return g * 2

    x, w = leaf(2.0), leaf(3.0)
    grad(Costly.apply(x) * w, w)
    assert calls == []


def test_freed_graphs_say_so() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_retained_graphs_run_again() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8


def test_graphs_that_save_nothing_run_again() -> None:
    x = leaf(2.0)
    y = x + x
    y.backward()
    y.backward()
    assert x.grad.item() == 4


class Split(Node):
    """The two halves of an array."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        parts = [
            np.zeros(*known) if part is None else part for part, known in zip(g, self.outputs, strict=True)
        ]
        return (np.concatenate(parts),)


def halves(x: Any) -> Any:
    n = len(x._a) // 2
    return record_many(Split, (x._a[:n].copy(), x._a[n:].copy()), (x,))


def test_nodes_with_several_results() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    a, b = halves(x)
    assert (a * b).sum().grad_fn.name() == "SumBackward0"
    (a * b).sum().backward()
    assert x.grad.tolist() == [3, 4, 1, 2]
    assert [fn[1] for fn in (a * b).grad_fn.next_functions] == [0, 1]


def test_one_of_several_results_unused() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    _, b = halves(x)
    (b * b).sum().backward()
    assert x.grad.tolist() == [0, 0, 6, 8]


def test_targets_among_several_results() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    a, b = halves(x)
    ga, gb, gx = grad((a * b * b).sum(), [a, b, x])
    assert ga.tolist() == [9, 16] and gb.tolist() == [6, 16] and gx.tolist() == [9, 16, 6, 16]


class Wrong(Node):
    """A rule that gives a cotangent of a wrong shape."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (np.zeros(7),)


def test_wrong_shapes_are_refused() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match=r"Function Wrong returned an invalid gradient at index 0 - got \[7\]"
    ):
        record(Wrong, x._a * 1, (x,)).sum().backward()


def test_broadcast_operands_get_sums() -> None:
    x, w = leaf(2.0), leaf(1.0, 2.0, 3.0)
    (x * w).sum().backward()
    assert x.grad.tolist() == [6] and w.grad.tolist() == [2, 2, 2]


def test_gradients_have_the_dtype_of_their_leaf() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    w = leaf(1.0, 2.0)
    (x * w).sum().backward()
    assert x.grad._a.dtype == np.float32 and w.grad._a.dtype == np.float64


# ---- memory
def shares(*values: Any) -> bool:
    arrays = [v._a if isinstance(v, Tensor) else v for v in values]
    return any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_gradients_share_no_memory_with_each_other() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    ((x + w) * 2).sum().backward()
    assert not shares(x.grad, w.grad)
    x.grad.zero_() if hasattr(x.grad, "zero_") else x.grad._a.fill(0)
    assert w.grad.tolist() == [2, 2]


def test_gradients_share_no_memory_with_the_cotangent_given() -> None:
    x, w, v = leaf(1.0, 2.0), leaf(3.0, 4.0), tensor([1.0, 5.0], dtype=NAMES["float64"])
    (x + w).backward(v)
    assert not shares(x.grad, w.grad, v)
    gx, gw = grad(x + w, [x, w], v)
    assert not shares(gx, gw, v)
    y = x + w
    gy, gx, gw = grad(y * 1, [y, x, w], v)
    assert not shares(gy, gx, gw, v)


def test_results_of_grad_share_no_memory() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x + w
    gy, gx, gw = grad((y * 2).sum(), [y, x, w], retain_graph=True)
    assert not shares(gy, gx, gw)


def test_gradients_share_no_memory_with_saved_values() -> None:
    class Give(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, k: Any) -> Any:
            ctx.save_for_backward(k)
            return x * k

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.saved_tensors[0], None

    x, k = leaf(1.0, 2.0), leaf(3.0, 4.0).detach()
    Give.apply(x, k).sum().backward()
    assert not shares(x.grad, k)
    assert not shares(grad(Give.apply(x, k).sum(), x)[0], k)
    z = leaf(1.0, 2.0)
    (Give.apply(z, k) * z).sum().backward()
    assert not shares(z.grad, k)


def test_gradients_can_be_written_to() -> None:
    x = leaf(1.0, 2.0)
    x.sum().backward()
    assert x.grad._a.flags.writeable
    x.grad._a += 1
    assert x.grad.tolist() == [2, 2]
    assert grad(x.sum(), x)[0]._a.flags.writeable


def test_a_gradient_of_nobody_else_is_not_copied() -> None:
    given: list[int] = []

    class Note(Node):
        __slots__ = ()

        def backward(self, g: Any) -> Any:
            made = g * 2
            given.append(made.__array_interface__["data"][0])
            return (made,)

    x = leaf(*range(1000))
    record(Note, x._a * 2, (x,)).sum().backward()
    assert x.grad._a.__array_interface__["data"][0] == given[0]


# ---- size
def test_a_long_chain_neither_recurses_nor_leaks() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1
    made = weakref.ref(y.grad_fn)
    del y
    assert made() is None


def test_a_long_chain_is_freed_without_a_backward_pass() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    made = weakref.ref(y)
    del y
    assert made() is None


def test_small_graphs_leave_nothing_behind() -> None:
    x = leaf(1.0)
    (x * x).sum().backward()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(200):
            (x * x).sin().sum().backward()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3000):
            (x * x).sin().sum().backward()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 20_000


@pytest.mark.parametrize("name", ["exp", "tanh", "sqrt", "sin", "sigmoid", "square"])
def test_results_are_freed_by_counting_references(name: str) -> None:
    gc.disable()
    try:
        x = leaf(0.5)
        y = NAMES[name](x * 1)
        refs = [weakref.ref(y), weakref.ref(y.grad_fn)]
        (slope,) = grad(y, x, create_graph=True)
        refs.append(weakref.ref(slope))
        y.backward(retain_graph=True)
        del y, slope
        assert [ref() for ref in refs] == [None] * 3
    finally:
        gc.enable()


def test_saved_values_are_freed_behind_the_pass() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y * y
    seen = weakref.ref(y)
    z.backward()
    del y
    assert seen() is None


# ---- failures
class Fails(Function):
    """Raises in backward."""

    @staticmethod
    def forward(ctx: Any, x: Any, error: Any) -> Any:
        ctx.error = error
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise ctx.error


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("create_graph", [False, True])
def test_failures_restore_the_mode(error: BaseException, create_graph: bool) -> None:
    x = leaf(1.0)
    y = Fails.apply(x * 3, error)
    with pytest.raises(type(error)):
        y.backward(create_graph=create_graph)
    assert is_grad_enabled() and x.grad is None
    (x * 2).backward()
    assert x.grad.item() == 2


def test_failures_in_hooks_restore_the_mode() -> None:
    x = leaf(1.0)

    def fail(g: Any) -> None:
        raise KeyError("hook")

    x.register_hook(fail)
    with pytest.raises(KeyError):
        (x * 2).backward()
    assert is_grad_enabled()


def test_backward_inside_of_backward() -> None:
    class Inner(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            from pullback.runtime.tape.mode import enable_grad

            with enable_grad():
                again = ctx.saved_tensors[0].detach().requires_grad_()
                (again * again).sum().backward()
            return again.grad * g

    x = leaf(3.0)
    (Inner.apply(x) * 2).backward()
    assert x.grad.item() == 12


# ---- threads
def in_threads(count: int, work: Any) -> list[BaseException]:
    errors: list[BaseException] = []

    def run(k: int) -> None:
        try:
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_with_leaves_of_their_own() -> None:
    found: dict[int, float] = {}

    def work(k: int) -> None:
        x = leaf(float(k))
        for _ in range(50):
            (x * x).sum().backward()
        found[k] = x.grad.item()

    assert in_threads(8, work) == []
    assert found == {k: 100.0 * k for k in range(8)}


def test_threads_that_share_leaves() -> None:
    x = tensor(np.ones(5000), requires_grad=True)

    def work(k: int) -> None:
        for _ in range(50):
            (x * 2).sum().backward()

    assert in_threads(8, work) == []
    assert (x.grad._a == 800).all()


def test_threads_that_share_a_graph() -> None:
    x = leaf(2.0)
    y = (x * x).sum()

    def work(k: int) -> None:
        for _ in range(50):
            assert grad(y, x, retain_graph=True)[0].item() == 4

    assert in_threads(4, work) == []


def test_the_mode_belongs_to_the_thread() -> None:
    before = mode.enabled
    mode.enabled = False
    try:
        seen: list[bool] = []
        in_threads(1, lambda k: seen.append(is_grad_enabled()))
        assert seen == [True]
    finally:
        mode.enabled = before


# ---- what the engine itself promises
def test_cotangents_of_floats_only() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        (x > 0).backward()


def test_complex_cotangents_of_real_leaves_are_real() -> None:
    x = leaf(2.0)
    z = x * tensor([1j], dtype=NAMES["complex128"])
    z.backward(tensor([1j], dtype=NAMES["complex128"]))
    assert x.grad._a.dtype == np.float64 and x.grad.item() == 1


def test_run_gives_what_targets_get() -> None:
    x = leaf(2.0)
    y = x * 3
    assert engine.run([y._fn], [np.ones(1)], targets=[x], accumulate=False)[0].tolist() == [3]


def test_wrapped_arrays_have_no_history() -> None:
    assert wrap(Tensor, np.ones(1)).grad_fn is None
