"""Arguments that are one number, or one for each axis."""

from __future__ import annotations

from typing import Any


def lengths(given: Any) -> tuple[Any, ...]:
    """The lengths of axes from a sequence of them, or from that of one axis."""
    return tuple(given) if isinstance(given, (tuple, list)) else (int(given),)


def several(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """`rank` integers from one, or from as many.

    Raises
    ------
    RuntimeError
        If there is another number of them.
    TypeError
        If they are no integers.
    """
    if isinstance(value, (tuple, list)):
        found = tuple(value)
        if len(found) == 1:
            found *= rank
        if len(found) != rank:
            raise RuntimeError(
                f"expected {name} to be a single integer value or a list of {rank} values to match the "
                f"convolution dimensions, but got {name}={list(value)}"
            )
    else:
        found = (value,) * rank
    for n in found:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"{name} must be an int or a tuple of {rank} ints, not {value!r}")
    return tuple([int(n) for n in found])
