"""What becomes of cotangents: summed to the shape they belong to, and added to the gradients of leaves.

No two gradients share memory, nor does a gradient with what a user gave or a node saved: an array that
somebody else refers to is copied before it becomes one.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from .node import Recorded, wrap
from .record import in_face

_lock = threading.Lock()


def _alone(arrived: dict[int, Any]) -> int:
    """What `getrefcount` says of a value popped from a mapping that nobody else refers to.

    Versions of Python count differently, so this is measured, where it is used in the same way.
    """
    g = arrived.pop(0)
    count = sys.getrefcount(g)
    return count if g is not None else 0


ALONE = _alone({0: np.empty(1)})


def _base_alone() -> int:
    """What `getrefcount` says of the base of a view that nobody else refers to, measured as it is used."""
    view = np.empty(2).reshape(1, 2)
    base = view.base
    return sys.getrefcount(base)


BASE_ALONE = _base_alone()


def free_of_others(array: Any) -> bool:
    """Whether an array has memory of its own, that can be written to.

    It may show all of another array that nobody else knows, as what has been reshaped does. The memory of
    that is NumPy's, or comes from compiled code.
    """
    if type(array) is not np.ndarray or not array.flags.writeable:
        return False
    base = array.base
    if base is None:
        return True
    if type(base) is not np.ndarray or sys.getrefcount(base) > BASE_ALONE or base.nbytes != array.nbytes:
        return False
    return base.base is None or type(base.base).__name__ == "_MemInfo"


def add_gradient(leaf: Any, g: Any, record: bool, ours: bool) -> None:
    """Add a cotangent to a value's gradient; `ours` says that nobody else refers to the array."""
    if record:
        known = leaf._grad
        leaf._grad = in_face(g * 1 if known is None else known + g, type(leaf)._face)
        return
    with _lock:
        known = leaf._grad
        if known is None:
            if not (ours and free_of_others(g)):
                g = np.array(g)
            leaf._grad = wrap(type(leaf)._face, g)
        elif known._r or not known._a.flags.writeable:
            leaf._grad = wrap(type(leaf)._face, np.asarray(known._a + g))
        else:
            known._a += g
            if known._version_of is not None:
                known._version_of.n += 1


def unshared(found: list[Any]) -> list[Any]:
    """Cotangents as gradients: arrays that others refer to, or that are there twice, copied."""
    arrived = dict(enumerate(found))
    found.clear()
    given = []
    for i in list(arrived):
        g = arrived.pop(i)
        if (
            g is not None
            and not isinstance(g, Recorded)
            and not (sys.getrefcount(g) <= ALONE and free_of_others(g))
        ):
            g = np.array(g)
        given.append(g)
    return given


def fitted(g: Any, shape: tuple[int, ...], dtype: np.dtype[Any], node: Any, k: int) -> Any:
    """Cotangent k of a node, summed over what was broadcast, and in the dtype of what it belongs to.

    Raises
    ------
    RuntimeError
        If the cotangent does not have a shape that `shape` broadcasts to.
    """
    if g.shape != shape:
        extra = len(g.shape) - len(shape)
        if extra < 0 or any(n not in (m, 1) for n, m in zip(shape, g.shape[extra:], strict=True)):
            raise RuntimeError(
                f"Function {node.name()} returned an invalid gradient at index {k} - got {list(g.shape)} but "
                f"expected shape compatible with {list(shape)}"
            )
        short = (i + extra for i, n in enumerate(shape) if n == 1 and g.shape[extra + i] != 1)
        axes = (*range(extra), *short)
        if axes:
            g = np.sum(g, axis=axes, keepdims=True)
        g = np.reshape(g, shape)
    recorded = isinstance(g, Recorded)
    have = g._a.dtype if recorded else g.dtype
    if have != dtype:
        if have.kind == "c" and dtype.kind != "c":
            g = np.real(g)
        g = g.to(dtype) if recorded else g.astype(dtype)
    return g


__all__ = ["ALONE", "add_gradient", "fitted", "free_of_others", "unshared"]
