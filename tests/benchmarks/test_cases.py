"""Every case computes what it says, and its gradient is that of the function, at the smallest size."""

from __future__ import annotations

import copy

import pytest

import pullback as pb
from benchmarks.case import Case
from benchmarks.measure import directional_error, leaves, relative, same
from benchmarks.registry import FAMILIES, cases, modules

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}-{case.name}")
def test_gradient(case: Case) -> None:
    args = case.args(case.sizes[0])
    given = copy.deepcopy(args)
    if case.jacobian:
        gradient = pb.jacobian(case.fn, case.argnums, jit=False)(*args)
    else:
        value, gradient = pb.value_and_grad(case.fn, case.argnums, fallback="error", jit=False)(*args)
        assert relative(value, case.fn(*args)) < 1e-10
    assert len(gradient) == len(case.argnums)
    assert directional_error(case.fn, case.argnums, args, gradient) < 1e-5
    assert same(args, given), "the function or its gradient writes to an argument"
    assert any(leaf.any() if hasattr(leaf, "any") else leaf for leaf in leaves(gradient))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}-{case.name}")
def test_arguments_are_the_same_each_time_and_grow(case: Case) -> None:
    first = case.args(case.sizes[0])
    assert same(first, case.args(case.sizes[0]))
    if len(case.sizes) > 1:
        assert measure_of(case.args(case.sizes[1])) > measure_of(first)


def measure_of(args: object) -> float:
    """The entries of all arrays, plus the integers."""
    return sum(leaf.size if hasattr(leaf, "size") else leaf for leaf in leaves(args))


def test_every_family_with_a_folder_has_cases() -> None:
    assert {case.family for case in CASES} == {family for family in FAMILIES if modules(family)}
    assert {"loops", "programs"} <= {case.family for case in CASES}


def test_the_loops_are_many_and_rivals_are_written_for_them() -> None:
    loops = cases(["loops"])
    assert len(loops) >= 30
    assert [case.name for case in loops if case.jax is None] == []
    assert len([case for case in loops if case.torch is not None]) >= 10


def test_words_choose_cases() -> None:
    assert [case.name for case in cases(["loops"], ["jacobi_1d", "lstm"])] == ["lstm", "jacobi_1d"]


def test_the_first_size_is_for_tests() -> None:
    made = Case(name="x", family="loops", fn=abs, args=lambda n: (n,), sizes=(2, 8, 16), argnums=(0,))
    assert (made.growth, made.quick_size) == ((8, 16), 8)
    assert all(len(case.growth) >= 4 for case in cases(["adbench"]))


def test_sizes_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Case(name="x", family="loops", fn=abs, args=lambda n: (n,), sizes=(2, 1), argnums=(0,))
