"""`checkpoint`: a part of a computation whose intermediate values are computed again in the backward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
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
        self.many = False

    def run(self, linked: bool) -> tuple[list[Any], tuple[Tensor, ...]]:
        """Arguments that record from here on, of the same history if `linked`, and the results."""
        args = list(self.args)
        for k in self.inputs:
            args[k] = args[k].view_as(args[k]) if linked else args[k].detach().requires_grad_()
        with enable_grad():
            out = self.function(*args, **self.kwargs)
        self.many = isinstance(out, tuple)
        return [args[k] for k in self.inputs], out if self.many else (out,)

    def slopes(self, gs: Sequence[Any], recorded: bool) -> list[Any]:
        """The cotangents of the inputs and the leaves."""
        now = None if self.state is None else NAMES["get_rng_state"]()
        if now is not None:
            NAMES["set_rng_state"](self.state)
        try:
            inputs, outs = self.run(recorded)
        finally:
            if now is not None:
                NAMES["set_rng_state"](now)
        pairs = [
            (out, g if isinstance(g, Recorded) else wrap(Tensor, g))
            for out, g in zip(outs, gs, strict=True)
            if g is not None and isinstance(out, Tensor) and out.requires_grad
        ]
        targets = [*inputs, *self.leaves]
        if not pairs:
            return [None] * len(targets)
        some, weights = zip(*pairs, strict=True)
        found = grad(some, targets, weights, retain_graph=True, create_graph=recorded, allow_unused=True)
        return [g if g is None or recorded else g._a for g in found]


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
        A function of tensors and anything else, that gives a tensor or a tuple of them; a module too. Run
        again it must do the same.
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
    inputs, given = call.run(linked=False)
    call.leaves = _leaves(given, inputs)
    edges = (*[edge(args[k]) for k in call.inputs], *call.leaves)
    outs = tuple(out.detach() if isinstance(out, Tensor) else out for out in given)
    if edges:
        _link(outs, given, edges, call)
    return outs if call.many else outs[0]


def _link(outs: Sequence[Any], given: Sequence[Any], edges: tuple[Any, ...], call: _Call) -> None:
    """Let one node be what made all results that are recorded."""
    made = CheckpointBackward(edges, None, call)
    if not call.many and isinstance(outs[0], Tensor):
        made.shape, made.dtype = outs[0]._a.shape, outs[0]._a.dtype
    else:
        made.outputs = [
            (out._a.shape, out._a.dtype) if isinstance(out, Tensor) else None  # type: ignore[misc]
            for out in outs
        ]
    keep(made, tuple(call.args[k] for k in call.inputs) or None)
    for k, (out, of) in enumerate(zip(outs, given, strict=True)):
        if isinstance(out, Tensor) and of.requires_grad:
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
