"""What a benchmark is: a function as its author wrote it, arguments of several sizes, and rivals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]
Factory = Callable[[], Function]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A function of NumPy code that returns a number, and the same function written for other libraries.

    If its Jacobian is wanted it returns an array. What is written for rivals then computes the Jacobian.

    Every rival takes the arguments of `fn` in the same order. Integers, booleans and strings among them are
    static: JAX compiles for their values. A factory imports its library only when it is called.

    Parameters
    ----------
    name
        Unique within the family; a word without spaces.
    family
        The folder that the case lives in, a key of `benchmarks.registry.FAMILIES`.
    fn
        The plain Python function that is differentiated. It changes none of its arguments.
    args
        From a size to the arguments; the same size gives the same arguments.
    sizes
        Ascending. The first is for tests, the others for `--growth`, the last for the table, the one in the
        middle for `--quick`.
    argnums
        The arguments that are differentiated. The gradient is a tuple, also of one.
    primal
        The same function in a form that Numba compiles, if it does not compile `fn`.
    hand
        A plain Python function, to be compiled by Numba, that returns the value and the tuple of gradients,
        or the Jacobian alone.
    jax
        Gives the function as an expert of JAX writes it: vectorised, `scan` and `fori_loop` where needed; or
        the function that computes the Jacobian.
    jax_loops
        Gives a port to JAX loop by loop, with `fori_loop` and `.at[].set`.
    torch
        Gives the function of tensors as an expert of PyTorch writes it.
    autograd
        Gives the function written with `autograd.numpy`.
    jacobian
        Whether the Jacobian is wanted, by `pb.jacobian`: a tuple of arrays, one for each of `argnums`.
    rtol
        The tolerance of comparisons of gradients, relative to the largest entry of each array.
    note
        What a reader of the table should know.
    """

    name: str
    family: str
    fn: Function
    args: Callable[[int], tuple[Any, ...]]
    sizes: tuple[int, ...]
    argnums: tuple[int, ...]
    primal: Function | None = None
    hand: Function | None = None
    jax: Factory | None = None
    jax_loops: Factory | None = None
    torch: Factory | None = None
    autograd: Factory | None = None
    jacobian: bool = False
    rtol: float = 1e-8
    note: str = ""

    def __post_init__(self) -> None:
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"{self.name}: sizes must ascend: {self.sizes}")
        if not self.argnums:
            raise ValueError(f"{self.name}: no argument is differentiated")

    @property
    def growth(self) -> tuple[int, ...]:
        """The sizes that are worth measuring."""
        return self.sizes[1:] or self.sizes

    @property
    def quick_size(self) -> int:
        """The size of a quick run."""
        return self.sizes[len(self.sizes) // 2] if len(self.sizes) > 2 else self.sizes[0]
