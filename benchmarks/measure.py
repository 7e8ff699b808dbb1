"""One interleaved run of all who compute a case: times, ratios, memory, and whether their gradients agree."""

from __future__ import annotations

import copy
import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numba
import numpy as np

from . import rivals
from .case import Case
from .memory import peak_bytes
from .rivals import Rival

SHORTEST = 1e-3  # a sample repeats calls until it lasts this long
LEAST_ROUNDS = 3
PAUSE, IDLE, MOST_PAUSES = 1e-3, 0.2, 50  # seconds, the share of a pause in which an idle process works
DIFFERENCES = 1e-4  # what central differences may be off


@dataclass
class Measured:
    """What one case of one size gave; every mapping is keyed by the rival."""

    name: str
    family: str
    size: int
    seconds: dict[str, float] = field(default_factory=dict)
    first_call: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    gradient_error: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    rounds: int = 0
    source: str = ""
    note: str = ""

    def ratio(self, of: str, to: str) -> float | None:
        """The median time of one rival in units of another's."""
        if of not in self.seconds or to not in self.seconds:
            return None
        return self.seconds[of] / self.seconds[to]

    @property
    def cost(self) -> float | None:
        """The gradient by pullback in units of the function under `njit`."""
        return self.ratio("pullback", "primal")

    @property
    def strict_cost(self) -> float | None:
        """The same in units of the fastest code for the function, be it pullback's own."""
        known = [self.seconds[name] for name in ("primal", "emitted") if name in self.seconds]
        return self.seconds["pullback"] / min(known) if known and "pullback" in self.seconds else None


@dataclass(frozen=True)
class Settings:
    """How thoroughly to measure: at most so many rounds, about so many seconds a case.

    The clock is that of the wall, or the processor time of all threads, which other programs disturb less.
    """

    repeats: int = 31
    seconds: float = 10.0
    threads: int = 1
    names: Sequence[str] = rivals.OWN + rivals.OTHERS
    memory: bool = True
    clock: Callable[[], float] = time.perf_counter


def measure(case: Case, size: int, settings: Settings) -> Measured:
    """Prepare all, compare their gradients, then time them in turn."""
    args = case.args(size)
    given = copy.deepcopy(args)
    found = Measured(case.name, case.family, size, note=case.note)
    ready = _prepare_all(case, args, settings, found)
    _compare(case, args, ready, found)
    if not same(args, given):
        found.wrong.append("an argument was changed")
    if settings.memory:
        for rival in ready:
            peak = peak_bytes(rival.call)
            if peak is not None:
                found.peak[rival.name] = peak
    _time_all(ready, settings, found)
    return found


