"""vjp, jvp, Hessian-vector products, Jacobians and Hessians, each from one compiled function called with unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .arguments import children
from .derivative import Derivative
from .dispatch import Dispatcher, Places, dispatcher, owned
from .errors import ArgumentError, TypeMismatchError
from .frontend.values import (
    ArraySpec,
    ConstOut,
    DictSpec,
    Leaf,
    ListSpec,
    NodeOut,
    OutTree,
    ParamSpec,
    RecordSpec,
)
from .ir.types import Array, Type, carries_derivative, is_float
from .signature import Argnums, Target, target_of
from .specialise import Specialisation
from .trees import as_array, as_scalar, build, float_leaves, gradient_maker
from .verifying import float_parts, replaced


def base_of(f: Callable[..., Any]) -> tuple[Target, Argnums | None]:
    """The target of a function; for a gradient, the target of its function and the arguments it is taken of."""
    if isinstance(f, Derivative):
        if f._options["with_value"] or f._options["has_aux"] or f._inner is not None:
            raise TypeMismatchError(
                f"{f!r} cannot be differentiated this way", hint="use pb.grad of one function"
            )
        return f._target, f._argnums
    return getattr(f, "_target", None) or target_of(f), None


def places(target: Target, numbers: Sequence[int]) -> Places:
    """Argument numbers as parameters."""
    return tuple(target.place(k) for k in numbers)


def differentiable_numbers(target: Target, args: Sequence[Any]) -> tuple[int, ...]:
    """The arguments with float leaves."""
    found = tuple(k for k, a in enumerate(args) if any(True for _ in float_parts(a)))
    if not found:
        raise TypeMismatchError(
            f"no argument of {target.fn.__qualname__} holds floats", target.src, "pass floats"
        )
    return found


def part(specs: Sequence[ParamSpec], place: tuple[int, int | None]) -> ParamSpec:
    """The spec of a differentiated parameter."""
    param, item = place
    return specs[param] if item is None else children(specs[param], "")[item][0]


# -- vjp
def vjp(
    f: Callable[..., Any], *primals: Any, has_aux: bool = False, jit: bool | None = None
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
    jit
        Overrides PULLBACK_JIT.

    Returns
    -------
    (value, vjp_fn)
        `vjp_fn(cotangent)` gives a tuple with one gradient per argument, None for an argument without floats.
    """
    target, inner = base_of(f)
    numbers = differentiable_numbers(target, primals)
    kept = tuple(_snapshot(a) for a in primals)
    if inner is not None:
        return _vjp_of_gradient(f, target, inner, numbers, kept, jit)
    value, results_tree, types = run_primal(target, kept, jit)
    seeded = dispatcher(target, "vjp", places(target, numbers), jit=jit)

    def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
        tree = (cotangent, None) if has_aux else cotangent
        return pulled_back(target, seeded, kept, numbers, cotangent_leaves(results_tree, types, tree))

    if has_aux:
        return value[0], vjp_fn, value[1]
    return value, vjp_fn


def _snapshot(value: Any) -> Any:
    """A copy of the arrays, which the caller may write to between the calls."""
    return replaced(value, iter([p.copy() if isinstance(p, np.ndarray) else p for p in float_parts(value)]))


def run_primal(
    target: Target, args: tuple[Any, ...], jit: bool | None
) -> tuple[Any, OutTree, list[tuple[Type, Any]]]:
    """The value, the tree of the results, and (type, value) of every result."""
    found, inputs = dispatcher(target, "value", (), jit=jit).find(target.bind(args, {}))
    results = owned(found, found.call(inputs), inputs)
    return found.value(results), found.code.out, list(zip(found.code.results, results, strict=True))


def cotangent_leaves(tree: OutTree, types: list[tuple[Type, Any]], cotangent: Any) -> list[Any]:
    """The cotangent as one value per differentiable result."""
    given: dict[int, Any] = {}

    def fill(tree: OutTree, value: Any, what: str) -> None:
        if isinstance(tree, ConstOut):
            return
        if isinstance(tree, NodeOut):
            parts = _parts_like(tree, value, what)
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
            number = as_scalar(0.0 if value is None else value, type_.dtype, what)  # type: ignore[union-attr]
            given[tree.index] = given.get(tree.index, np.dtype(number.dtype).type(0)) + number

    fill(tree, cotangent, "the cotangent")
    full = []
    for k, (type_, result) in enumerate(types):
        if carries_derivative(type_):
            zero = np.zeros_like(result) if isinstance(type_, Array) else np.dtype(type_.dtype).type(0)  # type: ignore[union-attr]
            full.append(given.get(k, zero))
    return full


