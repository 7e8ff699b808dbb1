"""Axes as users give them: negative ones, several, none for all."""

from __future__ import annotations

from typing import Any


def axis_of(dim: int, ndim: int) -> int:
    """An axis counted from the front.

    Raises
    ------
    IndexError
        If there is no such axis; a tensor without axes has axis 0 and -1.
    """
    span = ndim or 1
    if not -span <= dim < span:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
        )
    return dim + span if dim < 0 else dim


def one_axis(name: str, dim: Any, ndim: int) -> int:
    """The axis of a function that takes one.

    Raises
    ------
    TypeError, IndexError
        If it is no integer, or there is no such axis.
    """
    if not hasattr(dim, "__index__"):
        raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
    return axis_of(int(dim), ndim)


def axes_of(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """The axes of a `dim=` argument: None for all, an int, or a sequence.

    Raises
    ------
    IndexError, RuntimeError
        If an axis does not exist or is named twice.
    """
    if dim is None:
        return None
    if type(dim) is int:
        return (axis_of(dim, ndim),)
    if isinstance(dim, (tuple, list)):
        axes = tuple(axis_of(int(d), ndim) for d in dim)
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"dim {axes[0]} appears multiple times in the list of dims")
        return axes or None
    if not hasattr(dim, "__index__"):
        raise TypeError(f"invalid combination of arguments: dim must be an int or several, not {dim!r:.40}")
    return (axis_of(int(dim), ndim),)
