"""The table of NumPy and math functions: what stands for each, and sample calls that test it.

A function is one decorated lowering::

    @lowers(np.sum, method="sum", samples=lambda: [Sample(mat()), Sample(mat(), axis=0)])
    def sum_(ctx, a, axis=None, *, keepdims=False): ...

Lowerings take abstract values and keep NumPy's parameter names; `None` stands for Known(None). Parameters
that a lowering does not have (`where`, `order` …) are refused by name when somebody passes them; `out` is
handled here for all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .core import Ctx, assign, lift
from .value import AbstractValue, Arr, Known, Tup

Samples = Callable[[], "list[Sample]"]


class Sample:
    """A call to test with: float arrays and floats are run-time arguments, everything else is known when
    compiling."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        parts = [_brief(a) for a in self.args] + [f"{k}={_brief(v)}" for k, v in self.kwargs.items()]
        return ", ".join(parts)


def _brief(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"{x.dtype.name}{list(x.shape)}"
    return x.__name__ if isinstance(x, type) else str(x)


@dataclass(frozen=True, eq=False)
class Entry:
    """One lowering with its names and samples; call it as `entry(ctx, *args, **kwargs)`."""

    name: str
    lower: Callable[..., AbstractValue]
    samples: Samples
    functions: tuple[Any, ...] = ()
    method: str | None = None

    def __call__(self, ctx: Ctx, *args: AbstractValue, **kwargs: AbstractValue) -> AbstractValue:
        if "out" in kwargs or self._out_is_positional(args):
            return self._into(ctx, args, dict(kwargs))
        plain = [None if _is_none(a) else a for a in args]
        signature = inspect.signature(self.lower)
        named = {}
        for key, value in kwargs.items():
            if key in signature.parameters:
                named[key] = None if _is_none(value) else value
            elif not _is_none(value):
                raise ctx.no_rule(f"{self.name}() with the option {key}= is not supported")
        try:
            signature.bind(ctx, *plain, **named)
        except TypeError as err:
            raise ctx.no_rule(f"{self.name}() with these arguments is not supported: {err}") from err
        return self.lower(ctx, *plain, **named)

    def _out_is_positional(self, args: tuple[AbstractValue, ...]) -> bool:
        return any(isinstance(f, np.ufunc) and len(args) > f.nin for f in self.functions)

    def _into(self, ctx: Ctx, args: tuple[AbstractValue, ...], kwargs: dict[str, Any]) -> AbstractValue:
        """The call with `out`: the result is assigned to an array, which is then the value."""
        if "out" not in kwargs:
            *first, kwargs["out"] = args
            args = tuple(first)
        out = kwargs.pop("out")
        if isinstance(out, Tup) and len(out.items) == 1:
            (out,) = out.items
        result = self(ctx, *args, **kwargs)
        if _is_none(out):
            return result
        lifted = lift(ctx, result)
        rank = lifted.rank if isinstance(lifted, Arr) else 0
        if not isinstance(out, Arr) or out.memory is None:
            raise ctx.error(f"{self.name}() with an out= that is not an array")
        if not np.can_cast(lifted.dtype, out.dtype, "same_kind"):
            raise ctx.error(f"{self.name}() gives {lifted.dtype}, which its out= of {out.dtype} cannot hold")
        if rank > out.rank or (rank < out.rank and not any(isinstance(f, np.ufunc) for f in self.functions)):
            raise ctx.error(f"{self.name}() gives an array of rank {rank}, and its out= has rank {out.rank}")
        assign(ctx, out, lifted)
        return out


def _is_none(x: AbstractValue) -> bool:
    return x is None or (isinstance(x, Known) and x.obj is None)


FUNCTIONS: dict[Any, Entry] = {}
METHODS: dict[str, Entry] = {}
ATTRIBUTES: dict[str, Callable[[Ctx, Any], AbstractValue]] = {}


def lowers(
    *functions: Any, method: str | None = None, samples: Samples = list, name: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a lowering for Python callables and for an array method (first argument: the array)."""

    def register(lower: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(
            name or qualified(functions[0]) if functions else method or "", lower, samples, functions, method
        )
        for function in functions:
            FUNCTIONS[function] = entry
        if method:
            METHODS[method] = entry
        return lower

    return register


def qualified(function: Any) -> str:
    """How messages and tables name a library function."""
    module = getattr(function, "__module__", None) or "numpy"
    module = module.replace("numpy.", "np.").replace("numpy", "np") if module.startswith("numpy") else module
    module = module.split("._")[0]
    if isinstance(function, np.ufunc):
        module = "np"
    return f"{module}.{getattr(function, '__name__', function)}"


def attribute(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an array attribute."""

    def register(lower: Callable[..., Any]) -> Callable[..., Any]:
        ATTRIBUTES[name] = lower
        return lower

    return register


# -- arrays for samples: distinct values inside the domain of every elementary function
def values(
    *shape: int, low: float = 0.2, high: float = 0.8, seed: int = 0, dtype: str = "float64"
) -> np.ndarray:
    """Pseudo-random numbers that are the same in every process."""
    drawn: np.ndarray = np.random.default_rng(seed).uniform(low, high, shape).astype(dtype)
    return drawn


def vec(seed: int = 1) -> np.ndarray:
    """Five floats of both signs."""
    return values(5, low=-1.5, high=1.5, seed=seed)


def mat(seed: int = 2) -> np.ndarray:
    """A 3×4 array."""
    return values(3, 4, low=-1.5, high=1.5, seed=seed)


def square_matrix(seed: int = 3) -> np.ndarray:
    """A well-conditioned symmetric positive definite 3×3 array."""
    m = values(3, 3, low=-1.0, high=1.0, seed=seed)
    spd: np.ndarray = m @ m.T + 2.0 * np.eye(3)
    return spd


def cube(seed: int = 4) -> np.ndarray:
    """A 2×3×4 array."""
    return values(2, 3, 4, low=-1.5, high=1.5, seed=seed)
