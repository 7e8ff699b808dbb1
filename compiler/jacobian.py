"""Jacobians and Hessians: compiled derivatives along all unit vectors.

The columns of a Jacobian are tangents of the results, its rows gradients for unit cotangents, the columns of
a Hessian tangents of the gradient. `sweeps.py` runs the compiled code, a block of directions at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .arguments import children
from .dispatch import Dispatcher, Places, dispatcher
from .errors import ArgumentError, TypeMismatchError
from .explain import explained
from .frontend.values import DictSpec, Leaf, ListSpec, NodeOut, OutTree, ParamSpec, RecordSpec
from .higher import base_of, dtype_of, part, places
from .ir.types import carries_derivative, is_float
from .signature import Target
from .specialise import Specialisation
from .sweeps import LANES, Space, columns, rows, space_of
from .trees import build
from .verifying import float_parts

REVERSE_COST = 2
"""What a lane of a reverse sweep costs, in lanes of a forward sweep."""


class Matrices:
    """Base of `jacrev`, `jacfwd`, `jacobian` and `hessian` objects.

    `mode` tells what the last call ran: "forward" or "reverse" sweeps; `explain` in how many directions.
    """

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
        self._last: tuple[str, int, Specialisation] | None = None
        self._kept: dict[tuple[str, bool], Dispatcher] = {}
        self.__wrapped__ = f
        self.__name__ = f"{type(self).__name__.lower()}_of_{self._target.fn.__name__}"

    @property
    def mode(self) -> str | None:
        """What the last call ran: "forward" sweeps (columns) or "reverse" sweeps (rows)."""
        return None if self._last is None else self._last[0]

    def explain(self) -> str:
        """How the last call made the matrix, and what the compiler decided for it."""
        if self._last is None:
            raise ArgumentError(f"{self.__name__} has not been called yet", hint="call it once")
        mode, size, found = self._last
        what = "columns" if mode == "forward" else "rows"
        lanes = min(LANES, size) if found.code.recipe.lanes else 1
        sweeps = -(-size // lanes) if size else 0
        return f"{size} {what} by {mode} sweeps: {sweeps} of up to {lanes} directions\n\n{explained(found)}"

    def _find(
        self, kind: str, wrt: Places, along: tuple[Places, ...], params: tuple[Any, ...], size: int
    ) -> tuple[Specialisation, list[Any]]:
        """The code for a matrix with `size` directions, and its inputs."""
        key = kind, size > 1
        if key not in self._kept:
            self._kept[key] = dispatcher(self._target, kind, wrt, along, lanes=size > 1, jit=self._jit)
        made = self._kept[key].find(params)
        self._last = ("reverse" if kind == "vjp" else "forward", size, made[0])
        return made

    def _primal(self, params: tuple[Any, ...]) -> tuple[Specialisation, list[Any]]:
        """The code of the function itself, and its inputs."""
        key = "value", False
        if key not in self._kept:
            self._kept[key] = dispatcher(self._target, "value", (), jit=self._jit)
        return self._kept[key].find(params)

    def _count(self, params: Sequence[Any]) -> int:
        """The number of floats in the arguments."""
        chosen = [params[p] if i is None else params[p][i] for p, i in self._places]
        return sum(np.size(x) for a in chosen for x in float_parts(a))

    def _by_argument(self, found: Specialisation, leaves: Iterator[Any]) -> Any:
        """Arrays, one per float leaf, in the trees of the arguments."""
        made = tuple(_array_tree(part(found.specs, place), leaves) for place in self._places)
        return made[0] if self._argnums.single else made

    def _by_result(
        self, found: Specialisation, active: Sequence[int], blocks: Sequence[Sequence[Any]]
    ) -> Any:
        """The blocks of every result by argument, in the tree of the value."""
        by_leaf = dict(zip(active, blocks, strict=True))
        return _out_tree(
            found.code.out, lambda k: self._by_argument(found, map(_number, by_leaf[k])), by_leaf
        )


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


def _space(found: Specialisation, leaves: Sequence[int], inputs: Sequence[Any]) -> Space:
    """Leaves of the arguments as directions."""
    return space_of(
        tuple([np.shape(inputs[k]) for k in leaves]), tuple([found.leaf_specs[k].spec.dtype for k in leaves])
    )


def _active(target: Target, found: Specialisation) -> list[int]:
    """The results with a derivative."""
    active = [k for k, t in enumerate(found.code.results) if carries_derivative(t)]
    if any(not is_float(dtype_of(found.code.results[k])) for k in active):
        raise TypeMismatchError(
            "a Jacobian of complex results", target.src, "return their np.real and np.imag"
        )
    return active


class Jacrev(Matrices):
    """The Jacobian by rows: reverse sweeps along the unit cotangents of the results."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        target = self._target
        if self._inner is not None:
            columns_ = Jacfwd(
                self._f, self._argnums.numbers[0] if self._argnums.single else self._argnums.numbers
            )
            made = columns_(*args)
            self._last = columns_._last
            return made
        params = target.bind(args, kwargs)
        primal, inputs = self._primal(params)
        results = primal.call(inputs)
        counted = [k for k, t in enumerate(primal.code.results) if carries_derivative(t)]
        size = sum(np.size(results[k]) for k in counted)
        found, inputs = self._find("vjp", self._places, (), params, size)
        active = _active(target, found)
        space = space_of(
            tuple([np.shape(results[k]) for k in active]),
            tuple([dtype_of(found.code.results[k]) for k in active]),
        )
        gradients = _space(found, found.code.recipe.wrt, inputs)
        by_leaf = [space.leaves(matrix) for matrix in rows(found, inputs, space, gradients)]
        return self._by_result(found, active, list(zip(*by_leaf, strict=True)))


