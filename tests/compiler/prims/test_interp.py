"""The interpreter against NumPy, and derivatives by complex steps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pullback.compiler.errors import Src
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array, List, Scalar
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import Prim
from pullback.compiler.prims.registry import PRIMS

ROW, TABLE = Array("float64", 1), Array("float64", 2)
X, N, A = Value(F64, "x"), Value(INT, "n"), Value(ROW, "a")


def loop(b: Builder, **options: bool) -> tuple[Value, ...]:
    """The sum of i for i in range(1, n, 3), which stops after 7 if it `stops`."""
    i, s = Value(INT, "i"), Value(INT, "s")
    lo, step, zero = b.int(1), b.int(3), b.int(0)
    b.open((i, s))
    stop = [b.apply("eq", (i, b.int(7)), "bool")] if options.get("stops") else []
    body = b.close([*stop, b.apply("add", (s, i), "int64")])
    return b.for_(lo, N, step, [zero], body, counted=True, **options)


@pytest.mark.parametrize("n", [0, 1, 2, 8, 20])
@pytest.mark.parametrize("stops", [False, True])
def test_counted_loops(n: int, stops: bool) -> None:
    b = Builder(Region((N,)))
    b.region.yields = loop(b, stops=stops)
    trips = [i for i in range(1, n, 3) if not (stops and i > 7)]
    assert run(Function("f", b.region), [n]) == (sum(trips), len(trips))


def test_while_loops_count_their_trips() -> None:
    b = Builder(Region((X,)))
    w = Value(F64, "w")
    b.open((w,))
    cond = b.close([b.apply("gt", (w, b.const(1.0)), "bool")])
    b.open((w,))
    body = b.close([b.apply("mul", (w, b.const(0.5)), "float64")])
    b.region.yields = b.while_([X], cond, body, counted=True)
    assert run(Function("f", b.region), [9.0]) == (0.5625, 4)


def test_arrays_are_references_and_fresh_memory_is_junk() -> None:
    b = Builder(Region((A, N)))
    last = b.view(A, "slice", ("s",), (b.int(2), b.int(-1), b.int(-1)), 1)
    b.store(last, [b.int(0)], b.const(5.0), True)
    fresh = [b.alloc([N], d) for d in ("float64", "complex128", "int64")]
    b.region.yields = (last, b.alloc([N], "float32", "zeros"), *fresh)
    a = np.arange(3.0)
    back, zeros, *junk = run(Function("f", b.region), [a, 2])
    assert a.tolist() == [0.0, 1.0, 7.0]
    assert back.tolist() == [7.0, 1.0, 0.0] and np.shares_memory(back, a)
    assert zeros.dtype == np.float32 and not zeros.any()
    assert np.isnan(junk[0]).all() and np.isnan(junk[1]).all() and junk[2].all()


@pytest.mark.parametrize(
    ("kind", "spec", "operands", "expected"),
    [
        ("slice", ("i", ":"), (1,), np.s_[1, :]),
        ("slice", ("s", "i"), (0, 3, 2, 1), np.s_[0:3:2, 1]),
        ("slice", (":", "n", "s"), (3, -1, -2), np.s_[:, None, 3::-2]),
        ("slice", ("i", "i"), (1, 2), np.s_[1, 2, ...]),
    ],
)
def test_views(
    kind: str, spec: tuple[str, ...], operands: tuple[int, ...], expected: tuple[object, ...]
) -> None:
    table = Value(TABLE, "table")
    b = Builder(Region((table,)))
    rank = len(spec) - spec.count("i")
    b.region.yields = (b.view(table, kind, spec, [b.int(k) for k in operands], rank),)
    data = np.arange(12.0).reshape(3, 4)
    (seen,) = run(Function("f", b.region), [data])
    np.testing.assert_array_equal(seen, data[expected])
    assert np.shares_memory(seen, data)


def test_scalars_have_the_dtype_that_the_ir_says() -> None:
    b = Builder(Region((X,)))
    b.region.yields = tuple(b.apply("cast", (X,), d) for d in ("int64", "float32", "complex128", "bool"))
    results = run(Function("f", b.region), [-2.75])
    assert [r.dtype.name for r in results] == ["int64", "float32", "complex128", "bool"]
    assert results == (-2, np.float32(-2.75), -2.75 + 0j, True)


def test_lists() -> None:
    items = Value(List(F64), "items")
    b = Builder(Region((items,)))
    b.push(items, b.const(3.0))
    b.list_set(items, b.int(0), b.pop(items))
    b.region.yields = (b.list_get(items, b.int(0)), b.list_len(items))
    mine = [1.0, 2.0]
    assert run(Function("f", b.region), [mine]) == (3.0, 2)
    assert mine == [3.0, 2.0]


@pytest.mark.parametrize(("name", "kind"), [("ValueError", ValueError), ("MyError", RuntimeError)])
def test_a_failed_check_raises_what_the_program_would(name: str, kind: type[Exception]) -> None:
    c = Value(BOOL, "c")
    b = Builder(Region((c, N)))
    b.src = Src("model.py", 4)
    b.check(c, name, "n is {0}", [N])
    assert run(Function("f", b.region), [True, 3]) == ()
    with pytest.raises(kind, match=r"model\.py:4: n is 3"):
        run(Function("f", b.region), [False, 3])


def test_prints_go_where_they_are_sent(capsys: pytest.CaptureFixture[str]) -> None:
    b = Builder(Region((N,)))
    b.print("n = {0}", [N], end=";")
    texts: list[str] = []
    run(Function("f", b.region), [3], texts.append)
    run(Function("f", b.region), [4])
    assert (texts, capsys.readouterr().out) == (["n = 3;"], "n = 4;")


def test_functions_call_themselves() -> None:
    b = Builder(Region((N,)))
    b.open()
    (below,) = b.call_fn("f", [b.apply("sub", (N, b.int(1)), "int64")], [INT])
    then = b.close([b.apply("mul", (N, below), "int64")])
    b.open()
    orelse = b.close([b.int(1)])
    b.region.yields = b.if_(b.apply("gt", (N, b.int(0)), "bool"), then, orelse)
    assert run(Module(Function("f", b.region)), [5]) == (120,)


def test_arguments_are_checked() -> None:
    fn = Function("f", Region((A,)))
    with pytest.raises(TypeError, match="takes 1 arguments, not 0"):
        run(fn, [])
    with pytest.raises(TypeError, match="float32"):
        run(fn, [np.zeros(2, "float32")])
    with pytest.raises(TypeError, match="rank 1"):
        run(fn, [np.zeros((2, 2))])


REAL = [
    p for p in PRIMS.values() if p.vjp and p.result != "complex" and p.name not in ("real", "imag", "conj")
]


@pytest.mark.parametrize("record", REAL, ids=lambda p: p.name)
def test_complex_steps_are_derivatives(record: Prim) -> None:
    """Against central differences, for every real primitive and each of its float arguments."""
    arity = len(record.args)
    name = record.name
    counted = name in ("ipow", "polygamma")
    types = [BOOL if a == "cond" else INT if counted and a == "n" else F64 for a in record.args]
    params = [Value(t) for t in types]
    b = Builder(Region(tuple(params)))
    b.region.yields = (b.apply(name, params, "float64"),)
    fn = Function("f", b.region)
    low = 1.2 if name == "arccosh" else 0.31
    point = [True if t == BOOL else 2 if t == INT else low + 0.17 * k for k, t in enumerate(types)]
    for k in range(arity):
        if types[k] != F64 or name in ("stop_gradient", "attach"):
            continue
        stepped = [p + 1e-30j if i == k else p for i, p in enumerate(point)]
        (value,) = run(fn, stepped, complex_step=True)
        ends = [run(fn, [p + h if i == k else p for i, p in enumerate(point)])[0] for h in (1e-5, -1e-5)]
        assert value.real == run(fn, point)[0]
        np.testing.assert_allclose(value.imag / 1e-30, (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-8)


def test_complex_steps_go_through_memory_and_calls() -> None:
    table = Value(TABLE, "table")
    b = Builder(Region((table, X)))
    b.store(table, [b.int(0), b.int(0)], X)
    (low,) = b.call("cholesky", [table], [TABLE])
    sign, log = b.call("slogdet", [table], [F64, F64])
    b.region.yields = (b.load(low, [b.int(1), b.int(0)]), b.load(low, [b.int(1), b.int(1)]), log, sign)
    data = np.array([[0.0, 0.5], [0.5, 3.0]])
    results = run(Function("f", b.region), [data, 2.0 + 1e-30j], complex_step=True)
    rates = [r.imag / 1e-30 for r in results]
    np.testing.assert_allclose(
        rates, [-0.5 / 2 / 2**1.5, 0.125 / 4 / np.sqrt(2.875), 3 / 5.75, 0.0], rtol=1e-12
    )
    assert data[0, 0] == 0.0, "arrays that are not complex are copied"


def test_branches_are_taken_as_in_the_real_program() -> None:
    z = Value(F64, "z")
    b = Builder(Region((X, z)))
    names = ("lt", "eq", "ge")
    b.region.yields = tuple(b.apply(name, (X, z), "bool") for name in names)
    fn = Function("f", b.region)
    for x, other in itertools.product([0.5, 1.0, 2.0], repeat=2):
        assert run(fn, [x + 1j, other], complex_step=True) == run(fn, [x, other])


def test_float32_is_stepped_in_double_precision() -> None:
    x = Value(Scalar("float32"), "x")
    b = Builder(Region((x,)))
    b.region.yields = (b.apply("exp", (x,), "float32"),)
    (value,) = run(Function("f", b.region), [0.5 + 1e-30j], complex_step=True)
    assert value.imag / 1e-30 == pytest.approx(np.exp(0.5), rel=1e-15)
