"""The public functions: each works as a function, and as a decorator with and without arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .derivative import Derivative
from .differentiable import Differentiable
from .jacobian import Hessian, Jacfwd, Jacobian, Jacrev

Argnums = int | Sequence[int] | None
Argnames = str | Sequence[str] | None


def _made(kind: Callable[..., Any], f: Callable[..., Any] | None, *args: Any, **options: Any) -> Any:
    """What `kind` makes of a function; without one, a decorator that does."""
    if f is None:
        return lambda f: kind(f, *args, **options)
    return kind(f, *args, **options)


def grad(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    has_aux: bool = False,
    fallback: str = "auto",
    memory_limit: int | str | None = None,
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The gradient of a function that returns one number; also a decorator.

    Parameters
    ----------
    f
        A Python function, lambda, closure, method or Numba dispatcher.
    argnums, argnames
        The arguments to differentiate, by number (negative ones count from the end) or name: one, or a
        tuple; the first by default. Argument numbers of a method do not count `self`.
    has_aux
        Whether f returns (value, auxiliary data); the gradient's call then returns (gradient, aux).
    fallback
        "auto" runs a function that cannot be compiled on the tape, operation by operation, with a
        `FallbackWarning` that tells where and why; "error" raises `UnsupportedError`; "tape" runs every
        function there, without a warning. Where types do not fit, a run tells whether the program is wrong:
        then the compiler's `TypeMismatchError` is raised, and what the run has printed stays printed.
    memory_limit
        What the values that loops save for the reverse sweep may take: bytes, or a text such as "200MB".
        Loops that may need more are checkpointed: cut into as many segments as that takes, which run again
        one by one. See `checkpoint`; `explain()` tells which.
    parallel
        True runs loops in threads, in both sweeps, where their iterations are proven independent and have
        work enough; `explain()` tells which. The results do not depend on the number of threads. By default
        what Numba was told: True for a function compiled with `njit(parallel=True)`.
    jit
        False runs the generated code as plain Python; overrides PULLBACK_JIT.

    Returns
    -------
    Derivative
        A callable with the arguments of f. A gradient has structure, shape and dtype of its argument: an
        array, a float, or a tuple, list, dict, NamedTuple, dataclass or object of them. Leaves that are not
        float give None. Its method `into(out, *args)` writes to arrays of the caller.

    Examples
    --------
    >>> @pb.grad
    ... def energy(x):
    ...     total = 0.0
    ...     for i in range(1, len(x)):
    ...         total += x[i] * x[i - 1] ** 2
    ...     return total
    >>> energy(np.array([1.0, 2.0, 3.0]))
    array([ 4., 13.,  4.])
    """
    options = {
        "has_aux": has_aux,
        "fallback": fallback,
        "memory_limit": memory_limit,
        "parallel": parallel,
        "jit": jit,
    }
    return _made(Derivative, f, argnums, argnames, **options)


def value_and_grad(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    has_aux: bool = False,
    fallback: str = "auto",
    memory_limit: int | str | None = None,
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """As `grad`, but a call returns (value, gradient); with `has_aux` ((value, aux), gradient).

    Examples
    --------
    >>> f = pb.value_and_grad(lambda x, y: x * y**2, argnums=(0, 1))
    >>> f(3.0, 2.0)
    (12.0, (4.0, 12.0))

    Into an array of your own, which spares fresh memory for a large gradient (see `Derivative.into`):

    >>> g = pb.value_and_grad(lambda x: np.sum(x**2))
    >>> buffer = np.empty(2)
    >>> g.into(buffer, np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    >>> buffer
    array([2., 4.])
    """
    options = {
        "has_aux": has_aux,
        "fallback": fallback,
        "memory_limit": memory_limit,
        "parallel": parallel,
        "jit": jit,
    }
    return _made(Derivative, f, argnums, argnames, with_value=True, **options)


def differentiable(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    has_aux: bool = False,
    fallback: str = "auto",
    memory_limit: int | str | None = None,
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The function itself, callable as before, with its derivatives as attributes; also a decorator.

    The options are those of `grad`. `memory_limit` is for `.grad` and `.value_and_grad`; `fallback` is for
    all derivatives and for calls with Tensors.

    Examples
    --------
    >>> @pb.differentiable
    ... def f(x):
    ...     return np.sum(x**3)
    >>> f.grad(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> f.hessian(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    options: dict[str, Any] = {
        "has_aux": has_aux,
        "fallback": fallback,
        "memory_limit": memory_limit,
        "parallel": parallel,
        "jit": jit,
    }
    return _made(Differentiable, f, argnums, argnames, **options)


def jacrev(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    fallback: str = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The Jacobian by reverse sweeps, each for up to 512 elements of the result: of shape `result.shape +
    argument.shape`. Functions that call themselves take a sweep per element. `fallback` and
    `parallel` as for `grad`.

    Examples
    --------
    >>> pb.jacrev(lambda x: np.array([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])
    """
    return _made(Jacrev, f, argnums, argnames, fallback=fallback, parallel=parallel, jit=jit)


def jacfwd(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    fallback: str = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The Jacobian by forward sweeps, each for up to 512 elements of the arguments: of shape `result.shape +
    argument.shape`. Functions that call themselves take a sweep per element. `fallback` and
    `parallel` as for `grad`.

    Examples
    --------
    >>> pb.jacfwd(lambda x: np.array([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])
    """
    return _made(Jacfwd, f, argnums, argnames, fallback=fallback, parallel=parallel, jit=jit)


def jacobian(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    fallback: str = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The Jacobian by whichever of `jacrev` and `jacfwd` is cheaper.

    Both do all directions of a sweep at once, so that the function itself runs once. With n elements in the
    arguments and m in the result, rows are made (reverse sweeps) when 2 m + 64 < n, else columns (forward
    sweeps). After a call `.mode` is "forward" or "reverse", and `.explain()` tells more. `fallback` and
    `parallel` as for `grad`.

    Examples
    --------
    >>> pb.jacobian(lambda x: np.array([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])
    """
    return _made(Jacobian, f, argnums, argnames, fallback=fallback, parallel=parallel, jit=jit)


def hessian(
    f: Callable[..., Any] | None = None,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    fallback: str = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The Hessian of a function that returns one number: of shape `x.shape + x.shape` for an array x.

    The gradient is differentiated along up to 512 elements of the arguments in one sweep.
    For several arguments, or containers, `hessian[i][j]` is the block of arguments i and j. `fallback` and
    `parallel` as for `grad`.

    Examples
    --------
    >>> pb.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    return _made(Hessian, f, argnums, argnames, fallback=fallback, parallel=parallel, jit=jit)
