"""Pickles and copies of derivatives: they go by the function, which is found by its name."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class Reference:
    """A function in a pickle, by the name under which its decorated form is found."""

    def __init__(self, module: str, qualname: str) -> None:
        self.module, self.qualname = module, qualname

    def resolve(self) -> Any:
        """The function behind the object of that name."""
        return found_by_name(self.module, self.qualname)._target.fn


def found_by_name(module: str, qualname: str) -> Any:
    """What a module has under a qualified name; None if there is nothing."""
    obj: Any = importlib.import_module(module) if module not in sys.modules else sys.modules[module]
    for part in qualname.split("."):
        obj = getattr(obj, part, None)
    return obj


def reduced(self: Any, cls: type, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The `__reduce__` of a derivative: by its own name, or made again from a function found by name."""
    f = given[0]
    if isinstance(f, types.FunctionType) and "<" not in f.__qualname__:
        found = found_by_name(f.__module__, f.__qualname__)
        if found is self:
            return f.__qualname__
        target = getattr(found, "_target", None)
        if target is not None and target.fn is f:
            given = (Reference(f.__module__, f.__qualname__), *given[1:])
    return restore, (cls, given, options)


def restore(cls: Any, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The inverse of `reduced`."""
    f, *rest = given
    options = dict(options)
    method = options.pop("method", False)
    made = cls(f.resolve() if isinstance(f, Reference) else f, *rest, **options)
    if method:
        made.__set_name__(object, "")
    return made
