"""Our way from Numba's IR to LLVM's gives what Numba's gives, and leaves alone what it does not know."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.compiler import run_frontend
from pullback.compiler.backend.numba_lowering import Lower, assigned_once, catches
from pullback.compiler.backend.numba_pipeline import njit

X = np.arange(1.0, 13.0).reshape(3, 4)
LAYOUTS = {
    "C": lambda: X.copy(),
    "F": lambda: np.asfortranarray(X),
    "A": lambda: np.arange(48.0).reshape(6, 8)[::2, ::-2],
    "reversed": lambda: X.copy()[::-1],
}


def both(function, *args):
    """What we and Numba make of a function that changes no argument."""
    ours, theirs = njit(error_model="numpy")(function), numba.njit(error_model="numpy")(function)
    first = ours(*args)
    np.testing.assert_array_equal(first, theirs(*args))
    return first


def table(x, i, j):
    x[i, j] += 2.0
    return x[i, j], x[i, -1], x[-j, 0], x.shape[1]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("i", [-3, 0, 2])
def test_elements_in_any_layout(layout: str, i: int) -> None:
    ours, theirs = LAYOUTS[layout](), LAYOUTS[layout]()
    found = njit(error_model="numpy")(table)(ours, i, 2)
    assert found == table(theirs, i, 2)
    np.testing.assert_array_equal(ours, theirs)


def test_an_array_without_axes() -> None:
    def doubled(x):
        x[()] *= 2.0
        return x[()]

    assert njit()(doubled)(np.array(1.5)) == 3.0


@pytest.mark.parametrize("dtype", [np.float32, np.bool_, np.int32, np.uint8, np.complex128])
@pytest.mark.parametrize("index", [np.int32(1), np.uint8(2), np.int64(-1)])
def test_elements_of_any_type(dtype: type, index: np.integer) -> None:
    def moved(x, i):
        y = np.empty_like(x)
        for k in range(x.shape[0]):
            y[k] = x[i]
        y[i] = 1
        return y

    both(moved, np.array([0, 1, 2, 3]).astype(dtype), index)


@pytest.mark.parametrize(
    "bounds", [(5,), (0,), (-2,), (1, 5), (5, 1), (5, -1, -1), (-1, 5, -1), (0, 7, 3), (7, 0, -3)]
)
def test_ranges(bounds: tuple[int, ...]) -> None:
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]

    def one(start, stop):
        seen, last = 0, -9
        for i in range(start, stop):
            last = i
            seen = seen * 10 + i
        return seen, last

    def minus_one(start, stop):
        seen, last = 0, -9
        for i in range(start, stop, -1):
            last = i
            seen = seen * 10 + i
        return seen, last

    def any_step(start, stop, step):
        seen = 0
        for i in range(start, stop, step):
            if i == 3:
                continue
            if i == 4:
                break
            seen = seen * 10 + i
        return seen

    both(one, start, stop)
    both(minus_one, start, stop)
    both(any_step, start, stop, step)


def test_a_step_of_zero_is_refused() -> None:
    def steps(n, step):
        total = 0
        for i in range(0, n, step):
            total += i
        return total

    with pytest.raises(ValueError, match="must not be zero"):
        njit()(steps)(3, 0)


def test_variables_that_may_not_be_assigned() -> None:
    def maybe(x, known):
        if known:
            part = x[1:]
            scale = x[0] * 2.0
        total = 0.0
        for i in range(3):
            total += i
            if known:
                total += part[i] * scale
        return total

    names = assigned_once(run_frontend(maybe).blocks)
    assert "known" in names
    assert "part" not in names
    assert "scale" not in names
    assert "total" not in names
    both(maybe, np.arange(4.0), True)
    both(maybe, np.arange(4.0), False)


def test_arrays_that_loops_assign() -> None:
    def swapped(x, n):
        a, b = x.copy(), np.zeros_like(x)
        for _ in range(n):
            c = a[1:]
            for i in range(c.shape[0]):
                b[i] = c[i] + a[i]
            a, b = b, a
        return a

    both(swapped, np.arange(5.0), 3)


def test_a_block_is_left_in_its_middle() -> None:
    def inner(x, i):
        if i > 2:
            raise IndexError("far")
        return x[i]

    compiled = njit()(inner)

    def outer(x, i):
        known = x[0]
        try:
            a = compiled(x, i)
            known = a + 1.0
            b = compiled(x, i + 1)
            a = b
        except Exception:
            return known
        return a + b

    assert catches(run_frontend(outer).blocks)
    ours = njit()(outer)
    assert [ours(np.arange(4.0), i) for i in (1, 2, 3)] == [4.0, 3.0, 0.0]


def test_numbers_of_two_types() -> None:
    def mixed(i, x, z):
        return (i + x) * z - i / 3, i * i < x, z == i, i + True

    both(mixed, 3, np.float32(2.5), 1.5 - 2j)


def test_variables_have_no_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    def total(x):
        result = 0.0
        for i in range(x.shape[0]):
            product = x[i] * 2.0
            result += product if product > 0.0 else -product
        return result

    slots = []
    alloca = Lower.alloca

    def noted(self, name, kind):
        slots.append(name)
        return alloca(self, name, kind)

    monkeypatch.setattr(Lower, "alloca", noted)
    assert njit()(total)(np.array([1.0, -2.0])) == 6.0
    assert slots
    assert not any(name.startswith(("i.", "product")) for name in slots), slots
