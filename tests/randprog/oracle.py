"""The gradient of a random program by complex steps, and the reasons to reject a program."""

from __future__ import annotations

import atexit
import itertools
import linecache
import shutil
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from randprog.complexstep import Oracle, Rejected
from randprog.grammar import Argument, Program

__all__ = [
    "Case",
    "Rejected",
    "check",
    "finite_differences",
    "load",
    "oracle_gradient",
    "overflows",
    "run",
    "unload",
]

STEP = 1e-30
MARGIN = 1e-6
LARGEST = 1e6
_counter = itertools.count()
_folders: list[Path] = []


@dataclass(frozen=True)
class Case:
    """A program that can serve as a test, with the right answer."""

    program: Program
    fn: Callable[..., float]
    args: tuple[Argument, ...]
    argnums: tuple[int, ...]
    value: float
    grads: tuple[Any, ...]

    def close(self) -> None:
        """Forget the module of ``fn``."""
        unload(self.fn)


def load(source: str, seed: int) -> Callable[..., float]:
    """Write a program to a real file and import ``f`` from it, so that ``inspect`` finds its text."""
    if not _folders:
        _folders.append(Path(tempfile.mkdtemp(prefix="randprog-")))
        atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
    name = f"randprog_seed_{seed}_{next(_counter)}"
    path = _folders[0] / f"{name}.py"
    path.write_text(source)
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), module.__dict__)
    function: Callable[..., float] = module.__dict__["f"]
    return function


def unload(fn: Callable[..., Any]) -> None:
    """Remove the module and the file that ``load`` made for a function."""
    module = sys.modules.pop(fn.__module__, None)
    if module is not None and module.__file__ is not None:
        linecache.cache.pop(module.__file__, None)
        Path(module.__file__).unlink(missing_ok=True)


def as_complex(value: Argument) -> Any:
    """A complex copy of an argument that keeps its memory layout (views and copies depend on it)."""
    if isinstance(value, np.ndarray):
        return same_layout(value, complex if value.dtype.kind == "f" else value.dtype)
    return complex(value) if isinstance(value, float) else value


