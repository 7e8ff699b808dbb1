"""Functions that vectorise: values of every variant, the scalar path, the fallback, and the disk cache."""

from __future__ import annotations

import ctypes
import functools
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
from numba import njit, prange, typeof
from pullback.compiler.call import fingerprint
from pullback.runtime import libmvec, vectormath

import pullback as pb

vm = vectormath
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")

# Name → name in the C library, function of mpmath, and an interval that the values lie in.
ONE = {
    "exp": ("exp", mpmath.exp, (-745, 709)),
    "exp2": ("exp2", lambda x: mpmath.mpf(2) ** x, (-1070, 1023)),
    "expm1": ("expm1", mpmath.expm1, (-50, 709)),
    "log": ("log", mpmath.log, (0, 1e3)),
    "log2": ("log2", lambda x: mpmath.log(x) / mpmath.log(2), (0, 1e3)),
    "log1p": ("log1p", mpmath.log1p, (-1, 1e3)),
    "sin": ("sin", mpmath.sin, (-1e4, 1e4)),
    "cos": ("cos", mpmath.cos, (-1e4, 1e4)),
    "tan": ("tan", mpmath.tan, (-1e4, 1e4)),
    "arcsin": ("asin", mpmath.asin, (-1, 1)),
    "arccos": ("acos", mpmath.acos, (-1, 1)),
    "arctan": ("atan", mpmath.atan, (-1e3, 1e3)),
    "sinh": ("sinh", mpmath.sinh, (-709, 709)),
    "cosh": ("cosh", mpmath.cosh, (-709, 709)),
    "tanh": ("tanh", mpmath.tanh, (-20, 20)),
    "arcsinh": ("asinh", mpmath.asinh, (-1e3, 1e3)),
    "arccosh": ("acosh", mpmath.acosh, (1, 1e3)),
    "arctanh": ("atanh", mpmath.atanh, (-1, 1)),
    "erf": ("erf", mpmath.erf, (-6, 6)),
    "erfc": ("erfc", mpmath.erfc, (-6, 26)),
}
TWO = {
    "power": ("pow", mpmath.power, (0, 60)),
    "arctan2": ("atan2", mpmath.atan2, (-1e3, 1e3)),
    "hypot": ("hypot", lambda x, z: mpmath.sqrt(x * x + z * z), (-1e3, 1e3)),
}
ALL = {**ONE, **TWO}
DTYPES = [np.float64, np.float32]
COUNT = 300
OFFERED = vectormath._offered


def features(letter: str) -> bool:
    """Whether the processor and the library have the registers of a letter."""
    from numba.core.registry import cpu_target

    offered = [name for name, _ in OFFERED(cpu_target.target_context, "exp", 64)]
    return any(name.startswith(f"_ZGV{letter}") for name in offered)


LETTERS = [k for k in libmvec.REGISTERS if features(k)]
needs_libmvec = pytest.mark.skipif(not LETTERS, reason="no libmvec")


@functools.cache
def loops(letter: str) -> Callable:
    """One function with one loop for every function of the table, offered registers of one size."""
    lines = ["def run(x, z, y):"]
    for row, name in enumerate(ALL):
        args = f"x[{row}, i], z[{row}, i]" if name in TWO else f"x[{row}, i]"
        lines += [f"    for i in range(x.shape[1]): y[{row}, i] = vm.{name}({args})"]
    space = {"vm": vectormath}
    exec("\n".join(lines), space)
    return njit(error_model="numpy")(space["run"])


def values(x: np.ndarray, z: np.ndarray, letter: str) -> np.ndarray:
    """All functions of the rows of x and z, in loops vectorised with registers of one size, or none."""

    def offered(context, libm, bits):
        return [v for v in OFFERED(context, libm, bits) if v[0].startswith(f"_ZGV{letter}")]

    run, y = loops(letter), np.empty_like(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectormath, "_offered", offered)
        run(x, z, y)
    asm = run.inspect_asm()[tuple(typeof(a) for a in (x, z, y))]
    found = set(re.findall(r"\b_ZGV\w+", asm))
    variants = [libmvec.variants(libm, 8 * x.itemsize) for libm, _, _ in ALL.values()]
    assert found <= {v[letter][0] for v in variants if letter in v}
    # LLVM keeps to 256 bits on processors that slow down above.
    assert letter == "e" or len(found) == sum(letter in v for v in variants)
    return y


