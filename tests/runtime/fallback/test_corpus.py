"""Every program of the compiler's corpus has the same value and gradient on the tape."""

from __future__ import annotations

import numpy as np
import pytest
from program_harness import SEED, corpus, floats
from programs.registry import Program

import pullback as pb


@pytest.mark.parametrize("program", corpus(), ids=lambda p: p.name)
def test_tape_equals_compiled(program: Program) -> None:
    args = program.args(np.random.default_rng(SEED))
    expected = pb.value_and_grad(program.fn, program.argnums, jit=False, fallback="error")(*args)
    value, gradients = pb.value_and_grad(program.fn, program.argnums, fallback="tape")(*args)
    np.testing.assert_allclose(value, expected[0], rtol=1e-9)
    actual, wanted = floats(gradients), floats(expected[1])
    assert len(actual) == len(wanted)
    for one, other in zip(actual, wanted, strict=True):
        single = np.asarray(other).dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-3 if single else 1e-7, atol=1e-5 if single else 1e-9)
        assert type(one) is type(other)
        assert np.shape(one) == np.shape(other) and np.asarray(one).dtype == np.asarray(other).dtype
