"""How the cost of a gradient grows: five programs of different kinds, sizes that double."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from . import registry
from .measure import Measured, Settings, measure
from .report import duration, line, megabytes

PROGRAMS = ("arc_distance", "jacobi_1d", "alignment", "cholesky", "logistic_loops")
"""Elementwise arrays, a stencil in time, a table filled in order, a factorisation, a model."""
SIZES = 5
RIVALS = ("primal", "pullback")
LEAST_PEAK = 1_000_000  # bytes: less is lost among the pages of the process


def grow(settings: Settings, names: Sequence[str] = (), count: int = SIZES) -> list[Measured]:
    """Measure the programs at sizes that double up to four times the largest of their tables."""
    chosen = [case for case in registry.cases() if case.name in (names or PROGRAMS)]
    found = []
    for case in chosen:
        for k in range(count):
            size = max(1, case.sizes[-1] * 2**k // 2 ** max(count - 3, 0))
            found.append(measure(case, size, replace(settings, names=RIVALS)))
            print(line(found[-1]), flush=True)
    return found


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The power of n that fits best in the upper half of the sizes; NaN for fewer than two of them."""
    upper = slice(len(sizes) // 2, None)
    if len(sizes[upper]) < 2:
        return math.nan
    slope, _ = np.polyfit(np.log(sizes[upper]), np.log(values[upper]), 1)
    return float(slope)


def _power(rows: Sequence[Measured], name: str, memory: bool) -> str:
    """The growth of the time or of the peak memory of one rival."""
    known = [row for row in rows if name in (row.peak if memory else row.seconds)]
    values = [float(row.peak[name]) if memory else row.seconds[name] for row in known]
    if memory and min(values, default=0.0) < LEAST_PEAK:
        known = [row for row in known if row.peak[name] >= LEAST_PEAK]
        values = [float(row.peak[name]) for row in known]
    fitted = exponent([row.size for row in known], values) if known else math.nan
    return "–" if math.isnan(fitted) else f"n^{fitted:.2f}"


def table(found: Sequence[Measured]) -> str:
    """The powers of n, as Markdown."""
    head = [
        "case",
        "n",
        "primal",
        "gradient",
        "memory of the primal",
        "memory of the gradient",
        "at the largest n",
    ]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in dict.fromkeys(one.name for one in found):
        rows = [one for one in found if one.name == name]
        last = rows[-1]
        lines.append(
            [
                name,
                f"{rows[0].size} … {last.size}",
                *(_power(rows, rival, memory=False) for rival in RIVALS),
                *(_power(rows, rival, memory=True) for rival in RIVALS),
                f"{duration(last.seconds.get('pullback'))}, {megabytes(last.peak.get('pullback'))} MB",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
