"""In loops that read neighbours, stores come behind the loads that they do not touch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Load, Store, Value
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.stores_last import stores_last
from randprog.irloops import LoopProgram
from randprog.loops import Loops, moved, ranges
from randprog.passes import before_after, check_pass

import pullback as pb

Body = Callable[["Arrays", Builder, Value], None]


def differences(p: Arrays, b: Builder, i: Value) -> None:
    """a[i] = x[i]; y[i] = x[i + 1] - x[i]."""
    here = b.load(p.x, [i])
    b.store(p.a, [i], here)
    b.store(p.y, [i], b.apply("sub", (b.load(p.x, [moved(b, i, 1)]), here), "float64"))


def no_neighbours(p: Arrays, b: Builder, i: Value) -> None:
    b.store(p.a, [i], b.load(p.x, [i]))
    b.store(p.y, [i], b.load(p.x, [i]))


def in_place(p: Arrays, b: Builder, i: Value) -> None:
    """a[i] = a[i + 1]; y[i] = a[i]: the second load reads what the store has written."""
    b.store(p.a, [i], b.load(p.a, [moved(b, i, 1)]))
    b.store(p.y, [i], b.load(p.a, [i]))


def into_a_parameter(p: Arrays, b: Builder, i: Value) -> None:
    """y[i] = x[i]; a[i] = x[i + 1]: y may be x."""
    b.store(p.y, [i], b.load(p.x, [i]))
    b.store(p.a, [i], b.load(p.x, [moved(b, i, 1)]))


class Arrays(Loops):
    """With an array of its own, one element longer."""

    def __init__(self) -> None:
        super().__init__()
        self.a = self.array("zeros", self.shifted(self.n, 1))


def program(body: Body) -> Function:
    p = Arrays()
    p.each(partial(body, p))
    return p.function(p.a)


def kinds(fn: Function) -> list[str]:
    """The loads and stores of the loop."""
    (loop,) = ranges(fn)
    return [type(op).__name__ for op in loop.body.ops if isinstance(op, Load | Store)]


def results(fn: Function) -> list[list[float]]:
    x, y = np.arange(1.0, 7.0) ** 2, np.zeros(6)
    (a,) = run(fn, [x, y, 5, 0], print)
    return [a.tolist(), y.tolist()]


def test_before_and_after(golden: Callable[[str], None]) -> None:
    p = Arrays()
    p.each(partial(differences, p))
    golden(before_after(stores_last, p.b))


@pytest.mark.parametrize(
    ("body", "order"),
    [
        (differences, "Load Load Store Store"),
        (no_neighbours, "Load Store Load Store"),
        (in_place, "Load Store Load Store"),
        (into_a_parameter, "Load Store Load Store"),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_the_order_of_a_loop(body: Body, order: str) -> None:
    fn = program(body)
    made = stores_last(fn)
    verify(made, PRIMS)
    assert kinds(made) == order.split()
    assert (made is fn) is (body is no_neighbours)  # the others have the loop that is looked for
    assert results(made) == results(fn)


def test_what_is_written_to_parameters() -> None:
    """The caller sees it if the load that follows raises; and y may be x."""
    fn = program(into_a_parameter)
    made = stores_last(fn, visible=False)
    assert kinds(made) == ["Load", "Load", "Store", "Store"]
    assert results(made) == results(fn)
    assert kinds(stores_last(fn, visible=False, distinct_params=False)) == ["Load", "Store", "Load", "Store"]


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_pass(stores_last, seed)
    check_pass(stores_last, seed, LoopProgram)


def waves(u0, steps):
    u = u0.copy()
    made = np.empty_like(u)
    for _ in range(steps):
        for j in range(1, len(u) - 1):
            made[j] = u[j - 1] * u[j] + np.square(u[j + 1])
        for j in range(1, len(u) - 1):
            u[j] = made[j]
    return np.sum(u**2)


def test_shadows_are_reset_behind_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")
    derivative = pb.value_and_grad(waves, argnums=0)
    u = np.linspace(0.1, 0.9, 9)
    derivative(u, 3)
    pb.check_grads(lambda u: waves(u, 3), (u,))
    source = derivative.backward_source
    assert source.index("u_saved_1[j - 1]") < source.index("made_bar[j] = 0.0")
