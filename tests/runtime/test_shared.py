"""Functions that compiled code calls by address: results, errors, code from the disk, threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit, prange
from pullback.runtime import support

SPD = np.array([[4.0, 1.0], [1.0, 3.0]])


@njit
def solved(a, b):
    return support.solve(a, b)


@njit
def rooted(a):
    return support.cholesky(a), support.det(a)


@njit(parallel=True, nogil=True)
def in_threads(many, out):
    for k in prange(many.shape[0]):
        out[k] = support.inv(many[k])


def test_values() -> None:
    np.testing.assert_allclose(solved(SPD, np.ones(2)), np.linalg.solve(SPD, np.ones(2)))
    root, determinant = rooted(SPD)
    np.testing.assert_allclose(root, np.linalg.cholesky(SPD))
    assert determinant == pytest.approx(11.0)
    np.testing.assert_allclose(support.solve(SPD, np.ones(2)), np.linalg.solve(SPD, np.ones(2)))


def test_errors_reach_the_caller() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        solved(np.zeros((2, 2)), np.ones(2))
    np.testing.assert_allclose(solved(SPD, SPD), np.eye(2), atol=1e-15)


def test_callers_hold_a_call_only() -> None:
    solved(SPD, np.ones(2))
    text = solved.inspect_llvm(solved.signatures[0])
    assert "pullback_look_up" in text
    assert "gesv" not in text, "LAPACK is called from the shared function"


def test_results_belong_to_the_caller() -> None:
    kept = [solved(SPD, np.full(2, float(k))) for k in range(50)]
    for k, found in enumerate(kept):
        np.testing.assert_allclose(found, np.linalg.solve(SPD, np.full(2, float(k))))
        assert sys.getrefcount(found) <= 4


def test_threads_may_be_the_first_to_call() -> None:
    many = np.stack([SPD + k * np.eye(2) for k in range(20)])
    out = np.empty_like(many)
    in_threads(many, out)
    np.testing.assert_allclose(out, np.linalg.inv(many))


PROGRAM = """
import numpy as np
from numba import njit
from pullback.runtime import support

@njit(cache=True)
def inner(a):
    return support.inv(a)

@njit(cache=True)
def outer(a):
    return inner(a) + 1.0

if __name__ == "__main__":
    import sys
    (inner if sys.argv[1] == "inner" else outer)(np.eye(2))
    print(outer(np.eye(2)).sum(), sum(outer.stats.cache_hits.values()))
"""


def test_code_from_the_disk_finds_them(tmp_path: Path) -> None:
    """Also where the caller was compiled around another one from the disk."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for first, hits in (("inner", "0"), ("outer", "1"), ("outer", "1")):
        run = [sys.executable, str(file), first]
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["6.0", hits]