def _parts_like(tree: NodeOut, value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return [None] * len(tree.items)
    if isinstance(value, dict) and tree.keys:
        return [value.get(k) for k in tree.keys]
    if tree.keys and not isinstance(value, tuple | list):
        return [getattr(value, str(k), None) for k in tree.keys]
    if not isinstance(value, tuple | list) or len(value) != len(tree.items):
        raise ArgumentError(
            f"{what} must have the structure of the value: a {tree.type.__name__} of {len(tree.items)}"
        )
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
    f: Callable[..., Any],
    target: Target,
    inner: Argnums,
    numbers: tuple[int, ...],
    args: tuple[Any, ...],
    jit: bool | None,
) -> tuple[Any, ...]:
    """cᵀ ∂(∂f/∂inner)/∂x = the tangent of ∂f/∂x along inner = c."""
    compiled = dispatcher(target, "hvp", places(target, numbers), (places(target, inner.numbers),), jit=jit)

    def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
        each = (cotangent,) if inner.single else cotangent
        results, found = run_along(target, compiled, args, inner.numbers, each)
        return _per_argument(target, found, iter(results[-len(found.code.recipe.wrt) :]), numbers, len(args))

    return f(*args), vjp_fn


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
    jit
        Overrides PULLBACK_JIT.
    """
    args, moves = _pair(primals, tangents, "jvp")
    target, inner = base_of(f)
    floats = differentiable_numbers(target, args)
    _refuse_stray(target, moves, floats)
    numbers = tuple(k for k in floats if moves[k] is not None) or floats
    given = [moves[k] for k in numbers]
    if inner is not None:
        compiled = dispatcher(
            target, "hvp", places(target, inner.numbers), (places(target, numbers),), jit=jit
        )
        results, found = run_along(target, compiled, args, numbers, given)
        size = len(found.code.recipe.wrt)
        makers = [gradient_maker(part(found.specs, target.place(k))) for k in inner.numbers]
        pair = []
        for leaves in (iter(results[-2 * size : -size]), iter(results[-size:])):
            made = tuple(make(leaves) for make in makers)
            pair.append(made[0] if inner.single else made)
        return tuple(pair)
    compiled = dispatcher(target, "jvp", (), (places(target, numbers),), jit=jit)
    results, found = run_along(target, compiled, args, numbers, given)
    count = len(found.code.results)
    value = found.value(owned(found, results, args))
    tangent = tangent_tree(found.code.out, found.code.results, results[count:])
    if has_aux:
        return value[0], tangent[0], value[1]
    return value, tangent


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
        dtype = type_.dtype  # type: ignore[union-attr]
        return (plain.get(dtype) or np.dtype(dtype).type)(dot)

    return make(tree)


def hvp(f: Callable[..., Any], primals: Any, vector: Any, *, jit: bool | None = None) -> Any:
    """The Hessian of f at `primals` times a vector.

    Parameters
    ----------
    f
        A function that returns one number.
    primals
        A tuple of its arguments, or its only argument.
    vector
        The vector, of the structure of `primals`; None for an argument that is held fixed.
    jit
        Overrides PULLBACK_JIT.

    Returns
    -------
    The product in the structure of `primals`, None for arguments that are held fixed.
    """
    single = not isinstance(primals, tuple)
    args, moves = _pair((primals,) if single else primals, (vector,) if single else vector, "hvp")
    target, inner = base_of(f)
    if inner is not None:
        raise TypeMismatchError(f"hvp needs a function that returns one number, and {f!r} returns a gradient")
    floats = differentiable_numbers(target, args)
    _refuse_stray(target, moves, floats)
    numbers = tuple(k for k in floats if moves[k] is not None) or floats
    at = places(target, numbers)
    compiled = dispatcher(target, "hvp", at, (at,), jit=jit)
    results, found = run_along(target, compiled, args, numbers, [moves[k] for k in numbers])
    leaves = iter(results[len(results) - len(found.code.recipe.wrt) :])
    out = _per_argument(target, found, leaves, numbers, len(args))
    return out[0] if single else out


# -- matrices
def _leaf_shapes(
    found: Specialisation, leaves: Sequence[int], inputs: Sequence[Any]
) -> list[tuple[int, ...]]:
    return [np.shape(inputs[k]) for k in leaves]


def _zeros(found: Specialisation, leaves: Sequence[int], inputs: Sequence[Any]) -> list[Any]:
    made: list[Any] = []
    for k in leaves:
        spec = found.leaf_specs[k].spec
        made.append(
            np.zeros(np.shape(inputs[k]), spec.dtype)
            if isinstance(spec, ArraySpec)
            else np.dtype(spec.dtype).type(0)
        )
    return made


def _units(values: list[Any]) -> Iterator[tuple[int, tuple[int, ...], list[Any]]]:
    """(leaf, index, values with a one there and zeros elsewhere)."""
    for k, value in enumerate(values):
        if isinstance(value, np.ndarray):
            for index in np.ndindex(value.shape):
                value[index] = 1
                yield k, index, values
                value[index] = 0
        else:
            values[k] = type(value)(1)
            yield k, (), values
            values[k] = value


class Matrices:
    """Base of `jacrev`, `jacfwd`, `jacobian` and `hessian` objects."""

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Sequence[int] | None = None,
        argnames: str | Sequence[str] | None = None,
        *,
        jit: bool | None = None,
    ) -> None:
        self._f, self._jit = f, jit
        self._target, self._inner = base_of(f)
        self._argnums = self._target.resolve(argnums, argnames)
        self._places = places(self._target, self._argnums.numbers)
        self.__wrapped__ = f
        self.__name__ = f"{type(self).__name__.lower()}_of_{self._target.fn.__name__}"

    def _by_argument(self, found: Specialisation, leaves: Iterator[Any]) -> Any:
        """Arrays, one per float leaf, in the trees of the arguments."""
        made = tuple(_array_tree(part(found.specs, place), leaves) for place in self._places)
        return made[0] if self._argnums.single else made


def _array_tree(spec: ParamSpec, leaves: Iterator[Any]) -> Any:
    if not children(spec, ""):
        return next(leaves) if is_float(getattr(spec, "dtype", "")) else None
    parts = [_array_tree(s, leaves) for s, _ in children(spec, "")]
    return _container(spec, parts)


def _container(spec: Any, parts: list[Any]) -> Any:
    if isinstance(spec, DictSpec):
        return build(dict, parts, [k for k, _ in spec.items])
    if isinstance(spec, RecordSpec):
        return build(spec.type, parts, [k for k, _ in spec.fields])
    return list(parts) if isinstance(spec, ListSpec) else build(spec.type, parts, ())


def _number(array: np.ndarray[Any, Any]) -> Any:
    """A matrix of one element by a scalar function of a scalar is a number."""
    return array if array.ndim else (float(array) if array.dtype == np.float64 else array.dtype.type(array))


class Jacrev(Matrices):
    """The Jacobian by rows: one reverse sweep per element of the result."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        target = self._target
        if self._inner is not None:
            return Jacfwd(
                self._f, self._argnums.numbers[0] if self._argnums.single else self._argnums.numbers
            )(*args)
        params = target.bind(args, kwargs)
        primal, inputs = dispatcher(target, "value", (), jit=self._jit).find(params)
        results = primal.call(inputs)
        found, inputs = dispatcher(target, "vjp", self._places, jit=self._jit).find(params)
        active = [k for k, t in enumerate(found.code.results) if carries_derivative(t)]
        if any(not is_float(found.code.results[k].dtype) for k in active):  # type: ignore[union-attr]
            raise TypeMismatchError(
                "a Jacobian of complex results", target.src, "return their np.real and np.imag"
            )
        seeds: list[Any] = []
        for k in active:
            type_ = found.code.results[k]
            seeds.append(
                np.zeros_like(results[k]) if isinstance(type_, Array) else np.dtype(type_.dtype).type(0)
            )  # type: ignore[union-attr]
        wrt = found.code.recipe.wrt
        shapes = _leaf_shapes(found, wrt, inputs)
        dtypes = [found.leaf_specs[k].spec.dtype for k in wrt]
        rows = [
            [np.zeros(np.shape(s) + shape, d) for shape, d in zip(shapes, dtypes, strict=True)] for s in seeds
        ]
        count = len(found.code.results)
        for k, index, cotangents in _units(seeds):
            gradients = found.call([*inputs, *cotangents])[count:]
            for j, gradient in enumerate(gradients):
                rows[k][j][index] = gradient
        by_leaf = dict(zip(active, rows, strict=True))
        return _out_tree(
            found.code.out, lambda k: self._by_argument(found, map(_number, by_leaf[k])), by_leaf
        )