def _prepare_all(case: Case, args: tuple[Any, ...], settings: Settings, found: Measured) -> list[Rival]:
    ready = []
    for name in settings.names:
        why = rivals.absent(name, case)
        if why is not None:
            found.skipped[name] = why
            continue
        try:
            start = settings.clock()
            rival = rivals.prepare(name, case, args, settings.threads)
            rival.call()
            found.first_call[name] = settings.clock() - start
        except Exception as error:
            # A rival that cannot compute a case is a result, and must not end the run.
            found.skipped[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            continue
        ready.append(rival)
    return ready


def _compare(case: Case, args: tuple[Any, ...], ready: list[Rival], found: Measured) -> None:
    """Compare values and gradients with those of pullback.

    Differences of the function are always told. They judge only where no rival has found the same gradient:
    among many thousand entries some lie beside a jump of their branch.
    """
    told = {rival.name: rival.told(rival.call()) for rival in ready}
    if "pullback" not in told:
        return
    value, gradient = told.pop("pullback")
    assert gradient is not None
    confirmed = False
    for name, (other_value, other) in told.items():
        known = value is not None and other_value is not None
        error = relative(np.asarray(value), np.asarray(other_value)) if known else 0.0
        if other is not None:
            error = max(error, relative_trees(gradient, other))
            found.gradient_error[name] = error
            confirmed |= error <= case.rtol
        if not error <= case.rtol:
            found.wrong.append(f"{name} differs by {error:.1e}")
    error = directional_error(_function(case, args), case.argnums, args, gradient)
    found.gradient_error["differences"] = error
    if not (confirmed or error <= DIFFERENCES):
        found.wrong.append(f"finite differences differ by {error:.1e}")


def _function(case: Case, args: tuple[Any, ...]) -> Callable[..., Any]:
    """The function compiled: by Numba, or by pullback if Numba does not compile it."""
    function = rivals.jitted(case.primal or case.fn)
    try:
        function(*args)
    except numba.core.errors.NumbaError:
        return rivals.emitted_function(case.fn, args)
    return function


def relative(ours: Any, other: Any) -> float:
    """The largest difference of two arrays in units of the largest entry."""
    ours, other = np.asarray(ours, dtype=float), np.asarray(other, dtype=float)
    if ours.shape != other.shape:
        return math.inf
    if not ours.size:
        return 0.0
    difference = float(np.max(np.abs(ours - other)))
    return difference / max(float(np.max(np.abs(other))), 1e-300) if difference else 0.0


def relative_trees(ours: Any, other: Any) -> float:
    """`relative` for tuples, lists, dictionaries and arrays in them: the largest."""
    a, b = leaves(ours), leaves(other)
    return max(map(relative, a, b), default=0.0) if len(a) == len(b) else math.inf


def leaves(tree: Any) -> list[Any]:
    """The arrays and numbers of a tree in order."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, tuple | list):
        return [leaf for child in tree for leaf in leaves(child)]
    if hasattr(tree, "__dataclass_fields__"):
        return [leaf for key in tree.__dataclass_fields__ for leaf in leaves(getattr(tree, key))]
    return [] if tree is None else [tree]


def moved(tree: Any, direction: list[Any]) -> Any:
    """The tree plus the direction, which has one entry for each leaf and is used up."""
    if isinstance(tree, dict):
        new = {key: moved(tree[key], direction) for key in sorted(tree)}
        return {key: new[key] for key in tree}
    if isinstance(tree, tuple | list):
        children = [moved(child, direction) for child in tree]
        return type(tree)(*children) if hasattr(tree, "_fields") else type(tree)(children)
    if hasattr(tree, "__dataclass_fields__"):
        return type(tree)(**{k: moved(getattr(tree, k), direction) for k in tree.__dataclass_fields__})
    step = direction.pop(0)
    is_float = np.issubdtype(np.asarray(tree).dtype, np.floating)
    return tree + step if is_float else tree


def directional_error(
    function: Callable[..., Any], argnums: Sequence[int], args: tuple[Any, ...], gradient: tuple[Any, ...]
) -> float:
    """The derivative along a random direction against the best of three central differences.

    A function that returns an array is multiplied by a random one first, and its Jacobian with it.
    """
    rng = np.random.default_rng(7)
    weights = rng.standard_normal(np.shape(function(*args)))
    gradient = tuple(np.tensordot(weights, leaf, weights.ndim) for leaf in leaves(gradient))
    active = tuple(args[i] for i in argnums)
    directions = [
        rng.standard_normal(np.shape(leaf)) * (np.mean(np.abs(leaf)) or 1.0) for leaf in leaves(active)
    ]
    parts = [np.sum(d * g) for d, g in zip(directions, leaves(gradient), strict=True)]
    exact = float(sum(parts))

    def at(h: float) -> float:
        shifted = moved(active, [h * d for d in directions])
        given = list(args)
        for argnum, value in zip(argnums, shifted, strict=True):
            given[argnum] = value
        return float(np.sum(weights * function(*given)))

    errors = [abs((at(h) - at(-h)) / (2.0 * h) - exact) for h in (1e-4, 1e-5, 1e-6)]
    return min(errors) / max(abs(exact), 1e-3 * float(sum(map(abs, parts))), 1e-300)


def same(args: Any, given: Any) -> bool:
    """Whether two trees hold the same entries."""
    return all(np.array_equal(a, b) for a, b in zip(leaves(args), leaves(given), strict=True))


def _seconds(call: Callable[[], object], number: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(number):
        call()
    return (clock() - start) / number


def _settle() -> None:
    """Wait until no thread of this process works.

    JAX gives memory back in threads of its own after a call has returned: the processor time of that, 1 to
    5 ms after a result of 14 MB, would be counted with the rival that comes next.
    """
    for _ in range(MOST_PAUSES):
        start = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - start < IDLE * PAUSE:
            return


def _time_all(ready: list[Rival], settings: Settings, found: Measured) -> None:
    """Time all in turn, so that what disturbs the machine disturbs all alike."""
    once = {rival.name: _seconds(rival.call, 1, settings.clock) for rival in ready}
    numbers = {name: max(1, round(SHORTEST / max(taken, 1e-7))) for name, taken in once.items()}
    one_round = sum(max(2 * SHORTEST, 2 * taken) for taken in once.values())
    found.rounds = max(LEAST_ROUNDS, min(settings.repeats, int(settings.seconds / one_round) if ready else 0))
    samples: dict[str, list[float]] = {rival.name: [] for rival in ready}
    gc.collect()
    gc.disable()
    try:
        for _ in range(found.rounds):
            for rival in ready:
                _settle()
                rival.call()  # the others have had the caches
                samples[rival.name].append(_seconds(rival.call, numbers[rival.name], settings.clock))
    finally:
        gc.enable()
    found.seconds = {name: median(taken) for name, taken in samples.items()}
