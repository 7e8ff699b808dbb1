"""Jacobians and Hessians: compiled derivatives along all unit vectors.

The columns of a Jacobian are tangents of the results, its rows gradients for unit cotangents, the columns of
a Hessian tangents of the gradient. `sweeps.py` runs the compiled code, a block of directions at a time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..call.arguments import children, part
from ..call.dispatch import Dispatcher, Places, dispatcher
from ..call.signature import Target
from ..call.specialise import Specialisation
from ..call.trees import build
from ..errors import ArgumentError, NoDerivativeError, TypeMismatchError
from ..ir.types import Scalar, carries_derivative, is_float, is_inexact
from ..specs import (
    ArraySpec,
    DictSpec,
    Leaf,
    ListSpec,
    NodeOut,
    OutTree,
    ParamSpec,
    RecordSpec,
    ScalarSpec,
)
from .fallback import Fallback, chosen
from .higher import base_of, dtype_of, places
from .sweeps import Space, columns, lanes, rows, space_of
from .verifying import float_parts

REVERSE_LANE, REVERSE_SWEEP = 2, 64
"""The cost of one lane of a reverse sweep, and what the sweep costs before its first lane, both in lanes of a
forward sweep."""

FEW = 4
"""So many directions have code of their own, in which their tangents are scalars."""

KEPT_CHOICES = 256


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
        fallback: str | Fallback = "auto",
        parallel: bool | None = None,
        jit: bool | None = None,
    ) -> None:
        self._f = f
        self._fallback = chosen(fallback, f)
        self._options: dict[str, Any] = {"fallback": self._fallback, "parallel": parallel, "jit": jit}
        self._target, self._inner = base_of(f, parallel)
        self._argnums = self._target.resolve(argnums, argnames)
        self._places = places(self._target, self._argnums.numbers)
        self._last: tuple[str, int, Specialisation | None, int] | None = None
        self._kept: dict[tuple[str, bool, int], Dispatcher] = {}
        self.__wrapped__ = f
        self.__name__ = f"{type(self).__name__.lower()}_of_{self._target.fn.__name__}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        params = self._target.bind(args, kwargs)
        return self._fallback.run(
            self._target, lambda: self._compiled(params), lambda tape: self._taped(tape, params), params
        )

    def _compiled(self, params: tuple[Any, ...]) -> Any:
        """The matrix by compiled code."""
        raise NotImplementedError

    def _taped(self, tape: Any, params: tuple[Any, ...]) -> Any:
        """The matrix on the tape."""
        made, mode, size = tape.matrix(
            self._target, params, self._places, self._argnums.single, self._gradient(), self._sweeps
        )
        self._last = mode, size, None, 1
        return made

    # Which sweeps the tape makes: "forward", "reverse", or "either", whichever are fewer.
    _sweeps = "either"

    def _gradient(self) -> tuple[Places, bool] | None:
        """The arguments of the gradient whose derivative this is."""
        if self._inner is None:
            return None
        return places(self._target, self._inner.numbers), self._inner.single

    @property
    def mode(self) -> str | None:
        """What the last call ran: "forward" sweeps (columns) or "reverse" sweeps (rows)."""
        return None if self._last is None else self._last[0]

    def explain(self) -> str:
        """How the last call made the matrix, and what the compiler decided for it."""
        if self._last is None:
            raise ArgumentError(f"{self.__name__} has not been called yet", hint="call it once")
        mode, size, found, width = self._last
        what = "columns" if mode == "forward" else "rows"
        if found is None:
            why = self._fallback.reason
            reason = "" if why is None else f": {why}"
            return f"{size} {what} by {mode} sweeps on the tape, one direction each{reason}"
        sweeps = -(-size // width) if size else 0
        from .explain import explained

        return f"{size} {what} by {mode} sweeps: {sweeps} of up to {width} directions\n\n{explained(found)}"

    def _find(
        self, kind: str, wrt: Places, along: tuple[Places, ...], params: tuple[Any, ...], size: int
    ) -> tuple[Specialisation, list[Any]]:
        """The code for a matrix with `size` directions, and its inputs."""
        width = size if 1 < size <= FEW else 0
        key = kind, size > 1, width
        if key not in self._kept:
            self._kept[key] = dispatcher(
                self._target, kind, wrt, along, lanes=size > 1, width=width, jit=self._options["jit"]
            )
        found, inputs = self._kept[key].find(params)
        width = lanes(size, inputs) if found.code.recipe.lanes else 1
        self._last = ("reverse" if kind == "vjp" else "forward", size, found, width)
        return found, inputs

    def _primal(self, params: tuple[Any, ...]) -> tuple[Specialisation, list[Any]]:
        """The code of the function itself, and its inputs."""
        key = "value", False, 0
        if key not in self._kept:
            self._kept[key] = dispatcher(self._target, "value", (), jit=self._options["jit"])
        return self._kept[key].find(params)

    def _count(self, params: Sequence[Any]) -> int:
        """The number of floats in the arguments."""
        chosen = [params[p] if i is None else params[p][i] for p, i in self._places]
        return sum(np.size(x) for a in chosen for x in float_parts(a))

    def _by_argument(self, found: Specialisation, leaves: Iterator[Any]) -> Any:
        """Arrays, one per float leaf, in the trees of the arguments."""
        if self._argnums.single:
            return _array_tree(part(found.specs, self._places[0]), leaves)
        return tuple([_array_tree(part(found.specs, place), leaves) for place in self._places])

    def _by_result(
        self, found: Specialisation, active: Sequence[int], blocks: Sequence[Sequence[Any]]
    ) -> Any:
        """The blocks of every result by argument, in the tree of the value."""
        if isinstance(found.code.out, Leaf) and active:
            return self._by_argument(found, map(_number, blocks[0]))
        by_leaf = dict(zip(active, blocks, strict=True))
        return _out_tree(
            found.code.out, lambda k: self._by_argument(found, map(_number, by_leaf[k])), by_leaf
        )


def _array_tree(spec: ParamSpec, leaves: Iterator[Any]) -> Any:
    if isinstance(spec, ArraySpec | ScalarSpec):
        return next(leaves) if is_float(spec.dtype) else None
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
    specs = [found.leaf_specs[k].spec for k in leaves]
    return space_of(
        tuple([np.shape(inputs[k]) for k in leaves]),
        tuple([s.dtype for s in specs]),
        tuple([isinstance(s, ScalarSpec) for s in specs]),
    )


def _active(target: Target, found: Specialisation) -> list[int]:
    """The results with a derivative."""
    dtypes = [dtype_of(t) for t in found.code.results]
    active = [k for k, dtype in enumerate(dtypes) if is_inexact(dtype)]
    if not all(is_float(dtypes[k]) for k in active):
        raise NoDerivativeError(
            "a Jacobian of complex results", target.src, "return their np.real and np.imag"
        )
    return active


class Jacrev(Matrices):
    """The Jacobian by rows: reverse sweeps along the unit cotangents of the results."""

    @functools.cached_property
    def _symmetric(self) -> Jacfwd:
        """The derivative of a gradient is the same by columns."""
        numbers = self._argnums.numbers
        return Jacfwd(self._f, numbers[0] if self._argnums.single else numbers, **self._options)

    _sweeps = "reverse"

    def _compiled(self, params: tuple[Any, ...]) -> Any:
        target = self._target
        if self._inner is not None:
            made = self._symmetric._compiled(params)
            self._last = self._symmetric._last
            return made
        primal, inputs = self._primal(params)
        shapes = primal.result_shapes(inputs)
        counted = [k for k, t in enumerate(primal.code.results) if carries_derivative(t)]
        size = sum(math.prod(shapes[k]) for k in counted)
        found, inputs = self._find("vjp", self._places, (), params, size)
        active = _active(target, found)
        space = space_of(
            tuple([shapes[k] for k in active]),
            tuple([dtype_of(found.code.results[k]) for k in active]),
            tuple([isinstance(found.code.results[k], Scalar) for k in active]),
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

    _sweeps = "forward"

    def _compiled(self, params: tuple[Any, ...]) -> Any:
        target = self._target
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

    Compiled code takes many directions in one sweep, so what counts is the number of directions: n columns
    cost about n lanes of a forward sweep, m rows about 2 m, since a reverse sweep reads and adds more, and
    the adjoint itself as much as 64. So rows are made when 2 m + 64 < n. Functions that take one direction
    at a time (recursion) have rows made when 2 m < n. `mode` tells what was chosen.
    """

    def __init__(
        self, f: Callable[..., Any], argnums: Any = None, argnames: Any = None, **options: Any
    ) -> None:
        super().__init__(f, argnums, argnames, **options)
        self._rows = Jacrev(f, argnums, argnames, **self._options)
        self._columns_ = Jacfwd(f, argnums, argnames, **self._options)
        self._choices: dict[Any, Jacrev | Jacfwd] = {}

    def _compiled(self, params: tuple[Any, ...]) -> Any:
        cheaper = self._chosen(params)
        made = cheaper._compiled(params)
        self._last = cheaper._last
        return made

    def _chosen(self, params: tuple[Any, ...]) -> Jacrev | Jacfwd:
        if self._inner is not None:
            return self._columns_
        shapes = tuple([np.shape(x) for x in float_parts(params)])
        if shapes not in self._choices:
            if len(self._choices) >= KEPT_CHOICES:
                self._choices.clear()
            found, inputs = self._primal(params)
            size = sum(map(math.prod, found.result_shapes(inputs)))
            self._choices[shapes] = self._cheaper(params, size, self._count(params))
        return self._choices[shapes]

    def _cheaper(self, params: tuple[Any, ...], size: int, count: int) -> Jacrev | Jacfwd:
        """What makes a matrix of `size` rows and `count` columns."""
        if REVERSE_LANE * size >= count:
            return self._columns_
        if REVERSE_LANE * size + REVERSE_SWEEP < count:
            return self._rows
        found, _ = self._columns_._find("jvp", (), (self._places,), params, count)
        return self._columns_ if found.code.recipe.lanes else self._rows


class Hessian(Jacfwd):
    """The Hessian of a function that returns one number: tangents of the gradient along unit vectors."""

    _sweeps = "reverse"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._inner is not None:
            raise TypeMismatchError(f"a Hessian needs a function that returns one number, not {self._f!r}")
        return super().__call__(*args, **kwargs)

    def _gradient(self) -> tuple[Places, bool] | None:
        return self._places, self._argnums.single

    def _compiled(self, params: tuple[Any, ...]) -> Any:
        found, inputs = self._find("hvp", self._places, (self._places,), params, self._count(params))
        return self._of_gradient(found, inputs, self._argnums.single, self._places)
