"""What a call of a derivative costs besides computing: functions of a few numbers, from Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from .lazy import installed
from .tape import Call, in_turn


class Parameters(NamedTuple):
    """A container of the user's."""

    a: Any
    b: Any
    c: Any


def of_numbers(a: float, b: float, c: float) -> Any:
    return a * b + c


def of_array(a: Any) -> Any:
    return a[0] * a[1] + a[2]


def of_arrays(a: Any, b: Any, c: Any, d: Any) -> Any:
    return a[0] * b[1] + c[2] * d[0]


def of_tuple(p: Any) -> Any:
    return p[0][0] * p[1][1] + p[2][2]


def of_dict(p: Any) -> Any:
    return p["a"][0] * p["b"][1] + p["c"][2]


def of_named(p: Any) -> Any:
    return p.a[0] * p.b[1] + p.c[2]


def of_tree(p: Any) -> Any:
    first, second = p["layers"]
    return first["w"][0] * second["w"][1] + first["b"][0] + second["b"][1] + p["scale"]


def squares(a: Any) -> Any:
    return a * a


@dataclass
class Overhead:
    """Microseconds a call, medians: our derivative, the function under `numba.njit`, and JAX's derivative."""

    name: str
    ours: float
    primal: float | None
    jax: float | None


def arguments() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Functions of a few numbers, and what gradients of them are called with."""
    a, b, c, d = (np.array([1.0, 2.0, 3.0]) + k for k in range(4))
    tree = {"layers": [{"w": a, "b": b}, {"w": c, "b": d}], "scale": 2.0}
    return {
        "3 numbers": (of_numbers, (1.0, 2.0, 3.0)),
        "1 array": (of_array, (a,)),
        "4 arrays": (of_arrays, (a, b, c, d)),
        "a tuple of 3 arrays": (of_tuple, ((a, b, c),)),
        "a dictionary of 3 arrays": (of_dict, ({"a": a, "b": b, "c": c},)),
        "a NamedTuple of 3 arrays": (of_named, (Parameters(a, b, c),)),
        "a tree of 5 leaves": (of_tree, (tree,)),
    }


def derivatives() -> dict[str, Call]:
    """Other derivatives of functions of three numbers."""
    import pullback as pb

    a, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0])
    both = pb.value_and_grad(of_array)
    jacobian, hessian, pull = pb.jacobian(squares), pb.hessian(of_array), pb.vjp(squares, a)[1]
    into, room = both.into, np.empty(3)
    into(room, a)
    return {
        "value_and_grad": lambda: both(a),
        "into an array": lambda: into(room, a),
        "hvp of a gradient": lambda: pb.hvp(of_array, (a,), (v,)),
        "jvp": lambda: pb.jvp(squares, (a,), (v,)),
        "the pullback of vjp": lambda: pull(v),
        "jacobian": lambda: jacobian(a),
        "hessian": lambda: hessian(a),
    }


def compare(rounds: int = 21, clock: Callable[[], float] = time.perf_counter) -> list[Overhead]:
    """All cases, those of gradients beside the function under Numba and, where it is installed, JAX."""
    found = []
    for name, (function, args) in arguments().items():
        wrt = tuple(range(len(args)))
        calls = _ours(function, wrt, args) | _primal(function, args) | _jax(function, wrt, args)
        times = [median(column) for column in zip(*in_turn(list(calls.values()), rounds, clock), strict=True)]
        told = dict(zip(calls, times, strict=True))
        found.append(Overhead(f"gradient, {name}", told["ours"], told.get("primal"), told.get("jax")))
    for name, call in derivatives().items():
        found.append(Overhead(name, median(row[0] for row in in_turn([call], rounds, clock)), None, None))
    return found


def _ours(function: Callable[..., Any], wrt: tuple[int, ...], args: tuple[Any, ...]) -> dict[str, Call]:
    """The gradient by pullback."""
    import pullback as pb

    gradient = pb.grad(function, wrt, fallback="error")
    return {"ours": lambda: gradient(*args)}


def _primal(function: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Call]:
    """The function under `numba.njit`, if that takes such arguments."""
    import numba

    compiled = numba.njit(function)
    try:
        compiled(*args)
    except numba.core.errors.NumbaError:
        return {}
    return {"primal": lambda: compiled(*args)}


def _jax(function: Callable[..., Any], wrt: tuple[int, ...], args: tuple[Any, ...]) -> dict[str, Call]:
    """JAX's gradient, from arrays that it has already."""
    if not installed("jax"):
        return {}
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.grad(function, wrt))
    given = jax.tree.map(jax.numpy.asarray, args)
    return {"jax": lambda: jax.block_until_ready(compiled(*given))}


def table(found: list[Overhead]) -> str:
    """The cases as a table."""
    lines = ["| call | pullback | njit primal | JAX | JAX / ours |", "|---|---:|---:|---:|---:|"]
    for one in found:
        primal, jax = (f"{t:.2f} µs" if t is not None else "" for t in (one.primal, one.jax))
        ratio = "" if one.jax is None else f"{one.jax / one.ours:.1f}"
        lines.append(f"| {one.name} | {one.ours:.2f} µs | {primal} | {jax} | {ratio} |")
    return "\n".join(lines)
