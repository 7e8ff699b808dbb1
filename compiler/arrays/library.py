"""Every library function that compiles: importing this module fills the tables, and `find` those of SciPy.

`FUNCTIONS` maps a Python callable to its entry, `METHODS` an array method's name, `ATTRIBUTES` an
attribute's name to a function of (ctx, array). An entry is called as `entry(ctx, *args, **kwargs)` with
abstract values.
"""

from __future__ import annotations

from typing import Any

from . import (
    creation,
    elementwise,
    extrema,
    fourier,
    joining,
    linalg,
    mathematics,
    matrices,
    reduce,
    shape,
    sorting,
)
from .linalg import matmul
from .registry import ATTRIBUTES, FUNCTIONS, METHODS, Entry, Sample


def find(function: Any) -> Entry | None:
    """The entry of a Python callable; SciPy's linear algebra is imported when it is asked for."""
    if str(getattr(function, "__module__", "")).startswith("scipy.linalg"):
        from . import scipy_linalg as scipy_linalg
    return FUNCTIONS.get(function)


def entries() -> list[Entry]:
    """Every entry once, in order of name."""
    from . import scipy_linalg as scipy_linalg

    unique = {id(e): e for e in (*FUNCTIONS.values(), *METHODS.values())}
    return sorted(unique.values(), key=lambda e: e.name)


__all__ = [
    "ATTRIBUTES",
    "FUNCTIONS",
    "METHODS",
    "Entry",
    "Sample",
    "creation",
    "elementwise",
    "entries",
    "extrema",
    "find",
    "fourier",
    "joining",
    "linalg",
    "mathematics",
    "matmul",
    "matrices",
    "reduce",
    "shape",
    "sorting",
]
