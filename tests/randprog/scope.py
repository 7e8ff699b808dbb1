"""The state of the random program writer: names in scope, indentation, random choices."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
Shape = tuple[int, ...]

FEATURES: frozenset[str] = frozenset(
    {
        "abs", "alias", "alloc_in_loop", "aug_element", "break", "chained", "closure", "continue", "dot",
        "fancy", "for", "for_else", "helper", "helper_alias", "helper_writes", "if", "int_accumulator",
        "int_cast", "iterate", "lambda", "layout", "lists", "loop_var_after", "mask", "matrix", "maximum",
        "mutate_args", "negative_index", "rebind", "recursion", "reduce", "reduce_max", "reshape", "return",
        "scratch", "slices", "swap", "ternary", "transpose", "tuple", "view", "where", "while", "whole",
    }
)  # fmt: skip


@dataclass
class Scope:
    """Names that are surely bound at this point of the program, with all that is known about them."""

    scalars: list[str] = field(default_factory=list)
    ints: dict[str, tuple[int, int]] = field(default_factory=dict)
    counters: list[str] = field(default_factory=list)
    arrays: dict[str, Shape] = field(default_factory=dict)
    indexes: dict[str, tuple[int, int]] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)

    def child(self) -> Scope:
        """A copy for a nested block: what the block binds is forgotten at its end."""
        return Scope(
            list(self.scalars),
            dict(self.ints),
            list(self.counters),
            dict(self.arrays),
            dict(self.indexes),
            dict(self.functions),
            set(self.frozen),
            set(self.fixed),
        )


class Writer:
    """Lines of source under construction, and seeded choices.

    Parameters
    ----------
    rng : random.Random
        The only source of randomness, so that a seed fixes the text.
    features : frozenset of str
        The constructs that may appear (see ``FEATURES``).
    size : int
        The wanted number of statements.
    depth : int
        The deepest nesting of control flow.
    """

    def __init__(self, rng: random.Random, features: frozenset[str], size: int, depth: int) -> None:
        self.rng = rng
        self.features = features
        self.budget = size
        self.depth = depth
        self.lines: list[str] = []
        self.level = 0
        self.nesting = 0
        self.loops: list[str] = []
        self.may_return = False
        self.scope = Scope()
        self._names: dict[str, int] = {}

    def has(self, feature: str) -> bool:
        """Whether a construct may appear."""
        if feature not in FEATURES:
            raise ValueError(f"unknown feature {feature!r}")
        return feature in self.features

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[self.rng.randrange(len(options))]

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rng.random() < probability

    def literal(self) -> str:
        """A positive number with three digits, so that exact ties stay rare."""
        return f"{self.rng.randrange(101, 950) / 1000.0:.3f}"

    def fresh(self, prefix: str) -> str:
        """A name not yet used in the program."""
        self._names[prefix] = self._names.get(prefix, 0) + 1
        return f"{prefix}{self._names[prefix]}"

    def emit(self, text: str) -> None:
        """Append one line at the current indentation."""
        self.lines.append("    " * self.level + text)
        self.budget -= 1

    @contextmanager
    def block(self, loop: str = "") -> Iterator[None]:
        """An indented block with a scope of its own; ``loop`` is ``"for"`` or ``"while"`` for loop bodies."""
        outer = self.scope
        self.scope = outer.child()
        self.level += 1
        self.nesting += 1
        if loop:
            self.loops.append(loop)
        start = len(self.lines)
        try:
            yield
        finally:
            if len(self.lines) == start:
                self.lines.append("    " * self.level + "pass")
            if loop:
                self.loops.pop()
            self.nesting -= 1
            self.level -= 1
            self.scope = outer

    def vectors(self) -> list[str]:
        """Names of the one-dimensional arrays."""
        return [name for name, shape in self.scope.arrays.items() if len(shape) == 1]

    def matrices(self) -> list[str]:
        """Names of the two-dimensional arrays."""
        return [name for name, shape in self.scope.arrays.items() if len(shape) == 2]

    def writable(self, rank: int = 0) -> list[str]:
        """Names of the arrays that may be written, of one rank or (0) of any."""
        return [
            name
            for name, shape in self.scope.arrays.items()
            if name not in self.scope.frozen and rank in (0, len(shape))
        ]

    def size_text(self, size: int) -> str:
        """A size as the program would write it: a name if one is bound, otherwise a number."""
        names = [name for name, bounds in self.scope.ints.items() if bounds == (size, size)]
        arrays = [f"len({name})" for name, shape in self.scope.arrays.items() if shape[0] == size]
        options = names * 3 + arrays[:1] + [str(size)]
        return self.pick(options)
