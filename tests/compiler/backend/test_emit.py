"""Hand-built IR: the text is as expected, and text, compiled text and interpreter agree."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pullback.compiler.backend.emit import EmitMeta, emit
from pullback.compiler.backend.load import load, write_source
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, INT, Array, Scalar
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import cast
from pullback.compiler.prims.prim import emit as prim

sys.path.insert(0, str(Path(__file__).parent))
from randomir import RandomProgram

VEC, MAT, F32, I32 = Array("float64", 1), Array("float64", 2), Scalar("float32"), Scalar("int32")


def function(params: list[Value], grow: Callable[..., list[Value]]) -> Module:
    b = Builder()
    b.region.params = tuple(params)
    b.region.yields = tuple(grow(b, *params))
    return Module(Function("f", b.region))


def loop(
    b: Builder, hi: Value, inits: dict[str, Value], body: Callable[..., list[Value]], **options: Any
) -> Any:
    params = [Value(v.type, name) for name, v in inits.items()]
    index = Value(INT, "i")
    b.open((index, *params))
    region = b.close(body(index, *params))
    return b.for_(b.int(0), hi, b.int(1), list(inits.values()), region, **options)


def swap(b: Builder, x: Value, y: Value, n: Value) -> list[Value]:
    return list(loop(b, n, {"u": x, "v": y}, lambda i, u, v: [v, u]))


def fibonacci(b: Builder, n: Value) -> list[Value]:
    inits = {"u": b.int(0), "v": b.int(1)}
    return list(loop(b, n, inits, lambda i, u, v: [v, prim(b, "add", u, v)]))


def lost_copy(b: Builder, x: Value, n: Value) -> list[Value]:
    """The value before the last addition."""

    def body(i: Value, old: Value, new: Value) -> list[Value]:
        return [new, b.apply("add", (new, b.const(1.5)), "float64", "new")]

    return [loop(b, n, {"old": x, "new": x}, body)[0]]


def total_of_squares(b: Builder, w: Value, x: Value) -> list[Value]:
    def rows(i: Value, total: Value) -> list[Value]:
        def columns(j: Value, p: Value) -> list[Value]:
            return [prim(b, "add", p, prim(b, "mul", b.load(w, [j]), b.load(x, [i, j])))]

        (p,) = loop(b, b.dim(w, 0), {"p": b.const(0.0)}, columns)
        return [prim(b, "add", total, prim(b, "mul", p, p))]

    return list(loop(b, b.dim(x, 0), {"total": b.const(0.0)}, rows))


def stopping(b: Builder, x: Value, limit: Value) -> list[Value]:
    def body(i: Value, total: Value) -> list[Value]:
        more = prim(b, "add", total, b.load(x, [i]))
        return [prim(b, "gt", more, limit), more]

    return list(loop(b, b.dim(x, 0), {"total": b.const(0.0)}, body, stops=True, counted=True))


def halving(b: Builder, x: Value) -> list[Value]:
    before, after = Value(F64, "x"), Value(F64, "x")
    b.open([before])
    cond = b.close([prim(b, "gt", before, b.const(1.0))])
    b.open([after])
    body = b.close([prim(b, "mul", after, b.const(0.5))])
    return list(b.while_([x], cond, body, counted=True))


def clamp(b: Builder, x: Value, y: Value) -> list[Value]:
    b.open()
    then = b.close([prim(b, "neg", x), y])
    b.open()
    b.print("kept {0}", [x])
    orelse = b.close([x, prim(b, "mul", y, x)])
    return list(b.if_(prim(b, "lt", x, b.const(0.0)), then, orelse))


def stack(b: Builder, x: Value, a: Value) -> list[Value]:
    """Values and views of both layouts go through lists."""
    values, rows = b.list_new(F64, "saved"), b.list_new(VEC, "rows")

    def push(i: Value) -> list[Value]:
        b.push(values, b.load(x, [i]))
        b.push(rows, b.view(a, "slice", (":", "i"), [i], 1))
        b.push(rows, b.view(a, "slice", ("i", ":"), [i], 1))
        return []

    def pop(i: Value, total: Value) -> list[Value]:
        row, column = b.pop(rows, "row"), b.pop(rows, "column")
        value = prim(b, "mul", b.pop(values), b.load(row, [b.int(1)]))
        return [prim(b, "add", total, prim(b, "sub", value, b.load(column, [b.int(1)])))]

    loop(b, b.dim(x, 0), {}, push)
    return list(loop(b, b.dim(x, 0), {"total": b.const(0.0)}, pop))


def single(b: Builder, x: Value, n: Value) -> list[Value]:
    half = cast(b, b.const(0.1), "float32")
    (s,) = loop(b, n, {"s": x}, lambda i, s: [prim(b, "tanh", prim(b, "add", prim(b, "mul", s, half), x))])
    return [s]


def narrow(b: Builder, i: Value, j: Value) -> list[Value]:
    return [prim(b, "mul", prim(b, "add", i, j), b.const(2, "int32"))]


def views(b: Builder, a: Value) -> list[Value]:
    n, one = b.dim(a, 0), b.int(1)
    last = prim(b, "sub", n, one)
    flipped = b.view(a, "slice", ("s", ":"), [last, b.int(-1), b.int(-1)], 2, "flipped")
    out = b.alloc([b.dim(a, 0), b.dim(a, 1)], "float64", "zeros", "out")
    turned = b.view(flipped, "transpose", (1, 0), [], 2, "turned")
    b.store(out, [b.int(0), one], b.load(turned, [one, b.int(0)]))
    b.store(out, [b.int(0), one], b.const(2.0), accumulate=True)
    return [out]


def guarded(b: Builder, x: Value, i: Value) -> list[Value]:
    n = b.dim(x, 0)
    inside = prim(b, "and", prim(b, "le", b.int(0), i), prim(b, "lt", i, n))
    b.check(inside, "IndexError", "index {0} is out of bounds for length {1}", [i, n])
    return [b.load(x, [i])]


def versions(b: Builder, x: Value) -> list[Value]:
    two = b.apply("mul", (x, x), "float64", "x")
    three = b.apply("add", (two, b.const(1.0)), "float64", "x")
    return [prim(b, "sub", prim(b, "mul", three, three), b.apply("sin", (three,), "float64"))]


A = np.arange(9.0).reshape(3, 3)
CASES: dict[str, tuple[list[Value], Any, list[tuple[Any, ...]]]] = {
    "swap": ([Value(F64, "x"), Value(F64, "y"), Value(INT, "n")], swap, [(1.0, 2.0, 0), (1.0, 2.0, 3)]),
    "fibonacci": ([Value(INT, "n")], fibonacci, [(0,), (1,), (10,)]),
    "lost_copy": ([Value(F64, "x"), Value(INT, "n")], lost_copy, [(1.0, 0), (1.0, 4)]),
    "total_of_squares": (
        [Value(VEC, "w"), Value(MAT, "x")],
        total_of_squares,
        [(np.ones(3), A), (A[1], A.T)],
    ),
    "stopping": (
        [Value(VEC, "x"), Value(F64, "limit")],
        stopping,
        [(A[1], 5.0), (A[1], 99.0), (A[1, :0], 1.0)],
    ),
    "halving": ([Value(F64, "x")], halving, [(10.0,), (0.5,)]),
    "clamp": ([Value(F64, "x"), Value(F64, "y")], clamp, [(-1.5, 2.0), (1.5, 2.0)]),
    "stack": ([Value(VEC, "x"), Value(MAT, "a")], stack, [(A[1], A), (A[1], A.T)]),
    "single": ([Value(F32, "x"), Value(INT, "n")], single, [(np.float32(0.3), 3)]),
    "narrow": ([Value(I32, "i"), Value(I32, "j")], narrow, [(np.int32(3), np.int32(4))]),
    "views": ([Value(MAT, "a")], views, [(A,)]),
    "guarded": ([Value(VEC, "x"), Value(INT, "i")], guarded, [(A[1], 2)]),
    "versions": ([Value(F64, "x")], versions, [(0.5,)]),
}


def results(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, golden: Callable[[str], None], tmp_path: Path) -> None:
    params, grow, inputs = CASES[name]
    module = function(params, grow)
    emitted = emit(module, EmitMeta(name, fastmath=False))
    golden(emitted.text)
    path = write_source(emitted.text, tmp_path, name)
    for args in inputs:
        expected = run(module, args)
        for jit in (False, True):
            found = results(load(path, jit).f(*args))
            assert len(found) == len(expected)
            for x, y in zip(found, expected, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-6 if name == "single" else 1e-14)


def test_numba_keeps_the_dtypes(tmp_path: Path) -> None:
    import numba

    for name, dtype in (("single", numba.float32), ("narrow", numba.int32), ("swap", None)):
        params, grow, inputs = CASES[name]
        text = emit(function(params, grow), EmitMeta(name, fastmath=False)).text
        compiled = load(write_source(text, tmp_path, name)).f
        compiled(*inputs[-1])
        (overload,) = compiled.overloads.values()
        assert dtype is None or overload.signature.return_type == dtype


@pytest.mark.parametrize("jit", [False, True])
def test_a_check_tells_its_number_and_values(jit: bool, tmp_path: Path) -> None:
    params, grow, _ = CASES["guarded"]
    emitted = emit(function(params, grow), EmitMeta("guarded"))
    path = write_source(emitted.text, tmp_path, "guarded")
    with pytest.raises(IndexError) as caught:
        load(path, jit).f(np.ones(3), 5)
    template, *values, number = caught.value.args
    assert emitted.checks[number][:2] == ("IndexError", template)
    assert template.format(*values) == "index 5 is out of bounds for length 3"


def test_a_tracked_build_tells_the_line(tmp_path: Path) -> None:
    from pullback.compiler.errors import Src

    def grow(b: Builder, x: Value, i: Value) -> list[Value]:
        b.src = Src("user.py", 7)
        b.store(x, [b.int(0)], b.const(1.0))
        b.src = Src("user.py", 8)
        return [b.load(x, [i], "y")]

    emitted = emit(
        function([Value(VEC, "x"), Value(INT, "i")], grow), EmitMeta("f", track=True, boundscheck=True)
    )
    at = np.zeros(1, dtype=np.int64)
    with pytest.raises(IndexError):
        load(write_source(emitted.text, tmp_path)).f(np.ones(3), 5, at)
    assert emitted.sites[at[0]].line == 8


def test_comments_and_source_map(tmp_path: Path) -> None:
    from pullback.compiler.errors import Src

    user = tmp_path / "user.py"
    user.write_text("def f(x):\n    y = x * x\n    return y + 1.0\n")

    def grow(b: Builder, x: Value) -> list[Value]:
        b.src = Src(str(user), 2)
        y = b.apply("mul", (x, x), "float64", "y")
        b.src = Src(str(user), 3)
        return [y, prim(b, "add", y, b.const(1.0))]

    meta = EmitMeta("f", ("x",), (("x", "float64"),), entry_file=str(user), reverse_at=1)
    emitted = emit(function([Value(F64, "x")], grow), meta)
    lines = emitted.text.splitlines()
    assert lines[:2] == ["# pullback: reverse-mode adjoint of `f`, with respect to x", "# x: float64"]
    at = lines.index("    y = x * x")
    assert lines[at - 2 : at] == ["    # ---- forward", "    # +1  y = x * x"]
    assert emitted.source_map[at + 1].line == 2
    assert "    # ---- reverse" in lines[at:]


def test_the_text_does_not_depend_on_identity() -> None:
    texts = {emit(RandomProgram(17).build(), EmitMeta("f")).text for _ in range(3)}
    assert len(texts) == 1


def compare(seed: int, call: Callable[[str], Any]) -> None:
    module = RandomProgram(seed).build()
    text = emit(module, EmitMeta("f")).text
    f = call(text)
    for args in ((0.3, -1.2, 2), (2.0, 0.7, 3), (-0.5, -0.4, 0)):
        mine, theirs = np.array([0.1, 0.2, -0.3, 0.4]), np.array([0.1, 0.2, -0.3, 0.4])
        np.testing.assert_allclose(f(mine, *args), run(module, [theirs, *args]), err_msg=f"{seed}\n{text}")
        np.testing.assert_allclose(mine, theirs, err_msg=f"{seed}\n{text}")


def test_random_programs_in_python(tmp_path: Path) -> None:
    def plain(text: str) -> Any:
        scope: dict[str, Any] = {}
        exec(text.replace("@jit\n", "\n"), scope)
        return scope["f"]

    for seed in range(800):
        compare(seed, plain)


def test_random_programs_compiled(tmp_path: Path) -> None:
    for seed in range(1000, 1012):
        compare(seed, lambda text: load(write_source(text, tmp_path)).f)
