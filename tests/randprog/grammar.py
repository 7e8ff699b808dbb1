"""Random programs: from an integer to the source of a function of float arrays and scalars.

A program is plain Python and NumPy, runs in milliseconds, and returns one float in which every live array
and scalar matters. The oracle's text, which runs on complex numbers, is derived from the same tree.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from randprog.complexstep import complex_source
from randprog.control import Control
from randprog.scope import FEATURES, Scope
from randprog.shrink import variants
from randprog.statements import random_index

__all__ = ["FEATURES", "Program", "ProgramWriter"]

Argument = np.ndarray | float | int


@dataclass(frozen=True)
class Program:
    """One random program.

    Parameters
    ----------
    seed : int
        Fixes the text and the arguments.
    size : int, optional
        The wanted number of statements; drawn from 6 to 25 when not given.
    depth : int
        The deepest nesting of control flow.
    features : frozenset of str
        The constructs that may appear.
    text : str, optional
        Replaces the generated source (the arguments stay those of the seed); used by ``variants``.
    """

    seed: int
    size: int | None = None
    depth: int = 3
    features: frozenset[str] = FEATURES
    text: str | None = None

    @cached_property
    def writer(self) -> ProgramWriter:
        """The writer that has written this seed's program."""
        rng = random.Random(f"random program {self.seed}")
        size = self.size if self.size is not None else rng.randint(6, 25)
        writer = ProgramWriter(rng, self.features, size, self.depth)
        writer.write()
        return writer

    @cached_property
    def source(self) -> str:
        """The text of the module that defines ``f``."""
        return self.text if self.text is not None else "\n".join(self.writer.lines) + "\n"

    @cached_property
    def oracle_source(self) -> str:
        """The same program for complex arguments."""
        return complex_source(self.source)

    @property
    def argnums(self) -> tuple[int, ...]:
        """Positions of the float arguments."""
        return tuple(i for i, kind in enumerate(self.writer.arguments.values()) if kind[0] in "vms")

    def arguments(self) -> tuple[Argument, ...]:
        """Fresh arguments, the same values at every call."""
        rng = np.random.default_rng([7, self.seed])
        return tuple(self._argument(kind, rng) for kind in self.writer.arguments.values())

    def _argument(self, kind: str, rng: np.random.Generator) -> Argument:
        what, *numbers = kind.split(":")
        sizes = [int(number) for number in numbers]
        if what == "s":
            return float(rng.uniform(-1.2, 1.2))
        if what == "k":
            return int(rng.integers(0, 5))
        if what == "index":
            return random_index(rng, *sizes)
        value = rng.uniform(-1.2, 1.2, size=sizes)
        layout = rng.integers(0, 8)
        if "layout" not in self.features or layout > 1:
            return value
        if len(sizes) == 2 and layout == 0:
            return np.asfortranarray(value)
        spaced = np.zeros((*sizes[:-1], 2 * sizes[-1]))
        spaced[..., ::2] = value
        return spaced[..., ::2]

    def variants(self) -> Iterator[Program]:
        """Smaller programs: one statement removed, one block unwrapped, or one expression cut down."""
        for text in variants(self.source):
            yield replace(self, text=text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Program, (self.seed, self.size, self.depth, self.features, self.text)


class ProgramWriter(Control):
    """Writes the module: imports, helpers, ``f``."""

    def __init__(self, rng: random.Random, features: frozenset[str], size: int, depth: int) -> None:
        super().__init__(rng, features, size, depth)
        self.arguments: dict[str, str] = {}
        self.columns = rng.randint(3, 4)
        self.rows = rng.choice([2, 3, self.columns])
        self.helpers: dict[str, str] = {}

    def write(self) -> None:
        """Write the whole module."""
        self._choose_arguments()
        for line in ("import math", "", "import numpy as np", ""):
            self.lines.append(line)
        budget = self.budget
        self._helpers()
        self.budget = budget
        self.lines += ["", f"def f({', '.join(self.arguments)}):"]
        self.level, self.may_return = 1, True
        self._enter()
        while self.budget > 0:
            self.statement()
        self.emit(f"return {self.finish()}")
        ast.parse("\n".join(self.lines))

    def _choose_arguments(self) -> None:
        n, m = self.columns, self.rows
        self.arguments["x"] = f"v:{n}"
        if self.has("matrix"):
            self.arguments["a"] = f"m:{m}:{n}"
        self.arguments["s"] = "s"
        if self.chance(0.4):
            self.arguments["w"] = f"v:{self.pick([n, m, 5])}"
        if self.chance(0.3):
            self.arguments["r"] = "s"
        if self.chance(0.3):
            self.arguments["k"] = "k"
        if self.has("fancy") and self.chance(0.35):
            self.arguments["idx"] = f"index:{self.pick([n, m])}:{n}"

    def _enter(self) -> None:
        self.scope = Scope(functions=dict(self.helpers))
        for name, kind in self.arguments.items():
            what, *numbers = kind.split(":")
            sizes = tuple(int(number) for number in numbers)
            if what in "vm":
                self.scope.arrays[name] = sizes
                if not self.has("mutate_args"):
                    self.scope.frozen.add(name)
            elif what == "s":
                self.scope.scalars.append(name)
            elif what == "index":
                self.scope.indexes[name] = (sizes[0], sizes[1])
            else:
                self.scope.ints[name] = (0, 4)
        if self.has("matrix"):
            self.emit("m, n = a.shape")
            self.scope.ints["m"] = (self.rows, self.rows)
        else:
            self.emit(self.pick(["n = x.shape[0]", "n = len(x)"]))
        self.scope.ints["n"] = (self.columns, self.columns)
        if not self.has("mutate_args"):
            self.emit("y = x.copy()")
            self.scope.arrays["y"] = (self.columns,)
        if self.has("fancy") and "idx" not in self.arguments and self.chance(0.25):
            index = [self.rng.randrange(self.columns) for _ in range(self.columns - 1)]
            index.append(index[0])
            self.emit(f"at = np.array({index})")
            self.scope.indexes["at"] = (self.columns, self.columns)

    def _define(self, name: str, kind: str, parameters: str) -> None:
        self.helpers[name] = kind
        self.lines += ["", f"def {name}({parameters}):"]

    def _helpers(self) -> None:
        if self.has("helper") and self.chance(0.4):
            self._define("damp", "scalar", "p, q")
            with self.block():
                self.scope = Scope(scalars=["p", "q"])
                self._helper_body(self.rng.randint(0, 2))
                self.emit(f"return {self.bounded(2)} + 0.3 * p")
        if self.has("helper_writes") and self.chance(0.4):
            self._define("relax", f"writes:{self.columns}", "buf, src, c")
            with self.block():
                self.scope = Scope(scalars=["c"], frozen={"src"})
                self.scope.arrays = {"buf": (self.columns,), "src": (self.columns,)}
                self._helper_body(1)
                self.element_store()
        if self.has("helper_alias") and self.has("alias") and self.chance(0.2):
            self._define("either", "alias", "p, q, c")
            with self.block():
                self.emit(f"if c > {self.literal()}:")
                self.emit("    return p")
                self.emit("return q")
        if self.has("recursion") and self.chance(0.05):
            self._define("nest", "recursive", "p, d")
            with self.block():
                self.emit("if d == 0:")
                self.emit("    return np.sin(p)")
                self.emit(f"return {self.literal()} * nest(np.tanh(p), d - 1) + 0.2 * p")
            self._define("nested", "scalar", "p, q")
            with self.block():
                self.emit(f"return q * nest(p, {self.rng.randint(1, 3)})")

    def _helper_body(self, count: int) -> None:
        if self.scope.arrays:
            self.statements(count)
        else:
            for _ in range(count):
                self.pick([self.scalar_new, self.scalar_update, self.branch_scalar])()

    def branch_scalar(self) -> None:
        """A branch of a helper that knows scalars only."""
        self.emit(f"if {self.comparison()}:")
        with self.block():
            self.scalar_update()
