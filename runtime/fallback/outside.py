"""What a program on the tape finds outside of itself and writes to: globals, closures, objects, arrays.

It works on copies of the names, with what stands for NumPy among them; what it has changed is carried back at
its end, as numbers without history. Arrays of floats are seen as Arrays on the same memory.

What depended on the arguments of an earlier run is known again (`was_left`): a program that uses it is
refused, as its derivative would be lost.
"""

from __future__ import annotations

import collections
import itertools
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...compiler.call.trees import build
from ...compiler.errors import OverlapError
from ..tape.node import Recorded, wrap
from ..tape.record import edge
from .array import Array
from .classes import original
from .modules import as_array
from .number import Number
from .trees import plain

_MISSING = object()
_MOST = 1000
_left_arrays: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_left_numbers: collections.OrderedDict[int, float] = collections.OrderedDict()
"""What runs have left outside that depended on their arguments: arrays, and the last of the numbers."""


def left(value: Any) -> Any:
    """A recorded value, or a tuple with some, as it is left outside."""
    if isinstance(value, tuple):
        return build(type(value), [left(v) for v in value], ())
    shown = plain(value)
    if edge(value) is None:
        return shown
    if isinstance(shown, np.ndarray):
        _left_arrays[id(shown)] = shown
        return shown
    if type(shown) is not float:
        return value
    _left_numbers[id(shown)] = shown
    if len(_left_numbers) > _MOST:
        _left_numbers.popitem(last=False)
    return shown


def was_left(value: Any) -> bool:
    """Whether an earlier run has left a value, which depended on its arguments."""
    return _left_numbers.get(id(value)) is value or _left_arrays.get(id(value)) is value


class Names:
    """Names of the world outside as a program sees them: a module's, an object's, a dictionary's.

    Attributes
    ----------
    own
        The dictionary outside.
    seen
        The program's, in which some values are replaced.
    bound
        The names of which that has been seen to.
    """

    def __init__(self, own: dict[Any, Any], seen: dict[Any, Any]) -> None:
        self.own, self.seen = own, seen
        self.start = dict(seen)
        self.bound: set[Any] = set()

    def bind(self, name: Any, value: Any) -> None:
        """Replace what stands under a name, which is no change of the program's."""
        self.seen[name] = self.start[name] = value

    def carry(self, shown: Callable[[Any], Any]) -> None:
        """Do outside what the program has done."""
        for name, value in self.seen.items():
            if value is not self.start.get(name, _MISSING):
                self.own[name] = shown(value)
        for name in self.start.keys() - self.seen.keys():
            self.own.pop(name, None)


class Outside:
    """What one run has found outside."""

    def __init__(self) -> None:
        self.names: list[Names] = []
        self.lists: list[tuple[list[Any], list[Any], list[Any]]] = []
        self.cells: dict[int, tuple[types.CellType, types.CellType, Any]] = {}
        self.containers: dict[int, tuple[Any, int]] = {}
        self.arrays: dict[int, tuple[Any, Array]] = {}
        self.replaced: dict[int, Any] = {}
        self.kept: list[Any] = []  # what is known by its address must live

    def array(self, value: Any) -> Any:
        """An array of floats as an Array on its memory."""
        if id(value) not in self.arrays:
            self.arrays[id(value)] = value, self.earlier(value) if was_left(value) else as_array(value)
        return self.arrays[id(value)][1]

    def earlier(self, value: Any) -> Any:
        """What stands for a value of an earlier run: it wants a gradient, which nobody can give."""
        leaf = wrap(Number if type(value) is float else Array, np.array(value))
        leaf._r = True
        self.replace(value, leaf)
        return leaf

    def replace(self, own: Any, seen: Any) -> None:
        """Note what stands for an object, should the program put it into another place."""
        self.replaced[id(seen)] = own
        self.kept.append(seen)

    def follow(self, own: Any, seen: Any) -> None:
        """Follow a list or dictionary of which the program has a copy."""
        if isinstance(own, dict):
            self.dictionary(own, seen)
        else:
            self.lists.append((own, seen, list(seen)))
        self.container(own)

    def dictionary(self, own: dict[Any, Any], seen: dict[Any, Any]) -> Names:
        """Follow a dictionary of which the program has a copy."""
        names = Names(own, seen)
        self.names.append(names)
        return names

    def container(self, own: Any, first: int = 0) -> None:
        """Follow a container that the program has itself, a list from an item on."""
        self.containers[id(own)] = own, first

    def cell(self, own: types.CellType) -> types.CellType:
        """The cell of a closure, one for all functions that share it."""
        if id(own) not in self.cells:
            self.cells[id(own)] = own, types.CellType(), _MISSING
        return self.cells[id(own)][1]

    def fill(self, own: types.CellType, of: Callable[[Any], Any]) -> None:
        """Put what stands for its content into a cell."""
        _, seen, before = self.cells[id(own)]
        if before is _MISSING and not _empty(own):  # a name may have no value yet
            seen.cell_contents = of(own.cell_contents)
            self.cells[id(own)] = own, seen, seen.cell_contents

    # ---- when the program has ended
    def carry(self, shown: Callable[[Any], Any]) -> None:
        """Do outside what the program has done; `shown` gives recorded values as they are known there."""
        done: set[int] = set()

        def back(value: Any) -> Any:
            if id(value) in self.replaced:
                return self.replaced[id(value)]
            if _recorded(value):
                return shown(value)
            _clean(value, shown, done)
            return value

        for names in self.names:
            names.carry(back)
        for own_list, seen_list, start in self.lists:
            if len(seen_list) != len(start) or any(a is not b for a, b in zip(seen_list, start, strict=True)):
                own_list[:] = map(back, seen_list)
        for own, seen, before in self.cells.values():
            if _empty(seen):
                if before is not _MISSING:
                    del own.cell_contents
            elif seen.cell_contents is not before:
                own.cell_contents = back(seen.cell_contents)
        for container, first in self.containers.values():
            _clean(container, shown, done, first)

    def check_overlap(self, shared: Sequence[tuple[Any, Any]]) -> None:
        """Refuse arrays that the program has written to, if others that it knows share their memory.

        Raises
        ------
        OverlapError
            What has been written would not be seen there.
        """
        arrays = [*self.arrays.values(), *shared]
        for i, (first, seen) in enumerate(arrays):
            for second, other in arrays[i + 1 :]:
                if (seen._version or other._version) and np.shares_memory(first, second):
                    raise OverlapError(
                        "two arrays that the function uses share memory, and it writes to one of them",
                        hint="pass copies",
                    )


def _empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


def _clean(value: Any, shown: Callable[[Any], Any], done: set[int], first: int = 0) -> None:
    """Put what `shown` gives in the place of recorded values, in what a program may have put them into."""
    if id(value) in done:
        return
    done.add(id(value))
    if original(type(value)) is not type(value):
        value.__class__ = original(type(value))
        value = vars(value)
    if isinstance(value, dict):
        places: Any = list(value.items())
    elif isinstance(value, (list, collections.deque)):
        places = list(itertools.islice(enumerate(value), first, None))
    else:
        return
    for key, item in places:
        if _recorded(item):
            value[key] = shown(item)
        else:
            _clean(item, shown, done)


def _recorded(value: Any) -> bool:
    return isinstance(value, Recorded) or (isinstance(value, tuple) and any(map(_recorded, value)))
