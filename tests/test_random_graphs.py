"""Random expression graphs of array functions: Tensors = tape = compiled adjoint = finite differences.

A graph is a function with loops, slices, reductions, matrix products and writes in place, written at random.
The programs of `randprog`, which have more control flow and elements, are checked on the tape too, against
complex steps.
"""

from __future__ import annotations

import linecache
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from randprog import derive
from randprog.grammar import Program

import pullback as pb

N = 3
_UNARY = [
    "np.sin({})", "np.cos({})", "np.tanh({})", "np.exp(0.3 * {})", "np.sqrt(1.5 + {0} * {0})",
    "np.log1p(np.square({}))", "np.arctan({})", "np.logaddexp({}, 0.3)", "np.abs({})", "(-{})",
]  # fmt: skip
_BINARY = [
    "({} + {})", "({} - {})", "({} * {})", "({0} / (2.0 + {1} * {1}))", "np.maximum({}, {})",
    "np.hypot({}, {})", "np.minimum({}, {})", "np.arctan2({}, 2.0 + np.cos({}))",
    "np.where({} > 0.1, {}, 0.5)",
]  # fmt: skip
_TO_VECTOR = [
    "np.sum({}, axis=0)", "np.mean({}, axis=1)", "{}[1]", "{}[:, 0]", "np.max({}, axis=1)",
    "np.cumsum({}, axis=0)[2]", "np.prod({}, axis=0)", "np.flip({}.T[2])",
]  # fmt: skip
_TO_MATRIX = [
    "np.outer({}, {})",
    "({}[:, None] * {})",
    "np.stack(({0}, {1}, 0.5 * {0}))",
]
_OF_MATRICES = [
    "({} @ {})",
    "np.dot({}, {})",
    "({}.T * {})",
    "(np.flip({}, 0) + {})",
    "({} - np.mean({}, axis=0))",
]
_WRITES_VECTOR = ["{}[1:] *= {}[:-1]", "{}[0] = np.sum({})", "{} += 0.5 * {}", "{}[::2] -= np.cos({}[::2])"]
_WRITES_MATRIX = [
    "{}[1] = {}[0] * {}[2]",
    "{}[:, 0] += {}[:, 1]",
    "{} *= np.cos({})",
    "{}[1:, :2] -= {}[:2, 1:]",
]


