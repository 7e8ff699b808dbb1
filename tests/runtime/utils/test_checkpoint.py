"""`checkpoint`: the same gradients, with less kept."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from pullback.runtime.autograd.gradcheck import gradcheck, gradgradcheck
from pullback.runtime.tape.mode import no_grad
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.utils.checkpoint import checkpoint, checkpoint_sequential

tensor, float64 = NAMES["tensor"], NAMES["float64"]


def leaf(*values: float) -> Any:
    return tensor(list(values), dtype=float64, requires_grad=True)


def test_gradients_of_all_orders() -> None:
    w = leaf(1.5, -0.5)

    def part(x: Any) -> Any:
        return checkpoint(lambda x: (x * w).sin() * x, x * 2)

    assert gradcheck(part, leaf(0.3, 0.7))
    assert gradgradcheck(part, leaf(0.3, 0.7))
    assert gradcheck(lambda v: checkpoint(lambda: v.exp() * 2), leaf(0.3))


def test_leaves_that_are_reached_get_gradients() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = checkpoint(lambda x: x * w * w, x)
    assert [g.item() for g in grad(y, [x, w], retain_graph=True)] == [9, 12]
    assert x.grad is None and w.grad is None
    y.backward()
    assert (x.grad.item(), w.grad.item()) == (9, 12)


def test_values_between_are_not_kept() -> None:
    seen: list[Any] = []

    def part(x: Any) -> Any:
        y = x.exp()
        seen.append(weakref.ref(y))
        return y * y

    x = leaf(0.5)
    out = checkpoint(part, x)
    assert seen[0]() is None and len(seen) == 1
    out.backward()
    assert len(seen) == 2 and x.grad.item() == pytest.approx(2 * 2.718281828459045)


def test_several_results_and_other_arguments() -> None:
    x = leaf(2.0)
    a, text, b = checkpoint(lambda x, k, name: (x * k, name, x + k), x, 3, name="n")
    assert text == "n"
    (a * b).backward()
    assert x.grad.item() == 3 * 5 + 6
    (alone,) = checkpoint(lambda x: (x * 2,), x)
    assert alone.requires_grad


def test_random_numbers_are_the_same_again() -> None:
    drawn: list[Any] = []

    def part(x: Any) -> Any:
        noise = NAMES["rand"](1, dtype=float64)
        drawn.append(noise.item())
        return x * noise

    x = leaf(1.0)
    NAMES["manual_seed"](0)
    y = checkpoint(part, x)
    after = NAMES["rand"](1).item()
    y.backward()
    assert drawn[0] == drawn[1] == x.grad.item()
    NAMES["manual_seed"](0)
    NAMES["rand"](1, dtype=float64)
    assert NAMES["rand"](1).item() == after


def test_without_recording() -> None:
    with no_grad():
        assert not checkpoint(lambda x: x * 2, leaf(1.0)).requires_grad
    assert not checkpoint(lambda x: x * 2, leaf(1.0).detach()).requires_grad


def test_inputs_that_are_overwritten_are_noticed() -> None:
    x = leaf(1.0) * 1
    y = checkpoint(lambda x: x * x, x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.backward()


def test_sequences() -> None:
    steps = [NAMES["exp"], NAMES["sin"], lambda x: x * x, NAMES["tanh"], NAMES["exp"]]
    x, z = leaf(0.3), leaf(0.3)
    y = checkpoint_sequential(steps, 2, x)
    z_out = z
    for step in steps:
        z_out = step(z_out)
    assert y.item() == z_out.item()
    y.backward()
    z_out.backward()
    assert x.grad.item() == pytest.approx(z.grad.item(), rel=1e-14)


class Pair(NamedTuple):
    one: Any
    two: Any


@pytest.mark.parametrize(
    ("function", "first"),
    [
        (lambda x: [x * 2, "text"], lambda y: y[0]),
        (lambda x: {"a": x.detach(), "b": (None, x * 2)}, lambda y: y["b"][1]),
        (lambda x: Pair(3, x * 2), lambda y: y.two),
    ],
)
def test_results_in_containers(function: Any, first: Any) -> None:
    x = leaf(1.0, 1.0)
    given = checkpoint(function, x)
    assert type(given) is type(function(x))
    first(given).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_tensors_in_other_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="got SimpleNamespace, whose tensors would get no gradient"):
        checkpoint(lambda x: SimpleNamespace(y=x * 2), leaf(1.0, 1.0))
    assert checkpoint(lambda x: SimpleNamespace(y=3), leaf(1.0, 1.0)).y == 3
