"""The corpus: ordinary user functions, each with sample arguments. Every oracle runs over all of them.

A program is a plain Python function of scalars, arrays and pytrees that returns one float.
Adding one needs no test: put it into a file of its family, decorated with `program`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """One function of the corpus.

    `args(rng)` makes fresh arguments; `argnums` are the differentiated ones; `second` says whether its second
    derivative is smooth enough to be compared with finite differences of the first.
    """

    fn: Callable[..., Any]
    args: Callable[[np.random.Generator], tuple]
    argnums: tuple[int, ...]
    second: bool
    rtol: float

    @property
    def name(self) -> str:
        """`family.function`, the test id."""
        return f"{self.fn.__module__.rsplit('.', 1)[-1]}.{self.fn.__name__}"


PROGRAMS: list[Program] = []


def program(
    args: Callable[[np.random.Generator], tuple],
    *,
    argnums: tuple[int, ...] = (0,),
    second: bool = True,
    rtol: float = 1e-6,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function in the corpus and return it unchanged."""

    def enter(fn: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(fn, args, argnums, second, rtol))
        return fn

    return enter
