"""Every NumPy and math function that compiles: importing this module fills the tables.

`FUNCTIONS` maps a Python callable to its entry, `METHODS` an array method's name, `ATTRIBUTES` an
attribute's name to a function of (ctx, array). An entry is called as `entry(ctx, *args, **kwargs)` with
abstract values.
"""

from __future__ import annotations

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


def entries() -> list[Entry]:
    """Every entry once, in order of name."""
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
