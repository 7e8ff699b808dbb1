"""Fresh arrays of generated code: NumPy's values, and huge pages for large ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest
from pullback.runtime import memory as mem

import pullback as pb


def filled(shape: Any) -> Any:
    """Every function once: what is not set must be zero, what is empty is set."""
    return mem.zeros(shape), mem.empty(shape), mem.zeros(shape, np.float32), mem.zeros(shape, dtype=np.int64)


@pytest.mark.parametrize("shape", [3, (3,), (), (0, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("run", [filled, nb.njit(filled)], ids=["python", "compiled"])
def test_arrays_of_a_shape(shape: Any, run: Callable[..., Any]) -> None:
    dtypes = []
    for k, array in enumerate(run(shape)):
        assert array.shape == np.zeros(shape).shape and array.flags.c_contiguous and array.flags.writeable
        if k != 1:
            assert not array.any()
        dtypes.append(array.dtype.name)
    assert dtypes == ["float64", "float64", "float32", "int64"]


def alike(x: Any) -> Any:
    return mem.zeros_like(x), mem.empty_like(x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.bool_])
@pytest.mark.parametrize("run", [alike, nb.njit(alike)], ids=["python", "compiled"])
def test_arrays_like_another(dtype: Any, run: Callable[..., Any]) -> None:
    model = np.ones((3, 4), dtype).T
    zeros, empty = run(model)
    assert not zeros.any()
    for array in (zeros, empty):
        assert array.shape == (4, 3) and array.dtype == dtype and array.flags.c_contiguous


def test_zeros_in_memory_that_was_used() -> None:
    @nb.njit
    def again(n: int) -> float:
        total = 0.0
        for k in range(8):
            x = mem.zeros(n)
            for i in range(n):
                total += x[i]
                x[i] = 1.0 + k
        return total

    assert again(1000) == again(1 << 20) == 0.0


@pytest.mark.parametrize("function", [mem.empty, mem.zeros])
def test_lengths_that_cannot_be(function: Any) -> None:
    @nb.njit
    def make(n: int) -> Any:
        return function((n, n))

    with pytest.raises(ValueError, match="negative dimensions"):
        make(-1)
    with pytest.raises(ValueError, match="array is too big"):
        make(1 << 40)
    with pytest.raises(MemoryError):
        make(1 << 29)


def test_loops_over_many_arrays_need_no_tests_for_overlap() -> None:
    @nb.njit
    def sums(n: int) -> float:
        a, b, c, d = mem.zeros(n), mem.zeros(n), mem.zeros(n), mem.zeros(n)
        e, f, g, h = mem.zeros(n), mem.zeros(n), mem.zeros(n), mem.zeros(n)
        for i in range(n):
            a[i], b[i], c[i], d[i] = b[i] + 1.0, c[i] + 2.0, d[i] + 3.0, e[i] + 4.0
            e[i], f[i], g[i], h[i] = f[i] + 5.0, g[i] + 6.0, h[i] + 7.0, a[i] + 8.0
        return a[0] + b[n - 1] + h[n - 1]

    assert sums(37) == 12.0
    (text,) = sums.inspect_llvm().values()
    assert "memcheck" not in text and "x double>" in text


def test_memory_that_is_given_free_and_used_again() -> None:
    """The address may be the same, so reads of the first array must come before writes to the second."""

    @nb.njit
    def chain(n: int, times: int) -> float:
        x = mem.zeros(n)
        for _ in range(times):
            y = mem.empty(n)
            for i in range(n):
                y[i] = x[i] + i
            x = y
        last = x[n - 1]
        z = mem.zeros(n)
        return last + z[n - 1]

    assert chain(5, 6) == 24.0
    assert chain(1000, 7) == 7 * 999.0


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux")
def test_large_arrays_have_huge_pages() -> None:
    choice = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not choice.exists() or "[never]" in choice.read_text():
        pytest.skip("this system has no huge pages")

    @nb.njit
    def make(n: int) -> Any:
        x = mem.empty(n)
        for i in range(n):
            x[i] = 1.0
        return x

    x = make(1 << 23)
    address = x.ctypes.data + (32 << 20)
    huge, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            low, high = (int(part, 16) for part in first.split("-"))
            inside = low <= address < high
        elif inside and first == "VmFlags:":
            huge = " hg" in line
    assert huge


def test_generated_code_keeps_working_from_the_disk(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, pullback as pb\n"
        "@pb.grad\n"
        "def f(x, n):\n"
        "    for _ in range(n):\n"
        "        x = x * np.cos(x)\n"
        "    return np.sum(x)\n"
        "print(f(np.linspace(0.1, 1.0, 1 << 19), 3)[-1], 'mem.empty' in f.backward_source)\n"
    )
    environment = {**os.environ, "PULLBACK_CACHE_DIR": str(tmp_path / "cache")}
    texts = [
        subprocess.run(
            [sys.executable, "-P", str(script)], capture_output=True, text=True, check=True, env=environment
        ).stdout
        for _ in range(2)
    ]
    assert texts[0] == texts[1] and texts[0].strip().endswith("True")


def test_gradient_of_many_numbers() -> None:
    x = np.linspace(0.0, 1.0, 1 << 20)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(x**3))(x), 3.0 * x**2, rtol=1e-14)


@pytest.mark.skipif(sys.platform != "linux", reason="what glibc keeps")
def test_memory_of_arrays_in_the_middle_is_kept(tmp_path: Path) -> None:
    code = (
        "import resource, numpy as np\n"
        "from pullback.runtime import memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    arrays = [np.ones(1 << 17) for _ in range(16)]\n"
        "    del arrays\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "faults(); print(faults())\n"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 500  # of 4096 pages
