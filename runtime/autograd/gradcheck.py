"""`gradcheck`: gradients compared with finite differences, and those of gradients.

A complex result is considered twice, its real and its imaginary part; the gradient of a real number with
respect to a complex one is the derivative by its real part plus i times that by its imaginary part.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tape.node import Recorded, wrap
from ..tape.record import requires
from ..tensor.backward import grad
from ..tensor.tensor import Tensor
from .function import Function

Array = np.ndarray[Any, Any]


class GradcheckError(RuntimeError):
    """Raised by `gradcheck` and `gradgradcheck` if a gradient is wrong."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of a function with central differences.

    Parameters
    ----------
    func
        A function of tensors that gives a tensor or a tuple of them.
    inputs
        A tensor or a tuple; those that require a gradient should be float64 or complex128.
    eps
        The step of the differences.
    atol, rtol
        The tolerances.
    raise_exception
        Raise if a gradient is wrong, instead of giving False.
    nondet_tol
        By how much two backward passes may differ.
    check_undefined_grad
        Whether backward must stand results that nothing depends on.
    check_grad_dtypes
        Whether gradients must have the dtype of their input.
    check_batched_grad, check_backward_ad, fast_mode, masked
        Have no effect: all entries are always checked, without a batch.
    check_forward_ad, check_batched_forward_grad
        Must be False: tensors have no forward mode.

    Returns
    -------
    bool
        Whether all is right.

    Raises
    ------
    GradcheckError
        If a gradient is wrong.
    ValueError
        If no input requires a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([0.5, 1.0], dtype=pb.float64, requires_grad=True)
    >>> pb.autograd.gradcheck(pb.sin, x)
    True
    """
    if check_forward_ad or check_batched_forward_grad:
        raise ValueError("tensors have no forward mode: check_forward_ad must be False")
    try:
        _Check(func, _tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes).run(check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare the gradients of the gradients of a function with central differences.

    Parameters
    ----------
    func, inputs, eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes
        As for `gradcheck`.
    grad_outputs
        Cotangents of the results; random ones without.
    gen_non_contig_grad_outputs
        Make those not contiguous.
    check_batched_grad, check_rev_over_rev, fast_mode, masked
        Have no effect.
    check_fwd_over_rev
        Must be False: tensors have no forward mode.

    Returns
    -------
    bool
        Whether all is right.

    Raises
    ------
    GradcheckError
        If a gradient is wrong.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([0.5, 1.0], dtype=pb.float64, requires_grad=True)
    >>> pb.autograd.gradgradcheck(pb.sin, x)
    True
    """
    if check_fwd_over_rev:
        raise ValueError("tensors have no forward mode: check_fwd_over_rev must be False")
    xs = _tuple(inputs)
    if grad_outputs is None:
        gs = _random(_wanted(_tuple(func(*xs))), gen_non_contig_grad_outputs)
    else:
        gs = _tuple(grad_outputs)

    def slopes(*args: Any) -> tuple[Tensor, ...]:
        values, weights = args[: len(xs)], args[len(xs) :]
        outs = _wanted(_tuple(func(*values)))
        leaves = _wanted(values)
        found = grad(outs, leaves, weights, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        slopes,
        (*xs, *gs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
    )


def _random(outs: Sequence[Tensor], strided: bool) -> tuple[Tensor, ...]:
    """Cotangents for results."""
    rng = np.random.default_rng(0)
    made = []
    for out in outs:
        array = rng.standard_normal((*out._a.shape, 2))
        if out._a.dtype.kind == "c":
            array = array + 1j * rng.standard_normal(array.shape)
        array = array.astype(out._a.dtype)[..., 0]
        made.append(wrap(Tensor, array if strided else np.array(array)).requires_grad_())
    return tuple(made)


class _Undefined(Function):
    """The identity, whose argument gets no cotangent."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return None


class _Check:
    """One comparison: a function at some inputs."""

    def __init__(
        self,
        func: Callable[..., Any],
        inputs: tuple[Any, ...],
        eps: float,
        atol: float,
        rtol: float,
        nondet: float,
        dtypes: bool,
    ) -> None:
        self.func, self.inputs, self.eps, self.atol, self.rtol = func, inputs, eps, atol, rtol
        self.nondet, self.dtypes = nondet, dtypes
        self.leaves = _wanted(inputs)
        if not self.leaves:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of them have "
                "requires_grad=True."
            )
        for k, x in enumerate(inputs):
            if requires(x):
                _check_input(k, x)

    def run(self, undefined: bool) -> None:
        found = _tuple(self.func(*self.inputs))
        outs = _wanted(found)
        if not outs:
            self._constant(found)
            return
        for i, out in enumerate(outs):
            for part in ("imaginary", "real") if out._a.dtype.kind == "c" else ("",):
                self._compare(i, out, part)
        self._zero(outs, "backward not multiplied by grad_output")
        if undefined:
            self._undefined(len(outs))

    def _values(self) -> list[Array]:
        """The results at the inputs as they are now."""
        return [np.array(out._a) for out in _wanted(_tuple(self.func(*self.inputs)))]

    def _constant(self, outs: Sequence[Any]) -> None:
        """Results that are not recorded must not depend on the inputs."""

        def values() -> list[Array]:
            return [np.array(o._a) for o in _tuple(self.func(*self.inputs)) if isinstance(o, Recorded)]

        for x in self.leaves:
            for change in self._differences(x, values):
                if any(np.abs(c).max(initial=0) > self.atol for c in change):
                    raise GradcheckError("Numerical gradient for function expected to be zero")

    def _differences(self, x: Tensor, values: Callable[[], list[Array]]) -> list[list[Array]]:
        """The derivatives of all results by each element of an input: by real, then by imaginary parts."""
        found = []
        steps = (self.eps, 1j * self.eps) if x._a.dtype.kind == "c" else (self.eps,)
        for step in steps:
            for place in np.ndindex(x._a.shape):
                known = x._a[place]
                x._a[place] = known + step
                above = values()
                x._a[place] = known - step
                below = values()
                x._a[place] = known
                found.append([(a - b) / (2 * self.eps) for a, b in zip(above, below, strict=True)])
        return found

    def _compare(self, i: int, out: Tensor, part: str) -> None:
        for j, x in enumerate(self.leaves):
            changes = [change[i].ravel() for change in self._differences(x, self._values)]
            numerical = np.array(changes).reshape(len(changes), out._a.size)
            numerical = numerical.imag if part == "imaginary" else numerical.real
            if x._a.dtype.kind == "c":
                numerical = numerical[: x._a.size] + 1j * numerical[x._a.size :]
            analytical = self._analytical(out, x, 1j if part == "imaginary" else 1)
            if not np.allclose(analytical, numerical, self.rtol, self.atol, equal_nan=True):
                which = f"While considering the {part} part of complex outputs only, " if part else ""
                shown = [wrap(Tensor, a) for a in (numerical, analytical)]
                raise GradcheckError(
                    f"{which}Jacobian mismatch for output {i} with respect to input {j},\n"
                    f"numerical:{shown[0]}\nanalytical:{shown[1]}\n"
                )

    def _analytical(self, out: Tensor, x: Tensor, unit: complex) -> Array:
        """The gradients of each element of a result, as columns."""
        jacobian = np.zeros((x._a.size, out._a.size), x._a.dtype)
        for k, place in enumerate(np.ndindex(out._a.shape)):
            weight = np.zeros_like(out._a)
            weight[place] = unit
            once, again = (
                grad(out, x, wrap(Tensor, weight.copy()), retain_graph=True, allow_unused=True)[0]
                for _ in range(2)
            )
            if once is None:
                continue
            if self.dtypes and once._a.dtype != x._a.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            if np.abs(once._a - again._a).max(initial=0) > self.nondet:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple times gives different values, although analytical gradient matches numerical "
                    f"gradient.The tolerance for nondeterminism was {self.nondet}."
                )
            jacobian[:, k] = once._a.ravel()
        return jacobian

    def _zero(self, outs: Sequence[Tensor], complaint: str) -> None:
        """Cotangents of zero must give gradients of zero."""
        zeros = [wrap(Tensor, np.zeros_like(out._a)) for out in outs]
        for g in grad(outs, self.leaves, zeros, allow_unused=True):
            if g is not None and g._a.any():
                raise GradcheckError(complaint)

    def _undefined(self, count: int) -> None:
        """Results that nothing depends on, all or one of several, must do no harm."""
        for unused in [range(count), *([k] for k in range(count) if count > 1)]:
            outs = _wanted(_tuple(self.func(*self.inputs)))
            outs = [_Undefined.apply(out) if k in unused else out for k, out in enumerate(outs)]
            try:
                self._zero(
                    outs,
                    "Expected all input grads to be undefined or zero when all output grads are undefined or "
                    "zero.",
                )
            except GradcheckError:
                raise
            except RuntimeError as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads."
                ) from error


def _check_input(k: int, x: Tensor) -> None:
    if x._a.dtype not in (np.float64, np.complex128):
        warnings.warn(
            f"Input #{k} requires gradient and is not a double precision floating point or complex. This "
            "check will likely fail if all the inputs are not of double precision floating point or "
            "complex. ",
            UserWarning,
            stacklevel=5,
        )
    if any(step == 0 and n > 1 for step, n in zip(x._a.strides, x._a.shape, strict=True)):
        raise RuntimeError(
            f"The {k}th input has a dimension with stride 0. gradcheck only supports inputs that are "
            "non-overlapping to be able to compute the numerical gradients correctly. You should call "
            ".contiguous on the input before passing it to gradcheck."
        )


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _wanted(values: Sequence[Any]) -> list[Any]:
    """The tensors that require a gradient."""
    return [v for v in values if isinstance(v, Recorded) and requires(v)]


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
