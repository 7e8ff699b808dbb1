"""What code under `numba.njit` may call of pullback: Numba loads this before it first compiles something."""

from __future__ import annotations

from typing import Any


def init() -> None:
    """Tell Numba that `pullback.checkpoint(range(n))` is the range: only derivatives read more into it."""
    from numba.extending import overload

    from ..compiler.call.custom import checkpoint

    def typed(iterable: Any, segments: Any = None) -> Any:
        from numba.core.types.iterators import RangeType

        def compiled(iterable: Any, segments: Any = None) -> Any:
            return iterable

        return compiled if isinstance(iterable, RangeType) else None

    overload(checkpoint)(typed)
