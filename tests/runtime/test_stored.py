"""Code from Numba's disk cache: called, linked, raising, under several processes and other Numbas."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import njit
from pullback.runtime import stored

PROGRAM = """
import sys
import numpy as np
from numba import njit
from pullback.runtime.stored import Stored, without_text

kept = njit(cache=True, error_model="numpy")

@without_text
@kept
def half(x):
    if x < 0:
        raise ValueError("{0} is negative", x)
    return x / 2

@without_text
@kept
def summed(a):
    total = 0.0
    for x in a:
        total += half(x)
    return total

@njit
def twice(a):
    return 2 * summed(a)

def told(call, *args):
    try:
        return call(*args)
    except ValueError as error:
        return f"{type(error).__name__}{error.args}"

if __name__ == "__main__":
    a = np.arange(4.0)
    found = [told(summed, a), told(summed, -a)]
    library = summed.overloads[summed.signatures[0]].library
    found += [type(library).__name__, getattr(library, "_text", None) is not None]
    found += [told(twice, a), told(twice, -a), library._shared_module is not None]
    print(*found, sep=";")
"""


def run(folder: Path) -> list[str]:
    file = folder / "program.py"
    file.write_text(PROGRAM) if not file.exists() else None
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, str(file)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip().split(";")


@pytest.mark.skipif(stored.numba.version_info.short != stored.TRIED, reason="another Numba")
def test_the_text_is_read_when_it_is_linked(tmp_path: Path) -> None:
    """The second process reads both functions from the disk, and links them into a third one."""
    values = ["3.0", "ValueError('{0} is negative', -1.0)"]
    first, second = run(tmp_path), run(tmp_path)
    assert first[:2] == second[:2] == values
    assert first[2] == "JITCodeLibrary" and second[2:4] == ["Stored", "True"]
    assert first[4:] == second[4:] == ["6.0", values[1], "True"]


def test_another_numba_reads_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(x: float) -> float:
        return x

    function = njit(plain, cache=True)
    assert "rebuild" in vars(stored.without_text(njit(plain, cache=True))._cache._impl)
    monkeypatch.setattr(stored, "TRIED", (0, 0))
    assert stored.without_text(function) is function
    assert "rebuild" not in vars(function._cache._impl)


def test_what_is_not_cached_stays_as_it_is() -> None:
    function = njit(lambda x: x)
    assert stored.without_text(function) is function
    assert function(3) == 3
    assert stored.without_text(len) is len  # NUMBA_DISABLE_JIT leaves plain functions
