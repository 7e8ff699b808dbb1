"""Loads every declaration: importing this module fills PRIMS and CALLS."""

from __future__ import annotations

from . import arithmetic, calls, complexes, linalg, logic, transcendental, triangular
from .libcall import CALLS
from .prim import PRIMS

__all__ = [
    "CALLS",
    "PRIMS",
    "arithmetic",
    "calls",
    "complexes",
    "linalg",
    "logic",
    "transcendental",
    "triangular",
]