def same_layout(value: np.ndarray, dtype: Any) -> np.ndarray:
    """A copy with the strides of the original, in elements."""
    steps = [stride // value.itemsize for stride in value.strides]
    extent = 1 + sum((size - 1) * step for size, step in zip(value.shape, steps, strict=True))
    base = np.zeros(extent, dtype=dtype)
    strides = [step * base.itemsize for step in steps]
    copy = np.lib.stride_tricks.as_strided(base, value.shape, strides)
    copy[...] = value
    return copy


def fresh(args: Sequence[Argument]) -> list[Any]:
    """Copies of all arguments, for a call that may write them."""
    return [same_layout(arg, arg.dtype) if isinstance(arg, np.ndarray) else arg for arg in args]


class ComplexProgram:
    """The complex text of a program, ready to be called with a direction."""

    def __init__(self, program: Program) -> None:
        self.code = compile(program.oracle_source, f"<complex text of seed {program.seed}>", "exec")
        self.margin = np.inf

    def __call__(self, args: Sequence[Argument], directions: dict[int, Any]) -> complex:
        """The value at ``args + 1j * STEP * directions``."""
        oracle = Oracle()
        namespace = oracle.namespace()
        exec(self.code, namespace)
        moved = [as_complex(arg) for arg in args]
        for position, direction in directions.items():
            if isinstance(moved[position], np.ndarray):
                moved[position] += 1j * STEP * direction
            else:
                moved[position] += 1j * STEP * float(direction)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = complex(namespace["f"](*moved))
        self.margin = min(self.margin, oracle.margin)
        return value


def oracle_gradient(
    complex_program: ComplexProgram, args: Sequence[Argument], argnums: Sequence[int]
) -> list[Any]:
    """One complex step for every element of every float argument."""
    grads: list[Any] = []
    for position in argnums:
        shape = np.shape(args[position])
        grad = np.zeros(shape)
        for place in np.ndindex(*shape):
            direction = np.zeros(shape)
            direction[place] = 1.0
            grad[place] = complex_program(args, {position: direction}).imag / STEP
        grads.append(grad if shape else float(grad))
    return grads


def finite_differences(
    fn: Callable[..., float], args: Sequence[Argument], argnums: Sequence[int], step: float = 1e-6
) -> list[Any]:
    """Central differences of the program's real text."""
    grads: list[Any] = []
    for position in argnums:
        shape = np.shape(args[position])
        grad = np.zeros(shape)
        for place in np.ndindex(*shape):
            values = []
            for signed in (step, -step):
                moved = fresh(args)
                if shape:
                    moved[position][place] += signed
                else:
                    moved[position] += signed
                values.append(fn(*moved))
            grad[place] = (values[0] - values[1]) / (2.0 * step)
        grads.append(grad if shape else float(grad))
    return grads


def _direction(args: Sequence[Argument], argnums: Sequence[int], seed: int) -> dict[int, Any]:
    rng = np.random.default_rng([11, seed])
    return {position: rng.uniform(-1.0, 1.0, size=np.shape(args[position])) for position in argnums}


def _reject_ill_conditioned(
    complex_program: ComplexProgram, program: Program, args: Sequence[Argument]
) -> None:
    direction = _direction(args, program.argnums, program.seed)
    here = complex_program(args, direction).imag / STEP
    moved = fresh(args)
    for position in program.argnums:
        moved[position] = moved[position] * (1.0 + 1e-13)
    there = complex_program(moved, direction).imag / STEP
    if not abs(there - here) <= 1e-9 * (1.0 + abs(here)):
        raise Rejected("ill-conditioned")


def check(program: Program) -> tuple[float, tuple[Any, ...]]:
    """The value and the gradient of a program, or ``Rejected``.

    Parameters
    ----------
    program : Program
        The program; its own arguments are used.

    Returns
    -------
    value : float
        What the program returns.
    grads : tuple
        One gradient for each float argument, of the argument's shape.
    """
    args = program.arguments()
    complex_program = ComplexProgram(program)
    value = complex_program(args, {}).real
    if complex_program.margin < MARGIN:
        raise Rejected("a condition is near a tie")
    if not np.isfinite(value) or abs(value) > LARGEST:
        raise Rejected("the value is not finite or too large")
    _reject_ill_conditioned(complex_program, program, args)
    grads = oracle_gradient(complex_program, args, program.argnums)
    if not all(np.all(np.isfinite(grad)) and np.max(np.abs(grad), initial=0.0) < LARGEST for grad in grads):
        raise Rejected("the gradient is not finite or too large")
    return value, tuple(grads)


def overflows(fn: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Whether an operation on finite numbers gives infinity."""
    scalars = [np.float64(a) if isinstance(a, float) else a for a in args]
    try:
        with np.errstate(all="ignore", over="raise"):
            fn(*scalars)
    except (FloatingPointError, OverflowError):
        return True
    return False


def run(program: Program | int, **knobs: Any) -> Case:
    """A program, its compiled function, its arguments, value and gradients.

    Parameters
    ----------
    program : Program or int
        A program or a seed.
    **knobs
        ``size``, ``depth`` and ``features`` of a program made from a seed.

    Returns
    -------
    Case
        The test case.

    Raises
    ------
    Rejected
        The program is near a kink, not finite, too large or ill-conditioned at its arguments.
    """
    if isinstance(program, int):
        program = Program(program, **knobs)
    value, grads = check(program)
    fn = load(program.source, program.seed)
    args = program.arguments()
    if overflows(fn, fresh(args)):
        unload(fn)
        raise Rejected("an intermediate value overflows: its derivative times zero is not a number")
    with np.errstate(all="ignore"):
        real = float(fn(*fresh(args)))
    if not abs(real - value) <= 1e-10 * (1.0 + abs(value)):
        unload(fn)
        raise AssertionError(f"seed {program.seed}: the real text gives {real!r}, the complex text {value!r}")
    return Case(program, fn, args, program.argnums, real, grads)
