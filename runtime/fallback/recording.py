"""One run of a function on the tape, and the backward passes through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compiler.call.dispatch import Places
from ...compiler.call.signature import Target
from ...compiler.errors import ArgumentError, UnsupportedError
from ..tape import engine
from ..tape.node import Node, Recorded, node_of, wrap
from ..tape.record import edge
from .array import Array
from .refusals import check_number, refuse_argument, value_and_aux
from .run import Traced, called, running
from .trees import by_leaf, leaves_of, results_of, typed, typed_record


class Recording:
    """A function's value with its history.

    Parameters
    ----------
    target
        The function.
    params
        A value for each of its parameters, *args as a tuple; they are not changed.
    places
        What may be differentiated: parameters, or items of *args.
    has_aux
        Whether the function returns (value, auxiliary data).

    Attributes
    ----------
    value, aux
        What the function gave, with recorded values in it.
    nested
        Whether a run around this one may differentiate what is computed here, so that derivatives are
        recorded too.
    """

    def __init__(self, target: Target, params: Sequence[Any], places: Places, has_aux: bool = False) -> None:
        self.target, self.is_gradient = target, False
        given: dict[tuple[int, int | None], Any] = {(k, None): value for k, value in enumerate(params)}
        for k, item in places:
            if item is not None and (k, None) in given:
                given |= {(k, i): value for i, value in enumerate(given.pop((k, None)))}
            if (k, item) not in given:
                raise ArgumentError(
                    f"{target.fn.__qualname__} was called without the argument to differentiate",
                    target.src,
                    f"pass at least {(item or 0) + 1 + k - len(target.before)} arguments",
                )
            if not any(True for _ in leaves_of(given[k, item])):
                refuse_argument(target, (k, item), given[k, item])
        self.given = given
        self.traced = {place: Traced(value, differentiate=place in places) for place, value in given.items()}
        self.own = [leaf for one in self.traced.values() for leaf in one.leaves]
        values = [
            self.traced[k, None].value
            if (k, None) in self.traced
            else tuple(self.traced[k, i].value for i in range(len(params[k])))
            for k in range(len(params))
        ]
        self.known = list(self.own)
        result = called(target, list(self.traced.values()), values, self.known)
        self.value: Any
        self.aux: Any
        self.value, self.aux = value_and_aux(target, result) if has_aux else (result, None)
        self.nested = self._is_nested()

    def _is_nested(self) -> bool:
        """Whether a run around this one wants derivatives of what it computes.

        Raises
        ------
        UnsupportedError
            If there is none, but the value hangs on arguments of an earlier run: their derivative would be
            lost.
        """
        given = [leaf for value in self.given.values() for leaf in leaves_of(value)]
        if any(isinstance(leaf, Recorded) for leaf in given):
            return True
        if not self._hangs_on_others():
            return False
        if running.runs:
            return True
        raise UnsupportedError(
            "the program uses a value that an earlier call computed and kept",
            self.target.src,
            "keep values in local variables, or pb.stop_gradient what is kept",
        )

    def _hangs_on_others(self) -> bool:
        own = {id(leaf) for leaf in self.known}
        stack = [node_of(start) for start in map(edge, results_of(self.value)) if start is not None]
        seen = set()
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Array) and id(node) not in own:
                return True
            if isinstance(node, Node):
                stack += [node_of(e) for e in node.edges if e is not None]
        return False

    def number(self) -> None:
        """Refuse a value that is not one real number."""
        check_number(self.target, self.value, gradient=self.is_gradient)

    def differentiate(self, places: Places, single: bool) -> None:
        """Replace the value by its gradient."""
        self.number()
        trees = self.gradients([np.ones((), _dtype(self.value))], places, record=True)
        self.value = trees[0] if single else tuple(trees)
        self.is_gradient = True

    def gradients(self, cotangents: Sequence[Any], places: Places, *, record: bool) -> list[Any]:
        """For each place the gradient, in the structure of the argument, for cotangents of the results."""
        leaves, likes = self.leaves(places), self.likes(places)
        found = self.pulled(cotangents, leaves, record=record)
        kind = typed_record if record else typed
        parts = iter([kind(g, like) for g, like in zip(found, likes, strict=True)])
        return [by_leaf(self.given[place], parts) for place in places]

    def leaves(self, places: Places) -> list[Any]:
        """The leaves at some places."""
        return [leaf for place in places for leaf in self.traced[place].leaves]

    def likes(self, places: Places) -> list[Any]:
        """What the leaves stand for."""
        return [like for place in places for like in self.traced[place].likes]

    def pulled(self, cotangents: Sequence[Any], leaves: Sequence[Any], *, record: bool) -> list[Any]:
        """The cotangents of leaves for those of the results; zeros where nothing arrives."""
        pairs = [(edge(r), c) for r, c in zip(results_of(self.value), cotangents, strict=True)]
        return pull([(start, c) for start, c in pairs if start is not None], leaves, record=record)


def pull(pairs: Sequence[tuple[Any, Any]], targets: Sequence[Any], *, record: bool) -> list[Any]:
    """The cotangents of targets for pairs of an edge and its cotangent; zeros for what is not reached."""
    if not pairs:
        found: list[Any] = [None] * len(targets)
    else:
        seeds = [_seed(c, record) for _, c in pairs]
        found = engine.run(
            [start for start, _ in pairs],
            seeds,
            targets=targets,
            accumulate=False,
            record=record,
            retain=True,
        )
    zeros = [np.zeros_like(t._a) if g is None else g for g, t in zip(found, targets, strict=True)]
    return [_seed(z, record) for z in zeros]


def _seed(value: Any, record: bool) -> Any:
    if record:
        return value if isinstance(value, Recorded) else wrap(Array, np.asarray(value))
    return value._a if isinstance(value, Recorded) else value


def _dtype(value: Any) -> Any:
    return value._a.dtype if isinstance(value, Recorded) else np.asarray(value).dtype
