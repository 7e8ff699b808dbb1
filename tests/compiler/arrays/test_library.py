"""Every registered function on every sample: value, dtype, shape as in NumPy; derivative by differences."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from arrays_harness import assert_same, expected, lower
from pullback.compiler.arrays import library

CASES = [(e, s) for e in library.entries() for s in e.samples()]
IDS = [f"{e.name or e.method}({s})" for e, s in CASES]
WITHOUT_SAMPLES = {"np.random", "np.fill_diagonal", "fill", "sort", "np.add.at", "scipy.linalg.cho_factor"}


@pytest.mark.parametrize(("entry", "sample"), CASES, ids=IDS)
def test_value(entry: library.Entry, sample: library.Sample) -> None:
    got = lower(entry, sample.args, sample.kwargs).run()
    assert_same(got, expected(entry, sample))


def test_every_function_has_samples() -> None:
    bare = {e.name for e in library.entries() if not e.samples()}
    assert {n for n in bare if not n.startswith("np.random")} <= WITHOUT_SAMPLES


def test_no_lowering_takes_an_option_it_ignores() -> None:
    for entry in library.entries():
        names = inspect.signature(entry.lower).parameters
        assert not {"out", "order", "casting", "subok"} & set(names), entry.name


def _real(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype == "float64"


def _outputs(result: Any) -> list[np.ndarray]:
    return [np.asarray(r) for r in (result if isinstance(result, tuple | list) else [result])]


# Steps and choices: differences across a jump say nothing.
JUMPS = {"np.floor_divide", "np.heaviside", "np.divmod", "np.full_like", "np.arange", "np.nan_to_num"}


def _smooth(entry: library.Entry, sample: library.Sample) -> bool:
    """Whether differences tell the derivative of what is loops; library calls have tests of their own."""
    numbers = [a for a in sample.args if isinstance(a, np.ndarray | float)]
    if not sample.args or entry.name in JUMPS or "argsort" in entry.name:
        return False
    if not all(_real(a) and np.all(np.isfinite(a)) for a in numbers) or not any(map(_real, sample.args)):
        return False
    if not all(map(_real, _outputs(expected(entry, sample)))):
        return False
    made = lower(entry, sample.args, sample.kwargs)
    return not any("Call" in type(op).__name__ for op in made.function.body.ops)


SMOOTH = [(e, s) for e, s in CASES if _smooth(e, s)]


@pytest.mark.parametrize(("entry", "sample"), SMOOTH, ids=[f"{e.name or e.method}({s})" for e, s in SMOOTH])
def test_derivative(entry: library.Entry, sample: library.Sample) -> None:
    made = lower(entry, sample.args, sample.kwargs)
    rng = np.random.default_rng(0)
    way = [rng.standard_normal(np.shape(a)) if _real(a) else None for a in made.args]

    def moved(h: complex) -> list[Any]:
        return [a if d is None else a + h * d for a, d in zip(made.args, way, strict=True)]

    exact = _outputs(made.run(moved(1e-30j), complex_step=True))
    ahead, back = _outputs(made.run(moved(1e-6))), _outputs(made.run(moved(-1e-6)))
    for e, p, m in zip(exact, ahead, back, strict=True):
        np.testing.assert_allclose(np.imag(e) / 1e-30, (p - m) / 2e-6, rtol=1e-6, atol=1e-7)
