"""Which Python function a user means, and how its arguments are bound and counted.

A `Target` is a plain function together with what stands before the caller's arguments: `self` of a bound
method or of a callable object, the arguments of a `functools.partial`. Argument numbers count what the
caller writes.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import ArgumentError, SourceError, Src
from .custom import CALLS, CustomVjp, call_any

CALL = "__call__"
_MOST = 256
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, eq=False)
class Target:
    """A plain function and the arguments that are already there; whether its derivatives run in threads.

    `foreign` says that the user's function is not written in Python: it is the first argument of a plain one.
    """

    fn: types.FunctionType
    before: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)
    parallel: bool = False
    foreign: bool = False

    def in_threads(self, parallel: bool | None) -> Target:
        """The same, its derivatives in threads or not; None leaves it as it is, as Numba was told."""
        return self if parallel is None else replace(self, parallel=bool(parallel))

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """Of the plain function itself, not of what it wraps."""
        return inspect.signature(self.fn, follow_wrapped=False)

    @functools.cached_property
    def simple(self) -> int:
        """How many arguments a call without keywords and defaults has; -1 where none can be that plain."""
        params = self.signature.parameters.values()
        if self.keywords or any(p.kind not in _POSITIONAL for p in params):
            return -1
        return len(params) - len(self.before)

    @property
    def name(self) -> str:
        """The function's name, as messages and generated code have it."""
        return "lambda_" if self.fn.__name__ == "<lambda>" else self.fn.__name__

    @property
    def src(self) -> Src:
        """Where the function begins."""
        if self.foreign:
            return Src(f"<{self.fn.__name__}>", 1)
        line = self.fn.__code__.co_firstlineno
        return Src(self.fn.__code__.co_filename, line, def_line=line)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """One value per parameter of the plain function: defaults filled in, *args as a tuple,
        **kwargs as a dict.
        """
        if not kwargs and len(args) == self.simple:
            return self.before + args
        filled = self._filled(args, {**self.keywords, **kwargs})
        if filled is not None:
            return filled
        try:
            bound = self.signature.bind(*self.before, *args, **{**self.keywords, **kwargs})
        except TypeError as error:
            shown = str(self.visible).replace(" ", "") if len(str(self.visible)) > 80 else str(self.visible)
            raise ArgumentError(
                f"{self.fn.__qualname__}{shown}: {error}",
                hint="call the derivative as the function itself is called",
            ) from None
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    @functools.cached_property
    def _named(self) -> tuple[int, list[str], dict[str, Any]] | None:
        """How many parameters take positional arguments, all names, and the defaults; None where a parameter
        has stars or no name for the caller.
        """
        params = list(self.signature.parameters.values())
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if any(p.kind not in named for p in params):
            return None
        defaults = {p.name: p.default for p in params if p.default is not p.empty}
        return sum(p.kind is named[0] for p in params), [p.name for p in params], defaults

    def _filled(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """What `Signature.bind` would find, in a tenth of its time; None where it would complain."""
        if self._named is None:
            return None
        count, names, defaults = self._named
        values = [*self.before, *args]
        if len(values) > count:
            return None
        used = 0
        for name in names[len(values) :]:
            if name in kwargs:
                values.append(kwargs[name])
                used += 1
            elif name in defaults:
                values.append(defaults[name])
            else:
                return None
        return tuple(values) if used == len(kwargs) else None

    @functools.cached_property
    def visible(self) -> inspect.Signature:
        """The signature that the caller sees, without annotations."""
        every = list(self.signature.parameters.values())
        stars = [p for p in every[: len(self.before)] if p.kind is p.VAR_POSITIONAL]
        params = stars + every[len(self.before) :]
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in params if p.name not in self.keywords]
        return inspect.Signature(plain)

    def place(self, argnum: int) -> tuple[int, int | None]:
        """Argument number of the caller → (parameter, item of *args or None)."""
        params = list(self.signature.parameters.values())
        position = argnum + len(self.before)
        for k, param in enumerate(params):
            if param.kind is inspect.Parameter.VAR_POSITIONAL and position >= k:
                return k, position - k
        return position, None

    def resolve(self, argnums: int | Sequence[int] | None, argnames: str | Sequence[str] | None) -> Argnums:
        """The arguments to be differentiated, checked against the signature."""
        params = list(self.visible.parameters.values())
        starred = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in params)
        if argnames is not None:
            names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
            known = [p.name for p in params]
            for name in names:
                if name not in known:
                    raise ArgumentError(
                        f"argnames: {self.fn.__qualname__}{self.visible} has no argument {name!r}",
                        hint=f"choose from {', '.join(known)}",
                    )
            numbers = tuple(known.index(n) for n in names)
            if argnums is None:
                return Argnums(numbers, isinstance(argnames, str))
            given = (argnums,) if isinstance(argnums, int) else tuple(argnums)
            return Argnums(tuple(dict.fromkeys((*given, *numbers))), False)
        wanted = 0 if argnums is None else argnums
        single = _is_index(wanted)
        listed: tuple[Any, ...] = (
            (wanted,) if single else tuple(wanted) if isinstance(wanted, list | tuple) else ()
        )
        if not listed or not all(_is_index(n) for n in listed):
            raise ArgumentError(f"argnums must be an integer or a tuple of integers, not {argnums!r}")
        count = len(params)
        found = []
        for number in map(int, listed):
            if not starred and not -count <= number < count:
                raise ArgumentError(
                    f"argnums={number}, but {self.fn.__qualname__}{self.visible} takes "
                    f"{count} argument{'s' * (count != 1)}",
                    hint=f"choose from 0 to {count - 1}"
                    if count
                    else "a function of no arguments has no gradient",
                )
            if starred and number < 0:
                raise ArgumentError(f"argnums={number}: count from the front, the function takes *args")
            found.append(number % count if not starred else number)
        if len(set(found)) < len(found):
            raise ArgumentError(f"argnums={argnums!r} names an argument twice")
        return Argnums(tuple(found), single)


