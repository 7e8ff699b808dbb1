"""Classes of the user's on the tape: twins, whose methods see what stands for NumPy, `math` and `float`.

Objects that were made before become objects of the twin with the same attributes, so what the program writes
to attributes stays with them.
"""

from __future__ import annotations

import abc
import enum
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...compiler.errors import UnsupportedError
from .code import names_of

if TYPE_CHECKING:
    from .outside import Outside

_IN_PYTHON = 1 << 9  # classes made by a class statement, not those that C code has compiled in
_OWN = ("__dict__", "__weakref__", "_abc_impl")
_MADE = ("__setattr__", "__delattr__", "__eq__", "__replace__")  # by dataclasses, in their own words
_COMPILED = (types.WrapperDescriptorType, types.MethodDescriptorType, types.BuiltinFunctionType)
_ASKING = {"isinstance", "issubclass", "type", "hasattr"}
_ORIGINAL = "__pullback_original__"


def original(cls: Any) -> Any:
    """The class that a twin was made of; any other value as it is."""
    return cls.__dict__.get(_ORIGINAL, cls) if isinstance(cls, type) else cls


class Classes:
    """The twins of one run."""

    def __init__(
        self,
        of: Callable[[Any], Any],
        foreign: Callable[[str | None], bool],
        outside: Outside,
        only_classes: bool = False,
    ) -> None:
        self.of_value, self.foreign, self.outside, self.only_classes = of, foreign, outside, only_classes
        self.twins: dict[int, Any] = {}
        self.harmless: set[int] = set()
        self.kept: list[Any] = []  # what is known by its address must live

    def of(self, value: Any) -> Any:
        """The twin of a class or of an object; what has none stands for itself."""
        if id(value) in self.twins:
            return self.twins[id(value)]
        if isinstance(value, type):
            return self._class(value) if self._has_twin(value) else self._checked(value)
        if not self._has_twin(type(value)) or self.only_classes:
            self._checked(type(value))
            return value
        twin = object.__new__(self.of_value(type(value)))
        self._know(value, twin)
        attributes = {name: self.of_value(item) for name, item in vars(value).items()}
        same = all(attributes[name] is item for name, item in vars(value).items())
        object.__setattr__(twin, "__dict__", vars(value) if same else attributes)
        self.outside.replace(value, twin)
        self.outside.follow(vars(value), vars(twin))
        return twin

    def _checked(self, cls: type) -> type:
        """A class as it is, if its methods cannot notice what an Array is not.

        Raises
        ------
        UnsupportedError
            If they ask: they would take another branch than without derivatives, and nobody would see it.
        """
        if self.only_classes or self.foreign(cls.__module__) or not cls.__flags__ & _IN_PYTHON:
            return cls
        if id(cls) in self.harmless or original(cls) is not cls:
            return cls
        for one in cls.__mro__:
            if self.foreign(one.__module__) or not one.__flags__ & _IN_PYTHON:
                continue
            for name, item in vars(one).items():
                code = getattr(_function(item), "__code__", None)
                made = code is not None and code.co_filename == "<string>" and name in _MADE
                if code is None or made or self.foreign(_function(item).__module__):
                    continue
                if self._asks(_function(item)):
                    raise UnsupportedError(
                        f"a method of {one.__qualname__} asks for the class of a value ({name}), and such a "
                        f"class ({_why(cls)}) cannot be taken to the tape",
                        hint="make it an ordinary class, or leave isinstance and type out of its methods",
                    )
        self.harmless.add(id(cls))
        self.kept.append(cls)
        return cls

    def _asks(self, function: types.FunctionType) -> bool:
        """Whether a function, or one that it calls by name, asks for the class of a value."""
        stack, seen = [function], set()
        while stack:
            one = stack.pop()
            names = names_of(one.__code__)
            if _ASKING & names:
                return True
            seen.add(one.__code__)
            found = [one.__globals__.get(name) for name in names]
            stack += [
                f
                for f in found
                if isinstance(f, types.FunctionType)
                and f.__code__ not in seen
                and not self.foreign(f.__module__)
            ]
        return False

    def _know(self, value: Any, twin: Any) -> None:
        self.twins[id(value)] = twin
        self.kept.append(value)

    def _has_twin(self, cls: type) -> bool:
        """Whether a class is an ordinary one of the user's, with its attributes in a dictionary."""
        return bool(
            _ordinary(type(cls))
            and cls.__flags__ & _IN_PYTHON
            and not any(isinstance(item, _COMPILED) for item in vars(cls).values())
            and cls is not object
            and not self.foreign(cls.__module__)
            and _ORIGINAL not in cls.__dict__
            and "__slots__" not in cls.__dict__
            and all(base in (object, abc.ABC) or self._has_twin(base) for base in cls.__bases__)
            and not issubclass(cls, enum.Enum)
        )

    def _class(self, cls: type) -> type:
        bases = tuple([self.of_value(base) for base in cls.__bases__])
        names = {name: item for name, item in vars(cls).items() if name not in _OWN}
        meta = {"metaclass": type(cls)}
        twin = types.new_class(cls.__name__, bases, meta, lambda space: space.update(names))
        self._know(cls, twin)  # before its methods, which may name it
        self.outside.replace(cls, twin)
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
        return self.of_value(item) if isinstance(item, (types.FunctionType, type)) else item


def _ordinary(meta: type) -> bool:
    """Whether a metaclass makes classes as `type` does."""
    own = {name for one in meta.__mro__ if one not in (type, object, abc.ABCMeta) for name in vars(one)}
    return own <= {"__module__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"}


def _why(cls: type) -> str:
    if issubclass(cls, enum.Enum):
        return "an Enum"
    if any("__slots__" in vars(one) for one in cls.__mro__):
        return "with __slots__"
    return "with a metaclass of its own" if not _ordinary(type(cls)) else "with a base of a library"


def _function(item: Any) -> Any:
    if isinstance(item, property):
        item = item.fget
    return getattr(item, "__func__", item)
