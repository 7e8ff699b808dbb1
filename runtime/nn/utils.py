"""`pb.nn.utils`: gradients clipped, parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tape.node import Recorded, wrap
from ..tape.views import written
from ..tensor.tensor import Tensor


def _gradients(parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Recorded) else list(parameters)
    return [p._grad for p in given if p._grad is not None]


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    """The norm of all elements of several tensors.

    Parameters
    ----------
    tensors
        The tensors.
    norm_type
        Which norm; `inf` for the largest absolute value.
    error_if_nonfinite
        Refuse infinities and NaN.
    foreach
        Has no effect.

    Returns
    -------
    Tensor
        A real number, of the widest of the dtypes.

    Raises
    ------
    RuntimeError
        If the norm is not finite, and that was asked for.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.utils.get_total_norm([pb.tensor([3.0]), pb.tensor([4.0])])
    tensor(5.)
    """
    order = float(norm_type)
    arrays = [t._a for t in ([tensors] if isinstance(tensors, Recorded) else tensors)]
    if not arrays:
        return wrap(Tensor, np.zeros((), np.float32))
    kind = np.result_type(*[a.real.dtype for a in arrays])
    norms = np.array([_norm(a.reshape(-1), order) for a in arrays], kind)
    total = np.asarray(_norm(norms, order), kind)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    made: Tensor = wrap(Tensor, total)
    return made


def _norm(vector: np.ndarray[Any, Any], order: float) -> Any:
    """The norm of a vector; of float16 in float32, because squares overflow."""
    if not vector.size:
        return 0.0
    return np.linalg.norm(vector.astype(np.float32) if vector.dtype == np.float16 else vector, order)


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor, foreach: Any = None) -> None:
    """Scale all gradients by the factor that brings a norm down to `max_norm`, if it is larger.

    Parameters
    ----------
    parameters
        Parameters, or one.
    max_norm
        The largest norm.
    total_norm
        The norm, as `get_total_norm` gives it; with NaN all gradients become NaN.
    foreach
        Has no effect.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> (8 * w).sum().backward()
    >>> pb.nn.utils.clip_grads_with_norm_([w], 2.0, pb.tensor(16.0))
    >>> w.grad
    tensor([1.0000])
    """
    factor = min(float(max_norm) / (float(total_norm._a) + 1e-6), 1.0)
    for g in _gradients(parameters):
        g._a *= g._a.dtype.type(factor)
        written(g)


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients down until their common norm is at most `max_norm`.

    Parameters
    ----------
    parameters
        Parameters, or one.
    max_norm
        The largest norm.
    norm_type
        Which norm; `inf` for the largest absolute value.
    error_if_nonfinite
        Refuse infinities and NaN.
    foreach
        Has no effect.

    Returns
    -------
    Tensor
        The norm before.

    Raises
    ------
    RuntimeError
        If the norm is not finite, and that was asked for.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> (8 * w).sum().backward()
    >>> pb.nn.utils.clip_grad_norm_([w], 2.0)
    tensor(8.)
    >>> w.grad
    tensor([2.0000])
    """
    given = [parameters] if isinstance(parameters, Recorded) else list(parameters)
    total = get_total_norm(_gradients(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: Any = None) -> None:
    """Bring all elements of gradients between `-clip_value` and `clip_value`.

    Parameters
    ----------
    parameters
        Parameters, or one.
    clip_value
        The largest absolute value.
    foreach
        Has no effect.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> (8 * w).sum().backward()
    >>> pb.nn.utils.clip_grad_value_([w], 2.0)
    >>> w.grad
    tensor([2.])
    """
    for g in _gradients(parameters):
        np.clip(g._a, -float(clip_value), float(clip_value), out=g._a)
        written(g)


def parameters_to_vector(parameters: Iterable[Any]) -> Tensor:
    """All parameters as one vector; recorded.

    Parameters
    ----------
    parameters
        The parameters.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.utils.parameters_to_vector([pb.zeros(2), pb.ones(1, 1)])
    tensor([0., 0., 1.])
    """
    made: Any = np.concatenate([p.reshape(-1) for p in parameters])
    return made


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Copy parts of a vector to parameters: the inverse of `parameters_to_vector`.

    Parameters
    ----------
    vec
        The vector.
    parameters
        The parameters.

    Raises
    ------
    TypeError
        If it is no tensor.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.zeros(2))
    >>> pb.nn.utils.vector_to_parameters(pb.tensor([1.0, 2.0]), [w])
    >>> w
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    at = 0
    for p in parameters:
        p._a[...] = vec._a[at : at + p._a.size].reshape(p._a.shape)
        at += p._a.size
        written(p)
