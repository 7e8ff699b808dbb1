"""Those who compute a case: prepared once, called many times; gradients are told as NumPy arrays."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from pullback.compiler.call.dispatch import dispatcher
from pullback.compiler.call.signature import target_of

import pullback as pb

from .case import Case
from .lazy import installed

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}

Gradient = tuple[Any, ...]


@dataclass(frozen=True)
class Rival:
    """One way to compute a case.

    `call` runs it to its end. `told` turns what `call` returned into the value and the gradient or Jacobian,
    None for what it does not compute.
    """

    name: str
    call: Callable[[], Any]
    told: Callable[[Any], tuple[Any, Gradient | None]]


@functools.cache
def jitted(function: Callable[..., Any], own_flags: bool = False) -> Callable[..., Any]:
    """The function under `numba.njit`, as a user compiles it, or with the flags that pullback uses."""
    flags = {"error_model": "numpy", "fastmath": FASTMATH} if own_flags else {}
    compiled: Callable[..., Any] = numba.njit(**flags)(function)
    return compiled


def primal(case: Case, args: tuple[Any, ...]) -> Rival:
    """The function under `numba.njit`."""
    compiled = jitted(case.primal or case.fn)
    return Rival("primal", lambda: compiled(*args), lambda value: (value, None))


def emitted(case: Case, args: tuple[Any, ...]) -> Rival:
    """The function as pullback emits it, without a derivative."""
    call = emitted_function(case.fn, args)
    return Rival("emitted", lambda: call(*args), lambda value: (value, None))


def emitted_function(fn: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """The code that pullback emits for a function, for arguments of the types given."""
    target = target_of(fn)
    values = dispatcher(target, "value", ())
    compiled = values.find(target.bind(args, {}))[0].run

    def call(*given: Any) -> Any:
        result = compiled(*values.find(target.bind(given, {}))[1])
        return result[0] if isinstance(result, tuple) else result

    return call


def pullback(case: Case, args: tuple[Any, ...]) -> Rival:
    """The value and the gradient, or the Jacobian, by pullback, called as a user calls it."""
    if case.jacobian:
        jacobian = pb.jacobian(case.fn, case.argnums)
        return Rival("pullback", lambda: jacobian(*args), only_jacobian)
    derivative = pb.value_and_grad(case.fn, case.argnums, fallback="error")
    return Rival("pullback", lambda: derivative(*args), lambda both: (float(both[0]), both[1]))


def in_threads(case: Case, args: tuple[Any, ...]) -> Rival:
    """The same with its loops in threads."""
    derivative = pb.value_and_grad(case.fn, case.argnums, fallback="error", parallel=True)
    return Rival("threads", lambda: derivative(*args), lambda both: (float(both[0]), both[1]))


def hand(case: Case, args: tuple[Any, ...]) -> Rival:
    """The derivative written by hand, under Numba with the flags that pullback uses."""
    assert case.hand is not None
    compiled = jitted(case.hand, own_flags=True)
    told = only_jacobian if case.jacobian else lambda both: (float(both[0]), both[1])
    return Rival("hand", lambda: compiled(*args), told)


def only_jacobian(made: Any) -> tuple[None, Gradient]:
    """What is told by one who computes no value."""
    return None, tuple([np.asarray(x) for x in made])


def is_static(arg: Any) -> bool:
    """Whether an argument is one that JAX compiles for."""
    return isinstance(arg, int | str | np.integer)


def with_jax(name: str, case: Case, args: tuple[Any, ...]) -> Rival:
    """The value and the gradient by `jax.jit`, in double precision, from arrays that JAX holds already."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    factory = case.jax if name == "jax" else case.jax_loops
    assert factory is not None
    static = tuple(i for i, arg in enumerate(args) if is_static(arg))
    derivative = factory() if case.jacobian else jax.value_and_grad(factory(), case.argnums)
    compiled = jax.jit(derivative, static_argnums=static)
    given = [arg if is_static(arg) else jax.tree.map(jax.numpy.asarray, arg) for arg in args]

    def told(both: Any) -> tuple[float, Gradient]:
        return float(both[0]), jax.tree.map(np.asarray, both[1])

    call = lambda: jax.block_until_ready(compiled(*given))  # noqa: E731
    return Rival(name, call, only_jacobian if case.jacobian else told)


def with_torch(case: Case, args: tuple[Any, ...], threads: int) -> Rival:
    """The value and the gradient by PyTorch's tape, from tensors."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(threads)
    assert case.torch is not None
    function = case.torch()

    def tensor(arg: Any, active: bool) -> Any:
        if isinstance(arg, np.ndarray) or active:
            return torch.tensor(np.array(arg, order="C"), requires_grad=active)
        return arg

    given = [tensor(arg, i in case.argnums) for i, arg in enumerate(args)]
    leaves = [given[i] for i in case.argnums]

    def call() -> Any:
        value = function(*given)
        return value, torch.autograd.grad(value, leaves)

    return Rival("torch", call, lambda both: (both[0].item(), tuple(g.numpy() for g in both[1])))


def with_autograd(case: Case, args: tuple[Any, ...]) -> Rival:
    """The value and the gradient by HIPS autograd."""
    library = importlib.import_module("autograd")
    assert case.autograd is not None
    function = case.autograd()

    def of_active(active: tuple[Any, ...]) -> Any:
        given = list(args)
        for argnum, value in zip(case.argnums, active, strict=True):
            given[argnum] = value
        return function(*given)

    derivative = library.value_and_grad(of_active)
    active = tuple(args[i] for i in case.argnums)
    return Rival("autograd", lambda: derivative(active), lambda both: (float(both[0]), tuple(both[1])))


OWN = ("primal", "emitted", "pullback")
OTHERS = ("hand", "jax", "jax_loops", "torch", "autograd")
LIBRARY = {"jax": "jax", "jax_loops": "jax", "torch": "torch", "autograd": "autograd"}


def absent(name: str, case: Case) -> str | None:
    """Why a rival does not compete, or None."""
    if name not in OTHERS:
        return None
    if getattr(case, name) is None:
        return "not written"
    if name in LIBRARY and not installed(LIBRARY[name]):
        return f"{LIBRARY[name]} is not installed"
    return None


def prepare(name: str, case: Case, args: tuple[Any, ...], threads: int) -> Rival:
    """The rival of that name, not yet compiled."""
    makers: dict[str, Callable[[], Rival]] = {
        "primal": lambda: primal(case, args),
        "emitted": lambda: emitted(case, args),
        "pullback": lambda: pullback(case, args),
        "threads": lambda: in_threads(case, args),
        "hand": lambda: hand(case, args),
        "jax": lambda: with_jax("jax", case, args),
        "jax_loops": lambda: with_jax("jax_loops", case, args),
        "torch": lambda: with_torch(case, args, threads),
        "autograd": lambda: with_autograd(case, args),
    }
    return makers[name]()


def warm_up(names: Sequence[str]) -> None:
    """Have every library started, so that the first calls of the first case are like those of the others."""

    def square(x: Any) -> Any:
        return x[0] * x[0]

    tiny = Case(
        name="warm-up",
        family="",
        fn=square,
        args=lambda size: (np.ones(size),),
        sizes=(2,),
        argnums=(0,),
        jax=lambda: square,
        torch=lambda: square,
        autograd=lambda: square,
    )
    for name in names:
        if absent(name, tiny) is None:
            prepare(name, tiny, tiny.args(2), 1).call()
