"""The corpus as cases: fresh arguments, directions through float leaves, derivatives by differences."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from programs.registry import PROGRAMS, Program

NOT_CORPUS = ("registry", "bad", "__init__")
SEED = 0


def corpus() -> list[Program]:
    """Every program of tests/programs, which importing its families fills in."""
    for file in sorted(Path(__file__).with_name("programs").glob("*.py")):
        if file.stem not in NOT_CORPUS:
            importlib.import_module(f"programs.{file.stem}")
    return PROGRAMS


def parts(value: Any) -> list[Any]:
    """The items of a container in order; nothing for a leaf."""
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, str | np.ndarray | np.generic) or callable(value):
        return []
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", {}).values())


def is_float(leaf: Any) -> bool:
    return type(leaf) is float or (
        isinstance(leaf, np.ndarray | np.floating) and np.asarray(leaf).dtype.kind == "f"
    )


def floats(value: Any) -> list[Any]:
    """The float leaves in order."""
    if is_float(value):
        return [value]
    return [leaf for item in parts(value) for leaf in floats(item)]


def arrays(value: Any) -> list[np.ndarray]:
    """The array leaves in order."""
    if isinstance(value, np.ndarray):
        return [value]
    return [leaf for item in parts(value) for leaf in arrays(item)]


def shifted(value: Any, steps: Iterator[Any]) -> Any:
    """The value with a step added to every float leaf; strides and aliases of writeable arrays are kept."""
    if isinstance(value, np.ndarray) and is_float(value) and value.flags.writeable:
        value += next(steps)
        return value
    if is_float(value):
        moved = value + next(steps)
        return np.asarray(moved, value.dtype) if isinstance(value, np.ndarray) else type(value)(moved)
    if isinstance(value, list):
        value[:] = [shifted(item, steps) for item in value]
    elif isinstance(value, tuple):
        items = [shifted(item, steps) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    elif isinstance(value, dict):
        value.update({key: shifted(item, steps) for key, item in value.items()})
    elif parts(value):
        for name in vars(value):
            object.__setattr__(value, name, shifted(getattr(value, name), steps))
    return value


def rebuilt(value: Any, leaves: Iterator[Any]) -> Any:
    """A tree like the value of other float leaves; what is no float is None."""
    if is_float(value):
        return next(leaves)
    if isinstance(value, list):
        return [rebuilt(item, leaves) for item in value]
    if isinstance(value, tuple):
        items = [rebuilt(item, leaves) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, dict):
        return {key: rebuilt(item, leaves) for key, item in value.items()}
    if not parts(value):
        return None
    made = object.__new__(type(value))
    for name in vars(value):
        object.__setattr__(made, name, rebuilt(getattr(value, name), leaves))
    return made


def inner(tree: Any, direction: list[Any]) -> float:
    """The inner product of the float leaves with a direction."""
    return float(sum(np.sum(np.asarray(g, float) * d) for g, d in zip(floats(tree), direction, strict=True)))


def bytes_of(args: tuple[Any, ...]) -> list[bytes]:
    return [a.tobytes() for a in arrays(args)]


@dataclasses.dataclass
class Case:
    """A program with fresh arguments and two directions."""

    program: Program

    def args(self, steps: list[Any] | None = None) -> tuple[Any, ...]:
        """Fresh arguments, moved by steps of the float leaves of the differentiated ones."""
        args = list(self.program.args(np.random.default_rng(SEED)))
        if steps is not None:
            each = iter(steps)
            for k in self.program.argnums:
                args[k] = shifted(args[k], each)
        return tuple(args)

    @property
    def active(self) -> list[Any]:
        """The differentiated arguments."""
        args = self.args()
        return [args[k] for k in self.program.argnums]

    @functools.cached_property
    def directions(self) -> list[list[np.ndarray]]:
        rng = np.random.default_rng(1)
        return [[np.asarray(rng.standard_normal(np.shape(x))) for x in floats(self.active)] for _ in range(2)]

    @functools.cached_property
    def value(self) -> float:
        """What Python says."""
        return self.at(None)

    def at(self, steps: list[Any] | None) -> float:
        with np.errstate(all="ignore"):
            return float(self.program.fn(*self.args(steps)))

    def check(self, exact: float, along: Callable[[list[Any]], float], direction: list[Any]) -> None:
        """Compare a directional derivative with central differences of two step sizes."""

        def difference(h: float) -> float:
            up, down = ([sign * h * d for d in direction] for sign in (1.0, -1.0))
            return (along(up) - along(down)) / (2 * h)

        coarse, fine = difference(2e-5), difference(1e-5)
        estimate = (4 * fine - coarse) / 3
        scale = max(1.0, abs(estimate), abs(exact))
        assert math.isfinite(exact)
        assert abs(exact - estimate) <= self.program.rtol * scale + abs(fine - coarse), (exact, estimate)

    def tangents(self, direction: list[Any]) -> tuple[Any, ...]:
        """A direction as one tangent per argument, in the structure of the arguments."""
        args, pairs = self.args(), zip(floats(self.active), direction, strict=True)
        typed = (d if isinstance(x, np.ndarray) else type(x)(d) for x, d in pairs)
        return tuple(rebuilt(a, typed) if k in self.program.argnums else None for k, a in enumerate(args))
