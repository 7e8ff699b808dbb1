"""The programs of the compiler's corpus have the same values and derivatives on the tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from program_harness import SEED, corpus, floats, rebuilt
from programs.registry import Program

import pullback as pb

# LAPACK refuses the compiled second derivative of the determinant of a singular matrix.
_SINGULAR = ("array_api.determinant_of_singular_matrix",)


def same(actual: Any, expected: Any) -> None:
    """The same numbers, types, shapes and dtypes."""
    ours, theirs = floats(actual), floats(expected)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        single = np.asarray(other).dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-3 if single else 1e-7, atol=1e-5 if single else 1e-9)
        assert type(one) is type(other)
        assert np.shape(one) == np.shape(other) and np.asarray(one).dtype == np.asarray(other).dtype


@pytest.mark.parametrize("program", corpus(), ids=lambda p: p.name)
def test_tape_equals_compiled(program: Program) -> None:
    args = program.args(np.random.default_rng(SEED))
    expected = pb.value_and_grad(program.fn, program.argnums, jit=False, fallback="error")(*args)
    value, gradients = pb.value_and_grad(program.fn, program.argnums, fallback="tape")(*args)
    np.testing.assert_allclose(value, expected[0], rtol=1e-9)
    same(gradients, expected[1])


@pytest.mark.parametrize(
    "program", [p for p in corpus()[::6] if p.name not in _SINGULAR], ids=lambda p: p.name
)
def test_second_derivatives_and_tangents_are_equal(program: Program) -> None:
    rng = np.random.default_rng(SEED)
    args = program.args(rng)
    numbers = (program.argnums,) if isinstance(program.argnums, int) else program.argnums
    moves = tuple(direction(a, rng) if k in numbers else None for k, a in enumerate(args))
    for run in (pb.jvp, pb.hvp):
        same(run(program.fn, args, moves, fallback="tape"), run(program.fn, args, moves, jit=False))


def direction(value: Any, rng: np.random.Generator) -> Any:
    """A random tangent in the structure of an argument."""
    return rebuilt(value, iter([rng.standard_normal(np.shape(leaf))[()] for leaf in floats(value)]))
