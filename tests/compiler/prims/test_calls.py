"""Every library call on its samples: types and text against its reference, both rules against differences."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from pullback.compiler.errors import NoRuleError, TypeMismatchError
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Call, Function, Region, Value
from pullback.compiler.ir.types import Array, Scalar, Type
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims import interp
from pullback.compiler.prims.libcall import LibCall, each, each_of_triangle, shape
from pullback.compiler.prims.registry import CALLS
from pullback.runtime import support, triangular

SAMPLES = [
    pytest.param(r, make, id=f"{r.name}-{k}") for r in CALLS.values() for k, make in enumerate(r.samples)
]
SMOOTH = [p for p in SAMPLES if p.values[0].vjp]


def type_of(x: Any) -> Type:
    x = np.asarray(x)
    return Array(x.dtype.name, x.ndim) if x.ndim else Scalar(x.dtype.name)


def results_of(record: LibCall, args: tuple) -> list:
    out = record.ref(*args)
    return list(out) if isinstance(out, tuple) else [out]


@pytest.mark.parametrize(("record", "make"), SAMPLES)
def test_types_are_those_of_the_reference(record, make, rng):
    args = make(rng)
    assert record.types([type_of(a) for a in args], ()) == [type_of(r) for r in results_of(record, args)]


@pytest.mark.parametrize("record", CALLS.values(), ids=lambda r: r.name)
def test_text_means_the_reference(record, rng):
    for make in record.samples[:2] + record.samples[3:4]:
        args = make(rng)
        names = [f"a{i}" for i in range(len(args))]
        text = f"lambda {', '.join(names)}: {record.template(len(args)).format(*names)}"
        plain = eval(text, {"np": np, "support": support, "triangular": triangular})
        for run in (plain, numba.njit(plain)):
            out = run(*args)
            out = list(out) if isinstance(out, tuple) else [out]
            for got, expected in zip(out, results_of(record, args), strict=True):
                assert np.shape(got) == np.shape(expected)
                if not record.random:
                    np.testing.assert_allclose(got, expected, 1e-12, 1e-12)


class Recorder:
    """Both contexts, as one IR function of (args…, results…, given…)."""

    def __init__(self, record: LibCall, types: list[Type]) -> None:
        results = record.types(types, ())
        self.args, self.results = [Value(t) for t in types], [Value(t) for t in results]
        self.op, self.static = Call(tuple(self.args), tuple(self.results), (), (record.name,)), ()

    def begin(self, given: list[Value]) -> None:
        self.given = given
        self.region = Region((*self.args, *self.results, *given))
        self.b = Builder(self.region)

    def arg(self, i: int) -> Value:
        return self.args[i]

    def result(self, i: int) -> Value:
        return self.results[i]

    def finish(self, yields: list[Value]) -> Function:
        self.region.yields = tuple(yields)
        for op in walk(self.region):
            assert not isinstance(op, Call) or CALLS[op.name].vjp, f"{op.name} has no rule"
        return Function("rule", self.region)


class Reverse(Recorder):
    def function(self, record: LibCall) -> Function:
        self.begin([Value(r.type) for r in self.results])
        self.bars = [self.b.alloc(shape(self.b, a), a.dtype, "zeros") for a in self.args]
        record.vjp(self)
        return self.finish(self.bars)

    def active(self, i: int) -> bool:
        return True

    def bar(self, i: int) -> Value:
        return self.given[i]

    def add(self, i: int, contribution: Value) -> None:
        assert contribution.type == self.args[i].type
        self.add_elements(i, lambda b, at: b.load(contribution, at))

    def add_elements(self, i: int, fn: Any) -> None:
        bar = self.bars[i]
        each(self.b, shape(self.b, bar), lambda at: self.b.store(bar, at, fn(self.b, at), accumulate=True))

    def add_triangle(self, i: int, fn: Any, upper: bool) -> None:
        b, bar = self.b, self.bars[i]
        add = lambda at: b.store(bar, at, fn(b, at), accumulate=True)  # noqa: E731
        each_of_triangle(b, b.dim(bar, 0), upper, add)


class Forward(Recorder):
    def function(self, record: LibCall) -> tuple[Function, list[int]]:
        self.begin([Value(a.type) for a in self.args])
        dots = record.jvp(self)
        known = [i for i, d in enumerate(dots) if d is not None]
        return self.finish([dots[i] for i in known]), known

    def dot(self, i: int) -> Value:
        return self.given[i]


def direction(like: Any, rng: np.random.Generator) -> Any:
    like = np.asarray(like)
    step = rng.normal(size=like.shape)
    return (step + 1j * rng.normal(size=like.shape) if np.iscomplexobj(like) else step)[()]


def differences(record: LibCall, args: tuple, steps: list) -> list:
    h = 1e-6
    low, high = (
        results_of(record, tuple(a + s * h * d for a, d in zip(args, steps, strict=True))) for s in (-1, 1)
    )
    return [(b - a) / (2 * h) for a, b in zip(low, high, strict=True)]


@pytest.mark.parametrize(("record", "make"), SMOOTH)
def test_rules_are_derivatives(record, make, rng):
    args = make(rng)
    types, results = [type_of(a) for a in args], results_of(record, args)
    steps = [direction(a, rng) for a in args]
    slopes = differences(record, args, steps)

    forward, known = Forward(record, types).function(record)
    dots = interp.run(forward, [*args, *results, *steps])
    for i, got in zip(known, dots, strict=True):
        np.testing.assert_allclose(got, slopes[i], 1e-6, 1e-6 * np.abs(slopes[i]).max())

    given = [direction(r, rng) for r in results]
    bars = interp.run(Reverse(record, types).function(record), [*args, *results, *given])
    if record.name == "slogdet":
        given[0] = 0.0
    forth = sum(np.sum(np.conj(g) * s).real for g, s in zip(given, slopes, strict=True))
    back = sum(np.sum(np.conj(a) * d).real for a, d in zip(bars, steps, strict=True))
    np.testing.assert_allclose(back, forth, 1e-6)


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("name", ["dot", "solve"])
def test_tangent_of_one_argument(name, active, rng):
    record = CALLS[name]
    args = record.samples[1](rng)

    class One(Forward):
        def dot(self, i: int) -> Value | None:
            return self.given[i] if i == active else None

    forward, _ = One(record, [type_of(a) for a in args]).function(record)
    steps = [direction(a, rng) * (i == active) for i, a in enumerate(args)]
    (got,) = interp.run(forward, [*args, *results_of(record, args), *steps])
    np.testing.assert_allclose(got, differences(record, args, steps)[0], 1e-6, 1e-6)


@pytest.mark.parametrize("singular", [np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((2, 2)), np.ones((3, 3))])
def test_det_of_a_singular_matrix_has_a_gradient(singular):
    record = CALLS["det"]
    function = Reverse(record, [Array("float64", 2)]).function(record)
    (bar,) = interp.run(function, [singular, 0.0, 1.0])
    np.testing.assert_allclose(bar, CALLS["cofactor"].ref(singular), atol=1e-14)


def test_types_are_refused():
    with pytest.raises(TypeMismatchError, match="2-d arrays of floats"):
        CALLS["det"].types([Array("float64", 1)], ())
    with pytest.raises(TypeMismatchError, match="one dtype"):
        CALLS["dot"].types([Array("float64", 2), Array("float32", 1)], ())
    with pytest.raises(NoRuleError, match="complex matrix"):
        CALLS["cholesky"].types([Array("complex128", 2)], ())
    with pytest.raises(TypeMismatchError, match="complex array"):
        CALLS["fft"].types([Array("float64", 1)], ())


def test_templates_of_draws():
    assert CALLS["random_normal"].template(0) == "np.random.normal(0.0, 1.0)"
    assert CALLS["random_random"].template(1) == "np.random.random(({0},))"
    assert CALLS["random_randint"].template(4) == "np.random.randint({0}, {1}, ({2}, {3},))"
