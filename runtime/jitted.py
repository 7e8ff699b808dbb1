"""How functions of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from .stored import without_text

FAST = {"reassoc", "nsz", "contract", "arcp"}
"""Sums in any order."""


def jit(function: Callable[..., Any], **options: Any) -> Any:
    """Numba's `njit` with NumPy's division, cached on disk where there is a place for it."""
    try:
        return without_text(njit(function, cache=True, error_model="numpy", **options))
    except RuntimeError:  # no folder that can be written to
        return njit(function, error_model="numpy", **options)


def fast(function: Callable[..., Any]) -> Any:
    """`jit` for sums in any order."""
    return jit(function, fastmath=FAST)
