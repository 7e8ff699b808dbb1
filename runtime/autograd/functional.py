"""Derivatives of functions of tensors: Jacobians, Hessians and their products with vectors.

Inputs and results may be tensors or tuples of them; what is given back has the same structure. A function is
run once on fresh leaves (or on views of the inputs, if derivatives of the result are wanted: `create_graph`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tape.mode import enable_grad, mode, set_grad_enabled
from ..tape.node import wrap
from ..tensor.backward import grad
from ..tensor.tensor import Tensor
from .strict import check_recorded, filled

Tensors = tuple[Tensor, ...]

_OUTPUTS = "outputs of the user-provided function"
_STRATEGY = 'Expected strategy to be either "forward-mode" or "reverse-mode".'


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of a function: for each result and input an array of derivatives.

    Parameters
    ----------
    func
        A function of tensors that gives a tensor or a tuple of them.
    inputs
        A tensor or a tuple of them.
    create_graph
        Record the derivative, to differentiate it.
    strict
        Raise where a result does not depend on an input, instead of giving zeros.
    vectorize
        As without: rows are computed one after the other.
    strategy
        "reverse-mode" or "forward-mode": the numbers are the same, and computed in reverse.

    Returns
    -------
    Tensor or tuple
        Of shape `result.shape + input.shape`; a tuple over the inputs if these are one, in a tuple over the
        results if these are one.

    Raises
    ------
    TypeError
        If an input or a result is no tensor.
    RuntimeError
        In strict mode, where a result does not depend on an input; if strict mode is vectorized or forward.
    AssertionError
        If there is no such strategy.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.jacobian(lambda x: x.exp(), pb.tensor([0.0, 1.0]))
    tensor([[1.0000, 0.0000],
            [0.0000, 2.7183]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(_STRATEGY)
    if strict and (vectorize or strategy == "forward-mode"):
        raise RuntimeError(
            "pullback.autograd.functional.jacobian: `strict=True` goes with neither `vectorize=True` nor "
            '`strategy="forward-mode"`.'
        )
    with enable_grad():
        many_in, leaves = _prepared(inputs, "inputs", "jacobian", create_graph, True)
        many_out, outs = _tensors(func(*leaves), _OUTPUTS, "jacobian")
        check_recorded(outs, "outputs", strict)
        rows = [_rows(i, out, leaves, strict, create_graph) for i, out in enumerate(outs)]
    return _unpacked(tuple(_unpacked(_finished(row, create_graph), many_in) for row in rows), many_out)


def _rows(i: int, out: Tensor, inputs: Tensors, strict: bool, create_graph: bool) -> Tensors:
    """The Jacobians of one result with respect to all inputs."""
    collected: list[list[Tensor]] = [[] for _ in inputs]
    flat = out.reshape(-1)
    for j in range(out._a.size):
        found = _slopes((flat[j],), inputs, None, create_graph, retain=True)
        for k, (g, x) in enumerate(zip(found, inputs, strict=True)):
            if g is None:
                if strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {k}. This is not "
                        "allowed in strict mode."
                    )
                g = wrap(Tensor, np.zeros_like(x._a))
            elif strict and create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {i}. This is not "
                    "allowed in strict mode when create_graph=True."
                )
            collected[k].append(g)
    return tuple(_joined(rows, out, x) for rows, x in zip(collected, inputs, strict=True))


def _joined(rows: list[Tensor], out: Tensor, x: Tensor) -> Tensor:
    shape = out._a.shape + x._a.shape
    if not any(row.requires_grad for row in rows):
        made: Tensor = wrap(Tensor, np.array([row._a for row in rows], x._a.dtype).reshape(shape))
        return made
    from ..tensor.namespace import NAMES

    stacked: Tensor = NAMES["stack"](rows, 0).reshape(shape)
    return stacked


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function that gives one number.

    Parameters
    ----------
    func
        A function of tensors that gives a tensor of one element.
    inputs
        A tensor or a tuple of them.
    create_graph, strict, vectorize, outer_jacobian_strategy
        As for `jacobian`.

    Returns
    -------
    Tensor or tuple
        Of shape `input.shape + input.shape`; for a tuple of inputs a tuple of tuples.

    Raises
    ------
    TypeError, RuntimeError, AssertionError
        As for `jacobian`, and if the function gives more than one number.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.hessian(lambda x: (x**3).sum(), pb.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    many, xs = _tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(_STRATEGY)

    def number(*args: Tensor) -> Tensor:
        out = func(*args)
        many_out, outs = _tensors(out, _OUTPUTS, "hessian")
        check_recorded(outs, "outputs", strict)
        return _single(many_out, outs, "hessian").reshape(())

    def slope(*args: Tensor) -> Tensors:
        found: Tensors = jacobian(number, args, create_graph=True)
        check_recorded(found, "jacobian", strict)
        return found

    rows = jacobian(slope, xs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if many else rows[0][0]


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The results of a function, and the product of a vector with its Jacobian.

    Parameters
    ----------
    func
        A function of tensors that gives a tensor or a tuple of them.
    inputs
        A tensor or a tuple of them.
    v
        The vector, of the structure of the results; may be left out for a single number.
    create_graph
        Record the derivative, to differentiate it.
    strict
        Raise where a result does not depend on an input, instead of giving zeros.

    Returns
    -------
    tuple
        The results, and the product, of the structure of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        If something is no tensor or of a wrong shape; in strict mode.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.vjp(lambda x: x * x, pb.tensor([1.0, 2.0]), pb.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, xs = _prepared(inputs, "inputs", "vjp", create_graph, True)
        many_out, outs = _tensors(func(*xs), _OUTPUTS, "vjp")
        check_recorded(outs, "outputs", strict)
        if v is not None:
            v = _vector(v, "vjp", outs, many_out, create_graph)
        elif len(outs) != 1 or outs[0]._a.size != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a "
                "single element."
            )
    with set_grad_enabled(create_graph or mode.enabled):
        found = _slopes(outs, xs, v, create_graph)
        product = filled(found, xs, strict, create_graph, "back")
    return _unpacked(_finished(outs, create_graph), many_out), _unpacked(
        _finished(product, create_graph), many_in
    )


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The results of a function, and the product of its Jacobian with a vector.

    Computed by differentiating a backward pass: `pb.jvp` is faster, for functions that are compiled.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As for `vjp`.
    v
        The vector, of the structure of the inputs; may be left out for a single number.

    Returns
    -------
    tuple
        The results, and the product, of their structure.

    Raises
    ------
    TypeError, RuntimeError
        As `vjp` does.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.jvp(lambda x: x * x, pb.tensor([1.0, 2.0]), pb.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, xs = _prepared(inputs, "inputs", "jvp", create_graph, True)
        v = _direction(v, "jvp", xs, many_in, create_graph)
        many_out, outs = _tensors(func(*xs), _OUTPUTS, "jvp")
        check_recorded(outs, "outputs", strict)
        dummies = tuple(wrap(Tensor, np.zeros_like(out._a)).requires_grad_() for out in outs)
        slopes = _slopes(outs, xs, dummies, True)
        check_recorded(slopes, "grad_inputs", strict)
    with set_grad_enabled(create_graph or mode.enabled):
        found = _slopes(slopes, dummies, v, create_graph)
        product = filled(found, outs, strict, create_graph, "back_trick")
    return _unpacked(_finished(outs, create_graph), many_out), _unpacked(
        _finished(product, create_graph), many_out
    )


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The number that a function gives, and the product of a vector with its Hessian.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As for `jvp`; the function gives a tensor of one element.

    Returns
    -------
    tuple
        The result, and the product, of the structure of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        As `vjp` does, and if the function gives more than one number.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.vhp(lambda x: (x**3).sum(), pb.tensor([1.0, 2.0]), pb.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        many, xs, v, out = _numbers(func, inputs, v, create_graph, strict, "vhp")
        slopes = _slopes((out,), xs, None, True)
        check_recorded(slopes, "jacobian", strict)
    with set_grad_enabled(create_graph or mode.enabled):
        found = _slopes(slopes, xs, v, create_graph)
        product = filled(found, xs, strict, create_graph, "double_back")
    return _finished((out,), create_graph)[0], _unpacked(_finished(product, create_graph), many)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The number that a function gives, and the product of its Hessian with a vector.

    Hessians are symmetric, so this is `vhp`, which is faster, unless derivatives are made up.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As for `vhp`.

    Returns
    -------
    tuple
        The result, and the product, of the structure of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        As `vhp` does.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.autograd.functional.hvp(lambda x: (x**3).sum(), pb.tensor([1.0, 2.0]), pb.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        many, xs, v, out = _numbers(func, inputs, v, create_graph, strict, "hvp")
        slopes = _slopes((out,), xs, None, True)
        check_recorded(slopes, "jacobian", strict)
        dummies = tuple(wrap(Tensor, np.zeros_like(x._a)).requires_grad_() for x in xs)
        double = _slopes(slopes, xs, dummies, True)
        check_recorded(slopes, "hessian", strict)
    with set_grad_enabled(create_graph or mode.enabled):
        found = _slopes(double, dummies, v, create_graph)
        product = filled(found, xs, strict, create_graph, "double_back_trick")
    return _finished((out,), create_graph)[0], _unpacked(_finished(product, create_graph), many)


def _numbers(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[bool, Tensors, Any, Tensor]:
    """What the products with a Hessian start from."""
    many, xs = _prepared(inputs, "inputs", name, create_graph, True)
    v = _direction(v, name, xs, many, create_graph)
    many_out, outs = _tensors(func(*xs), _OUTPUTS, name)
    check_recorded(outs, "outputs", strict)
    return many, xs, v, _single(many_out, outs, name)


def _single(many: bool, outs: Tensors, name: str) -> Tensor:
    if many:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outs[0]._a.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return outs[0]


def _tensors(value: Any, what: str, name: str) -> tuple[bool, Tensors]:
    """Whether a value is a tuple, and it as one."""
    many = isinstance(value, tuple)
    for i, item in enumerate(value if many else (value,)):
        if not isinstance(item, Tensor):
            which = f"value at index {i}" if many else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {which} "
                f"has type {type(item)}."
            )
    return many, value if many else (value,)


def _prepared(value: Any, what: str, name: str, create_graph: bool, wanted: bool) -> tuple[bool, Tensors]:
    """Inputs as the function gets them: new leaves, or views of what already is part of a graph."""
    many, tensors = _tensors(value, what, name)
    return many, tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(wanted)
        for t in tensors
    )


def _vector(v: Any, name: str, like: Tensors, many: bool, create_graph: bool) -> Tensors:
    _, vs = _prepared(v, "v", name, create_graph, False)
    if len(vs) != len(like):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (one, other) in enumerate(zip(vs, like, strict=True)):
        if one._a.shape != other._a.shape:
            entry = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {other.shape} but got {one.shape}.")
    return vs


def _direction(v: Any, name: str, xs: Tensors, many: bool, create_graph: bool) -> Any:
    """A vector of the structure of the inputs."""
    if v is not None:
        return _vector(v, name, xs, many, create_graph)
    if len(xs) != 1 or xs[0]._a.size != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor "
            "with a single element."
        )
    return None


def _slopes(
    outs: Sequence[Any], xs: Tensors, vs: Any, create_graph: bool, retain: bool | None = None
) -> tuple[Any, ...]:
    """The gradients of those results that have one."""
    vs = (None,) * len(outs) if vs is None else vs
    kept = [(out, v) for out, v in zip(outs, vs, strict=True) if out is not None and out.requires_grad]
    if not kept:
        return (None,) * len(xs)
    some, weights = zip(*kept, strict=True)
    return grad(some, xs, weights, retain_graph=retain, create_graph=create_graph, allow_unused=True)


def _finished(tensors: Tensors, create_graph: bool) -> Tensors:
    return tensors if create_graph else tuple(t.detach() for t in tensors)


def _unpacked(values: tuple[Any, ...], many: bool) -> Any:
    return values if many else values[0]


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
