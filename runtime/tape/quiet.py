"""Computing without NumPy's warnings of infinities and NaN, which PyTorch gives without a word.

`np.errstate` takes longer than a small operation, so its context variable is set directly where NumPy has it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

Compute = Callable[..., Any]
F = TypeVar("F", bound=Compute)


def _error_context() -> tuple[Any, Any]:
    """NumPy's variable and its value that ignores all; one of our own where NumPy has another way."""
    try:
        from numpy._core.umath import _extobj_contextvar as context
    except ImportError:
        return ContextVar("unused"), None
    with np.errstate(all="ignore"):
        return context, context.get()


_context, _ignoring = _error_context()

# To be quiet without a call in between: `token = start(IGNORING)`, then `end(token)`. IGNORING is None where
# that has no effect.
start, end, IGNORING = _context.set, _context.reset, _ignoring


def quiet(compute: Compute) -> Compute:
    """`compute` without warnings."""
    if _ignoring is None:

        def silent(*args: Any) -> Any:
            with np.errstate(all="ignore"):
                return compute(*args)
    else:

        def silent(*args: Any) -> Any:
            token = start(IGNORING)
            try:
                return compute(*args)
            finally:
                end(token)

    return silent


def between(compute: Compute) -> Compute:
    """`compute` for calls between `start` and `end`: quiet by itself where these have no effect."""
    return quiet(compute) if IGNORING is None else compute


def quietly(compute: F) -> F:
    """`quiet` as a decorator of functions with keywords, which keep their names and texts."""

    @functools.wraps(compute)
    def silent(*args: Any, **kwargs: Any) -> Any:
        token = start(IGNORING)
        try:
            return compute(*args, **kwargs)
        finally:
            end(token)

    if IGNORING is None:
        return np.errstate(all="ignore")(compute)
    return silent  # type: ignore[return-value]


__all__ = ["IGNORING", "between", "end", "quiet", "quietly", "start"]
