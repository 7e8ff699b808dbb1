"""The frontend against Python itself: every program lowers, verifies, and computes what Python computes."""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib
import math
import pkgutil
import types
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import programs
import pytest
from programs.bad import BAD, Bad
from programs.registry import PROGRAMS, Program
from pullback.compiler.errors import PullbackError, UnsupportedError
from pullback.compiler.frontend import values as v
from pullback.compiler.frontend.captures import fetch
from pullback.compiler.frontend.lower import lower_function
from pullback.compiler.ir.nodes import CallFn, For, If, While
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from randprog.grammar import Program as RandomProgram

for _module in pkgutil.iter_modules(programs.__path__):
    importlib.import_module(f"programs.{_module.name}")

CONSTANT = (bool, str, type(None), types.FunctionType)


def spec_of(x: Any) -> v.ParamSpec:
    if isinstance(x, CONSTANT):
        return v.KnownSpec(x)
    if isinstance(x, np.ndarray):
        layout = "C" if x.flags.c_contiguous else "A"
        return v.ArraySpec(x.dtype.name, x.ndim, tuple(n == 1 for n in x.shape), layout)
    if isinstance(x, int | float | complex | np.generic):
        return v.ScalarSpec(np.asarray(x).dtype.name, not isinstance(x, np.generic))
    if isinstance(x, tuple):
        return v.TupleSpec(tuple(spec_of(item) for item in x), type(x))
    if isinstance(x, list):
        return v.ListSpec(tuple(spec_of(item) for item in x))
    if isinstance(x, dict):
        return v.DictSpec(tuple((key, spec_of(item)) for key, item in x.items()))
    names = [field.name for field in dataclasses.fields(x)]
    return v.RecordSpec(type(x), tuple((name, spec_of(getattr(x, name))) for name in names))


def leaves_of(x: Any) -> list[Any]:
    if isinstance(x, CONSTANT):
        return []
    if isinstance(x, np.ndarray | int | float | complex | np.generic):
        return [x]
    if isinstance(x, dict):
        x = list(x.values())
    elif dataclasses.is_dataclass(x):
        x = [getattr(x, field.name) for field in dataclasses.fields(x)]
    return [leaf for item in x for leaf in leaves_of(item)]


def lower(fn: Callable[..., Any], *args: Any) -> v.Lowered:
    assert isinstance(fn, types.FunctionType)
    lowered = lower_function(fn, [spec_of(a) for a in args])
    verify(lowered.module)
    return lowered


def interpret(fn: Callable[..., Any], *args: Any) -> Any:
    assert isinstance(fn, types.FunctionType)
    lowered = lower(fn, *args)
    named = dict(zip(lowered.param_names, args, strict=True))
    flat = [leaf for a in args for leaf in leaves_of(a)] + [
        fetch(fn, c.path, named) for c in lowered.captures
    ]
    assert len(lowered.leaf_names) == len(flat)
    results = run(lowered.module, copy.deepcopy(flat), lambda text: None)
    return rebuilt(lowered.out, results)


def rebuilt(out: v.OutTree, results: tuple[Any, ...]) -> Any:
    if isinstance(out, v.Leaf):
        return results[out.index]
    if isinstance(out, v.ConstOut):
        return out.obj
    items = [rebuilt(item, results) for item in out.items]
    if out.type in (tuple, list):
        return out.type(items)
    pairs = dict(zip(out.keys, items, strict=True))
    return pairs if out.type is dict else out.type(**pairs)


def agrees(fn: Callable[..., Any], *args: Any) -> None:
    np.testing.assert_allclose(interpret(fn, *args), fn(*copy.deepcopy(args)), rtol=1e-12)


# -- the corpora
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_program(program: Program) -> None:
    args = program.args(np.random.default_rng(0))
    value = interpret(program.fn, *args)
    np.testing.assert_allclose(value, program.fn(*copy.deepcopy(args)), rtol=1e-12)


@pytest.mark.parametrize("bad", BAD, ids=lambda b: b.fn.__name__)
def test_refused_at_the_guilty_line(bad: Bad) -> None:
    with pytest.raises(PullbackError) as caught:
        lower(bad.fn, *bad.args)
    error = caught.value
    assert bad.error in [cls.__name__ for cls in type(error).__mro__]
    assert error.src is not None and error.src.line == bad.line
    assert bad.fragment.lower() in error.message.lower()


@pytest.mark.parametrize("seed", range(60))
def test_random_program(seed: int, tmp_path: Any) -> None:
    program = RandomProgram(seed)
    file = tmp_path / "program.py"
    file.write_text(program.source)
    names: dict[str, Any] = {}
    exec(compile(program.source, str(file), "exec"), names)
    value = interpret(names["f"], *program.arguments())
    np.testing.assert_allclose(value, names["f"](*program.arguments()), rtol=1e-9)


# -- what the corpora do not reach
RATE = 0.5
SETTINGS = {"gain": 2.0, "order": 3}


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    speed: float = 0.5

    def energy(self) -> float:
        return self.x**2 + self.speed**2


class Model:
    scale = 3.0

    def __init__(self, w: Any, b: float) -> None:
        self.w = w
        self.b = b

    def score(self, x: Any) -> Any:
        return np.sum(self.w * x) * self.b + self.scale

    @property
    def twice(self) -> float:
        return self.b * 2


MODEL = Model(np.array([1.0, 2.0, 3.0]), 0.7)


