"""Whose memory gradients are."""

from __future__ import annotations

import numpy as np
from pullback.runtime.tape.gradients import free_of_others

import pullback as pb


def test_a_view_of_what_nobody_knows_is_free() -> None:
    # Not made in the assertion, which would know the array behind them.
    arrays = [np.ones(6), np.ones(6).reshape(2, 3), np.ones(6).reshape(2, 3).T]
    assert all(free_of_others(a) for a in arrays)


def test_what_others_can_see_is_not() -> None:
    known = np.ones(6)
    assert not free_of_others(known.reshape(2, 3))
    arrays = [np.ones(6)[:3], np.broadcast_to(np.ones(1), (3,)), np.frombuffer(bytearray(8)).reshape(1, 1)]
    assert not any(free_of_others(a) for a in arrays)
    one = np.ones(6)
    views = [one.reshape(2, 3), one.reshape(3, 2)]
    del one
    assert not any(free_of_others(view) for view in views)


def test_gradients_share_memory_with_nothing() -> None:
    x, z = (pb.ones(2, 3, requires_grad=True) for _ in range(2))
    g = pb.ones(6)
    for f in (
        lambda: x.view(6).backward(g),
        lambda: (x + z).view(6).backward(g),
        lambda: (x.t().reshape(6) * 1).backward(g),
        lambda: pb.cat([x.view(6), z.view(6)]).backward(pb.cat([g, g])),
        lambda: (x.view(6) + z.view(6)).view(6).backward(g),
    ):
        x.grad = z.grad = None
        f()
        arrays = [t.numpy() for t in (x.grad, z.grad, g, x.detach(), z.detach()) if t is not None]
        for k, a in enumerate(arrays):
            assert not any(np.shares_memory(a, b) for b in arrays[:k])
        before = g.clone()
        x.grad.add_(1.0)
        assert pb.equal(g, before)


def test_a_gradient_survives_what_comes_later() -> None:
    x = pb.linspace(-1, 1, 70_000, requires_grad=True)
    pb.nn.functional.relu(x).sum().backward()  # compiled for arrays of this size
    first = x.grad
    kept = first.clone()
    x.grad = None
    (pb.nn.functional.relu(x) * 3).sum().backward()
    assert pb.equal(first, kept) and pb.equal(x.grad, kept * 3)
