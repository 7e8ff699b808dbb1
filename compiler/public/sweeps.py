"""Compiled derivatives along all unit vectors: the matrices that they give, filled in place.

Compiled code with lanes takes a block of directions at a time, so the primal runs once per block. Where there
is no such code (recursion, custom rules, a single direction) it takes one direction after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..call.specialise import Specialisation

LANES = 128
"""Directions per sweep: enough to hide the cost of the primal, few enough for shadows to stay in cache."""

MOST_LANES, ROOM = 512, 8_000_000
"""Directions per sweep as long as the arguments together have no more tangents than there is room for: to put
blocks together costs more than shadows that leave the cache, but shadows are memory."""

KEPT, KEPT_BLOCKS = 1 << 17, 16
"""Blocks of unit vectors of up to 1 MB stay between calls, the last 16 of them: to make one takes a tenth of
the time of a Jacobian by few operations."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """Leaves laid side by side: their elements are the directions.

    `numbers` tells which leaves are numbers; those of shape () may also be arrays.
    """

    shapes: tuple[Shape, ...]
    dtypes: tuple[str, ...]
    numbers: tuple[bool, ...]

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """The directions of every leaf, from and to."""
        return list(pairwise(accumulate(map(math.prod, self.shapes), initial=0)))

    @cached_property
    def size(self) -> int:
        """The number of directions."""
        return self.bounds[-1][1] if self.bounds else 0

    def zeros(self) -> list[Any]:
        """The zero vector, leaf by leaf."""
        return [
            np.dtype(d).type(0) if number else np.zeros(s, d)
            for s, d, number in zip(self.shapes, self.dtypes, self.numbers, strict=True)
        ]

    def matrices(self, rows: int) -> list[Any]:
        """Room for so many vectors."""
        return [np.empty((rows, *s), d) for s, d in zip(self.shapes, self.dtypes, strict=True)]

    def units(self) -> Iterator[list[Any]]:
        """One unit vector after the other, in the same memory."""
        vector = self.zeros()
        for k, shape in enumerate(self.shapes):
            if self.numbers[k]:
                vector[k] = type(vector[k])(1)
                yield vector
                vector[k] = type(vector[k])(0)
                continue
            for index in np.ndindex(shape):
                vector[k][index] = 1
                yield vector
                vector[k][index] = 0

    def block(self, first: int, last: int) -> list[Any]:
        """The unit vectors from `first` up to `last`, as lanes."""
        return [
            _lanes((*shape, last - first), dtype, start - first)
            for shape, dtype, (start, _) in zip(self.shapes, self.dtypes, self.bounds, strict=True)
        ]

    def leaves(self, rows: Any) -> list[Any]:
        """A matrix with the directions as its first axis as one array per leaf."""
        return [
            rows[a:b].reshape(shape + rows.shape[1:])
            for shape, (a, b) in zip(self.shapes, self.bounds, strict=True)
        ]

    def last_leaves(self, columns: Any) -> list[Any]:
        """A matrix with the directions as its last axis as one contiguous array per leaf."""
        if len(self.shapes) == 1:
            return [columns.reshape(columns.shape[:-1] + self.shapes[0])]
        return [
            np.ascontiguousarray(columns[..., a:b]).reshape(columns.shape[:-1] + shape)
            for shape, (a, b) in zip(self.shapes, self.bounds, strict=True)
        ]


def lanes(size: int, inputs: Sequence[Any]) -> int:
    """The directions of one sweep, of `size` in all."""
    if size <= LANES:
        return size
    return min(size, max(LANES, min(MOST_LANES, ROOM // max(1, sum(map(np.size, inputs))))))


def _lanes(lengths: Shape, dtype: str, offset: int) -> Any:
    """Element number k of a leaf is 1 in lane number k + offset. Compiled code never writes to it."""
    lanes = lengths[-1]
    seed = np.zeros(lengths, dtype)
    flat = seed.reshape(-1)
    first, last = max(0, -offset), min(flat.size // lanes, lanes - offset)
    if last > first:
        flat[first * (lanes + 1) + offset : (last - 1) * (lanes + 1) + offset + 1 : lanes + 1] = 1
    return seed


@lru_cache(maxsize=KEPT_BLOCKS)
def _kept_block(space: Space, first: int, last: int) -> list[Any]:
    return space.block(first, last)


space_of = lru_cache(maxsize=256)(Space)


def _sweeps(
    found: Specialisation, inputs: Sequence[Any], space: Space, count: int
) -> Iterator[tuple[int, int, Sequence[Any], Sequence[Any]]]:
    """Directions from and to, the last `count` results with these directions as their last axis, and what
    compiled code was given.
    """
    if found.code.recipe.lanes:
        given = [*inputs, *space.zeros()] if found.code.recipe.kind == "vjp" else inputs
        width = max(1, lanes(space.size, inputs))
        for first in range(0, space.size, width):
            last = min(first + width, space.size)
            few = space.size * (last - first) <= KEPT
            block = _kept_block(space, first, last) if few else space.block(first, last)
            yield first, last, found.call([*given, *block]), [*given, *block]
        return
    for k, vector in enumerate(space.units()):
        given = [*inputs, *vector]
        results = found.call(given)
        yield k, k + 1, [np.asarray(r)[..., None] for r in results[len(results) - count :]], given


def _own(results: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """Arrays in C order that are nobody else's: copied only where they must be."""
    made: list[Any] = []
    for result in results:
        shared = any(isinstance(o, np.ndarray) and np.may_share_memory(result, o) for o in (*given, *made))
        made.append(np.array(result, order="C") if shared else np.ascontiguousarray(result))
    return made


def columns(found: Specialisation, inputs: Sequence[Any], space: Space, count: int) -> list[Any]:
    """Per result its derivatives along all directions, which are the last axis."""
    made: list[Any] = []
    for first, last, results, given in _sweeps(found, inputs, space, count):
        if last - first == space.size:
            return _own(results, given)
        if not made:
            made = [np.empty((*r.shape[:-1], space.size), r.dtype) for r in results]
        for matrix, block in zip(made, results, strict=True):
            matrix[..., first:last] = block
    if not made and count:
        results = found.call([*inputs, *space.zeros()])
        made = [np.zeros((*np.shape(r), 0), np.asarray(r).dtype) for r in results[len(results) - count :]]
    return made


def rows(found: Specialisation, inputs: Sequence[Any], space: Space, gradients: Space) -> list[Any]:
    """Per gradient its values for all unit cotangents, which are the first axis."""
    made: list[Any] = []
    for first, last, results, given in _sweeps(found, inputs, space, len(gradients.shapes)):
        if last - first == space.size:
            return _own([np.moveaxis(r, -1, 0) for r in results], given)
        made = made or gradients.matrices(space.size)
        for matrix, block in zip(made, results, strict=True):
            matrix[first:last] = np.moveaxis(block, -1, 0)
    return made or gradients.matrices(space.size)
