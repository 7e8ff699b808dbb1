"""Jacobians and Hessians: compiled derivatives called with one unit vector after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..call.arguments import children
from ..call.dispatch import dispatcher
from ..call.specialise import Specialisation
from ..call.trees import build
from ..errors import TypeMismatchError
from ..ir.types import Array, carries_derivative, is_float
from ..specs import ArraySpec, DictSpec, Leaf, ListSpec, NodeOut, OutTree, ParamSpec, RecordSpec
from .higher import base_of, dtype_of, part, places
from .verifying import float_parts


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
        if any(not is_float(dtype_of(found.code.results[k])) for k in active):
            raise TypeMismatchError(
                "a Jacobian of complex results", target.src, "return their np.real and np.imag"
            )
        seeds: list[Any] = []
        for k in active:
            type_ = found.code.results[k]
            seeds.append(
                np.zeros_like(results[k]) if isinstance(type_, Array) else np.dtype(dtype_of(type_)).type(0)
            )
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
        if any(not is_float(dtype_of(found.code.results[k])) for k in active):
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
