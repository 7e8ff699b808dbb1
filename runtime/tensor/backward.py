"""`backward` and `grad`: what a user asks of the engine, checked; and gradients cleared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..tape import engine
from ..tape.node import wrap
from ..tape.record import edge, in_face
from .tensor import Tensor


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of tensors to those of the leaves.

    Parameters
    ----------
    tensors
        A tensor or a sequence of them.
    grad_tensors
        Their cotangents; None for scalars.
    retain_graph
        Keep what the graph has saved; as `create_graph` without.
    create_graph
        Record the derivative too.
    grad_variables
        The old name of `grad_tensors`.
    inputs
        The tensors to whose gradients to add, instead of all leaves.

    Raises
    ------
    RuntimeError
        If a tensor is no scalar and has no cotangent, or does not require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> pb.autograd.backward([x.sum(), (x * x).sum()])
    >>> x.grad
    tensor([3., 5.])
    """
    if grad_tensors is None:
        grad_tensors = grad_variables
    outputs = _tuple(tensors)
    targets = None
    if inputs is not None:
        targets = _tuple(inputs)
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        _check_targets(targets)
        for target in targets:
            target.retain_grad()
    retain = create_graph if retain_graph is None else retain_graph
    roots, cotangents = _roots(outputs, grad_tensors, create_graph)
    engine.run(roots, cotangents, retain=retain, record=create_graph, targets=targets)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The sum of the gradients of tensors with respect to others; nothing is accumulated.

    Parameters
    ----------
    outputs, inputs
        A tensor or a sequence of them.
    grad_outputs
        The cotangents of `outputs`; None for scalars.
    retain_graph
        Keep what the graph has saved; as `create_graph` without.
    create_graph
        Record the derivative too, to differentiate it again.
    only_inputs
        Must be True.
    allow_unused
        Give None for inputs that the outputs do not depend on, instead of raising.
    is_grads_batched
        The cotangents have an axis more, in front: one pass for each.
    materialize_grads
        Give zeros for inputs that the outputs do not depend on.

    Returns
    -------
    tuple
        A gradient for each input.

    Raises
    ------
    RuntimeError
        If an input is not reached, does not require a gradient, or a cotangent is missing or of a wrong
        shape.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor(2.0, requires_grad=True)
    >>> (slope,) = pb.autograd.grad(x**3, x, create_graph=True)
    >>> pb.autograd.grad(slope, x)
    (tensor(12.),)
    """
    results, targets = _tuple(outputs), _tuple(inputs)
    if not only_inputs:
        raise ValueError("only_inputs=False is not supported: use backward to accumulate into all leaves")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True")
    if is_grads_batched:
        return _batched(
            results, targets, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads
        )
    retain = create_graph if retain_graph is None else retain_graph
    roots, cotangents = _roots(results, grad_outputs, create_graph)
    _check_targets(targets)
    found = engine.run(
        roots, cotangents, retain=retain, record=create_graph, targets=targets, accumulate=False
    )
    given: list[Any] = []
    for target, g in zip(targets, found, strict=True):
        if g is None:
            if materialize_grads:
                g = np.zeros_like(target._a)
            elif not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {len(given)} appears to not have been used in the "
                    "graph. Set allow_unused=True if this is the desired behavior."
                )
        if isinstance(g, Tensor):  # rules of programs on Arrays give Arrays
            given.append(in_face(g, Tensor))
        else:
            given.append(None if g is None else wrap(Tensor, _own(g, cotangents)))
    return tuple(given)


def _batched(
    outputs: tuple[Any, ...],
    inputs: Any,
    grad_outputs: Any,
    retain: Any,
    create: bool,
    unused: Any,
    zeros: bool,
) -> tuple[Any, ...]:
    batches = _tuple(grad_outputs)
    rows = []
    count = next(len(b) for b in batches if b is not None)
    for i in range(count):
        last = i == count - 1
        rows.append(
            grad(
                outputs,
                inputs,
                tuple(None if b is None else b[i] for b in batches),
                retain_graph=(retain if last else True),
                create_graph=create,
                allow_unused=unused,
                materialize_grads=zeros,
            )
        )
    from .shape.joining import stack

    return tuple(None if column[0] is None else stack(list(column)) for column in zip(*rows, strict=True))


def _own(g: Any, cotangents: Sequence[Any]) -> Any:
    """A gradient in memory of its own: it may be the caller's cotangent."""
    array = np.asarray(g)
    shared = array.base is not None or not array.flags.writeable or any(array is c for c in cotangents)
    return array.copy() if shared else array


def _check_targets(targets: Sequence[Any]) -> None:
    for target in targets:
        if not isinstance(target, Tensor):
            raise TypeError(f"expected Tensors as inputs, but got {type(target).__name__}")
        if edge(target) is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")


def _roots(outputs: Sequence[Any], given: Any, record: bool) -> tuple[list[Any], list[Any]]:
    """The edges to start from, and their cotangents."""
    cotangents = (None,) * len(outputs) if given is None else _tuple(given)
    if len(cotangents) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(cotangents)} gradients")
    roots, arrays = [], []
    for k, (out, g) in enumerate(zip(outputs, cotangents, strict=True)):
        if not isinstance(out, Tensor):
            raise TypeError(f"expected Tensors to differentiate, but got {type(out).__name__}")
        if g is None:
            start = edge(out)
            if start is not None and out._a.size != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if start is not None and out._a.dtype.kind == "c":
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got {out._a.dtype.name}"
                )
            g = wrap(Tensor, np.ones_like(out._a))
        else:
            if not isinstance(g, Tensor):
                raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
            if g._a.shape != out._a.shape:
                if out._a.size == 1 and g._a.size == 1:
                    g = g.reshape(out._a.shape)
                else:
                    raise RuntimeError(
                        f"Mismatch in shape: grad_output[{k}] has a shape of {g.shape} and output[{k}] has "
                        f"a shape of {out.shape}."
                    )
        start = edge(out)
        if start is None:
            raise RuntimeError(f"element {k} of tensors does not require grad and does not have a grad_fn")
        g = g if g._a.dtype == out._a.dtype else g.to(out.dtype)
        roots.append(start)
        arrays.append(g if record else g._a)
    return roots, arrays


def clear_gradients(tensors: Iterable[Any], set_to_none: bool) -> None:
    """Set gradients to zero, in place where nothing else may look at them, or to None."""
    for tensor in tensors:
        known = tensor._grad
        if known is None:
            continue
        if set_to_none:
            tensor._grad = None
        elif known._fn is not None or known._r:
            tensor._grad = wrap(Tensor, known._a * 0)
        else:
            known._a.fill(0)
            if known._version_of is not None:
                known._version_of.n += 1


def _tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, Tensor) else tuple(value)
