"""The data behind `python -m pullback ops`: one row per primitive and library call."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .libcall import LibCall
from .prim import Prim
from .registry import CALLS, PRIMS

# What a derivative is where calculus leaves a choice, and other things a reader of the table should know.
NOTES = {
    "abs": "0 at 0",
    "arctan2": "0 at (0, 0)",
    "cast": "conversions between dtypes",
    "cholesky": "reads the lower triangle only, and so does its derivative",
    "cofactor": "the derivative of det; its own needs an invertible matrix",
    "copysign": "0 at x = 0",
    "det": "singular matrices too; second derivatives need an invertible one",
    "fmax": "½ each where equal; a NaN gets nothing",
    "fmin": "½ each where equal; a NaN gets nothing",
    "hypot": "0 at (0, 0)",
    "ipow": "an integer exponent, kept an integer; x**0 has derivative 0",
    "logaddexp": "0 where both are -inf",
    "logaddexp2": "0 where both are -inf",
    "maximum": "½ each where equal",
    "minimum": "½ each where equal",
    "mod": "1 for x, -floor(x / z) for z",
    "norm_sqrt": "the root in norms and standard deviations: 0 at 0",
    "pow": "x**0 has derivative 0; the exponent's is 0 at x = 0",
    "pymax": "follows the branch taken",
    "pymin": "follows the branch taken",
    "select": "np.where: the operand not taken gets nothing",
    "slogdet": "real matrices",
    "sqrt": "inf at 0",
}
# Names of the functions that are not NumPy ufuncs, and of those that share one.
NAMES = {
    "cast": (),
    "cholesky_adjoint": (),
    "complex": ("complex",),
    "cofactor": (),
    "argsort": ("np.argsort", "np.sort"),
    "copy": ("np.copy", "np.ascontiguousarray"),
    "digamma": ("scipy.special.digamma",),
    "erf": ("math.erf", "scipy.special.erf"),
    "erfc": ("math.erfc", "scipy.special.erfc"),
    "gamma": ("math.gamma", "scipy.special.gamma"),
    "imag": ("np.imag",),
    "ipow": ("**",),
    "lgamma": ("math.lgamma", "scipy.special.gammaln"),
    "mod": ("np.mod", "np.remainder"),
    "norm_sqrt": ("np.linalg.norm", "np.std"),
    "pos": ("np.positive",),
    "polygamma": ("scipy.special.polygamma",),
    "pymax": ("max",),
    "pymin": ("min",),
    "random_exponential": ("np.random.exponential",),
    "random_normal": ("np.random.normal", "np.random.randn", "np.random.standard_normal"),
    "random_permutation": ("np.random.permutation",),
    "random_randint": ("np.random.randint",),
    "random_random": ("np.random.random", "np.random.rand"),
    "random_uniform": ("np.random.uniform",),
    "real": ("np.real",),
    "round": ("np.round", "round"),
    "select": ("np.where",),
    "solve_lower": ("scipy.linalg.solve_triangular",),
    "solve_upper": ("scipy.linalg.solve_triangular",),
    "stop_gradient": ("pullback.stop_gradient",),
}


@dataclass(frozen=True)
class Row:
    """One line of the table; `cost` is in additions, for a library call per element."""

    name: str
    numpy: tuple[str, ...]
    differentiable: bool
    cost: int
    note: str


def _public_names(record: Prim) -> tuple[str, ...]:
    if record.name in NAMES:
        return NAMES[record.name]
    names = [
        f"np.{n}" for n in sorted(dir(np)) if not n.startswith("_") and getattr(np, n, None) is record.ref
    ]
    short = [f"math.{n[3:]}" for n in names if hasattr(math, n[3:])]
    return tuple(names + short)


def _call_names(record: LibCall) -> tuple[str, ...]:
    if record.name in NAMES:
        return NAMES[record.name]
    module = record.ref.__module__.replace("numpy", "np").replace("._linalg", "").replace("._pocketfft", "")
    return (f"{module}.{record.name}",)


def _prim_note(record: Prim) -> str:
    if record.name in NOTES:
        return NOTES[record.name]
    if record.vjp == {}:
        return "derivative 0"
    return "complex too" if record.holomorphic and record.vjp else ""


def rows() -> list[Row]:
    """All rows: primitives by name, then library calls by name."""
    scalar = [
        Row(r.name, _public_names(r), r.vjp is not None, r.cost, _prim_note(r))
        for r in sorted(PRIMS.values(), key=lambda r: r.name)
    ]
    library = [
        Row(
            r.name, _call_names(r), r.vjp is not None, r.cost, NOTES.get(r.name, "random" if r.random else "")
        )
        for r in sorted(CALLS.values(), key=lambda r: r.name)
    ]
    return scalar + library
