"""Every library function that compiles: importing this module fills the tables, and `find` those of SciPy.

`FUNCTIONS` maps a Python callable to its entry, `METHODS` an array method's name, `ATTRIBUTES` an
attribute's name to a function of (ctx, array). An entry is called as `entry(ctx, *args, **kwargs)` with
abstract values.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from . import (
    contractions,
    creation,
    elementwise,
    extrema,
    fourier,
    joining,
    linalg,
    mathematics,
    matrices,
    numerical,
    rearranging,
    reduce,
    shape,
    sorting,
    statistics,
)
from .linalg import matmul
from .registry import ATTRIBUTES, FUNCTIONS, METHODS, Entry, Sample

SCIPY = {"scipy.linalg": ".scipy_linalg", "scipy.special": ".scipy_special"}


def find(function: Any) -> Entry | None:
    """The entry of a Python callable. What is slow to import is known once the program has imported it."""
    if function not in FUNCTIONS:
        for module, ours in SCIPY.items():
            if module in sys.modules:
                import_module(ours, __package__)
    return FUNCTIONS.get(function)


def entries() -> list[Entry]:
    """Every entry once, in order of name."""
    for ours in SCIPY.values():
        import_module(ours, __package__)
    unique = {id(e): e for e in (*FUNCTIONS.values(), *METHODS.values())}
    return sorted(unique.values(), key=lambda e: e.name)


__all__ = [
    "ATTRIBUTES",
    "FUNCTIONS",
    "METHODS",
    "Entry",
    "Sample",
    "contractions",
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
    "numerical",
    "rearranging",
    "reduce",
    "shape",
    "sorting",
    "statistics",
]
