"""vjp, jvp and Hessian-vector products."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..call.arguments import part
from ..call.dispatch import Dispatcher, Places, dispatcher
from ..call.doors import foreign
from ..call.signature import Argnums, Target, target_of
from ..call.specialise import Specialisation
from ..call.trees import as_array, as_scalar, build, float_leaves, gradient_maker
from ..errors import ArgumentError, TypeMismatchError
from ..ir.types import Array, List, Type, carries_derivative
from ..specs import (
    ArraySpec,
    ConstOut,
    Leaf,
    NodeOut,
    OutTree,
)
from .derivative import Derivative
from .fallback import Fallback, of_function
from .verifying import copied, float_parts


def base_of(f: Callable[..., Any], parallel: bool | None = None) -> tuple[Target, Argnums | None]:
    """The target of a function; for a gradient, the target of its function and the arguments it is
    taken of.
    """
    if isinstance(f, Derivative):
        if f._options["with_value"] or f._options["has_aux"] or f._inner is not None:
            raise TypeMismatchError(
                f"{f!r} cannot be differentiated this way", hint="use pb.grad of one function"
            )
        return f._target.in_threads(parallel), f._argnums
    return (getattr(f, "_target", None) or target_of(f)).in_threads(parallel), None


def places(target: Target, numbers: Sequence[int]) -> Places:
    """Argument numbers as parameters."""
    return tuple(target.place(k) for k in numbers)


def differentiable_numbers(target: Target, args: Sequence[Any]) -> tuple[int, ...]:
    """The arguments with float leaves."""
    found = tuple(
        k for k, a in enumerate(args) if any(True for _ in float_parts(a)) or foreign((a,)) is not None
    )
    if not found:
        raise TypeMismatchError(
            f"no argument of {target.fn.__qualname__} holds floats", target.src, "pass floats"
        )
    return found


def dtype_of(type_: Type) -> str:
    """The dtype of a result that is a number or an array."""
    return type_.elem.dtype if isinstance(type_, List) else type_.dtype


# -- vjp
def vjp(
    f: Callable[..., Any],
    *primals: Any,
    has_aux: bool = False,
    fallback: str | Fallback = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> tuple[Any, ...]:
    """The value of f, and a function from a cotangent of the value to the cotangents of the arguments.

    Parameters
    ----------
    f
        The function.
    *primals
        Its arguments.
    has_aux
        Whether f returns (value, auxiliary data); then (value, vjp_fn, aux) is returned.
    fallback
        What is done if f cannot be compiled, as for `grad`.
    parallel
        As for `grad`: whether loops of the derivative run in threads. The value is computed in one.
    jit
        Overrides PULLBACK_JIT.

    Returns
    -------
    (value, vjp_fn)
        `vjp_fn(cotangent)` gives a tuple with one gradient per argument, None for an argument without floats.

    Examples
    --------
    >>> value, pull = pb.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pull(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    target, inner = base_of(f, parallel)
    choice = of_function(fallback, f, target)
    numbers = differentiable_numbers(target, primals)
    kept = tuple(copied(a) for a in primals)  # the caller may write to them between the calls

    def taped(tape: Any) -> tuple[Any, ...]:
        at = places(target, numbers)
        value, pull, aux = tape.vjp(target, target.bind(kept, {}), at, _step(target, inner), has_aux)

        def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
            return _in_order(numbers, pull(cotangent), len(kept))

        return (value, vjp_fn, aux) if has_aux else (value, vjp_fn)

    def compiled() -> tuple[Any, ...]:
        if inner is not None:
            assert isinstance(f, Derivative)
            return _vjp_of_gradient(f, target, inner, numbers, kept, jit)
        value, results_tree, types = run_primal(target, kept, jit)
        seeded = dispatcher(target, "vjp", places(target, numbers), jit=jit)

        def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
            tree = (cotangent, None) if has_aux else cotangent
            leaves = cotangent_leaves(results_tree, types, tree)
            return choice.run(
                target,
                lambda: pulled_back(target, seeded, kept, numbers, leaves),
                lambda tape: taped(tape)[1](cotangent),
            )

        return (value[0], vjp_fn, value[1]) if has_aux else (value, vjp_fn)

    return choice.run(target, compiled, taped, primals)


def _step(target: Target, inner: Argnums | None) -> tuple[Places, bool] | None:
    """The arguments of a gradient, for the tape."""
    return None if inner is None else (places(target, inner.numbers), inner.single)


def _in_order(numbers: Sequence[int], gradients: Sequence[Any], count: int) -> tuple[Any, ...]:
    """One gradient per argument, None for those that have none."""
    out: list[Any] = [None] * count
    for k, gradient in zip(numbers, gradients, strict=True):
        out[k] = gradient
    return tuple(out)


def run_primal(
    target: Target, args: tuple[Any, ...], jit: bool | None
) -> tuple[Any, OutTree, list[tuple[Type, Any]]]:
    """The value, the tree of the results, and (type, value) of every result."""
    found, inputs = dispatcher(target, "value", (), jit=jit).find(target.bind(args, {}))
    results = found.owned(found.call(inputs), inputs)
    return found.value(results), found.code.out, list(zip(found.code.results, results, strict=True))


def cotangent_leaves(tree: OutTree, types: list[tuple[Type, Any]], cotangent: Any) -> list[Any]:
    """The cotangent as one value per differentiable result."""
    given: dict[int, Any] = {}

    def fill(tree: OutTree, value: Any, what: str) -> None:
        if isinstance(tree, ConstOut):
            return
        if isinstance(tree, NodeOut):
            parts = parts_like(tree.type, tree.keys, len(tree.items), value, what)
            for k, item in enumerate(tree.items):
                fill(item, parts[k], f"{what}[{k}]")
            return
        type_, result = types[tree.index]
        if not carries_derivative(type_):
            return
        if isinstance(type_, Array):
            leaf = as_array(value, result, what)
            given[tree.index] = given[tree.index] + leaf if tree.index in given else leaf
        else:
            number = as_scalar(0.0 if value is None else value, dtype_of(type_), what)
            given[tree.index] = given.get(tree.index, np.dtype(number.dtype).type(0)) + number

    fill(tree, cotangent, "the cotangent")
    full = []
    for k, (type_, result) in enumerate(types):
        if carries_derivative(type_):
            zero = np.zeros_like(result) if isinstance(type_, Array) else np.dtype(dtype_of(type_)).type(0)
            full.append(given.get(k, zero))
    return full


def parts_like(kind: type, keys: Sequence[Any], count: int, value: Any, what: str) -> Sequence[Any]:
    """The items of a cotangent for a container of a type, with keys or without; None stands for zeros."""
    if value is None:
        return [None] * count
    if isinstance(value, dict) and keys:
        return [value.get(k) for k in keys]
    if keys and not isinstance(value, tuple | list):
        return [getattr(value, str(k), None) for k in keys]
    if not isinstance(value, tuple | list) or len(value) != count:
        raise ArgumentError(f"{what} must have the structure of the value: a {kind.__name__} of {count}")
    return value


def pulled_back(
    target: Target,
    seeded: Dispatcher,
    args: tuple[Any, ...],
    numbers: Sequence[int],
    cotangents: Sequence[Any],
) -> tuple[Any, ...]:
    """One gradient per argument for a cotangent of the results."""
    found, inputs = seeded.find(target.bind(args, {}))
    results = found.call([*inputs, *cotangents])
    return _per_argument(target, found, iter(results[len(found.code.results) :]), numbers, len(args))


def _per_argument(
    target: Target, found: Specialisation, leaves: Iterator[Any], numbers: Sequence[int], count: int
) -> tuple[Any, ...]:
    out: list[Any] = [None] * count
    for k in numbers:
        out[k] = gradient_maker(part(found.specs, target.place(k)))(leaves)
    return tuple(out)


def _vjp_of_gradient(
    f: Derivative,
    target: Target,
    inner: Argnums,
    numbers: tuple[int, ...],
    args: tuple[Any, ...],
    jit: bool | None,
) -> tuple[Any, ...]:
    """cᵀ ∂(∂f/∂inner)/∂x = the tangent of ∂f/∂x along inner = c."""
    compiled = dispatcher(target, "hvp", places(target, numbers), (places(target, inner.numbers),), jit=jit)

    # Both refuse now, so that who asked falls back as a whole: neither may do so for itself.
    compiled.find(target.bind(args, {}))
    gradient = copy.copy(f)
    gradient._fallback = Fallback("error")

    def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
        each = (cotangent,) if inner.single else cotangent
        results, found = run_along(target, compiled, args, inner.numbers, each)
        return _per_argument(target, found, iter(results[-len(found.code.recipe.wrt) :]), numbers, len(args))

    return gradient(*args), vjp_fn


# -- forward
def run_along(
    target: Target,
    compiled: Dispatcher,
    args: tuple[Any, ...],
    numbers: Sequence[int],
    tangents: Sequence[Any],
) -> tuple[tuple[Any, ...], Specialisation]:
    """Call a function that takes one tangent per float leaf of the arguments in `numbers`."""
    found, inputs = compiled.find(target.bind(args, {}))
    names = list(target.signature.parameters)
    dots: list[Any] = []
    for number, tangent in zip(numbers, tangents, strict=True):
        place = target.place(number)
        dots += float_leaves(part(found.specs, place), tangent, f"the tangent of '{names[place[0]]}'")
    at = found.code.recipe.along[0]
    for k, leaf in enumerate(at):
        if isinstance(found.leaf_specs[leaf].spec, ArraySpec):
            dots[k] = as_array(dots[k], inputs[leaf], f"the tangent of '{found.leaf_specs[leaf].name}'")
    return found.call([*inputs, *dots]), found


def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
    fallback: str | Fallback = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> tuple[Any, ...]:
    """The value of f, and its derivative along a tangent of the arguments.

    Parameters
    ----------
    f
        The function.
    primals, tangents
        Its arguments, and a tangent of the same structure for each; None for an argument that does not move.
    has_aux
        Whether f returns (value, auxiliary data); then (value, tangent, aux) is returned.
    fallback
        What is done if f cannot be compiled, as for `grad`.
    parallel
        As for `grad`: whether loops run in threads.
    jit
        Overrides PULLBACK_JIT.

    Examples
    --------
    >>> value, tangent = pb.jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    >>> tangent
    array([ 2., 40.])
    """
    args, moves = _pair(primals, tangents, "jvp")
    target, inner = base_of(f, parallel)
    choice = of_function(fallback, f, target)
    floats = differentiable_numbers(target, args)
    _refuse_stray(target, moves, floats)
    numbers = tuple(k for k in floats if moves[k] is not None) or floats
    given = [moves[k] for k in numbers]

    def taped(tape: Any) -> tuple[Any, ...]:
        params, at = target.bind(args, {}), places(target, numbers)
        value, tangent, aux = tape.jvp(target, params, at, given, _step(target, inner), has_aux)
        return (value, tangent, aux) if has_aux else (value, tangent)

    def compiled() -> tuple[Any, ...]:
        if inner is not None:
            return _jvp_of_gradient(target, inner, args, numbers, given, jit)
        made = dispatcher(target, "jvp", (), (places(target, numbers),), jit=jit)
        results, found = run_along(target, made, args, numbers, given)
        count = len(found.code.results)
        value = found.value(found.owned(results, args))
        tangent = tangent_tree(found.code.out, found.code.results, results[count:])
        return (value[0], tangent[0], value[1]) if has_aux else (value, tangent)

    return choice.run(target, compiled, taped, (*args, *moves))


def _jvp_of_gradient(
    target: Target,
    inner: Argnums,
    args: tuple[Any, ...],
    numbers: tuple[int, ...],
    given: list[Any],
    jit: bool | None,
) -> tuple[Any, ...]:
    """The gradient, and its tangent."""
    made = dispatcher(target, "hvp", places(target, inner.numbers), (places(target, numbers),), jit=jit)
    results, found = run_along(target, made, args, numbers, given)
    size = len(found.code.recipe.wrt)
    makers = [gradient_maker(part(found.specs, target.place(k))) for k in inner.numbers]
    pair = []
    for leaves in (iter(results[-2 * size : -size]), iter(results[-size:])):
        parts = tuple(make(leaves) for make in makers)
        pair.append(parts[0] if inner.single else parts)
    return tuple(pair)


def _pair(primals: Any, tangents: Any, name: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise ArgumentError(
            f"{name} takes a tuple of arguments and a tuple of tangents", hint=f"pb.{name}(f, (x,), (x_dot,))"
        )
    if len(primals) != len(tangents):
        raise ArgumentError(f"{name} got {len(primals)} arguments and {len(tangents)} tangents")
    return tuple(primals), tuple(tangents)


def _refuse_stray(target: Target, tangents: Sequence[Any], floats: Sequence[int]) -> None:
    for k, tangent in enumerate(tangents):
        if tangent is not None and k not in floats:
            name = list(target.signature.parameters)[target.place(k)[0]]
            raise TypeMismatchError(
                f"argument '{name}' of {target.fn.__qualname__} holds no floats, so it has no tangent",
                target.src,
                "pass None as its tangent, or the argument as float",
            )


def tangent_tree(tree: OutTree, types: Sequence[Type], dots: Sequence[Any]) -> Any:
    """The tangents of the results in the tree of the value; None for results without derivative."""
    active = [k for k, t in enumerate(types) if carries_derivative(t)]
    position = {k: n for n, k in enumerate(active)}

    def make(tree: OutTree) -> Any:
        if isinstance(tree, NodeOut):
            return build(tree.type, [make(t) for t in tree.items], tree.keys)
        if not isinstance(tree, Leaf) or tree.index not in position:
            return None
        dot, type_ = dots[position[tree.index]], types[tree.index]
        if isinstance(type_, Array):
            return dot
        plain = {"float64": float, "complex128": complex}
        dtype = dtype_of(type_)
        return (plain.get(dtype) or np.dtype(dtype).type)(dot)

    return make(tree)


def hvp(
    f: Callable[..., Any],
    primals: Any,
    vector: Any,
    *,
    fallback: str | Fallback = "auto",
    parallel: bool | None = None,
    jit: bool | None = None,
) -> Any:
    """The Hessian of f at `primals` times a vector.

    Parameters
    ----------
    f
        A function that returns one number.
    primals
        A tuple of its arguments, or its only argument.
    vector
        The vector, of the structure of `primals`; None for an argument that is held fixed.
    fallback
        What is done if f cannot be compiled, as for `grad`.
    parallel
        As for `grad`: whether loops run in threads.
    jit
        Overrides PULLBACK_JIT.

    Returns
    -------
    The product in the structure of `primals`, None for arguments that are held fixed.

    Examples
    --------
    >>> pb.hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """
    single = not isinstance(primals, tuple)
    args, moves = _pair((primals,) if single else primals, (vector,) if single else vector, "hvp")
    target, inner = base_of(f, parallel)
    if inner is not None:
        raise TypeMismatchError(f"hvp needs a function that returns one number, and {f!r} returns a gradient")
    choice = of_function(fallback, f, target)
    floats = differentiable_numbers(target, args)
    _refuse_stray(target, moves, floats)
    numbers = tuple(k for k in floats if moves[k] is not None) or floats
    at, given = places(target, numbers), [moves[k] for k in numbers]

    def compiled() -> tuple[Any, ...]:
        made = dispatcher(target, "hvp", at, (at,), jit=jit)
        results, found = run_along(target, made, args, numbers, given)
        leaves = iter(results[len(results) - len(found.code.recipe.wrt) :])
        return _per_argument(target, found, leaves, numbers, len(args))

    def taped(tape: Any) -> tuple[Any, ...]:
        found = tape.hvp(target, target.bind(args, {}), at, given)
        return _in_order(numbers, found, len(args))

    out = choice.run(target, compiled, taped, (*args, *moves))
    return out[0] if single else out