@numba.njit  # type: ignore[untyped-decorator,unused-ignore]
def jitted(x: float) -> float:
    return x * x + 1.0


scaled = functools.partial(lambda a, b: a * b + RATE, 3.0)


def test_methods_partials_and_dispatchers() -> None:
    def f(x):
        return jitted(x) + scaled(x) + MODEL.score(np.array([x, x, x])) + MODEL.twice

    agrees(f, 2.0)


def test_frozen_dataclass_is_rebuilt_in_a_loop() -> None:
    def f(x, n):
        p = Point(x)
        for _ in range(n):
            p = Point(p.x + 0.1 * p.speed, p.speed - 0.1 * p.x)
        return p.energy()

    agrees(f, 0.3, 4)
    agrees(f, 0.3, 0)


def test_endless_loop_left_by_return() -> None:
    def f(x, n):
        i = 0
        out = []
        while True:
            i += 1
            if i > n:
                return sum(out)
            out.append(x * i)

    agrees(f, 1.5, 4)


def test_name_from_the_previous_iteration() -> None:
    def f(x, n):
        s = 0.0
        for i in range(n):
            if i > 0:
                s += prev  # noqa: F821
            prev = x * i  # noqa: F841
        return s

    agrees(f, 1.5, 4)


def test_unassigned_name_raises() -> None:
    def f(x, n):
        for i in range(n):
            y = x * i
        return y

    agrees(f, 1.5, 2)
    with pytest.raises(UnboundLocalError, match="'y'"):
        interpret(f, 1.5, 0)


def test_recursion_over_a_closure() -> None:
    def f(x, n):
        def rec(k):
            if k <= 0:
                return x
            return rec(k - 1) * x * RATE

        return rec(n)

    agrees(f, 1.5, 4)
    lowered = lower(f, 1.5, 4)
    assert any(isinstance(op, CallFn) for op in walk(lowered.module.entry.body))


def test_recursion_without_end_is_refused() -> None:
    def f(x, n):
        def rec(k):
            return rec(k + 1) * x

        return rec(n)

    with pytest.raises(UnsupportedError, match="infinite recursion"):
        lower(f, 1.5, 4)


def test_division_by_zero_raises() -> None:
    def f(x, n):
        return x / n

    with pytest.raises(ZeroDivisionError):
        interpret(f, 1.5, 0)


def test_raise_becomes_a_check_with_the_message() -> None:
    def f(x):
        if x < 0.0:
            raise ValueError(f"x is {x:.2f}")
        return math.sqrt(x)

    lowered = lower(f, 4.0)
    assert not any(isinstance(op, If) for op in walk(lowered.module.entry.body))
    with pytest.raises(ValueError, match=r"x is -1\.50"):
        interpret(f, -1.5)


def test_short_ranges_over_tuples_are_unrolled() -> None:
    def f(x):
        s = 0.0
        for k in range(2):
            s += (math.sin, math.cos)[k](x)
        return s

    agrees(f, 0.4)
    assert not any(isinstance(op, For | While) for op in walk(lower(f, 0.4).module.entry.body))


def test_captures_and_guards() -> None:
    def f(x):
        return x * RATE + SETTINGS["gain"] ** SETTINGS["order"]

    lowered = lower(f, 1.0)
    captured = {c.path for c in lowered.captures}
    assert (("global", "RATE"),) in captured
    assert (("global", "SETTINGS"), ("item", "gain")) in captured
    assert ((("global", "SETTINGS"), ("item", "order")), 3) in lowered.guards
    agrees(f, 1.0)


def test_mutated_arguments_are_found_through_views() -> None:
    def f(x, y, z):
        row = x[0] if z[0] > 0.0 else y[1]
        row[::2] += 1.0
        return np.sum(row)

    a = np.ones((3, 3))
    assert lower(f, a, a, a[0]).mutated == {0, 1}


def test_structured_result() -> None:
    def f(x):
        return {"pair": (x, x * 2.0), "name": "f", "items": [x, None]}

    assert interpret(f, 1.5) == {"pair": (1.5, 3.0), "name": "f", "items": [1.5, None]}


def test_defaults_are_captured() -> None:
    def f(x, scale=2.0, *, power=3):
        return scale * x**power

    lowered = lower(f, 1.5)
    assert [c.path for c in lowered.captures] == [(("default", "scale"),)]
    assert ((("default", "power"),), 3) in lowered.guards


class Damper:
    def __init__(self, rate: float) -> None:
        self.rate = rate

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        self._rate = 2.0 * value


class Guarded:
    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, 2.0 * value)

    def __getattr__(self, name: str) -> float:
        return 3.0

    def __init__(self, rate: float) -> None:
        self.rate = rate


def test_setters_of_properties_are_called() -> None:
    def f(x):
        damper = Damper(x)
        damper.rate += x
        damper.rate = damper.rate * x
        return damper.rate

    agrees(f, 1.5)


def test_classes_with_their_own_attribute_access_are_refused() -> None:
    def f(x):
        return Guarded(x).rate

    with pytest.raises(UnsupportedError, match="__setattr__"):
        interpret(f, 1.5)


@pytest.mark.parametrize("limit", (0.0, 100.0))
def test_names_of_a_loop_in_its_else(limit: float) -> None:
    def f(x, limit):
        for value in x:
            square = value * value
            if limit < value:
                break
        else:
            return square * value
        n = 0
        while n < 3:
            n += 1
            last = x[0] * n
        else:
            return last * x[1]

    agrees(f, np.array([1.0, 2.0, 3.0]), limit)
