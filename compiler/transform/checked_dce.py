"""Dead code elimination in the user's program: accesses leave the check of their indices behind.

Before, where `a` has m elements and nobody reads it::

    for i in range(0, n, 1) {
        a[i] = x[i]
    }

After::

    ok: bool = n <= m
    check ok, IndexError

The program raises for an index that is out of range, whether what it writes or reads there matters or not.
For the user's program only: its derivative goes where it has been. Indices that are surely inside, as nearly
all are, need no check.
"""

from __future__ import annotations

from ..ir.nodes import Function, Load, Store
from ..ir.walk import walk
from .dce import Liveness, dce
from .guard import guard


def checked_dce(fn: Function) -> Function:
    """Remove what is dead, but for the errors of loads and stores."""
    accesses = [op for op in walk(fn.body) if isinstance(op, Load | Store)]
    live = Liveness(fn).ops if accesses else set()
    dead = frozenset(id(op) for op in accesses if id(op) not in live)
    return dce(guard(fn, only=dead) if dead else fn)
