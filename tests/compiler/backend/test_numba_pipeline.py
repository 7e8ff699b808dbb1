"""Generated text under our list of Numba's passes: what it may contain still compiles, and vectorises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pullback.compiler.backend import numba_pipeline
from pullback.compiler.backend.load import load, write_source
from pullback.compiler.backend.numba_pipeline import Pipeline

TEXT = """
from numba import njit, prange

from pullback.runtime import support

jit = njit(error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"}, nogil=True)
jit_parallel = njit(error_model="numpy", nogil=True, parallel=True)


@jit
def scaled(x, out, factor):
    for i in range(x.shape[0]):
        out[i] += factor * x[i]


@jit
def checked(x, n):
    if n > x.shape[0]:
        raise IndexError("index {0} is out of bounds for axis 0 with size {1}", n, x.shape[0], 7)
    kept = [x]
    kept.clear()
    kept.append(x[:n])
    total = 0.0
    while len(kept) > 0:
        part = kept.pop()
        for i in range(part.shape[0] - 1, -1, -1):
            total += max(part[i], 0.0) if part[i] != 3.0 else -1.0
    return total, bool(n), support.dot(x, x)


@jit
def tried(x, n):
    try:
        return checked(x, n)[0]
    except Exception:
        return -5.0


@jit_parallel
def halves(x):
    for i in prange(x.shape[0]):
        x[i] *= 0.5
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory):
    return load(write_source(TEXT, Path(tmp_path_factory.mktemp("generated"))))


def test_what_text_may_contain(generated) -> None:
    x = np.array([1.0, -2.0, 3.0])
    assert generated.checked(x, 3) == (0.0, True, 14.0)
    with pytest.raises(IndexError) as caught:
        generated.checked(x, 4)
    assert caught.value.args[1:] == (4, 3, 7)
    assert generated.tried(x, 2) == 1.0
    assert generated.tried(x, 4) == -5.0
    generated.halves(x)
    np.testing.assert_array_equal(x, [0.5, -1.0, 1.5])


def test_loops_vectorise(generated) -> None:
    generated.scaled(np.ones(4), np.zeros(4), 2.0)
    text = generated.scaled.inspect_llvm(generated.scaled.signatures[0])
    assert " x double>" in text
    assert "cfunc." not in text


def test_parallel_text_takes_numbas_own_passes(generated) -> None:
    assert generated.scaled._compiler.pipeline_class is Pipeline
    assert generated.halves._compiler.pipeline_class is not Pipeline


def test_without_jit_it_is_plain_python(generated, tmp_path: Path) -> None:
    plain = load(write_source(TEXT, tmp_path), jit=False)
    assert not hasattr(plain.scaled, "py_func")
    assert plain.tried(np.ones(3), 4) == generated.tried(np.ones(3), 4)


def test_another_numba_compiles_in_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba_pipeline, "TRIED", (0, 0))
    module = load(write_source(TEXT.replace("scaled", "scaled_too"), tmp_path))
    out = np.ones(3)
    module.scaled_too(np.arange(3.0), out, 2.0)
    np.testing.assert_array_equal(out, [1.0, 3.0, 5.0])
    assert module.scaled_too.targetoptions.get("pipeline_class") is None
