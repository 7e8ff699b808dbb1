"""What every optimisation pass must keep: meaning, validity, its input; and that it is idempotent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function
from pullback.compiler.ir.text import show
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS

from .irloops import LoopProgram
from .irprograms import IrProgram

Pass = Callable[[Function], Function]


def before_after(transform: Pass, b: Builder) -> str:
    """The texts of a built function and of what a pass makes of it."""
    before = Function("f", b.region)
    after = transform(before)
    verify(before, PRIMS)
    verify(after, PRIMS)
    return f"{show(before)}\n\n{show(after)}"


def outcome(fn: Function) -> list[Any]:
    """Results, arrays after the call, prints; or the type of the exception."""
    a, c = np.array([0.5, -1.25, 2.0, 0.75]), np.array([1.5, 0.25, -0.5, 3.0])
    printed: list[str] = []
    try:
        results = run(fn, [a, c, 0.75, -1.5, 3], printed.append)
    except (ValueError, IndexError) as error:
        return [type(error)]
    return [*results, a, c, "".join(printed)]


def assert_same(expected: list[Any], actual: list[Any], text: str) -> None:
    assert len(actual) == len(expected), text
    for one, other in zip(actual, expected, strict=True):
        if isinstance(one, str | type):
            assert one == other, text
        else:
            np.testing.assert_array_equal(one, other, err_msg=text)


def check_pass(transform: Pass, seed: int, program: type[IrProgram] | type[LoopProgram] = IrProgram) -> None:
    """One random program through a pass."""
    fn = program(seed).build()
    verify(fn, PRIMS)
    text, expected = show(fn), outcome(fn)
    once = transform(fn)
    verify(once, PRIMS)
    assert show(fn) == text, "the pass changed its input"
    assert_same(expected, outcome(once), f"{text}\n\n{show(once)}")
    assert show(transform(fn)) == show(once), "the pass gives another text the second time"
    assert show(transform(once)) == show(once), "the pass does not reach a fixpoint"
