"""Arrays that loops make anew get buffers, where nothing else leads to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import INT
from pullback.compiler.transform.exchange import exchange
from randprog.irrebound import ReboundProgram
from randprog.loops import Loops
from randprog.passes import before_after, check_pass

import pullback as pb

hidden = partial(exchange, visible=False)
RNG = np.random.default_rng(5)
A, X = RNG.normal(size=(3, 3)), RNG.normal(size=3)


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")


@pytest.mark.parametrize("seed", range(150))
def test_random_programs(seed: int) -> None:
    check_pass(hidden, seed, ReboundProgram)


def rebinding(made: Callable[[Loops, Value], Value]) -> Builder:
    """for _ in range(m): u = made(u)."""
    p = Loops()
    first, u = p.array("zeros"), Value(p.x.type, "u")
    ends = p.b.int(0), p.m, p.b.int(1)
    p.b.open((Value(INT, "t"), u))
    body = p.b.close((made(p, u),))
    p.b.region.yields = p.b.for_(*ends, (first,), body)
    return p.b


def doubled(p: Loops, u: Value) -> Value:
    new = p.array()
    p.each(lambda b, i: b.store(new, [i], b.apply("mul", (b.load(u, [i]), b.const(2.0)), "float64")))
    return new


def test_before_and_after(golden: Callable[[str], None]) -> None:
    golden(before_after(hidden, rebinding(doubled)))


def test_one_buffer_for_a_library_call(golden: Callable[[str], None]) -> None:
    golden(before_after(hidden, rebinding(lambda p, u: p.b.call("copy", (u,), (u.type,))[0])))


def test_what_the_caller_sees_stays() -> None:
    fn = Function("f", rebinding(doubled).region)
    assert exchange(fn, visible=True) is fn
    assert hidden(fn) is not fn


def steps(a, x, n):
    u = x
    for _ in range(n):
        new = np.empty_like(x)
        for i in range(x.shape[0]):
            new[i] = np.sin(u[i] * a[i, i] + u[i - 1])
        u = new
    return np.sum(u**2)


def two(a, x, n):
    """Of two arrays, each is made of the other."""
    u, v = x.copy(), 2.0 * x
    for _ in range(n):
        u, v = np.sin(u + v), np.cos(u * v)
    return np.sum(u * v)


def leapfrog(a, x, n):
    """What was new is old in the next step, and older after it."""
    older, old = x * 0.9, x
    for _ in range(n):
        new = 2.0 * old - older - 0.1 * np.sin(old)
        older, old = old, new
    return np.sum(old * older)


def solved(a, x, n):
    u = x
    for _ in range(n):
        u = np.linalg.solve(a + np.eye(3), u)
    return np.sum(np.sin(u))


def inner(a, x, n):
    """The buffers of a loop in a loop would be made again and again."""
    total = 0.0
    for t in range(n):
        u = x * t
        for k in range(3):
            u = np.sin(u * a[k]) + u
        total += np.sum(u * x)
    return total**2


def both(a, x, n):
    """What a loop carries comes from a loop in it, which carries it on."""
    u = x
    for t in range(n):
        for k in range(2):
            u = np.sin(u * a[k]) + u * t
    return np.sum(u**3)


def until(a, x, n):
    u, t = x, 0
    while t < n and np.sum(u) > -100.0:
        u = np.sin(u + a[0])
        t += 1
    return np.sum(u**2)


def stopped(a, x, n):
    u = x
    for _ in range(n):
        u = np.sin(u + a[0])
        if u[0] > 0.99:
            break
    return np.sum(u**2)


def written_after(a, x, n):
    """The loop starts with an array of its own."""
    u = x * 1.0
    for _ in range(n):
        u = np.cos(u * a[1])
    u[0] = u[1] * 2.0
    return np.sum(u**2)


GIVEN = [steps, two, leapfrog, solved, inner, both, until, written_after]


@pytest.mark.parametrize("f", [*GIVEN, stopped])
def test_gradients(f: Callable[..., float]) -> None:
    for n in (0, 1, 2, 5):
        derivative = pb.value_and_grad(f, argnums=(0, 1))
        assert derivative(A, X, n)[0] == pytest.approx(f(A, X, n), rel=1e-12)
        pb.check_grads(f, (A, X, n), order=2)


@pytest.mark.parametrize("f", GIVEN)
def test_no_shadow_is_kept_for_each_iteration(f: Callable[..., float]) -> None:
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(A, X, 3)
    assert "_bar_saved" not in derivative.backward_source


def first_is_kept(a, x, n):
    """The list leads to the arrays of all iterations."""
    kept = []
    u = x * 1.0
    for _ in range(n):
        u = np.sin(u * a[0])
        kept.append(u)
    return np.sum(kept[0] * kept[n - 1])


def old_is_kept(a, x, n):
    kept = []
    u = x * 1.0
    for _ in range(n):
        kept.append(u)
        u = np.sin(u * a[0])
    return np.sum(kept[0] * kept[1] * u)


def twice_carried_on(a, x, n):
    """Both names lead to what was new before."""
    u, v, w = x * 1.0, x * 2.0, x * 3.0
    for _ in range(n):
        u, v, w = np.sin(v * w + a[0]), u, u
    return np.sum(u * v * w)


def other_shape(a, x, n):
    """The loop starts with fewer elements than it goes on with."""
    u = x[:2] * 1.0
    for _ in range(n):
        u = np.sin(np.sum(u) * a[0])
    return np.sum(u**2)


def start_is_written(a, x, n):
    """If there is no iteration, both names lead to one array."""
    start = x * 1.0
    u = start
    for _ in range(n):
        u = np.sin(u * a[0])
    start[0] = 5.0
    return np.sum(u**2) + start[1]


def old_is_written(a, x, n):
    u = x * 1.0
    for _ in range(n):
        new = np.sin(u * a[0])
        u[0] = 2.0
        new[1] = u[0] * u[1]
        u = new
    return np.sum(u**2)


def both_names(a, x, n):
    u = v = x * 1.0
    for _ in range(n):
        u = v = np.sin(u * v * a[0])
        v[0] = 3.0 * v[1]
    return np.sum(u * v)


@pytest.mark.parametrize(
    "f",
    [first_is_kept, old_is_kept, twice_carried_on, other_shape, start_is_written, old_is_written, both_names],
)
def test_refused(f: Callable[..., float]) -> None:
    for n in (2, 3, 5):
        assert pb.value_and_grad(f, argnums=(0, 1))(A, X, n)[0] == pytest.approx(f(A, X, n), rel=1e-12)
        pb.check_grads(f, (A, X, n))


def test_no_iteration_of_what_is_written_later() -> None:
    assert pb.value_and_grad(start_is_written, argnums=1)(A, X, 0)[0] == start_is_written(A, X, 0)
