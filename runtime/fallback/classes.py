"""Classes of the user's on the tape: twins, whose methods see what stands for NumPy, `math` and `float`.

Objects that were made before become objects of the twin with the same attributes, so what the program writes
to attributes stays with them.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from typing import Any

_IN_PYTHON = 1 << 9  # classes made by a class statement, not those that C code has compiled in
_OWN = ("__dict__", "__weakref__")
_ORIGINAL = "__pullback_original__"


def original(cls: Any) -> Any:
    """The class that a twin was made of; any other value as it is."""
    return cls.__dict__.get(_ORIGINAL, cls) if isinstance(cls, type) else cls


class Classes:
    """The twins of one run."""

    def __init__(
        self, of: Callable[[Any], Any], foreign: Callable[[str | None], bool], only_classes: bool = False
    ) -> None:
        self.of_value, self.foreign, self.only_classes = of, foreign, only_classes
        self.twins: dict[int, Any] = {}
        self.kept: list[Any] = []  # what is known by its address must live

    def of(self, value: Any) -> Any:
        """The twin of a class or of an object; what has none stands for itself."""
        if id(value) in self.twins:
            return self.twins[id(value)]
        if isinstance(value, type):
            return self._class(value) if self._has_twin(value) else value
        if not self._has_twin(type(value)) or self.only_classes:
            return value
        twin = object.__new__(self.of_value(type(value)))
        self._know(value, twin)
        attributes = {name: self.of_value(item) for name, item in vars(value).items()}
        same = all(attributes[name] is item for name, item in vars(value).items())
        object.__setattr__(twin, "__dict__", vars(value) if same else attributes)
        return twin

    def _know(self, value: Any, twin: Any) -> None:
        self.twins[id(value)] = twin
        self.kept.append(value)

    def _has_twin(self, cls: type) -> bool:
        """Whether a class is an ordinary one of the user's, with its attributes in a dictionary."""
        return bool(
            type(cls) is type
            and cls.__flags__ & _IN_PYTHON
            and cls is not object
            and not self.foreign(cls.__module__)
            and _ORIGINAL not in cls.__dict__
            and "__slots__" not in cls.__dict__
            and all(base is object or self._has_twin(base) for base in cls.__bases__)
            and not issubclass(cls, enum.Enum)
        )

    def _class(self, cls: type) -> type:
        bases = tuple([self.of_value(base) for base in cls.__bases__])
        names = {name: item for name, item in vars(cls).items() if name not in _OWN}
        twin = types.new_class(cls.__name__, bases, exec_body=lambda space: space.update(names))
        self._know(cls, twin)  # before its methods, which may name it
        for name, item in names.items():
            new = self._attribute(item)
            if new is not item:
                setattr(twin, name, new)
        setattr(twin, _ORIGINAL, cls)
        return twin

    def _attribute(self, item: Any) -> Any:
        if isinstance(item, (staticmethod, classmethod)):
            return type(item)(self.of_value(item.__func__))
        if isinstance(item, property):
            return property(self.of_value(item.fget), self.of_value(item.fset), self.of_value(item.fdel))
        return self.of_value(item) if isinstance(item, types.FunctionType) else item
