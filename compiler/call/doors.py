"""Doors to what stands above the compiler, which imports nothing of it.

The package's face puts the tape here, as functions that import it. A value that is not the compiler's own,
such as a Tensor, brings a door itself: a derivative that is called with one hands the call to
`__pullback_call__` of its class, as NumPy does with `__array_function__`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

# What gives the module whose functions run derivatives on the tape: gradients, vjp, jvp, hvp, matrix; and
# `raised_by_user`, which tells errors of a program from those of what it calls.
tape: list[Callable[[], Any]] = []
# What gives the module whose function `call` takes the calls with Tensors.
tensors: list[Callable[[], Any]] = []


def foreign(values: Iterable[Any], depth: int = 0) -> Any:
    """The class of the first value that takes calls into its own hands, in containers too; else None."""
    for value in values:
        if hasattr(type(value), "__pullback_call__"):
            return type(value)
        if depth < 4 and isinstance(value, tuple | list | dict):
            inside = foreign(value.values() if isinstance(value, dict) else value, depth + 1)
            if inside is not None:
                return inside
    return None
