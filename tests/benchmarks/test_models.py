"""The derivatives written by hand agree with pullback's, and with differences, at the smallest sizes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from benchmarks.case import Case  # noqa: E402
from benchmarks.registry import cases  # noqa: E402

FAMILIES = ("models", "adbench")
ALL = {case.name: case for case in cases(FAMILIES)}


@pytest.fixture(autouse=True)
def unjitted(monkeypatch, tmp_path):
    """The smallest sizes take longer to compile than to run as Python."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))


def slope(case: Case, args: tuple, directions: list) -> float:
    """The derivative along the directions by central differences."""

    def moved(step):
        changed = list(args)
        for i, direction in zip(case.argnums, directions, strict=True):
            changed[i] = args[i] + step * direction
        return case.fn(*changed)

    return (moved(1e-5) - moved(-1e-5)) / 2e-5


@pytest.mark.parametrize("name", ALL)
def test_pullback_agrees_with_differences_and_hand_with_pullback(name):
    case = ALL[name]
    args = case.args(case.sizes[0])
    if case.jacobian:
        gradient = pb.jacobian(case.fn, case.argnums)(*args)
    else:
        value, gradient = pb.value_and_grad(case.fn, case.argnums, fallback="error")(*args)
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=np.shape(args[i])) for i in case.argnums]
    along = sum(np.tensordot(g, d, np.ndim(d)) for g, d in zip(gradient, directions, strict=True))
    np.testing.assert_allclose(along, slope(case, args, directions), rtol=1e-6)
    if case.hand is not None:
        hand_gradient = case.hand(*args)
        if not case.jacobian:
            hand_value, hand_gradient = hand_gradient
            np.testing.assert_allclose(hand_value, value, rtol=1e-12)
        for ours, theirs in zip(gradient, hand_gradient, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12 * np.max(np.abs(theirs)))


@pytest.mark.parametrize("name", [name for name, case in ALL.items() if case.primal is not None])
def test_the_form_that_numba_compiles_gives_the_same_value(name):
    case = ALL[name]
    args = case.args(case.sizes[0])
    np.testing.assert_allclose(case.primal(*args), case.fn(*args), rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_most_cases_have_a_derivative_written_by_hand(family):
    found = cases([family])
    assert sum(case.hand is not None for case in found) >= 0.75 * len(found)