@dataclass(frozen=True, slots=True)
class Argnums:
    """Argument numbers of the caller; `single` when one number was given, so that no tuple is returned."""

    numbers: tuple[int, ...]
    single: bool


def _is_index(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def target_of(f: Callable[..., Any]) -> Target:
    """The plain function behind a callable.

    Raises
    ------
    ArgumentError
        It is no function.
    """
    if isinstance(f, types.FunctionType):
        return _kept(f)
    if isinstance(f, functools._lru_cache_wrapper):
        return target_of(f.__wrapped__)
    if isinstance(f, CustomVjp):
        count = len(target_of(f.fn).visible.parameters)
        if count >= len(CALLS):
            raise ArgumentError(
                f"{f!r} takes {count} arguments", hint="call it from a function, and differentiate that"
            )
        call: Any = CALLS[count]
        return Target(call, (f,))
    if isinstance(f, types.MethodType):
        inner = target_of(f.__func__)
        return Target(inner.fn, (f.__self__, *inner.before), inner.keywords, inner.parallel)
    if isinstance(f, functools.partial):
        inner = target_of(f.func)
        keywords = {**inner.keywords, **f.keywords}
        return replace(inner, before=(*inner.before, *f.args), keywords=keywords)
    py_func = getattr(f, "py_func", None)
    if isinstance(py_func, types.FunctionType):
        options = getattr(f, "targetoptions", {})
        return Target(py_func, parallel=bool(options.get("parallel")))
    if isinstance(f, staticmethod | classmethod):
        return target_of(f.__func__)
    if not callable(f):
        raise ArgumentError(f"a function is needed, not {type(f).__name__}")
    call = getattr(type(f), CALL, None)
    if isinstance(f, type | np.vectorize) or not isinstance(call, types.FunctionType):
        return Target(_caller(f), (f,), foreign=True)
    return Target(call, (f,))


def _kept(f: types.FunctionType) -> Target:
    """The target of a plain function, kept with it: to read its signature takes as long as a short call.

    It is another one once the function has other code or defaults. Those by keyword are in a dictionary, of
    whose changes nobody tells.
    """
    if f.__kwdefaults__:
        return Target(f)
    kept: tuple[Target, Any, Any] | None = f.__dict__.get("__pullback_target__")
    if kept is not None:
        target, code, defaults = kept  # perhaps of another function: functools.wraps copies attributes
        if target.fn is f and code is f.__code__ and defaults is f.__defaults__:
            return target
    target = Target(f)
    f.__dict__["__pullback_target__"] = target, f.__code__, f.__defaults__
    return target


def without_source(target: Target) -> SourceError:
    """What to say of a function that is not written in Python."""
    return SourceError(
        f"the source of {target.fn.__name__!r} is not available: it is not written in Python",
        hint="wrap it in a function: lambda x: ...",
    )


_CALLERS: dict[int, tuple[Any, types.FunctionType]] = {}


def _caller(f: Any) -> types.FunctionType:
    """A plain function that takes `f` and its arguments, under the name of `f`; one for each."""
    known = _CALLERS.get(id(f))
    if known is not None:
        return known[1]
    count = getattr(f, "nin", len(CALLS))  # a ufunc tells how many arguments it takes
    plain: Any = CALLS[count] if count < len(CALLS) else call_any
    name = getattr(f, "__name__", type(f).__name__)
    made = types.FunctionType(plain.__code__, plain.__globals__, name)
    made.__module__, made.__qualname__ = plain.__module__, name
    if len(_CALLERS) >= _MOST:
        _CALLERS.clear()
    _CALLERS[id(f)] = f, made
    return made