def scalar_values(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """All functions by the C library, one number at a time."""
    single = x.dtype == np.float32
    kind = ctypes.c_float if single else ctypes.c_double
    y = np.empty_like(x)
    for row, (name, (libm, _, _)) in enumerate(ALL.items()):
        function = getattr(ctypes.CDLL(None), libm + "f" * single)
        function.restype, function.argtypes = kind, [kind] * (2 if name in TWO else 1)
        rows = (x[row], z[row]) if name in TWO else (x[row],)
        y[row] = [function(*(float(a) for a in args)) for args in zip(*rows, strict=True)]
    return y


def samples(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Random arguments: over the interval, and of every magnitude inside it."""
    rng = np.random.default_rng(7)
    scale = 1.0 if dtype == np.float64 else 0.12  # float32 overflows at e ** 88
    x, z = np.empty((2, len(ALL), COUNT), dtype)
    for row, (name, (_, _, (low, high))) in enumerate(ALL.items()):
        shrunk = scale if max(abs(low), high) in (745, 709, 1070, 60) else 1.0
        for table in (x, z):
            spread = rng.uniform(low * shrunk, high * shrunk, COUNT)
            small = 2.0 ** rng.uniform(-40, 0, COUNT) * (rng.choice([-1, 1], COUNT) if low < 0 else 1)
            near = 1.0 + small * 0.5 if name in ("log", "log2", "arccosh") else small
            near = 1.0 + abs(small) if low == 1 else near
            table[row] = np.where(np.arange(COUNT) % 2, spread, near)
        if low in (0, -1, 1):
            x[row] = np.clip(x[row], np.nextafter(dtype(low), dtype(high)), dtype(high))
    return x, z


def exact(x: np.ndarray, z: np.ndarray) -> list[list[mpmath.mpf]]:
    with mpmath.workprec(160):
        return [
            [function(*map(mpmath.mpf, map(float, args))) for args in zip(*rows, strict=True)]
            for (name, (_, function, _)), a, b in zip(ALL.items(), x, z, strict=True)
            for rows in [(a, b) if name in TWO else (a,)]
        ]


@pytest.mark.parametrize("dtype", DTYPES)
def test_within_four_units_in_the_last_place(dtype: type) -> None:
    x, z = samples(dtype)
    wanted = exact(x, z)
    for letter in [*LETTERS, "none"]:
        got = values(x, z, letter)
        for row, name in enumerate(ALL):
            units = [
                abs(mpmath.mpf(float(g)) - w) / float(np.spacing(np.abs(dtype(float(w)))))
                for g, w in zip(got[row], wanted[row], strict=True)
            ]
            worst = int(np.argmax(units))
            assert units[worst] <= 4, (letter, name, x[row, worst], z[row, worst], float(units[worst]))


def special(dtype: type) -> np.ndarray:
    """Numbers where functions have edges, and their neighbours, with both signs."""
    info = np.finfo(dtype)
    edges = [0.0, np.inf, np.nan, 1.0, 0.5, 2.0, 3.0, np.pi, info.max, info.tiny, info.smallest_subnormal]
    edges += [info.eps, info.eps**2, 1e10, 1e22, 1e38, 26.5, 27.3, 38.5, 9.1, 10.05, 20.0, 22.5, 36.7, 44.5]
    edges += [88.73, 89.42, 87.34, 103.9, 126.5, 127.9, 128.0, 149.5, 150.1, 307.5, 308.3, 324.0]
    edges += [708.4, 709.79, 710.48, 745.14, 746.0, 1022.5, 1023.9, 1024.0, 1074.5, 1076.0]
    base = np.array(edges, dtype)
    around = [base, np.nextafter(base, dtype(np.inf)), np.nextafter(base, dtype(-np.inf))]
    return np.concatenate([np.concatenate([a, -a]) for a in around])


@needs_libmvec
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values(dtype: type, letter: str) -> None:
    edge = special(dtype)
    x, z = (np.tile(a.ravel(), (len(ALL), 1)) for a in np.meshgrid(edge, edge))
    got, wanted = values(x, z, letter), scalar_values(x, z)
    assert (np.isnan(got) == np.isnan(wanted)).all()
    assert (np.isinf(got) == np.isinf(wanted)).all()
    known = ~np.isnan(wanted)
    assert (np.signbit(got) == np.signbit(wanted))[known].all()
    assert ((got == 0) == (wanted == 0)).all()
    finite = np.isfinite(wanted)
    units = np.abs(got[finite].astype(float) - wanted[finite]) / np.spacing(np.abs(wanted[finite]))
    assert units.max() <= 4


@needs_libmvec
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_results(dtype: type, letter: str) -> None:
    cases = {
        "exp": [(0, 0, 1)],
        "exp2": [(k, 0, 2.0**k) for k in range(-120, 120)],
        "log": [(1, 0, 0)],
        "log2": [(2.0**k, 0, k) for k in range(-120, 120)],
        "cos": [(0, 0, 1)],
        "cosh": [(0, 0, 1)],
        "arccos": [(1, 0, 0)],
        "arccosh": [(1, 0, 0)],
        "tanh": [(30, 0, 1), (-30, 0, -1)],
        "erf": [(10, 0, 1), (-10, 0, -1)],
        "erfc": [(0, 0, 1), (-10, 0, 2)],
        "power": [(a, b, float(a) ** b) for a in range(-12, 13) for b in range(7) if abs(a) ** b < 2**24],
        "hypot": [(3, 4, 5), (5, 12, 13), (0, 7, 7)],
    }
    count = max(map(len, cases.values()))
    x, z, wanted = np.zeros((3, len(ALL), count), dtype)
    for row, name in enumerate(ALL):
        listed = cases.get(name, [])
        for i in range(count if listed else 0):
            x[row, i], z[row, i], wanted[row, i] = listed[i % len(listed)]
    got = values(x, z, letter)
    for row, name in enumerate(ALL):
        if name in cases:
            np.testing.assert_array_equal(got[row], wanted[row], name)


def test_calls_outside_of_loops_are_libms() -> None:
    @njit
    def run(x, z):
        return vm.exp(x), vm.erf(x), vm.power(x, z), vm.arctan2(x, z), vm.tanh(x)

    got = run(0.7, 1.3)
    assert "_ZGV" not in run.inspect_asm(run.signatures[0])
    assert got == (math.exp(0.7), math.erf(0.7), 0.7**1.3, math.atan2(0.7, 1.3), math.tanh(0.7))


@njit(error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"})
def sums(x, z, y):
    """The logarithm of a sum of two exponentials, and their shares."""
    for i in range(x.shape[0]):
        y[0, i] = vm.logaddexp(x[i], z[i])
        y[1, i] = vm.first_share(x[i], z[i])
        y[2, i] = vm.second_share(x[i], z[i])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_two_exponentials(dtype: type) -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-30, 30, 100), rng.uniform(-700, 700, 100), [5.0, -900.0]]).astype(dtype)
    z = np.concatenate([rng.uniform(-3, 3, 100), rng.uniform(-700, 700, 100), [5.0, -900.0]]).astype(dtype)
    got = np.empty((3, len(x)), dtype)
    sums(x, z, got)
    with mpmath.workprec(3000):
        a, b = ([mpmath.exp(mpmath.mpf(float(v))) for v in values] for values in (x, z))
        wanted = [
            [float(mpmath.log(p + q)) for p, q in zip(a, b, strict=True)],
            [float(p / (p + q)) for p, q in zip(a, b, strict=True)],
            [float(q / (p + q)) for p, q in zip(a, b, strict=True)],
        ]
    info = np.finfo(dtype)
    np.testing.assert_allclose(got[0], wanted[0], rtol=4 * info.eps, atol=info.eps)
    # The rounding of x - z, up to 1400, counts in units of the share.
    np.testing.assert_allclose(got[1:], wanted[1:], rtol=1400 * info.eps, atol=2 * info.tiny)
    near = np.abs(x - z) < 2.0
    np.testing.assert_allclose(got[1:, near], np.array(wanted)[1:, near], rtol=4 * info.eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_two_exponentials_at_infinity(dtype: type) -> None:
    inf, nan = np.inf, np.nan
    cases = {
        (-inf, -inf): (-inf, 0, 0), (inf, inf): (inf, 0.5, 0.5), (inf, -inf): (inf, 1, 0),
        (-inf, 2): (2, 0, 1), (2, -inf): (2, 1, 0), (inf, 2): (inf, 1, 0), (2, inf): (inf, 0, 1),
        (nan, 2): (nan,) * 3, (2, nan): (nan,) * 3, (nan, -inf): (nan,) * 3, (-inf, nan): (nan,) * 3,
        (nan, inf): (nan,) * 3, (inf, nan): (nan,) * 3,
    }  # fmt: skip
    x, z = np.array(list(cases), dtype).T.copy()
    got = np.empty((3, len(x)), dtype)
    sums(x, z, got)
    np.testing.assert_array_equal(got.T, np.array(list(cases.values()), dtype))
    for (a, b), (_, first, second) in cases.items():
        np.testing.assert_array_equal(vm.first_share(dtype(a), dtype(b)), first)
        np.testing.assert_array_equal(vm.second_share(dtype(a), dtype(b)), second)


def test_a_sum_of_two_exponentials_and_its_shares_take_one_exponential() -> None:
    @njit(error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"})
    def run(x, z):
        return vm.logaddexp(x, z), vm.first_share(x, z), vm.second_share(x, z)

    run(1.0, 2.0)
    assert len(re.findall(r"call [^@]*@exp\(", run.inspect_llvm(run.signatures[0]))) == 1


def test_quotients_of_zeros() -> None:
    run = njit(lambda x, z: vm.over(x, z), error_model="numpy")
    for x, z, wanted in (
        (0.0, 0.0, 0.0),
        (1.0, 0.0, np.inf),
        (0.0, 2.0, 0.0),
        (3.0, 2.0, 1.5),
        (0.0, np.nan, np.nan),
    ):
        np.testing.assert_array_equal(run(x, z), wanted)
        np.testing.assert_array_equal(vm.over(np.float64(x), np.float64(z)), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_reductions_by_an_extreme_are_vectorised(name: str, dtype: type) -> None:
    extreme = getattr(vm, name)

    @njit(error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"})
    def run(x):
        found = x[0]
        for i in range(x.shape[0]):
            found = extreme(found, x[i])
        return found

    x = np.random.default_rng(1).normal(size=1001).astype(dtype)
    assert run(x) == getattr(np, name)(x[0], getattr(x, name[:3])())
    x[700] = np.nan
    assert np.isnan(run(x))
    kind = "double" if dtype == np.float64 else "float"
    assert re.search(rf"<\d+ x {kind}> @llvm\.{name}", run.inspect_llvm(run.signatures[0]))
    assert extreme(3, 4) == getattr(np, name)(3, 4) == njit(lambda: extreme(3, 4))()


def test_other_types_compile_to_what_numpys_do() -> None:
    run = njit(lambda x: vm.exp(x))
    assert run(1) == math.exp(1)
    assert run(1j) == pytest.approx(np.exp(1j), abs=1e-15)
    power = njit(lambda x, z: vm.power(x, z))
    assert power(np.float32(2.0), 3.0) == 8.0


@pytest.mark.parametrize("name", ALL)
def test_plain_python(name: str) -> None:
    for dtype in DTYPES:
        args = (dtype(1.0), dtype(0.5))[: 2 if name in TWO else 1]
        got = getattr(vm, name)(*args)
        assert got == dtype(got) and got.dtype == dtype
        assert float(got) == pytest.approx(float(ALL[name][1](*map(float, args))), rel=1e-6)


@needs_libmvec
def test_parallel_loops() -> None:
    @njit(parallel=True)
    def run(x, y):
        for i in prange(x.shape[0]):
            y[i] = vm.tanh(x[i]) + vm.sin(x[i])

    x = np.linspace(-3.0, 3.0, 1001)
    y = np.empty_like(x)
    run(x, y)
    np.testing.assert_allclose(y, np.tanh(x) + np.sin(x), rtol=1e-14, atol=1e-15)
    assert "_ZGV" in run.inspect_asm(run.signatures[0])


@needs_libmvec
def test_conditions_do_not_keep_a_loop_scalar() -> None:
    @njit(boundscheck=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"})
    def run(x):
        total = 0.0
        for i in range(x.shape[0]):
            total += vm.exp(x[i]) if x[i] > 0.5 else vm.cos(x[i])
        return total

    x = np.random.default_rng(0).normal(size=1001)
    assert run(x) == pytest.approx(np.where(x > 0.5, np.exp(x), np.cos(x)).sum(), rel=1e-14)
    assert {"exp", "cos"} == {
        n.rpartition("_")[2] for n in re.findall(r"_ZGV\w+", run.inspect_asm(run.signatures[0]))
    }


@needs_libmvec
def test_no_wider_registers_than_the_processors() -> None:
    def letters(features: str) -> str:
        codegen = SimpleNamespace(magic_tuple=lambda: ("x86_64-unknown-linux-gnu", "name", features))
        offered = OFFERED(SimpleNamespace(codegen=lambda: codegen), "exp", 64)
        return "".join(name[len("_ZGV")] for name, _ in offered)

    assert letters("") == letters("+sse2,-avx2,-avx512f") == "b"
    assert letters("+sse2,+avx2,-avx512f") == "bd"
    assert letters("+sse2,+avx2,+avx512f") == "bde"


def test_the_key_of_the_disk_cache_names_the_variants() -> None:
    assert libmvec.tag() in fingerprint.machine()
    assert bool(libmvec.tag()) == bool(LETTERS)


# The third process has the same processor and cache folder, and no libmvec.
SCRIPT = """
import ctypes, json, sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "without":
    load = ctypes.CDLL
    def refuse(name, *args, **kwargs):
        if name and "libmvec" in str(name):
            raise OSError(name)
        return load(name, *args, **kwargs)
    ctypes.CDLL = refuse
import numpy as np
from numba.core import event
import pullback as pb
class Listener(event.Listener):
    count = 0
    def on_start(self, event): self.count += 1
    def on_end(self, event): pass
with event.install_listener("numba:compile", listener := Listener()):
    import model
    gradient = pb.grad(model.f)(np.linspace(-1.0, 1.0, 101))
(loaded,) = [m for n, m in sys.modules.items() if n.startswith("pullback_f_")]
print(json.dumps({"compiled": listener.count, "file": loaded.__name__, "gradient": gradient.tolist()}))
"""
MODEL = """
import numpy as np
def f(x):
    return np.sum(np.tanh(x) * np.exp(x))
"""


def test_disk_cache(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)

    def run(mode: str) -> dict:
        ran = subprocess.run(
            [sys.executable, "-P", "-c", SCRIPT, str(tmp_path), mode],
            env={**os.environ, "PULLBACK_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    first, second, third = run("with"), run("with"), run("without")
    assert first["compiled"] > 0 and second["compiled"] == 0
    assert first["gradient"] == second["gradient"]
    assert (third["compiled"] > 0) == (third["file"] != first["file"]) == bool(LETTERS)
    x = np.linspace(-1.0, 1.0, 101)
    wanted = np.exp(x) * (1.0 - np.tanh(x) ** 2 + np.tanh(x))
    for result in (first, third):
        np.testing.assert_allclose(result["gradient"], wanted, rtol=1e-13, atol=1e-14)


def test_importing_pullback_does_not_load_it() -> None:
    code = "import sys, pullback; print('pullback.runtime.vectormath' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_gradients_unjitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PULLBACK_JIT", "0")
    gradient = pb.grad(lambda x: np.sum(np.arctan2(x, 2.0) * np.exp(x)))(np.array([0.5, -1.0]))
    x = np.array([0.5, -1.0])
    np.testing.assert_allclose(gradient, np.exp(x) * (np.arctan2(x, 2.0) + 2.0 / (x * x + 4.0)), rtol=1e-14)
