"""Every scalar primitive: text against reference, rules against numerical derivatives, conventions."""

from __future__ import annotations

import functools
import math

import numba
import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Function, Region, Value
from pullback.compiler.ir.types import Scalar, complex_of, is_complex
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims import interp
from pullback.compiler.prims.prim import Prim, Sym, cast, result_dtype
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.prims.table import rows
from pullback.runtime import support, vectormath

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")

WIDTH = 20  # of a tuple; Numba takes no long ones
BITS = {"bitand", "bitor", "bitxor", "invert", "lshift", "rshift"}
LOGIC = {"and", "or", "not"}
FROM_COMPLEX = {"real", "imag", "conj"}
ON_INTS = BITS | {
    "add", "sub", "mul", "neg", "pos", "floordiv", "mod", "pow", "abs", "sign", "square", "lt", "le", "gt",
    "ge", "eq", "ne", "minimum", "maximum", "pymin", "pymax", "select",
}  # fmt: skip
ON_FLOATS = [r for r in PRIMS.values() if r.name not in BITS | LOGIC | FROM_COMPLEX]
ON_COMPLEX = [r for r in PRIMS.values() if r.holomorphic or r.name in FROM_COMPLEX | {"abs"}]
GROUPS = {
    "float64": ON_FLOATS,
    "float32": ON_FLOATS,
    "int64": [PRIMS[n] for n in sorted(ON_INTS)],
    "bool": [PRIMS[n] for n in sorted(LOGIC)],
    "complex128": ON_COMPLEX,
    "complex64": [
        r for r in ON_COMPLEX if r.name != "ipow"
    ],  # Numba's z ** n is complex128: the emitter casts
}
# `attach` has the value of one operand and the derivative of the other: no difference quotient shows it.
DIFFERENTIABLE = [r for r in ON_FLOATS if r.vjp and r.name != "attach"]
COUNTS = {
    ("ipow", "n"): [3, 2, -2, 0, 1],
    ("polygamma", "n"): [1, 2, 1, 3, 2],
    ("select", "cond"): [1, 0, 1, 0, 1],
}
TOLERANCE = {"float64": 1e-12, "float32": 3e-5, "complex128": 1e-12, "complex64": 1e-4, "int64": 0, "bool": 0}


def argument_dtype(record: Prim, arg: str, dtype: str) -> str:
    """The dtype of an argument of a primitive on `dtype`."""
    return {("ipow", "n"): "int64", ("select", "cond"): "bool"}.get((record.name, arg), dtype)


def points(record: Prim, dtype: str, count: int = 5) -> list[list]:
    """Arguments inside the domain, away from kinks with probability one."""
    rng = np.random.default_rng(len(record.name))
    table = []
    for k in range(count):
        row = []
        for arg in record.args:
            own = argument_dtype(record, arg, dtype)
            value = rng.uniform(*record.domain.get(arg, (-2.5, 2.5)))
            if (record.name, arg) in COUNTS:
                value = COUNTS[record.name, arg][k]
            elif is_complex(own):
                value = value + 1j * rng.uniform(0.2, 0.9)
            elif own == "int64":
                value = (
                    rng.integers(1, 5)
                    if record.name in ("pow", "lshift", "rshift", "mod", "floordiv")
                    else value * 4
                )
                value = (
                    -value if arg == "x" and k % 2 and record.name in ("pow", "mod", "floordiv") else value
                )
            elif own == "bool":
                value = value > 0
            row.append(np.dtype(own).type(value))
        table.append(row)
    return table


def loaded(record: Prim, dtype: str, k: int) -> str:
    """The emitted text on arguments that are elements of arrays."""
    tables = [{"int64": "n", "bool": "c"}.get(argument_dtype(record, a, dtype), "x") for a in record.args]
    tables = [
        "x" if argument_dtype(record, a, dtype) == dtype else t
        for a, t in zip(record.args, tables, strict=True)
    ]
    text = record.template(dtype).format(*(f"{t}[{k}, {i}]" for i, t in enumerate(tables)))
    return f"({text})"


