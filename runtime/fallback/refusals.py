"""What is refused on the tape, in the compiler's words: arguments and results without a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.call.arguments import spec_of
from ...compiler.call.dispatch import refuse_differentiation
from ...compiler.call.signature import Target
from ...compiler.errors import NoDerivativeError, PullbackError
from ..tape.node import Recorded


def refuse_argument(target: Target, place: tuple[int, int | None], value: Any) -> None:
    """Say why there is no derivative with respect to an argument.

    Raises
    ------
    NoDerivativeError
        Always: it holds no floats.
    """
    param, item = place
    name = list(target.signature.parameters)[param] + ("" if item is None else f"[{item}]")
    try:
        spec = spec_of(value, name)
    except PullbackError:  # what the compiler does not know
        raise NoDerivativeError(
            f"argument '{name}' of {target.fn.__qualname__} holds no floats: there is nothing to "
            f"differentiate",
            target.src,
            "choose another argnums",
        ) from None
    refuse_differentiation(target, spec, name)


def value_and_aux(target: Target, result: Any) -> tuple[Any, Any]:
    """The two parts of a result with auxiliary data."""
    if type(result) is not tuple or len(result) != 2:
        raise NoDerivativeError(
            f"{target.fn.__qualname__} must return a tuple (value, aux) for has_aux=True",
            target.src,
            "return value, aux",
        )
    return result


def check_number(target: Target, value: Any, *, gradient: bool) -> None:
    """Refuse a value that is not one real number; `gradient` says that it is a gradient already.

    Raises
    ------
    NoDerivativeError
        If it is anything else. Integers are numbers, also constant ones: some branch may return 0.
    """
    array = value._a if isinstance(value, Recorded) else value
    name = target.fn.__qualname__
    if isinstance(array, (int, float, complex, np.generic, np.ndarray)):
        array = np.asarray(array)
        if array.ndim == 0 and array.dtype.kind in "fiu":
            return
        what = f"an array of {array.dtype} with {array.ndim} dimension(s)" if array.ndim else str(array.dtype)
    else:
        array = None
        count = f" of {len(value)}" if isinstance(value, (tuple, list, dict)) else ""
        what = "None" if value is None else f"a {type(value).__name__}{count}"
    if gradient:
        raise NoDerivativeError(
            f"a gradient needs a function that returns one number, and the gradient of {name} is {what}",
            target.src,
            "use pb.hessian or pb.hvp of the function itself",
        )
    if array is None:
        hint = "return a float, or use has_aux=True for (value, aux), pb.vjp or pb.jacobian for the rest"
    elif array.ndim:
        hint = "reduce it (np.sum), or use pb.jacobian or pb.vjp"
    else:
        hint = "return its np.real or abs"
    kind = "a real number" if array is not None and not array.ndim else "one number"
    raise NoDerivativeError(
        f"a gradient needs a function that returns {kind}, and {name} returns {what}", target.src, hint
    )