def _out_tree(tree: OutTree, make: Callable[[int], Any], known: dict[int, Any]) -> Any:
    if isinstance(tree, NodeOut):
        return build(tree.type, [_out_tree(t, make, known) for t in tree.items], tree.keys)
    return make(tree.index) if isinstance(tree, Leaf) and tree.index in known else None


class Jacfwd(Matrices):
    """The Jacobian by columns: forward sweeps along the unit vectors of the arguments."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        target = self._target
        params = target.bind(args, kwargs)
        size = self._count(params)
        if self._inner is not None:
            inner = places(target, self._inner.numbers)
            found, inputs = self._find("hvp", inner, (self._places,), params, size)
            return self._of_gradient(found, inputs, self._inner.single, inner)
        found, inputs = self._find("jvp", (), (self._places,), params, size)
        active = _active(target, found)
        return self._by_result(found, active, self._columns(found, inputs, len(active)))

    def _columns(self, found: Specialisation, inputs: list[Any], count: int) -> list[list[Any]]:
        """For the last `count` results: their derivative with respect to every leaf."""
        space = _space(found, found.code.recipe.along[0], inputs)
        return [space.last_leaves(matrix) for matrix in columns(found, inputs, space, count)]

    def _of_gradient(self, found: Specialisation, inputs: list[Any], single: bool, inner: Places) -> Any:
        """The derivative of a gradient: blocks by argument, in the trees of the gradient."""
        matrices = self._columns(found, inputs, len(found.code.recipe.wrt))
        blocks = iter([self._by_argument(found, map(_number, row)) for row in matrices])
        made = tuple(_array_tree(part(found.specs, place), blocks) for place in inner)
        return made[0] if single else made


class Jacobian(Matrices):
    """The Jacobian by rows or by columns, whichever is cheaper.

    Compiled code takes many directions in one sweep, so what counts is the number of directions, not of
    sweeps: n columns cost about n lanes of a forward sweep, m rows about twice m (`REVERSE_COST`), since a
    reverse sweep reads and adds more. So rows are made when 2 m < n.
    """

    def __init__(
        self, f: Callable[..., Any], argnums: Any = None, argnames: Any = None, *, jit: bool | None = None
    ) -> None:
        super().__init__(f, argnums, argnames, jit=jit)
        self._rows = Jacrev(f, argnums, argnames, jit=jit)
        self._columns_ = Jacfwd(f, argnums, argnames, jit=jit)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        chosen = self._chosen(args, kwargs)
        made = chosen(*args, **kwargs)
        self._last = chosen._last
        return made

    def _chosen(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jacrev | Jacfwd:
        if self._inner is not None:
            return self._columns_
        params = self._target.bind(args, kwargs)
        found, inputs = self._primal(params)
        size = sum(np.size(r) for r in found.call(inputs))
        return self._rows if REVERSE_COST * size < self._count(params) else self._columns_


class Hessian(Jacfwd):
    """The Hessian of a function that returns one number: tangents of the gradient along unit vectors."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._inner is not None:
            raise TypeMismatchError(f"a Hessian needs a function that returns one number, not {self._f!r}")
        params = self._target.bind(args, kwargs)
        found, inputs = self._find("hvp", self._places, (self._places,), params, self._count(params))
        return self._of_gradient(found, inputs, self._argnums.single, self._places)
