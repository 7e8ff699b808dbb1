"""How functions of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from .stored import without_text


def jit(function: Callable[..., Any]) -> Any:
    """Numba's `njit` with NumPy's division, cached on disk where there is a place for it."""
    try:
        return without_text(njit(function, cache=True, error_model="numpy"))
    except RuntimeError:  # no folder that can be written to
        return njit(function, error_model="numpy")


FAST = {"reassoc", "nsz", "contract", "arcp"}
"""Sums in any order."""


def fast(function: Callable[..., Any]) -> Any:
    """`jit` for sums in any order."""
    try:
        return without_text(njit(function, cache=True, error_model="numpy", fastmath=FAST))
    except RuntimeError:
        return njit(function, error_model="numpy", fastmath=FAST)
