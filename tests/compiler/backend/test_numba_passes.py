"""Our passes of Numba's leave what Numba's own leave."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from numba import types
from numba.core import ssa
from numba.core.compiler import run_frontend
from pullback.compiler.backend.numba_passes import remembering, single_assignments


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


class Context:
    """As much of a typing context as is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        self.asked.append((function, args, kws))
        return None if function == "unknown" else (function, args)


def test_calls_are_resolved_once_and_only_meanwhile() -> None:
    context, real, whole = Context(), types.float64, types.int64
    with remembering(context):
        for _ in range(3):
            assert context.resolve_function_type(operator.add, (real, real), {})[1] == (real, real)
            assert context.resolve_function_type(operator.add, (real, whole), {})[1] == (real, whole)
        assert len(context.asked) == 2
        with remembering(context):
            context.resolve_function_type(operator.add, (real, real), {})
        context.resolve_function_type(operator.add, (real, real), {})
        assert len(context.asked) == 2
    context.resolve_function_type(operator.add, (real, real), {})
    assert len(context.asked) == 3
    assert "resolve_function_type" not in vars(context)


def test_what_may_change_is_asked_again() -> None:
    context = Context()
    with remembering(context):
        for _ in range(2):
            context.resolve_function_type(operator.add, (types.List(types.int64), types.int64), {})
            context.resolve_function_type(operator.add, (types.int64,), {"out": types.int64})
            context.resolve_function_type("unknown", (types.int64,), {})
    assert len(context.asked) == 6


def test_gradients_compile_with_them() -> None:
    import pullback as pb

    def f(x):
        total = 0.0
        for i in range(x.shape[0]):
            if x[i] > 0:
                total += x[i] ** 2
        return total

    np.testing.assert_allclose(pb.grad(f)(np.array([1.0, -1.0, 3.0])), [2.0, 0.0, 6.0])
