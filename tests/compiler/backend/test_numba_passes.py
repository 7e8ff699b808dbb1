"""Our passes of Numba's leave what Numba's own leave."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import ssa
from numba.core.compiler import run_frontend
from pullback.compiler.backend.numba_passes import single_assignments


def straight(x):
    y = x + 1
    y = y * x
    return y


def looped(x, n):
    total, last = 0.0, x
    for i in range(n):
        for k in range(i):
            if k > 3:
                last = total * k
            total += last
        if total > 100.0:
            break
    return total + last


def late(x, n):
    while n > 0:
        if n == 2:
            y = x * 2
        n -= 1
    return y


def raising(x):
    if x > 1:
        x = x - 1
        raise ValueError("too large", x)
    for k in range(3):
        x = x + k if k else x - k
    return x


def text(blocks) -> str:
    return "\n".join(f"{label} {[str(step) for step in block.body]}" for label, block in blocks.items())


@pytest.mark.parametrize("function", [straight, looped, late, raising])
def test_single_assignments_are_numbas(function) -> None:
    ours, numbas = (run_frontend(function).blocks for _ in range(2))
    found = text(single_assignments(ours))
    assert found == text(ssa._run_ssa(numbas))
    assert ("phi(" in found) == (function is not straight)


def test_blocks_without_the_variable_are_not_rewritten() -> None:
    blocks = run_frontend(looped).blocks
    kept = single_assignments(dict(blocks))
    names = {"total", "last", "i", "k"}
    free = [
        label
        for label, block in blocks.items()
        if not any(v.name in names for step in block.body for v in step.list_vars())
        and not any(str(step.value).startswith("phi") for step in kept[label].find_insts(ssa.ir.Assign))
    ]
    assert any(kept[label] is blocks[label] for label in free)


def test_gradients_compile_with_them() -> None:
    import pullback as pb

    def f(x):
        total = 0.0
        for i in range(x.shape[0]):
            if x[i] > 0:
                total += x[i] ** 2
        return total

    np.testing.assert_allclose(pb.grad(f)(np.array([1.0, -1.0, 3.0])), [2.0, 0.0, 6.0])
