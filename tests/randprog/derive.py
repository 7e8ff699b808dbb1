"""The one place that calls the system under test, and the comparison with the oracle."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from randprog.grammar import Program
from randprog.oracle import Case, Rejected, fresh, run

PASSED, FELL_BACK, REFUSED, REJECTED, FAILED = "passed", "fell back", "refused", "rejected", "failed"
Derivative = Callable[..., tuple[Any, Any]]
Derive = Callable[[Callable[..., float], tuple[int, ...], bool], Derivative]


@dataclass(frozen=True)
class Outcome:
    """What became of one program: one of the five words, and why."""

    seed: int
    status: str
    detail: str = ""


def derive(fn: Callable[..., float], argnums: tuple[int, ...], jit: bool) -> Derivative:
    """The derivative under test: a function that returns the value and a tuple of gradients.

    Parameters
    ----------
    fn : callable
        The program.
    argnums : tuple of int
        Positions of the arguments to differentiate with respect to.
    jit : bool
        Whether the generated source goes through Numba, or runs as plain Python.
    """
    import pullback as pb

    derivative: Derivative = pb.value_and_grad(fn, argnums=argnums, jit=jit)
    return derivative


def is_refusal(error: BaseException) -> bool:
    """Whether an exception is the clear refusal that is always allowed."""
    return any(kind.__name__ == "UnsupportedError" for kind in type(error).__mro__)


def judge(program: Program | int, jit: bool, derive: Derive = derive) -> Outcome:
    """Compare the derivative of one program with the oracle.

    Parameters
    ----------
    program : Program or int
        A program or a seed.
    jit : bool
        Passed to ``derive``.
    derive : callable
        Makes the derivative; replaced in the generator's own tests.

    Returns
    -------
    Outcome
        ``rejected`` where the program is of no use, ``refused`` where ``UnsupportedError`` was raised,
        ``fell back`` where the answer is right but came with a ``FallbackWarning``.
    """
    seed = program if isinstance(program, int) else program.seed
    try:
        case = run(program)
    except (Rejected, OverflowError) as error:  # Python's complex power overflows loudly
        return Outcome(seed, REJECTED, str(error))
    try:
        return _judge_case(case, jit, derive)
    finally:
        case.close()


def _judge_case(case: Case, jit: bool, derive: Derive) -> Outcome:
    seed = case.program.seed
    args = fresh(case.args)
    try:
        # A fallback to the tape is allowed, and told apart: its answer has to be right as well.
        with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value, grads = derive(case.fn, case.argnums, jit)(*args)
    except Exception as error:
        status = REFUSED if is_refusal(error) else FAILED
        return Outcome(seed, status, f"{type(error).__name__}: {error}".splitlines()[0][:300])
    fault = first_fault(case, args, float(value), tuple(grads))
    if fault:
        return Outcome(seed, FAILED, fault)
    fallbacks = [str(item.message) for item in caught if item.category.__name__ == "FallbackWarning"]
    return Outcome(
        seed, FELL_BACK if fallbacks else PASSED, " ".join(fallbacks).splitlines()[0] if fallbacks else ""
    )


def first_fault(case: Case, args: Sequence[Any], value: float, grads: Sequence[Any]) -> str:
    """The first thing that is wrong with an answer, or an empty string."""
    if not abs(value - case.value) <= 1e-10 * (1.0 + abs(case.value)):
        return f"value {value!r}, expected {case.value!r}"
    if len(grads) != len(case.grads):
        return f"{len(grads)} gradients, expected {len(case.grads)}"
    for position, (before, after) in enumerate(zip(case.args, args, strict=True)):
        if not np.array_equal(before, after):
            return f"argument {position} was changed"
    scale = max([1.0, *(float(np.max(np.abs(grad))) for grad in case.grads)])
    for position, grad, expected in zip(case.argnums, grads, case.grads, strict=True):
        if np.shape(grad) != np.shape(expected) or np.asarray(grad).dtype != np.float64:
            return f"gradient of argument {position} is {np.asarray(grad).dtype}{np.shape(grad)}"
        if not np.allclose(grad, expected, rtol=1e-8, atol=1e-9 * scale):
            error = np.max(np.abs(np.asarray(grad) - expected))
            return f"gradient of argument {position} is off by {error:.3e} (scale {scale:.3g})"
    return shared_memory(args, case.argnums, grads)


def shared_memory(args: Sequence[Any], argnums: Sequence[int], grads: Sequence[Any]) -> str:
    """Names a gradient that shares memory with an argument or with another gradient."""
    arrays = [(f"argument {i}", arg) for i, arg in enumerate(args) if isinstance(arg, np.ndarray)]
    for position, grad in zip(argnums, grads, strict=True):
        if isinstance(grad, np.ndarray):
            for owner, array in arrays:
                if np.shares_memory(grad, array):
                    return f"gradient of argument {position} shares memory with {owner}"
            arrays.append((f"gradient of argument {position}", grad))
    return ""
