"""Derivative rules written by the user, and values through which no derivative flows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError
from .doors import foreign


class CustomVjp:
    """A function with a derivative of its own.

    >>> @pb.custom_vjp
    ... def log1pexp(x):
    ...     return np.log(1.0 + np.exp(x))
    >>> log1pexp.defvjp(lambda x: (log1pexp(x), x), lambda x, y_bar: (y_bar / (1.0 + np.exp(-x)),))

    Calling it calls the function. In a derivative, `forward(*args)` gives (value, residuals) and
    `backward(residuals, cotangent)` a tuple with one cotangent per argument.
    """

    __pullback_prim__ = "custom_vjp"

    def __init__(self, fn: Callable[..., Any]) -> None:
        if not callable(fn):
            raise ArgumentError(f"custom_vjp takes a function, not {type(fn).__name__}")
        self.fn = fn
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None
        functools.update_wrapper(self, fn)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set the rule.

        Parameters
        ----------
        forward
            Takes the arguments of the function; returns its value and what the backward function needs.
        backward
            Takes that, and the cotangent of the value; returns a tuple with one cotangent per argument.
        """
        self.fwd, self.bwd = forward, backward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = foreign((*args, *kwargs.values()))
        if kind is not None:
            return kind.__pullback_call__(self, args, kwargs)
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"pullback.custom_vjp({getattr(self.fn, '__qualname__', self.fn)!s})"

    def __reduce__(self) -> Any:
        return getattr(self.fn, "__qualname__", "")


def custom_vjp(fn: Callable[..., Any]) -> CustomVjp:
    """Give a function a derivative of your own; a decorator. See `CustomVjp.defvjp`.

    Examples
    --------
    >>> @pb.custom_vjp
    ... def log1pexp(x):
    ...     return np.log(1.0 + np.exp(x))
    >>> log1pexp.defvjp(lambda x: (log1pexp(x), x), lambda x, y_bar: (y_bar / (1.0 + np.exp(-x)),))
    >>> pb.grad(lambda x: log1pexp(x))(0.0)
    0.5
    """
    return CustomVjp(fn)


def stop_gradient(x: Any) -> Any:
    """The argument itself, as a constant in derivatives.

    Examples
    --------
    >>> pb.grad(lambda x: x * pb.stop_gradient(x))(3.0)
    3.0
    """
    kind = foreign((x,))
    return x if kind is None else kind.__pullback_call__(stop_gradient, (x,), {})


stop_gradient.__pullback_prim__ = "stop_gradient"  # type: ignore[attr-defined]


def checkpoint(iterable: range, segments: int | None = None) -> range:
    """A range whose loop a gradient cuts into segments, to need less memory.

    Without it a gradient saves what the reverse sweep needs from every iteration. With it, it saves only the
    state of the loop at the start of each segment, and runs each segment again when it is reversed: with √n
    segments of √n iterations, memory grows as √n, and the loop runs once more.

    Parameters
    ----------
    iterable
        What the loop runs over: `range(...)`.
    segments
        How many; a constant. About the square root of the number of iterations if it is left out.

    Returns
    -------
    range
        The same range: outside of derivatives this does nothing.

    Raises
    ------
    ArgumentError
        `iterable` is not a range, or `segments` not a positive int.

    Notes
    -----
    The uniform scheme of two levels of Griewank and Walther, *Evaluating Derivatives*, 2nd ed., chapter 12.

    Examples
    --------
    >>> @pb.grad
    ... def f(x, steps):
    ...     for _ in pb.checkpoint(range(steps)):
    ...         x = x + 0.001 * np.sin(x)
    ...     return x
    >>> round(f(1.0, 1000), 6)
    1.101705
    """
    if not isinstance(iterable, range):
        raise ArgumentError(
            f"checkpoint() takes a range, not {type(iterable).__name__}", hint="checkpoint(range(steps))"
        )
    if segments is not None and (type(segments) is not int or segments < 1):
        raise ArgumentError(f"segments must be a positive int, not {segments!r}")
    return iterable


checkpoint.__pullback_prim__ = "checkpoint"  # type: ignore[attr-defined]


def call0(f: Any) -> Any:
    """A call of a function with its own rule, or without source, as a plain function to be differentiated."""
    return f()


def call1(f: Any, x: Any) -> Any:
    """See `call0`."""
    return f(x)


def call2(f: Any, x: Any, y: Any) -> Any:
    """See `call0`."""
    return f(x, y)


def call3(f: Any, x: Any, y: Any, z: Any) -> Any:
    """See `call0`."""
    return f(x, y, z)


def call4(f: Any, x: Any, y: Any, z: Any, w: Any) -> Any:
    """See `call0`."""
    return f(x, y, z, w)


def call_any(f: Any, /, *args: Any, **keywords: Any) -> Any:
    """See `call0`."""
    return f(*args, **keywords)


CALLS = (call0, call1, call2, call3, call4)
