"""Modules: what attributes become, walks, modes, conversions, hooks, text, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.nn.containers import ModuleList, Sequential
from pullback.runtime.nn.layers.activations import ReLU
from pullback.runtime.nn.layers.linear import Linear
from pullback.runtime.nn.module import Module
from pullback.runtime.nn.parameter import Buffer, Parameter
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a, np.float32))


class Pair(NamedTuple):
    one: Any
    two: Any


class Net(Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Linear(2, 3)
        self.scale = Parameter(t([2.0]))
        self.rest = Sequential(ReLU(), Linear(3, 1, bias=False))
        self.register_buffer("seen", t([0.0]))
        self.register_buffer("scratch", t([0.0]), persistent=False)
        self.plain = 5

    def forward(self, x: Any) -> Any:
        return self.rest(self.first(x) * self.scale)


def test_walks() -> None:
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias", "rest.1.weight"]
    assert [n for n, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [n for n, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [n for n, _ in net.named_children()] == ["first", "rest"]
    assert next(iter(net.modules())) is net
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_parameter("first.bias") is net.first.bias
    assert net.get_buffer("seen") is net.seen
    net.set_submodule("rest.0", Linear(3, 3))
    assert isinstance(net.rest[0], Linear)
    assert {"scale", "first", "seen", "plain"} <= set(dir(net))


def test_shared_parameters_are_listed_once() -> None:
    net = Net()
    net.again = net.first
    net.tied = net.first.weight
    names = [n for n, _ in net.named_parameters()]
    assert names == ["scale", "tied", "first.bias", "rest.1.weight"]
    assert len([n for n, _ in net.named_parameters(remove_duplicate=False)]) == 7
    assert len(list(net.modules())) == 5


def test_attributes_change_their_kind() -> None:
    net = Net()
    net.plain = Parameter(t([1.0]))
    assert "plain" in dict(net.named_parameters())
    net.plain = None
    assert net.plain is None
    assert "plain" not in dict(net.named_parameters())
    del net.plain
    assert not hasattr(net, "plain")
    net.seen = t([3.0])
    assert dict(net.named_buffers())["seen"].tolist() == [3]
    net.mean = Buffer(t([1.0]), persistent=False)
    assert "mean" not in net.state_dict()
    net.mean = Buffer(t([1.0]))
    assert "mean" in net.state_dict()
    net.mean = ReLU()
    assert "mean" not in net.state_dict()


def test_forward_backward_and_zero_grad() -> None:
    net = Net()
    x = t(np.ones((4, 2)))
    net(x).sum().backward()
    held = net.scale.grad
    assert held is not None
    net.zero_grad()
    assert net.scale.grad is held
    assert held.tolist() == [0]
    net.zero_grad(set_to_none=True)
    assert net.scale.grad is None
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        Module()(x)


def test_freezing() -> None:
    net = Net()
    assert net.requires_grad_(False) is net
    net.rest[1] = Linear(3, 1)
    net(t(np.ones((4, 2)))).sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is not None] == ["rest.1.weight", "rest.1.bias"]


def test_modes() -> None:
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(3)  # type: ignore[arg-type]


def test_conversions() -> None:
    net = Net()
    net(t(np.ones((1, 2)))).sum().backward()
    weight = net.first.weight
    counted = Buffer(wrap(Tensor, np.array(3)))
    net.counted = counted
    assert net.double() is net
    assert net.first.weight is weight
    assert weight._a.dtype == weight.grad._a.dtype == np.float64
    assert net.seen._a.dtype == np.float64
    assert counted._a.dtype == np.int64
    assert net.half().first.weight._a.dtype == np.float16
    assert net.to("cpu", dtype="float32").first.weight._a.dtype == np.float32
    assert net.to(checks.leaf([1.0])).first.weight._a.dtype == np.float64
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        net.to(dtype="int64")
    with pytest.raises(RuntimeError, match="pullback has no device 'cuda'"):
        net.to("cuda")


def test_apply_goes_through_children_first() -> None:
    seen: list[str] = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_forward_hooks() -> None:
    net = Linear(2, 1)
    x = t(np.ones((1, 2)))
    plain = net(x)
    before = net.register_forward_pre_hook(lambda module, args: args[0] * 2)
    after = net.register_forward_hook(lambda module, args, out: out + args[0].sum())
    changed = net(x)
    assert changed.item() == pytest.approx(float(F.linear(x * 2, net.weight, net.bias) + 4))
    before.remove()
    after.remove()
    assert net(x).item() == plain.item()
    named: list[Any] = []
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, out: named.append(kwargs), with_kwargs=True)
    net.register_forward_hook(lambda m, args, out: named.append("first"), prepend=True)
    net(x)
    assert named == ["first", {}]


def test_backward_hooks() -> None:
    net = Linear(2, 1, bias=False)
    seen: list[Any] = []

    def watch(module: Any, grad_input: Any, grad_output: Any) -> Any:
        seen.append((module, grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    net.register_full_backward_hook(watch)
    net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    x = t(np.ones((1, 2))).requires_grad_()
    net(x).sum().backward()
    weight = net.weight.tolist()[0]
    assert seen[0][0] is net
    assert seen[0][1][0] == pytest.approx([2 * w for w in weight])
    assert seen[0][2] == [[2]]
    assert x.grad.tolist()[0] == pytest.approx([20 * w for w in weight])
    assert net.weight.grad.tolist() == [[2, 2]]
    # Inputs that require no gradient: the hook is called all the same.
    calls: list[Any] = []
    other = Linear(2, 1)
    handle = other.register_full_backward_hook(lambda m, grad_input, grad_output: calls.append(grad_input))
    other(t(np.ones((1, 2)))).sum().backward()
    assert calls == [(None,)]
    handle.remove()
    handle = other.register_full_backward_hook(lambda m, grad_input, grad_output: (None,))
    other(t(np.ones((1, 2)))).sum().backward()
    handle.remove()
    other.register_full_backward_hook(lambda m, grad_input, grad_output: grad_output)
    with pytest.raises(RuntimeError, match="where no input requires gradient should always return None"):
        other(t(np.ones((1, 2)))).sum().backward()


@pytest.mark.parametrize("kind", [list, tuple, Pair])
def test_backward_hooks_see_all_results(kind: Any) -> None:
    class Two(Module):
        def forward(self, x: Any) -> Any:
            made = (x * 2, x * 3)
            return Pair(*made) if kind is Pair else kind(made)

    net, seen = Two(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append(grad_output))
    out = net(t(np.ones(2)).requires_grad_())
    assert type(out) is kind
    (out[0] + 5 * out[1]).sum().backward()
    assert [g.tolist() for g in seen[0]] == [[1, 1], [5, 5]]


def test_a_write_behind_a_backward_hook_is_refused() -> None:
    relu = ReLU(inplace=True)
    relu.register_full_backward_hook(lambda *_: None)
    x = t(np.ones(2)).requires_grad_()
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        relu(x * 1)


def test_copies_and_pickles() -> None:
    net = Net()
    net(t(np.ones((1, 2)))).sum().backward()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(again) == repr(net)
        for (n, p), (m, q) in zip(net.named_parameters(), again.named_parameters(), strict=True):
            assert n == m
            assert q is not p
            assert isinstance(q, Parameter)
            assert q.requires_grad
            np.testing.assert_array_equal(p._a, q._a)
            assert not np.shares_memory(p._a, q._a)
    tied = Net()
    tied.other = tied.first
    assert copy.deepcopy(tied).other is not tied.other
    again = copy.deepcopy(tied)
    assert again.other is again.first


def test_text() -> None:
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )
    assert repr(Module()) == "Module()"
    assert repr(ModuleList([ReLU(), ReLU(), Linear(1, 1)])) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Linear(in_features=1, out_features=1, bias=True)\n)"
    )


def test_assignments_before_init_are_refused() -> None:
    class Late(Module):
        def __init__(self, value: Any) -> None:
            self.member = value

    for value, what in (
        (ReLU(), "module"),
        (Parameter(t([1.0])), "parameters"),
        (Buffer(t([1.0])), "buffer"),
    ):
        with pytest.raises(AttributeError, match=f"cannot assign {what} before Module.__init__"):
            Late(value)


def test_what_is_refused() -> None:
    net = Net()
    refused: list[tuple[type[Exception], str, Any]] = [
        (AttributeError, "'Net' object has no attribute 'nothing'", lambda: net.nothing),
        (
            TypeError,
            "cannot assign 'torch.FloatTensor' as parameter 'scale'",
            lambda: setattr(net, "scale", t([1])),
        ),
        (TypeError, "cannot assign 'int' as child module 'first'", lambda: setattr(net, "first", 3)),
        (TypeError, "cannot assign 'int' as buffer 'seen'", lambda: setattr(net, "seen", 3)),
        (KeyError, "parameter name can.*t contain", lambda: net.register_parameter("a.b", None)),
        (KeyError, "be empty string", lambda: net.register_parameter("", None)),
        (KeyError, "already exists", lambda: net.register_buffer("training", None)),
        (KeyError, "module name can.*t contain", lambda: net.add_module("a.b", ReLU())),
        (TypeError, "int is not a Module subclass", lambda: net.add_module("a", 3)),  # type: ignore[arg-type]
        (TypeError, "parameter name should be a string. Got int", lambda: net.register_parameter(1, None)),  # type: ignore[arg-type]
        (TypeError, "object to parameter 'q'", lambda: net.register_parameter("q", t([1]))),
        (TypeError, "object to buffer 'q'", lambda: net.register_buffer("q", 3)),  # type: ignore[arg-type]
        (AttributeError, "Net has no attribute `nothing`", lambda: net.get_submodule("nothing.x")),
        (AttributeError, "`plain` is not an nn.Module", lambda: net.get_submodule("plain")),
        (AttributeError, "Linear has no attribute `nothing`", lambda: net.get_parameter("first.nothing")),
        (TypeError, "got an unexpected keyword argument 'size'", lambda: ReLU.__mro__[1](size=3)),
        (TypeError, "takes a dtype, a device or a tensor, but got int", lambda: net.to(3)),
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words.replace("(", r"\(")):
            call()
