"""Loop nests over the elements of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import INT

Index = tuple[Value, ...]


def for_elements(
    b: Builder,
    array: Value,
    body: Callable[[Builder, Index], object],
    lengths: Sequence[Value] = (),
) -> None:
    """Run body(b, index) for every index of an array, or of its part with these lengths."""

    def nest(index: Index) -> None:
        if len(index) == array.rank:
            body(b, index)
            return
        i = Value(INT, "ijklmn"[len(index)])
        length = lengths[len(index)] if lengths else b.dim(array, len(index))
        zero, one = b.int(0), b.int(1)
        b.open((i,))
        nest((*index, i))
        b.for_(zero, length, one, (), b.close())

    nest(())


def add_elements(b: Builder, target: Value, element: Callable[[Builder, Index], Value]) -> None:
    """target[index] += element(b, index) for every index."""
    for_elements(b, target, lambda b, index: b.store(target, index, element(b, index), accumulate=True))