@functools.cache
def source(dtype: str):
    """One function that evaluates all primitives of a group."""
    texts = [loaded(r, dtype, k) for k, r in enumerate(GROUPS[dtype])]
    lines = [f"    t{k} = ({', '.join(texts[k : k + WIDTH])},)" for k in range(0, len(texts), WIDTH)]
    whole = ", ".join(f"t{k}" for k in range(0, len(texts), WIDTH))
    space = {"np": np, "math": math, "support": support, "vm": vectormath}
    exec("\n".join(["def run(x, n, c):", *lines, f"    return ({whole},)"]), space)
    return space["run"]


def tables(dtype: str, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k-th point of each primitive of a group."""
    records = GROUPS[dtype]
    x = np.zeros((len(records), 3), dtype)
    n, c = np.zeros((len(records), 3), "int64"), np.zeros((len(records), 3), "bool")
    for row, record in enumerate(records):
        for i, value in enumerate(points(record, dtype)[k]):
            own = argument_dtype(record, record.args[i], dtype)
            (x if own == dtype else n if own == "int64" else c)[row, i] = value
    return x, n, c


@pytest.mark.parametrize("dtype", GROUPS)
def test_text_means_the_reference(dtype):
    compiled = numba.njit(source(dtype), error_model="numpy")
    for k in range(5):
        args = tables(dtype, k)
        jitted, plain = sum(compiled(*args), ()), sum(source(dtype)(*args), ())
        for record, fast, slow in zip(GROUPS[dtype], jitted, plain, strict=True):
            expected = record.ref(*points(record, dtype)[k])
            np.testing.assert_allclose(
                fast, expected, TOLERANCE[dtype], 1e-14, err_msg=f"{record.name} compiled"
            )
            np.testing.assert_allclose(
                slow, expected, TOLERANCE[dtype], 1e-14, err_msg=f"{record.name} interpreted"
            )
    types = [t for part in compiled.nopython_signatures[0].return_type.types for t in part.types]
    for record, type_ in zip(GROUPS[dtype], types, strict=True):
        want = result_dtype(record, [argument_dtype(record, a, dtype) for a in record.args])
        assert str(type_) == want, record.name


def numerical(record: Prim, args: list, i: int):
    """∂ref/∂args[i]: a complex step where the reference is holomorphic, else central differences."""
    if record.holomorphic and not np.iscomplexobj(args[i]) and record.name not in ("select", "pow"):
        moved = [a + 1e-30j if j == i else a for j, a in enumerate(args)]
        return np.imag(record.ref(*moved)) / 1e-30, 1e-11
    h = 1e-5
    low, high = ([a + s * h if j == i else a for j, a in enumerate(args)] for s in (-1, 1))
    return (record.ref(*high) - record.ref(*low)) / (2 * h), 1e-7


def slope(record: Prim, args: list, i: int, y_bar=1.0, *, tangent: bool = False):
    """The rule on numbers."""
    known = dict(zip(record.args, args, strict=True)) | {"y": record.ref(*args), "y_bar": y_bar}
    return record.rule(record.args[i], known, tangent=tangent)


def in_single(record: Prim, args: list) -> list:
    dtypes = [argument_dtype(record, name, "float32") for name in record.args]
    return [np.dtype(d).type(a) for d, a in zip(dtypes, args, strict=True)]


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)
def test_rules_are_derivatives(record):
    for args in points(record, "float64"):
        for i, arg in enumerate(record.args):
            if (record.name, arg) in COUNTS or record.name == "complex":
                continue
            expected, tolerance = numerical(record, args, i)
            if arg in record.vjp:
                got = slope(record, args, i)
                np.testing.assert_allclose(got, expected, tolerance, tolerance, err_msg=f"{arg} at {args}")
                single = slope(record, in_single(record, args), i, np.float32(1))
                np.testing.assert_allclose(single, got, 1e-4, 1e-5, err_msg=f"{arg} in single precision")
            else:
                np.testing.assert_allclose(expected, 0.0, atol=1e-7, err_msg=f"{arg} has no rule")


@pytest.mark.parametrize(
    "record", [r for r in PRIMS.values() if r.holomorphic and r.vjp], ids=lambda r: r.name
)
def test_holomorphic_rules_are_complex_derivatives(record):
    for args in points(record, "complex128"):
        for i, arg in enumerate(record.args):
            if arg in record.vjp and record.name != "select":
                expected, tolerance = numerical(record, args, i)
                np.testing.assert_allclose(slope(record, args, i, 1.0 + 0j), expected, tolerance, tolerance)


@pytest.mark.parametrize("name", ["real", "imag", "conj", "complex", "abs"])
def test_adjoints_of_complex_parts_are_transposes(name, rng):
    record = PRIMS[name]
    dtype = "float64" if name == "complex" else "complex128"
    for args in points(record, dtype):
        for i in range(len(args)):
            z_dot = np.dtype(dtype).type(rng.normal() + (1j * rng.normal() if dtype == "complex128" else 0))
            h = 1e-6
            low, high = ([a + s * h * z_dot if j == i else a for j, a in enumerate(args)] for s in (-1, 1))
            y_dot = slope(record, args, i, z_dot, tangent=True)
            np.testing.assert_allclose(y_dot, (record.ref(*high) - record.ref(*low)) / (2 * h), 1e-8, 1e-8)
            y_bar = rng.normal() + (1j * rng.normal() if np.iscomplexobj(y_dot) else 0)
            z_bar = slope(record, args, i, y_bar)
            np.testing.assert_allclose((np.conj(y_bar) * y_dot).real, (np.conj(z_bar) * z_dot).real)


def rule_function(record: Prim, arg: str, dtype: str, tangent: bool) -> Function:
    """A rule as an IR function of (args…, y, y_bar)."""
    dtypes = [argument_dtype(record, a, dtype) for a in record.args]
    result = result_dtype(record, dtypes)
    own = dtypes[record.args.index(arg)]
    names = [*record.args, "y", "y_bar"]
    params = [
        Value(Scalar(d), n) for n, d in zip(names, [*dtypes, result, own if tangent else result], strict=True)
    ]
    region = Region(tuple(params))
    b = Builder(region)
    known = {n: Sym(b, p) for n, p in zip(names, params, strict=True)}
    out = record.rule(arg, known, tangent=tangent)
    region.yields = (cast(b, out.value, result if tangent else own),)
    return Function("rule", region)


CASES = [
    (r, arg, dtype)
    for dtype in ("float32", "float64", "complex128")
    for r in GROUPS[dtype]
    for arg in r.args
    if r.vjp and arg in r.vjp
]


@pytest.mark.parametrize("tangent", [False, True], ids=["adjoint", "tangent"])
def test_rules_in_ir_equal_rules_on_numbers_and_are_closed(tangent):
    for record, arg, dtype in CASES:
        function = rule_function(record, arg, dtype, tangent)
        for op in walk(function.body):
            if isinstance(op, Apply) and op.out.dtype not in ("bool", "int64"):
                assert PRIMS[op.prim].vjp is not None, f"{op.prim} in the rule of {record.name}"
        for args in points(record, dtype, 2):
            y = np.asarray(record.ref(*args)).astype(function.params[-2].dtype)[()]
            y_bar = np.dtype(function.params[-1].dtype).type(0.7)
            (got,) = interp.run(function, [*args, y, y_bar])
            expected = slope(record, args, record.args.index(arg), y_bar, tangent=tangent)
            if not np.iscomplexobj(got):
                expected = np.real(expected)
            np.testing.assert_allclose(
                got, expected, 1e-4 if dtype == "float32" else 1e-12, 1e-6, err_msg=record.name
            )
            assert np.asarray(got).dtype.name == function.body.yields[0].dtype, record.name


INF, NAN = np.inf, np.nan
CONVENTIONS = [
    ("abs", "x", (0.0,), 0.0),
    ("abs", "x", (-0.0,), 0.0),
    ("abs", "x", (0j,), 0j),
    ("minimum", "x", (2.0, 2.0), 0.5),
    ("minimum", "z", (2.0, 2.0), 0.5),
    ("maximum", "x", (2.0, 2.0), 0.5),
    ("maximum", "z", (2.0, 2.0), 0.5),
    ("maximum", "x", (NAN, 2.0), 1.0),
    ("minimum", "z", (1.0, NAN), 1.0),
    ("fmin", "x", (1.0, NAN), 1.0),
    ("fmin", "z", (1.0, NAN), 0.0),
    ("fmax", "x", (NAN, 2.0), 0.0),
    ("fmax", "z", (NAN, 2.0), 1.0),
    ("fmax", "z", (2.0, 2.0), 0.5),
    ("pymin", "x", (2.0, 2.0), 1.0),
    ("pymin", "z", (2.0, 2.0), 0.0),
    ("pymax", "x", (2.0, 2.0), 1.0),
    ("pymax", "z", (2.0, 2.0), 0.0),
    ("sqrt", "x", (0.0,), INF),
    ("norm_sqrt", "x", (0.0,), 0.0),
    ("over", "x", (0.0, 2.0), 0.5),
    ("over", "x", (0.0, 0.0), INF),
    ("over", "z", (0.0, 0.0), 0.0),
    ("cbrt", "x", (0.0,), INF),
    ("log", "x", (0.0,), INF),
    ("arcsin", "x", (1.0,), INF),
    ("arcsin", "x", (-1.0,), INF),
    ("arccos", "x", (1.0,), -INF),
    ("pow", "x", (0.0, 0.0), 0.0),
    ("pow", "x", (2.0, 0.0), 0.0),
    ("pow", "x", (0.0, 1.0), 1.0),
    ("pow", "x", (0.0, 2.0), 0.0),
    ("pow", "x", (-2.0, 2.0), -4.0),
    ("pow", "z", (0.0, 2.0), 0.0),
    ("pow", "z", (0.0, 0.0), 0.0),
    ("pow", "z", (-2.0, 2.0), NAN),
    ("ipow", "x", (0.0, 0), 0.0),
    ("ipow", "x", (INF, 0), 0.0),
    ("ipow", "x", (-3.0, 3), 27.0),
    ("mod", "x", (5.5, 2.0), 1.0),
    ("mod", "z", (5.5, 2.0), -2.0),
    ("mod", "z", (-5.5, 2.0), 3.0),
    ("fmod", "z", (-5.5, 2.0), 2.0),
    ("hypot", "x", (0.0, 0.0), 0.0),
    ("arctan2", "x", (0.0, 0.0), 0.0),
    ("arctan2", "x", (1e-200, 1e-200), 5e199),
    ("copysign", "x", (0.0, -1.0), 0.0),
    ("copysign", "x", (2.0, -0.0), -1.0),
    ("logaddexp", "x", (-INF, -INF), 0.0),
    ("logaddexp", "x", (-INF, 1.0), 0.0),
    ("logaddexp", "z", (-INF, 1.0), 1.0),
    ("logaddexp", "x", (2.0, 2.0), 0.5),
    ("logaddexp", "z", (-800.0, -800.0), 0.5),
    ("logaddexp", "z", (1.0, INF), 1.0),
    ("first_share", "x", (2.0, 2.0), 0.25),
    ("first_share", "z", (2.0, 2.0), -0.25),
    ("second_share", "z", (-INF, -INF), 0.0),
    ("logaddexp2", "z", (-INF, -INF), 0.0),
    ("select", "x", (False, NAN, 1.0), 0.0),
    ("select", "z", (False, NAN, 1.0), 1.0),
]


@pytest.mark.parametrize(("name", "arg", "args", "expected"), CONVENTIONS)
def test_convention(name, arg, args, expected):
    record = PRIMS[name]
    numbers = [np.asarray(a)[()] for a in args]
    got = slope(record, numbers, record.args.index(arg))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["sqrt", "cbrt", "norm_sqrt"])
def test_an_unused_root_of_zero_gives_no_nan(name):
    assert slope(PRIMS[name], [np.float64(0.0)], 0, np.float64(0.0)) == 0.0


@pytest.mark.parametrize(
    "name", ["floor", "ceil", "trunc", "rint", "round", "sign", "floordiv", "stop_gradient"]
)
def test_derivative_zero(name):
    assert PRIMS[name].vjp == {}


def test_attach_has_the_derivative_of_its_second_operand():
    record = PRIMS["attach"]
    assert set(record.vjp) == {"z"}
    assert record(2.0, 3.0) == 2.0
    assert record.rule("z", {"y_bar": 0.5}) == 0.5


def test_table_lists_everything():
    table = {row.name: row for row in rows()}
    assert set(PRIMS) <= set(table)
    assert table["tanh"].numpy == ("np.tanh", "math.tanh")
    assert table["det"].differentiable
    assert not table["argsort"].differentiable
    assert complex_of("float32") == "complex64"
