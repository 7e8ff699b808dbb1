"""Functions with checkpoints under `numba.njit`."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

import pullback as pb

SCRIPT = """
import numba, pullback as pb
@numba.njit
def f(x, steps):
    for _ in pb.checkpoint(range(steps), segments=4):
        x = x * 1.5
    return x
print(f(2.0, 3), f.py_func(2.0, 3))
"""


def test_numba_finds_it() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "6.75 6.75", ran.stderr


def test_only_ranges() -> None:
    @njit
    def over_an_array(x):
        total = 0.0
        for v in pb.checkpoint(x):
            total += v
        return total

    with pytest.raises(TypingError):
        over_an_array(np.ones(3))
