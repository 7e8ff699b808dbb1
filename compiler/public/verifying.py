"""Gradients against central differences: PULLBACK_CHECK and `check_grads`.

A derivative is compared along one random direction per argument: ⟨gradient, v⟩ with (f(x + hv) − f(x −
hv)) / 2h, and at two step sizes, so that the error of the differences themselves is known.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..call.arguments import attribute_names
from ..call.trees import build
from ..errors import CheckError

if TYPE_CHECKING:
    from ..call.specialise import Specialisation
    from .derivative import Derivative

SEED = 20240229


def is_float(value: Any) -> bool:
    """Whether a value is a float leaf: a float or an array of floats."""
    return (isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f") or type(value) is float


def float_parts(value: Any) -> Iterator[Any]:
    """The float leaves of an argument, in order."""
    if is_float(value):
        yield value
    else:
        for part in parts_of(value)[1]:
            yield from float_parts(part)


def parts_of(value: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """The keys and the items of a container; no items for a leaf."""
    if isinstance(value, tuple | list):
        return (), value
    if isinstance(value, dict):
        return tuple(value), list(value.values())
    if isinstance(value, str | bytes | type | np.ndarray | np.generic) or callable(value):
        return (), ()
    names = attribute_names(value) or ()
    return names, [getattr(value, n) for n in names]


def replaced(value: Any, leaves: Iterator[Any]) -> Any:
    """The argument with other float leaves; arrays that are not float are copied, since the function
    may write.
    """
    if is_float(value):
        return next(leaves)
    if isinstance(value, np.ndarray):
        return value.copy()
    keys, parts = parts_of(value)
    if not parts:
        return copy.copy(value) if isinstance(value, list | dict) else value
    return build(type(value), [replaced(p, leaves) for p in parts], keys)


def copied(value: Any) -> Any:
    """The argument with arrays of its own."""
    return replaced(value, iter([p.copy() if isinstance(p, np.ndarray) else p for p in float_parts(value)]))


def copied_into(gradients: Any, outs: Sequence[Any]) -> Any:
    """Gradients with other arrays in the place of theirs, which get their elements."""
    arrays = iter(outs)

    def into(part: Any) -> Any:
        if not isinstance(part, np.ndarray):
            return part
        out = next(arrays)
        out[...] = part
        return out

    return replaced(gradients, map(into, float_parts(gradients)))


def moved(value: Any, direction: Sequence[Any], step: float) -> Any:
    """value + step · direction."""
    pairs = zip(float_parts(value), direction, strict=True)
    return replaced(value, iter([_plus(x, d, step) for x, d in pairs]))


def _plus(x: Any, d: Any, step: float) -> Any:
    if isinstance(x, np.ndarray):
        return np.asarray(x + step * d, x.dtype)
    return type(x)(x + step * float(d))


def random_direction(value: Any, rng: np.random.Generator) -> list[Any]:
    """A direction of the size of the leaves."""
    return [np.asarray(rng.standard_normal(np.shape(x))) * (1.0 + np.abs(x)) for x in float_parts(value)]


def inner_product(gradient: Any, direction: Sequence[Any]) -> float:
    """⟨gradient, direction⟩ over the float leaves."""
    return float(
        sum(np.sum(np.asarray(g, float) * d) for g, d in zip(float_parts(gradient), direction, strict=True))
    )


def central(along: Callable[[float], float], h: float) -> tuple[float, float]:
    """The derivative at 0 by central differences, and an estimate of its error."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = (along(2 * h) - along(-2 * h)) / (4 * h)
        up, down = along(h), along(-h)
    fine = (up - down) / (2 * h)
    noise = np.finfo(float).eps * (abs(up) + abs(down)) / h
    return (4 * fine - coarse) / 3, abs(fine - coarse) + noise


def step_size(parts: Sequence[Any]) -> float:
    """A step that balances rounding and truncation for the least precise leaf."""
    eps = max([float(np.finfo(np.asarray(p).dtype).eps) for p in parts], default=float(np.finfo(float).eps))
    return 0.1 * math.cbrt(eps)


def compare(
    what: str, exact: float, along: Callable[[float], float], h: float, rtol: float, atol: float
) -> None:
    """Raise CheckError if a derivative is not what central differences say."""
    estimate, error = central(along, h)
    if not math.isfinite(exact) or not math.isfinite(estimate):
        if math.isnan(exact) == math.isnan(estimate) or not math.isfinite(estimate):
            return  # at a singularity differences say nothing
        raise CheckError(f"{what}: the derivative is {exact}, central differences give {estimate:.10g}")
    if abs(exact - estimate) > atol + rtol * max(abs(exact), abs(estimate)) + 10 * error:
        raise CheckError(
            f"{what}: the directional derivative is {exact:.10g}, central differences give {estimate:.10g} "
            f"(± {error:.1g})",
            hint="if the function has a kink or a jump here, both may be right; else please report it",
        )


def check_first(
    derivative: Derivative, found: Specialisation, params: tuple[Any, ...], results: Sequence[Any]
) -> None:
    """PULLBACK_CHECK: compare the first gradient of a specialisation with differences of the compiled
    primal.
    """
    from ..call.dispatch import dispatcher

    found.checked = True  # type: ignore[attr-defined]
    target = derivative._target
    primal = dispatcher(target, "value", (), jit=derivative._jit)
    count = len(found.code.results)
    leaves = iter(results[count:])
    makers = derivative._gradient_makers(found)
    rng = np.random.default_rng(SEED)
    names = list(target.signature.parameters)
    for (param, item), make in zip(derivative._places(derivative._argnums), makers, strict=True):
        gradient = make(leaves)
        value = params[param] if item is None else params[param][item]
        direction = random_direction(value, rng)

        def along(
            t: float, param: int = param, item: int | None = item, value: Any = value, d: Any = direction
        ) -> float:
            other: list[Any] = list(params)
            there = moved(value, d, t)
            other[param] = (
                there if item is None else (*params[param][:item], there, *params[param][item + 1 :])
            )
            return float(primal.run(tuple(other))[1][0])

        wide = any(np.asarray(p).dtype == np.float64 for p in float_parts(value))
        what = f"PULLBACK_CHECK: gradient of {target.fn.__qualname__} with respect to '{names[param]}'"
        tolerance = 1e-5 if wide else 2e-2
        compare(
            what,
            inner_product(gradient, direction),
            along,
            step_size(list(float_parts(value))),
            tolerance,
            tolerance * 1e-2,
        )
