"""From a call to compiled code: a table of specialisations per function and recipe."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

from ..code import Recipe
from ..errors import NoDerivativeError
from ..ir.types import is_complex, is_float
from ..options import Options, environment
from ..specs import ArraySpec, KnownSpec, ParamSpec, ScalarSpec
from . import specialise as specialising
from .arguments import children, leaf_specs, scan
from .quick import MISS, Quick, missing, quick_inputs
from .signature import Target
from .specialise import Specialisation, specialise

Places = tuple[tuple[int, int | None], ...]
"""Differentiated parameters: (parameter, item of *args or None)."""


class Dispatcher:
    """The specialisations of one function for one kind of derivative, by the key of the arguments."""

    def __init__(
        self, target: Target, recipe_of: Callable[[Sequence[ParamSpec]], Recipe], jit: bool | None
    ) -> None:
        self.target = Target(target.fn)
        self._recipe_of = recipe_of
        self._jit = jit
        self.table: dict[Any, list[Specialisation]] = {}
        self.newest: Specialisation | None = None
        self._last: tuple[Specialisation | None, Quick] = (None, missing)

    def find(self, params: tuple[Any, ...]) -> tuple[Specialisation, list[Any]]:
        """The code for these values of the parameters, and its inputs."""
        last, quick = self._last
        inputs = quick(params)
        if inputs is not MISS:
            assert last is not None
            return last, inputs
        found, inputs = self.search(params)
        if found is not last:
            self._last = found, missing
        elif quick is missing:
            self._last = found, quick_inputs(found)
        return found, inputs

    def search(self, params: tuple[Any, ...]) -> tuple[Specialisation, list[Any]]:
        """As `find`, without its fast path for the arguments of the last call."""
        leaves: list[Any] = []
        key: Any = tuple([scan(p, leaves) for p in params])
        try:
            known = self.table.get(key)
        except TypeError:  # an unhashable constant, such as a slice before Python 3.12
            known, key = None, None
        if known is not None:
            for found in known:
                if found.holds(params, leaves):
                    return found, found.inputs(params, leaves)
        found = self._make(params, leaves, key)
        return found, found.inputs(params, leaves)

    def _make(self, params: tuple[Any, ...], leaves: list[Any], key: Any) -> Specialisation:
        with specialising.COMPILING:
            for known in self.table.get(key, ()):
                if known.holds(params, leaves):  # made by another thread meanwhile
                    return known
            made = specialise(self.target, params, leaves, self._recipe_of, Options.read(self._jit))
            if key is not None:
                # A new list, for threads that are reading the old one.
                self.table[key] = [made, *self.table.get(key, [])[:7]]
            self.newest = made
            return made

    def run(self, params: tuple[Any, ...]) -> tuple[Specialisation, tuple[Any, ...]]:
        """Call the compiled code: all its results."""
        found, inputs = self.find(params)
        return found, found.call(inputs)

    @property
    def all(self) -> list[Specialisation]:
        """Every specialisation, oldest first."""
        return [s for group in self.table.values() for s in reversed(group)]


class Registry:
    """The dispatchers of one function, so that `pb.grad(f)` twice compiles once."""

    def __init__(self, fn: types.FunctionType) -> None:
        self.fn = fn
        self.dispatchers: dict[Any, Dispatcher] = {}


def dispatcher(
    target: Target,
    kind: str,
    wrt: Places,
    along: tuple[Places, ...] = (),
    *,
    has_aux: bool = False,
    lanes: bool = False,
    into: bool = False,
    memory_limit: int = 0,
    width: int = 0,
    jit: bool | None = None,
) -> Dispatcher:
    """The dispatcher of a function for a recipe in terms of parameters."""
    kept = target.fn.__dict__.get("__pullback__")
    if not isinstance(kept, Registry) or kept.fn is not target.fn:  # functools.wraps copies attributes
        kept = target.fn.__dict__["__pullback__"] = Registry(target.fn)
    parallel = target.parallel and kind != "value"  # an error would run a function that writes twice
    how = (has_aux, lanes, into, memory_limit, width, parallel)
    key = (kind, wrt, along, how, jit, environment() if jit is None else None)
    found = kept.dispatchers.get(key)
    if found is None:

        def recipe_of(specs: Sequence[ParamSpec]) -> Recipe:
            steps = tuple(wrt_leaves(target, places, specs) for places in along)
            return Recipe(kind, wrt_leaves(target, wrt, specs), steps, *how)

        found = kept.dispatchers[key] = Dispatcher(target, recipe_of, jit)
    return found


def wrt_leaves(target: Target, places: Places, specs: Sequence[ParamSpec]) -> tuple[int, ...]:
    """The float leaves of the parameters to be differentiated.

    Raises
    ------
    NoDerivativeError
        A parameter has none: it is an integer, a string …
    """
    names = list(target.signature.parameters)
    found: list[int] = []
    for param, item in places:
        start = sum(1 for s, n in zip(specs[:param], names, strict=False) for _ in leaf_specs(s, n))
        spec, name = specs[param], names[param]
        if item is not None:
            parts = children(spec, name)
            start += sum(1 for s, n in parts[:item] for _ in leaf_specs(s, n))
            spec, name = parts[item]
        floats = [start + k for k, leaf in enumerate(leaf_specs(spec, name)) if is_float(leaf.spec.dtype)]
        if not floats:
            refuse_differentiation(target, spec, name)
        found += floats
    return tuple(found)


def refuse_differentiation(target: Target, spec: ParamSpec, name: str) -> None:
    """Say why there is no derivative with respect to an argument, and what to do."""
    src, where = target.src, f"argument '{name}' of {target.fn.__qualname__}"
    if isinstance(spec, KnownSpec):
        what = "None" if spec.obj is None else f"a {type(spec.obj).__name__}"
        raise NoDerivativeError(
            f"{where} is {what}: there is nothing to differentiate", src, "choose another argnums"
        )
    if isinstance(spec, ScalarSpec | ArraySpec):
        kind = f"an array of {spec.dtype}" if isinstance(spec, ArraySpec) else f"the number type {spec.dtype}"
        if is_complex(spec.dtype):
            hint = "pass its real and imaginary parts as two arguments"
        elif isinstance(spec, ArraySpec):
            hint = f"pass {name}.astype(np.float64)"
        else:
            hint = f"pass float({name})"
        raise NoDerivativeError(f"{where} is {kind}, which cannot be differentiated", src, hint)
    raise NoDerivativeError(
        f"{where} holds no floats: there is nothing to differentiate", src, "choose another argnums"
    )