def _out_tree(tree: OutTree, make: Callable[[int], Any], known: dict[int, Any]) -> Any:
    if isinstance(tree, NodeOut):
        return build(tree.type, [_out_tree(t, make, known) for t in tree.items], tree.keys)
    return make(tree.index) if isinstance(tree, Leaf) and tree.index in known else None


class Jacfwd(Matrices):
    """The Jacobian by columns: one forward sweep per element of the arguments."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        target = self._target
        params = target.bind(args, kwargs)
        if self._inner is not None:
            inner = places(target, self._inner.numbers)
            found, inputs = dispatcher(target, "hvp", inner, (self._places,), jit=self._jit).find(params)
            return self._of_gradient(found, inputs)
        found, inputs = dispatcher(target, "jvp", (), (self._places,), jit=self._jit).find(params)
        active = [k for k, t in enumerate(found.code.results) if carries_derivative(t)]
        if any(not is_float(found.code.results[k].dtype) for k in active):  # type: ignore[union-attr]
            raise TypeMismatchError(
                "a Jacobian of complex results", target.src, "return their np.real and np.imag"
            )
        columns, _ = self._columns(found, inputs, found.code.recipe.along[0], len(active))
        by_leaf = dict(zip(active, columns, strict=True))
        return _out_tree(
            found.code.out, lambda k: self._by_argument(found, map(_number, by_leaf[k])), by_leaf
        )

    def _columns(
        self, found: Specialisation, inputs: list[Any], along: Sequence[int], count: int
    ) -> tuple[list[list[Any]], list[Any]]:
        """For the last `count` results: their derivative with respect to every leaf of `along`."""
        dots = _zeros(found, along, inputs)
        shapes = [np.shape(d) for d in dots]
        columns: list[list[Any]] = []
        results: Any = ()
        for j, index, tangents in _units(dots):
            results = found.call([*inputs, *tangents])[-count:] if count else ()
            if not columns:
                columns = [[np.zeros(np.shape(r) + s, np.asarray(r).dtype) for s in shapes] for r in results]
            for k, dot in enumerate(results):
                columns[k][j][(..., *index)] = dot
        if not columns:
            columns = self._empty(found, inputs, dots, shapes, count)
        return columns, dots

    def _empty(
        self, found: Specialisation, inputs: list[Any], dots: list[Any], shapes: list[Any], count: int
    ) -> list[list[Any]]:
        results = found.call([*inputs, *dots])[-count:] if count else ()
        return [[np.zeros(np.shape(r) + s, np.asarray(r).dtype) for s in shapes] for r in results]

    def _of_gradient(self, found: Specialisation, inputs: list[Any]) -> Any:
        assert self._inner is not None
        columns, _ = self._columns(found, inputs, found.code.recipe.along[0], len(found.code.recipe.wrt))
        blocks = [self._by_argument(found, map(_number, row)) for row in columns]
        leaves = iter(blocks)
        made = tuple(
            _array_tree(part(found.specs, p), leaves) for p in places(self._target, self._inner.numbers)
        )
        return made[0] if self._inner.single else made


class Jacobian(Matrices):
    """The Jacobian by rows or by columns, whichever are fewer."""

    def __init__(
        self, f: Callable[..., Any], argnums: Any = None, argnames: Any = None, *, jit: bool | None = None
    ) -> None:
        super().__init__(f, argnums, argnames, jit=jit)
        self._rows = Jacrev(f, argnums, argnames, jit=jit)
        self._columns_ = Jacfwd(f, argnums, argnames, jit=jit)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._inner is not None:
            return self._columns_(*args, **kwargs)
        params = self._target.bind(args, kwargs)
        found, inputs = dispatcher(self._target, "value", (), jit=self._jit).find(params)
        rows = sum(np.size(r) for r in found.call(inputs))
        chosen = [params[p] if i is None else params[p][i] for p, i in self._places]
        columns = sum(np.size(x) for a in chosen for x in float_parts(a))
        return self._rows(*args, **kwargs) if rows < columns else self._columns_(*args, **kwargs)


class Hessian(Jacfwd):
    """The Hessian of a function that returns one number: the columns are Hessian-vector products."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._inner is not None:
            raise TypeMismatchError(f"a Hessian needs a function that returns one number, not {self._f!r}")
        params = self._target.bind(args, kwargs)
        compiled = dispatcher(self._target, "hvp", self._places, (self._places,), jit=self._jit)
        found, inputs = compiled.find(params)
        columns, _ = self._columns(found, inputs, found.code.recipe.along[0], len(found.code.recipe.wrt))
        blocks = iter([self._by_argument(found, map(_number, row)) for row in columns])
        made = tuple(_array_tree(part(found.specs, place), blocks) for place in self._places)
        return made[0] if self._argnums.single else made
