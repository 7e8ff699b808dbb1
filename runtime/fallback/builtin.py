"""Python's builtins for a program on the tape: where they ask what a value is, an Array is what NumPy has.

A function that asks `isinstance(x, np.ndarray)` or `type(x) is float` takes the branch that it takes without
derivatives; and `import math` inside of a function gives what stands for `math`.
"""

from __future__ import annotations

import builtins
import types
from typing import Any

import numpy as np

from .array import Array, is_array
from .classes import original
from .code import is_foreign
from .modules import COMPLEX, FLOAT, REPLACED
from .number import Number


def kind(value: Any) -> type:
    """The class that the value has where nothing is differentiated."""
    if not isinstance(value, Array):
        return type(value)
    if type(value) is Number:
        return complex if value._a.dtype.kind == "c" else float
    return np.ndarray if value._a.ndim or is_array(value) else value._a.dtype.type


def _class_for(value: Array, asking: types.FrameType) -> type:
    """`x.__class__`: for a program what the value is there, for libraries and for us an Array.

    So `match` and `singledispatch` take their branch, and functions that are not bound anew ask `isinstance`.
    """
    name = asking.f_globals.get("__name__", "pullback")
    if name in _ASKED_FOR or not is_foreign(name):
        found = kind(value)
        bound_anew = asking.f_builtins is BUILTINS and name not in _ASKED_FOR
        return REPLACED.get(id(found), found) if bound_anew else found
    return type(value)


def _isinstance(value: Any, classes: Any) -> bool:
    if not isinstance(value, Array):
        plain = _original(classes)
        return isinstance(value, (plain, classes) if isinstance(plain, type) else plain) or issubclass(
            original(type(value)), plain
        )
    return issubclass(kind(value), _original(classes))


def _issubclass(cls: Any, classes: Any) -> bool:
    return issubclass(_original(cls), _original(classes))


def _original(classes: Any) -> Any:
    """Classes as NumPy and Python have them."""
    if isinstance(classes, tuple):
        return tuple([_original(c) for c in classes])
    return original(_ORIGINALS.get(id(classes), classes))


def _type(*args: Any, **kwargs: Any) -> Any:
    if len(args) != 1:
        return type(*args, **kwargs)
    found = kind(args[0])
    return REPLACED.get(id(found), found)  # what the program calls float, for `is`


def _hasattr(value: Any, name: str) -> bool:
    return hasattr(kind(value), name) if isinstance(value, Array) else hasattr(value, name)


def _import(*args: Any, **kwargs: Any) -> Any:
    module = builtins.__import__(*args, **kwargs)
    return REPLACED.get(id(module), module)


# Parts of Python's library that ask for the class of a value in place of the program.
_ASKED_FOR = ("functools", "abc", "typing")
Array._class_for = _class_for

_ORIGINALS: dict[int, type] = {
    id(FLOAT): float, id(COMPLEX): complex, id(_type): type,
    **{id(REPLACED[id(scalar)]): scalar for scalar in (np.float64, np.float32)},
}  # fmt: skip

BUILTINS: dict[str, Any] = {
    **vars(builtins),
    "float": FLOAT, "complex": COMPLEX, "isinstance": _isinstance, "issubclass": _issubclass, "type": _type,
    "hasattr": _hasattr, "__import__": _import,
}  # fmt: skip
for _name in ("float", "complex", "isinstance", "issubclass", "type", "hasattr"):
    REPLACED[id(getattr(builtins, _name))] = BUILTINS[_name]
