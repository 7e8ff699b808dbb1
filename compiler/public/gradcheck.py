"""`check_grads`: the derivatives of a function against central differences, in both modes and to any
order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..call.signature import target_of
from ..errors import ArgumentError
from .higher import differentiable_numbers, hvp, jvp, vjp
from .verifying import (
    SEED,
    compare,
    copied,
    float_parts,
    inner_product,
    moved,
    random_direction,
    replaced,
    step_size,
)

MODES = ("fwd", "rev")


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: str | Sequence[str] = MODES,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Compare derivatives with central differences along random directions.

    Parameters
    ----------
    f
        The function; it must not depend on anything that changes between calls.
    args
        Its arguments, a tuple. All float arguments are checked.
    order
        1 for first derivatives, 2 for Hessian-vector products of a function that returns one number, too.
    modes
        "fwd", "rev", or both.
    atol, rtol
        Tolerances; by default by the precision of the arguments.
    eps
        The step of the differences.

    Raises
    ------
    CheckError
        A derivative differs: the message names the argument and both numbers.

    Examples
    --------
    >>> pb.check_grads(lambda x: np.sum(np.sin(x)), (np.array([0.1, 0.2]),), order=2)
    """
    if not isinstance(args, tuple | list):
        raise ArgumentError("check_grads takes the arguments as a tuple", hint="pb.check_grads(f, (x, y))")
    chosen = (modes,) if isinstance(modes, str) else tuple(modes)
    if not set(chosen) <= set(MODES) or order not in (1, 2):
        raise ArgumentError(
            f"modes={modes!r}, order={order!r}", hint="modes are 'fwd' and 'rev', orders 1 and 2"
        )
    target = target_of(f)
    names = list(target.visible.parameters)
    rng = np.random.default_rng(SEED)
    for k in differentiable_numbers(target, args):
        parts = list(float_parts(args[k]))
        wide = all(np.asarray(p).dtype == np.float64 for p in parts)
        limits = (
            (1e-5 if wide else 2e-2) if rtol is None else rtol,
            (1e-7 if wide else 1e-3) if atol is None else atol,
        )
        h = step_size(parts) if eps is None else eps
        name = names[k] if k < len(names) else f"argument {k}"
        _check_argument(f, args, k, name, chosen, order, limits, h, rng)


def _check_argument(
    f: Callable[..., Any],
    args: Sequence[Any],
    k: int,
    name: str,
    modes: Sequence[str],
    order: int,
    limits: tuple[float, float],
    h: float,
    rng: np.random.Generator,
) -> None:
    direction = random_direction(args[k], rng)
    tangent = replaced(args[k], _typed(args[k], direction))
    tangents = [tangent if i == k else None for i in range(len(args))]
    value, dot = jvp(f, args, tangents)
    cotangent = random_direction(value, rng)
    bar = replaced(value, _typed(value, cotangent))

    def along(t: float) -> float:
        moved_args = [copied(a) for a in args]
        moved_args[k] = moved(args[k], direction, t)
        return inner_product(jvp(f, moved_args, tangents)[0], cotangent)

    what = f"check_grads of {getattr(f, '__qualname__', f)} with respect to '{name}'"
    if "fwd" in modes:
        compare(f"{what}, forward mode", inner_product(dot, cotangent), along, h, *limits)
    if "rev" in modes:
        gradient = vjp(f, *args)[1](bar)[k]
        compare(f"{what}, reverse mode", inner_product(gradient, direction), along, h, *limits)
    if order == 2:
        vectors = tuple(tangents)
        product = inner_product(hvp(f, tuple(args), vectors)[k], direction)

        def slope(t: float) -> float:
            moved_args = list(args)
            moved_args[k] = moved(args[k], direction, t)
            return inner_product(vjp(f, *moved_args)[1](1.0)[k], direction)

        compare(f"{what}, second order", product, slope, h, *limits)


def _typed(value: Any, direction: Sequence[Any]) -> Iterator[Any]:
    for x, d in zip(float_parts(value), direction, strict=True):
        yield d.astype(x.dtype) if isinstance(x, np.ndarray) else type(x)(float(d))
