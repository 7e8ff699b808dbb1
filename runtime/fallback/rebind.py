"""A user's function as it runs on the tape: the same code, with `modules.py` in place of NumPy and `math`.

The functions that it calls by name are treated alike, and those under `numba.njit` are taken as the Python
that they were made of.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tape.node import Recorded
from . import library
from .builtin import BUILTINS
from .classes import Classes
from .code import is_foreign, is_numerical, names_of
from .modules import REPLACED, vectorized
from .outside import Names, Outside, was_left

_LONG = 1000  # containers of more items hold data, not functions


class Rebound:
    """The functions of one run, each made once; recursive functions find themselves.

    Attributes
    ----------
    outside
        What the run has found outside of its functions, to which it may write; `carry` it back at its end.
    data
        Whether it sees arrays from there as Arrays: not in the functions of libraries, which outlive a run.
    entry
        The function that runs, of whose defaults the arrays are its arguments already.
    """

    def __init__(
        self, foreign: Callable[[str | None], bool] | None = None, *, entry: types.FunctionType | None = None
    ) -> None:
        self.foreign = foreign or is_foreign
        self.outside, self.data, self.entry = Outside(), entry is not None, entry
        self.made: dict[int, Any] = {}
        self.spaces: dict[int, Names] = {}
        self.copies: dict[int, Any] = {}
        self.kept: list[Any] = []  # what is known by its address must live
        self.seen: set[int] = set()  # containers on the way, which may hold themselves
        self.classes = Classes(self.of, self.foreign, self.outside, only_classes=foreign is not None)

    def of(self, value: Any) -> Any:
        """What stands for an object: itself, if it is no function of the user's."""
        if id(value) in REPLACED:
            return REPLACED[id(value)]
        if type(value) is np.ndarray:
            return self.outside.array(value) if self.data and value.dtype.kind in "fc" else value
        if type(value) is float:
            return self.outside.earlier(value) if self.data and was_left(value) else value
        if _is_prange(value):
            return range
        python = getattr(value, "py_func", None)
        if isinstance(python, types.FunctionType) and type(value).__module__.startswith("numba"):
            value = python
        if isinstance(value, types.FunctionType):
            if not self.foreign(value.__module__):
                return self.function(value)
            return library.function(value) if is_numerical(value.__module__) else value
        if isinstance(value, types.MethodType) and isinstance(value.__func__, types.FunctionType):
            return types.MethodType(self.of(value.__func__), self.of(value.__self__))
        if isinstance(value, types.ModuleType):
            if not self.foreign(value.__name__):
                return self._module(value)
            return Module(value, self) if is_numerical(value.__name__) else value
        if type(value) in (list, tuple, dict):
            return self._container(value)
        if isinstance(value, functools.partial):
            return functools.partial(self.of(value.func), *self.of(value.args), **self.of(value.keywords))
        if isinstance(value, functools._lru_cache_wrapper):
            return self._cached(value)
        if type(value) is np.vectorize and not value.excluded and value.signature is None:
            return vectorized(self.of(value.pyfunc), value.otypes)
        return self.classes.of(value)

    def _module(self, value: types.ModuleType) -> Any:
        if id(value) not in self.made:
            made = self.made[id(value)] = UserModule(value, self)
            self.outside.replace(value, made)
        return self.made[id(value)]

    def _container(self, value: Any) -> Any:
        """A list, tuple or dictionary: the same one, unless something in it is replaced."""
        items = list(value.values()) if type(value) is dict else value
        if id(value) in self.seen:
            return value
        if len(items) > _LONG:
            if self.data and type(value) is list:
                self.outside.container(value, len(value))
            return value
        if id(value) in self.copies:
            return self.copies[id(value)]
        self.seen.add(id(value))
        made = [self.of(item) for item in items]
        self.seen.discard(id(value))
        if all(new is old for new, old in zip(made, items, strict=True)):
            if self.data:
                self.outside.container(value)
            return value
        copy = dict(zip(value, made, strict=True)) if type(value) is dict else type(value)(made)
        if type(value) is not tuple:
            self.copies[id(value)] = copy
            self.outside.follow(value, copy)
        return copy

    def _cached(self, value: Any) -> Any:
        """A function with a cache, which starts anew in each run: values of another one would not do."""
        if id(value) not in self.made:
            function = self.of(value.__wrapped__)
            cached = functools.lru_cache(**value.cache_parameters())(function)

            @functools.wraps(cached)
            def call(*args: Any, **kwargs: Any) -> Any:
                # Recorded values are no keys: equal ones may depend on different arguments.
                recorded = any(isinstance(v, Recorded) for v in (*args, *kwargs.values()))
                return (function if recorded else cached)(*args, **kwargs)

            made: Any = call
            made.cache_clear, made.cache_info = cached.cache_clear, cached.cache_info
            self.made[id(value)] = made
            self.kept.append(value)
        return self.made[id(value)]

    def function(self, function: types.FunctionType) -> types.FunctionType:
        """The function with what its names stand for replaced."""
        known = self.made.get(id(function))
        if known is not None:
            return known
        # The cells are made before what they hold, which may be the function itself.
        cells = tuple([self.outside.cell(cell) for cell in function.__closure__ or ()])
        space = self._space(function.__globals__)
        made = types.FunctionType(function.__code__, space.seen, function.__name__, None, cells or None)
        made.__dict__.update(function.__dict__)
        made.__module__, made.__qualname__ = function.__module__, function.__qualname__
        self.made[id(function)] = made
        self.kept.append(function)
        self.outside.replace(function, made)
        data, self.data = self.data, self.data and function is not self.entry
        made.__defaults__, made.__kwdefaults__ = (
            self.of(function.__defaults__),
            self.of(function.__kwdefaults__),
        )
        self.data = data
        for name in names_of(function.__code__):
            self.bound(space, name)
        for cell in function.__closure__ or ():
            self.outside.fill(cell, self.of)
        return made

    def bound(self, space: Names, name: str) -> None:
        """See to it that a name stands for what it does on the tape."""
        if name in space.own and name not in space.bound:
            space.bound.add(name)
            space.bind(name, self.of(space.own[name]))

    def _space(self, names: dict[str, Any]) -> Names:
        """A module's names for this run."""
        space = self.spaces.get(id(names))
        if space is None:
            space = self.spaces[id(names)] = self.outside.dictionary(names, dict(names))
            space.bind("__builtins__", BUILTINS)
        return space

    def module(self, module: types.ModuleType) -> Names:
        """The names of a module of the user's."""
        return self._space(vars(module))


class Module:
    """A module whose functions are rebound when they are asked for."""

    def __init__(self, module: types.ModuleType, rebound: Rebound) -> None:
        self.__dict__.update(_module=module, _rebound=rebound)

    def __getattr__(self, name: str) -> Any:
        found = self._rebound.of(getattr(self._module, name))
        self.__dict__[name] = found
        return found


class UserModule(Module):
    """A module of the user's, whose names are those that its functions see."""

    def __getattr__(self, name: str) -> Any:
        space = self._rebound.module(self._module)
        self._rebound.bound(space, name)
        return space.seen[name] if name in space.seen else getattr(self._module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        space = self._rebound.module(self._module)
        space.bound.add(name)
        space.seen[name] = value

    def __delattr__(self, name: str) -> None:
        del self._rebound.module(self._module).seen[name]


def _is_prange(value: Any) -> bool:
    numba = sys.modules.get("numba")
    return numba is not None and value is getattr(numba, "prange", None)
