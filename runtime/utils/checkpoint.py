"""`checkpoint`: a part of a computation whose intermediate values are computed again in the backward pass."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..tape.mode import enable_grad, mode
from ..tape.node import Node, Recorded, node_of, wrap
from ..tape.record import edge, keep
from ..tensor.backward import grad
from ..tensor.namespace import NAMES
from ..tensor.tensor import Tensor


class CheckpointBackward(Node):
    """A function that is run again; `static` is the `_Call`."""

    __slots__ = ()

    def backward(self, g: Any, *saved: Any) -> Any:
        parts = g if self.outputs is not None else [g]
        found: Sequence[Any] = self.static.slopes(parts, mode.enabled)
        return found


class _Call:
    """A function, its arguments, and the leaves that it reaches besides: the parameters of a model."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, state: Any) -> None:
        self.function, self.args, self.kwargs, self.state = function, args, kwargs, state
        self.inputs = [k for k, a in enumerate(args) if edge(a) is not None]
        self.leaves: list[Any] = []

    def run(self, linked: bool) -> tuple[list[Any], Any]:
        """Arguments that record from here on, of the same history if `linked`, and the result."""
        args = list(self.args)
        for k in self.inputs:
            args[k] = args[k].view_as(args[k]) if linked else args[k].detach().requires_grad_()
        with enable_grad():
            out = self.function(*args, **self.kwargs)
        return [args[k] for k in self.inputs], out

    def slopes(self, gs: Sequence[Any], recorded: bool) -> list[Any]:
        """The cotangents of the inputs and the leaves."""
        now = None if self.state is None else NAMES["get_rng_state"]()
        if now is not None:
            NAMES["set_rng_state"](self.state)
        try:
            inputs, out = self.run(recorded)
        finally:
            if now is not None:
                NAMES["set_rng_state"](now)
        pairs = [
            (part, g if isinstance(g, Recorded) else wrap(Tensor, g))
            for part, g in zip(_tensors(out), gs, strict=True)
            if g is not None and part.requires_grad
        ]
        targets = [*inputs, *self.leaves]
        if not pairs:
            return [None] * len(targets)
        some, weights = zip(*pairs, strict=True)
        found = grad(some, targets, weights, retain_graph=True, create_graph=recorded, allow_unused=True)
        return [g if g is None or recorded else g._a for g in found]


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in a result, in order.

    Raises
    ------
    TypeError
        If an object that is no container has tensors with a history: they would lose it.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)
    elif any(isinstance(v, Tensor) and v.requires_grad for v in getattr(value, "__dict__", {}).values()):
        raise TypeError(
            f"checkpoint: expected tensors, or tuples, lists and dictionaries of them, but got "
            f"{type(value).__name__}, whose tensors would get no gradient"
        )


def _with_tensors(value: Any, tensors: Iterator[Any]) -> Any:
    """A result with other tensors."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, dict):
        made = copy.copy(value)
        made.update((key, _with_tensors(part, tensors)) for key, part in value.items())
        return made
    if isinstance(value, (tuple, list)):
        parts = [_with_tensors(part, tensors) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    debug: bool = False,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, whose backward pass runs the function again instead of keeping its values.

    Parameters
    ----------
    function
        A function of tensors and anything else, that gives a tensor, or tuples, lists and dictionaries of
        them; a module too. Run again it must do the same.
    args, kwargs
        Its arguments. Gradients flow to tensors among `args`, and to all leaves that the function reaches.
    preserve_rng_state
        Let random numbers be the same when it runs again.
    use_reentrant, determinism_check, debug
        Have no effect.

    Returns
    -------
    Any
        What the function gives.

    Raises
    ------
    TypeError
        If it gives an object of another kind that has tensors with a history.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([0.0, 1.0], requires_grad=True)
    >>> y = pb.utils.checkpoint.checkpoint(lambda x: (x.sin().exp() * x).sum(), x)
    >>> y.backward()
    >>> x.grad
    tensor([1.0000, 3.5732])
    """
    if not mode.enabled:
        return function(*args, **kwargs)
    state = NAMES["get_rng_state"]() if preserve_rng_state else None
    call = _Call(function, args, kwargs, state)
    inputs, result = call.run(linked=False)
    given = list(_tensors(result))
    call.leaves = _leaves(given, inputs)
    edges = (*[edge(args[k]) for k in call.inputs], *call.leaves)
    outs = [out.detach() for out in given]
    if edges and outs:
        _link(outs, given, edges, call, not isinstance(result, Tensor))
    return _with_tensors(result, iter(outs))


def _link(outs: Sequence[Any], given: Sequence[Any], edges: tuple[Any, ...], call: _Call, many: bool) -> None:
    """Let one node be what made all results that are recorded."""
    made = CheckpointBackward(edges, None, call)
    if many:
        made.outputs = [(out._a.shape, out._a.dtype) for out in outs]
    else:
        made.shape, made.dtype = outs[0]._a.shape, outs[0]._a.dtype
    keep(made, tuple(call.args[k] for k in call.inputs) or None)
    for k, (out, of) in enumerate(zip(outs, given, strict=True)):
        if of.requires_grad:
            out._fn, out._r = (made if made.outputs is None else (made, k)), True


def _leaves(outs: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """The leaves behind results, without the inputs, in the order they are found."""
    own = {id(x) for x in inputs}
    found: dict[int, Any] = {}
    stack = [out if out._fn is None else node_of(out._fn) for out in outs if edge(out) is not None]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, Node):
            if id(node) not in own:
                found[id(node)] = node
            continue
        stack.extend(node_of(e) for e in reversed(node.edges) if e is not None)
    return list(found.values())


def checkpoint_sequential(functions: Any, segments: int, input: Any, **kwargs: Any) -> Any:
    """Functions, or the modules of a `Sequential`, one after the other, in checkpointed segments.

    Parameters
    ----------
    functions
        Functions of one argument each.
    segments
        How many parts to divide them into; the last one is not run again.
    input
        The argument of the first.
    kwargs
        As for `checkpoint`.

    Returns
    -------
    Any
        What the last function gives.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1.0], requires_grad=True)
    >>> pb.utils.checkpoint.checkpoint_sequential([pb.neg, pb.exp, pb.sqrt], 2, x)
    tensor([0.6065], grad_fn=<SqrtBackward0>)
    """
    steps = list(functions.children() if hasattr(functions, "children") else functions)
    size = max(len(steps) // segments, 1)
    cuts = [min(k * size, len(steps)) for k in range(segments)]

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for step in steps[start:end]:
                value = step(value)
            return value

        return forward

    for start, end in itertools.pairwise(cuts):
        input = checkpoint(run(start, end), input, **kwargs)
    return run(cuts[-1], len(steps))(input)


__all__ = ["checkpoint", "checkpoint_sequential"]
