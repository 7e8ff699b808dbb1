"""What the compiler is told about arguments, and what it tells about results: types without values.

They are kept in the disk cache, and stand apart from the compiler, which is not even imported where the code
is found there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[tuple[str, object], ...]
"""How to fetch a value from the compiled function: steps ("global", name), ("closure", name),
("default", name), ("param", name), ("attr", name), ("item", key)."""


@dataclass(frozen=True)
class ScalarSpec:
    """A run-time number; weak for Python's own int, float, complex."""

    dtype: str
    weak: bool = True


@dataclass(frozen=True)
class ArraySpec:
    """An array; `ones` says which axes have length 1, `layout` is "C" for C-contiguous arrays, else "A"."""

    dtype: str
    rank: int
    ones: tuple[bool, ...] = ()
    layout: str = "A"


@dataclass(frozen=True)
class Length:
    """What is supposed of an axis of an argument: it has at least and at most so many elements."""

    leaf: int
    axis: int
    least: int
    most: int | None = None

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether the leaf may have this shape."""
        return self.least <= shape[self.axis] and (self.most is None or shape[self.axis] <= self.most)


@dataclass(frozen=True)
class Extent:
    """A length of a result: a sum of lengths of inputs, (input, axis), and a number.

    Axis -1 stands for the input itself, an integer.
    """

    terms: tuple[tuple[int, int], ...]
    number: int

    def of(self, inputs: Sequence[Any]) -> int:
        """The length for these inputs."""
        lengths = [int(inputs[k]) if axis < 0 else inputs[k].shape[axis] for k, axis in self.terms]
        return self.number + sum(lengths)


@dataclass(frozen=True, eq=False)
class KnownSpec:
    """A compile-time constant."""

    obj: object


@dataclass(frozen=True)
class TupleSpec:
    """A tuple or NamedTuple of the given type."""

    items: tuple[ParamSpec, ...]
    type: type = tuple


@dataclass(frozen=True)
class ListSpec:
    """A list."""

    items: tuple[ParamSpec, ...]


@dataclass(frozen=True)
class DictSpec:
    """A dict, in order."""

    items: tuple[tuple[object, ParamSpec], ...]


@dataclass(frozen=True)
class RecordSpec:
    """An object of a class with attributes, in order."""

    type: type
    fields: tuple[tuple[str, ParamSpec], ...]


ParamSpec = ScalarSpec | ArraySpec | KnownSpec | TupleSpec | ListSpec | DictSpec | RecordSpec


@dataclass(frozen=True)
class Leaf:
    """Result number `index`."""

    index: int


@dataclass(frozen=True, eq=False)
class ConstOut:
    """A returned constant."""

    obj: object


@dataclass(frozen=True)
class NodeOut:
    """A returned container: `keys` are the keys of a dict or the attributes of an object, else empty."""

    type: type
    items: tuple[OutTree, ...]
    keys: tuple[object, ...] = ()


OutTree = Leaf | ConstOut | NodeOut


@dataclass(frozen=True)
class Capture:
    """A global, closure or attribute value that is a hidden run-time parameter."""

    path: Path
    spec: ScalarSpec | ArraySpec
