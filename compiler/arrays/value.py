"""`Arr`: an array as its element function. The vocabulary in which every NumPy function is lowered.

An `Arr` is a dtype, a tuple of length values, and `at(b, index) -> scalar value`, which appends the IR that
computes one element. It may be memory (element = load), a view of memory (element = load at a mapped
index), or not stored anywhere: a delayed elementwise expression. Consuming a delayed one inside a loop nest
fuses it into that nest.

Delayed arrays live only within one Python expression: binding one to a name, storing it, or passing it to a
library call materialises it, so that later writes to its operands cannot change it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..ir.build import Builder
from ..ir.nodes import Value

Index = tuple[Value, ...]
Step = tuple[str, tuple[Any, ...], tuple[Value, ...], int]


@dataclass(frozen=True, eq=False)
class Memory:
    """A reference together with what is known about it.

    `origin` is unique to one allocation or parameter; None says that the reference may point to several (a
    join), so it may alias anything that is not fresh. `contiguous` says that the elements lie in C order
    without gaps.
    """

    ref: Value
    shape: tuple[Value, ...]
    origin: object | None
    contiguous: bool = True


@dataclass(frozen=True, eq=False)
class Read:
    """That computing an element at `index` loads `memory` at `place(b, index)`.

    `key` is equal for two reads with the same index map: then element i depends on element i only.
    """

    memory: Memory
    key: object


@dataclass(frozen=True, eq=False)
class Arr:
    """An array given by its elements.

    memory: set where the array is memory or a basic view of it; then `place(b, index)` maps an index of
    this array to an index of `memory.ref`, so that elements can also be stored.
    whole: the array is the whole of `memory` in its own order (place is the identity).
    cheap: an element costs about a load; otherwise it should be computed once and stored before it is read
    many times.
    weak: a Python-list literal or similar that promotes weakly (rare).
    writeable: False for read-only views (diagonal, broadcast_to).
    steps: the View ops (kind, spec, operands, rank) that lead from `memory.ref` to a reference to this
    array, or None when no chain of View ops does.
    direct: per axis, whether it runs over a whole axis of the memory in order, so that the access itself
    checks the bounds.
    """

    dtype: str
    shape: tuple[Value, ...]
    at: Callable[[Builder, Index], Value]
    memory: Memory | None = None
    place: Callable[[Builder, Index], Index] | None = None
    map_key: object = None
    whole: bool = False
    cheap: bool = True
    reads: tuple[Read, ...] = ()
    writeable: bool = True
    steps: tuple[Step, ...] | None = ()
    direct: tuple[bool, ...] | None = None

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def is_direct(self, axis: int) -> bool:
        """Whether an index on this axis goes unchanged to the memory."""
        return self.whole or (self.direct is not None and self.direct[axis])


def of_memory(memory: Memory) -> Arr:
    """The array that is the whole of a memory reference."""

    def at(b: Builder, index: Index) -> Value:
        return b.load(memory.ref, index)

    key = ("whole",)
    return Arr(
        memory.ref.dtype,
        memory.shape,
        at,
        memory,
        lambda b, index: index,
        key,
        True,
        True,
        (Read(memory, key),),
    )


def may_alias(a: Memory, b: Memory) -> bool:
    """Whether two references may point to the same memory."""
    return a.ref is b.ref or a.origin is None or b.origin is None or a.origin is b.origin


def with_at(arr: Arr, at: Callable[[Builder, Index], Value], dtype: str, *, cheap: bool) -> Arr:
    """A delayed array of the same shape with another element function: no longer memory."""
    return replace(
        arr,
        at=at,
        dtype=dtype,
        memory=None,
        place=None,
        map_key=None,
        whole=False,
        cheap=cheap,
        writeable=False,
        steps=None,
        direct=None,
    )


@dataclass(frozen=True, eq=False)
class Num:
    """A run-time scalar. `weak` marks a Python int/float/complex/bool, which does not decide a promoted
    dtype (NEP 50)."""

    value: Value
    weak: bool = False

    @property
    def dtype(self) -> str:
        """The dtype of the scalar."""
        return self.value.dtype


@dataclass(frozen=True)
class Known:
    """A compile-time constant: a Python number, string, None, dtype, module, NumPy function, slice(None) …"""

    obj: object


@dataclass(frozen=True, eq=False)
class Tup:
    """A tuple (or a list literal that is never changed) of known length."""

    items: tuple[AbstractValue, ...]
    type: type = tuple


@dataclass(frozen=True, eq=False)
class SliceVal:
    """start:stop:step of abstract values; None where the source has nothing."""

    start: AbstractValue | None = None
    stop: AbstractValue | None = None
    step: AbstractValue | None = None


AbstractValue = object
"""Arr | Num | Known | Tup here; the frontend adds lists, functions, objects and ranges of its own."""