class Writer:
    """Writes one function of a vector, a matrix and another vector."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.vectors, self.matrices = ["x", "z"], ["a"]
        self.lines: list[str] = []

    def fill(self, patterns: list[str], names: list[str]) -> str:
        """A pattern with names in it."""
        return self.rng.choice(patterns).format(*[self.rng.choice(names) for _ in range(3)])

    def vector(self, depth: int) -> str:
        """An expression that is a vector."""
        if depth == 0:
            return self.rng.choice(self.vectors)
        kind = self.rng.randrange(5)
        if kind == 0:
            return self.fill(_TO_VECTOR, self.matrices)
        if kind == 1:
            return f"({self.rng.choice(self.matrices)} @ {self.vector(depth - 1)})"
        if kind == 2:
            return self.rng.choice(_UNARY).format(self.vector(depth - 1))
        return self.rng.choice(_BINARY).format(*[self.vector(depth - 1) for _ in range(2)])

    def matrix(self) -> str:
        """An expression that is a matrix."""
        kind = self.rng.randrange(4)
        if kind == 0:
            return self.fill(_TO_MATRIX, self.vectors)
        return self.fill([_OF_MATRICES, _UNARY, _BINARY][kind - 1], self.matrices)

    def statement(self, indent: str = "    ") -> None:
        """A new value, or a write to one that stands."""
        kind = self.rng.randrange(5)
        new = indent == "    "
        if kind == 0:
            self.lines.append(indent + self.fill(_WRITES_VECTOR, self.vectors))
        elif kind == 1:
            self.lines.append(indent + self.fill(_WRITES_MATRIX, self.matrices))
        elif kind == 2:
            name = f"m{len(self.lines)}" if new else self.rng.choice(self.matrices)
            self.lines.append(f"{indent}{name} = 0.7 * np.tanh({self.matrix()})")
            self.matrices += [name] * new
        else:
            name = f"v{len(self.lines)}" if new else self.rng.choice(self.vectors)
            self.lines.append(f"{indent}{name} = 0.9 * np.sin({self.vector(2)})")
            self.vectors += [name] * new

    def text(self) -> str:
        """The function, its arguments copied because it writes to them."""
        self.lines = ["def f(x0, a0, z0):", "    x = 1.0 * x0", "    a = 1.0 * a0", "    z = 1.0 * z0"]
        for _ in range(self.rng.randint(2, 5)):
            self.statement()
        self.lines.append(f"    for i in range({self.rng.randint(1, 3)}):")
        for _ in range(self.rng.randint(1, 2)):
            self.statement("        ")
        self.statement()
        total = " + ".join(f"np.sum({name} * {0.3 + 0.1 * k:.1f})" for k, name in enumerate(self.vectors))
        total += "".join(f" + np.mean({name} * {name})" for name in self.matrices)
        self.lines.append(f"    return {total}")
        return "\n".join(self.lines) + "\n"


def function_of(text: str, seed: int) -> Callable[..., Any]:
    """The function, with its text where the compiler finds it."""
    file = f"<random graph {seed}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space: dict[str, Any] = {"np": np}
    exec(compile(text, file, "exec"), space)
    function: Callable[..., Any] = space["f"]
    return function


def differences(
    f: Callable[..., Any], args: list[np.ndarray], directions: list[np.ndarray]
) -> tuple[float, bool]:
    """The derivative in a direction, and whether there is one: both sides and two steps agree."""

    def moved(step: float) -> float:
        return float(f(*[a + step * d for a, d in zip(args, directions, strict=True)]))

    here, step = moved(0.0), 1e-5
    forward, backward = (moved(step) - here) / step, (here - moved(-step)) / step
    slope = (moved(step) - moved(-step)) / (2 * step)
    other = (moved(2 * step) - moved(-2 * step)) / (4 * step)
    size = 1.0 + abs(slope)
    return slope, abs(forward - backward) < 1e-2 * size and abs(slope - other) < 1e-6 * size


def on_tensors(f: Callable[..., Any], args: list[np.ndarray]) -> list[np.ndarray]:
    """The gradients of Tensors after `backward`, with NumPy's functions called on them; none where PyTorch
    refuses too: a value was overwritten that the backward pass needs.
    """
    tensors = [pb.tensor(a, requires_grad=True) for a in args]
    try:
        f(*tensors).backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
        return []
    return [
        np.zeros_like(a) if t.grad is None else t.grad.numpy() for a, t in zip(args, tensors, strict=True)
    ]


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10**9))
def test_four_ways_agree(seed: int) -> None:
    text = Writer(seed).text()
    f = function_of(text, seed)
    rng = np.random.default_rng(seed)
    args = [rng.uniform(-1.2, 1.2, size=s) for s in ((N,), (N, N), (N,))]
    kept = [a.copy() for a in args]
    value, compiled = pb.value_and_grad(f, (0, 1, 2), jit=False, fallback="error")(*args)
    taped_value, taped = pb.value_and_grad(f, (0, 1, 2), fallback="tape")(*args)
    np.testing.assert_allclose([value, taped_value], [f(*args)] * 2, rtol=1e-12, err_msg=text)
    for one, two in zip(compiled, taped, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-10, err_msg=text)
    for one, three in zip(compiled, on_tensors(f, args), strict=False):
        np.testing.assert_allclose(three, one, rtol=1e-9, atol=1e-10, err_msg=text)
    directions = [rng.normal(size=a.shape) for a in args]
    slope, smooth = differences(f, args, directions)
    if smooth:
        ours = sum(float(np.sum(g * d)) for g, d in zip(taped, directions, strict=True))
        np.testing.assert_allclose(ours, slope, rtol=1e-5, atol=1e-6, err_msg=text)
    assert all((a == b).all() for a, b in zip(args, kept, strict=True))


def test_most_graphs_have_a_derivative() -> None:
    smooth = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        args = [rng.uniform(-1.2, 1.2, size=s) for s in ((N,), (N, N), (N,))]
        f = function_of(Writer(seed).text(), seed)
        smooth += differences(f, args, [rng.normal(size=a.shape) for a in args])[1]
    assert smooth > 30


def on_tape(fn: Callable[..., float], argnums: tuple[int, ...], jit: bool) -> derive.Derivative:
    """The derivative on the tape, in the place of the compiled one."""
    derivative: derive.Derivative = pb.value_and_grad(fn, argnums=argnums, fallback="tape")
    return derivative


@pytest.mark.parametrize("start", range(0, 300, 20))
def test_programs_on_the_tape(start: int) -> None:
    outcomes = [derive.judge(seed, False, on_tape) for seed in range(start, start + 20)]
    wrong = [o for o in outcomes if o.status not in (derive.PASSED, derive.REJECTED)]
    report = "\n".join(f"seed {o.seed}: {o.status} {o.detail}" for o in wrong)
    assert not wrong, f"{report}\n\n{Program(wrong[0].seed).source}"
    assert sum(o.status == derive.PASSED for o in outcomes) > 10
