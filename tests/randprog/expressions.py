"""Random expressions: scalars, conditions, vectors and matrices whose magnitudes stay near one."""

from __future__ import annotations

from collections.abc import Callable

from randprog.scope import Shape, Writer


class Expressions(Writer):
    """Writes expressions over the names in scope."""

    def index(self, size: int) -> str:
        """An index that is in range for an axis of the given size."""
        options = [str(self.rng.randrange(size))]
        if self.has("negative_index"):
            options.append(str(-1 - self.rng.randrange(size)))
        lowest = -size if self.has("negative_index") else 0
        for name, (low, high) in self.scope.ints.items():
            if low >= 0 and high < size:
                options += [name] * 5
                if low != high:
                    options += [f"{self.size_text(size)} - 1 - {name}"] * 2
            if low - 1 >= lowest and high - 1 < size:
                options += [f"{name} - 1"] * 2
            if low >= 0 and high + 1 < size:
                options += [f"{name} + 1"] * 2
            if low != high:
                options.append(f"({name} + {self.rng.randrange(1, 4)}) % {self.size_text(size)}")
        for name in self.scope.counters:
            options.append(f"{name} % {self.size_text(size)}")
        for name, (length, bound) in self.scope.indexes.items():
            if bound <= size:
                options.append(f"{name}[{self.rng.randrange(length)}]")
        return self.pick(options)

    def element_of(self, name: str) -> str:
        """One element of a named array."""
        shape = self.scope.arrays[name]
        parts = [self.index(size) for size in shape]
        if len(parts) == 2 and self.chance(0.15):
            return f"{name}[{parts[0]}][{parts[1]}]"
        return f"{name}[{', '.join(parts)}]"

    def atom(self) -> str:
        """A scalar without operators."""
        roll = self.rng.random()
        if self.scope.arrays and roll < 0.5:
            return self.element_of(self.pick(list(self.scope.arrays)))
        if self.scope.scalars and roll < 0.9:
            return self.pick(self.scope.scalars)
        varying = [name for name, (low, high) in self.scope.ints.items() if low != high]
        if (varying or self.scope.counters) and roll < 0.95:
            return f"{self.literal()} * {self.pick(varying + self.scope.counters)}"
        return self.literal()

    def scalar(self, depth: int) -> str:
        """A scalar expression."""
        if depth <= 0:
            return self.atom()
        options: list[Callable[[int], str]] = []
        options += [self._arithmetic] * 4
        options += [self._smooth] * 5
        options += [self._rational] * 2
        if self.has("abs") or self.has("maximum") or self.has("ternary") or self.has("where"):
            options.append(self._kinked)
        if self.has("reduce") and self.scope.arrays:
            options.append(self._reduction)
        if self._callable("scalar"):
            options += [self._call] * 2
        return self.pick(options)(depth - 1)

    def _callable(self, kind: str) -> list[str]:
        return [name for name, what in self.scope.functions.items() if what == kind]

    def _call(self, depth: int) -> str:
        return f"{self.pick(self._callable('scalar'))}({self.scalar(depth)}, {self.atom()})"

    def _arithmetic(self, depth: int) -> str:
        left, right = self.scalar(depth), self.scalar(depth)
        return self.pick(
            [
                f"({left} + {right})",
                f"({left} - {right})",
                f"{self.literal()} * {left} * {right}",
                f"(-{left})",
            ]
        )

    def _smooth(self, depth: int) -> str:
        module = self.pick(["np", "np", "math"])
        name = self.pick(["sin", "cos", "tanh"])
        return f"{module}.{name}({self.scalar(depth)})"

    def _rational(self, depth: int) -> str:
        inner, value = self.atom(), self.scalar(depth)
        return self.pick(
            [
                f"{value} / (2.0 + {inner} * {inner})",
                f"np.exp(-(({inner}) ** 2))",
                f"math.exp({self.literal()} * math.sin({value}))",
                f"np.sqrt(1.0 + ({inner}) ** 2)",
                f"{self.literal()} * ({inner}) ** 2",
                f"0.1 * np.tanh({value}) ** 3",
                f"np.log(1.5 + {inner} * {inner})",
                f"(2.0 + np.cos({inner})) ** -1.5",
                f"(1.2 + np.sin({value})) ** {self.literal()}",
            ]
        )

    def _kinked(self, depth: int) -> str:
        left, right = self.scalar(depth), self.scalar(depth)
        options = []
        if self.has("abs"):
            options += [f"abs({left})", f"np.abs({left})"]
        if self.has("maximum"):
            options += [f"{name}({left}, {right})" for name in ("max", "min", "np.maximum", "np.minimum")]
        if self.has("ternary"):
            options += [f"({left} if {self.condition()} else {right})"] * 2
        if self.has("where"):
            # A bare np.where of scalars is a 0-d array, which an augmented assignment would change in place.
            options.append(f"1.0 * np.where({self.comparison()}, {left}, {right})")
        return self.pick(options)

    def _reduction(self, depth: int) -> str:
        name = self.pick(list(self.scope.arrays))
        options = [f"np.mean({name})", f"{name}.mean()", f"np.sum({name})", f"np.mean(np.sin({name}))"]
        if self.has("reduce_max"):
            options += [f"np.max({name})", f"{name}.min()", f"np.sum({name}.max(axis=0))"]
        if self.has("dot") and len(self.scope.arrays[name]) == 1:
            other = self.vector(self.scope.arrays[name][0], depth)
            options += [f"0.3 * np.dot({name}, {other})", f"0.3 * ({name} @ ({other}))"]
        if self.has("matrix"):
            options += [f"np.mean({name}, axis=0).sum()"]
        return self.pick(options)

    def comparison(self) -> str:
        """A comparison of two floats."""
        operator = self.pick(["<", ">", "<=", ">="])
        left = self.scalar(1) if self.chance(0.4) else self.atom()
        right = self.atom() if self.chance(0.3) else left
        if right == left:
            right = self.pick(["", "-"]) + self.literal()
        return f"{left} {operator} {right}"

    def condition(self) -> str:
        """A condition on values, on indexes, or on both."""
        varying = [name for name, (low, high) in self.scope.ints.items() if low != high]
        roll = self.rng.random()
        if varying and roll < 0.3:
            name, other = self.pick(varying), self.pick(varying)
            tests = [f"{name} % 2 == 0", f"{name} > 1", f"{name} != {self.rng.randrange(3)}"]
            if other != name:
                tests += [f"{name} == {other}", f"{name} < {other}"]
            return self.pick(tests)
        if self.has("chained") and roll < 0.4:
            return f"-{self.literal()} < {self.atom()} < {self.literal()}"
        if roll < 0.5:
            return f"{self.comparison()} {self.pick(['and', 'or'])} {self.comparison()}"
        if roll < 0.55:
            return f"not {self.comparison()}"
        return self.comparison()

    def vector_atoms(self, length: int) -> list[str]:
        """Array-valued texts of one dimension and the given length, without arithmetic."""
        found: list[str] = []
        for name, shape in self.scope.arrays.items():
            if len(shape) == 1:
                found += self._vector_views(name, shape[0], length)
            elif self.has("matrix"):
                if shape[1] == length:
                    found.append(f"{name}[{self.index(shape[0])}]")
                if shape[0] == length:
                    found.append(f"{name}[:, {self.index(shape[1])}]")
        return found

    def _vector_views(self, name: str, size: int, length: int) -> list[str]:
        found = [name, name] if size == length else []
        if self.has("slices"):
            found += [f"{name}{text}" for text in slices_of(size, length)]
        if self.has("fancy"):
            for index, (count, bound) in self.scope.indexes.items():
                if count == length and bound <= size:
                    found.append(f"{name}[{index}]")
        return found

    def vector(self, length: int, depth: int) -> str:
        """A one-dimensional array expression."""
        atoms = self.vector_atoms(length)
        if not atoms:
            return f"np.full({self.size_text(length)}, {self.atom()})"
        if depth <= 0:
            return self.pick(atoms)
        left, right = self.vector(length, depth - 1), self.pick(atoms)
        options = [
            f"({left} + {right})",
            f"({left} - {self.literal()} * {right})",
            f"{self.literal()} * {left} * {right}",
            f"np.sin({left})",
            f"np.tanh({left} + {self.atom()})",
            f"{left} / (2.0 + {right} ** 2)",
            f"{self.atom()} * np.cos({left})",
            f"np.exp(-({right} ** 2))",
        ]
        if self.has("where"):
            options.append(f"np.where({right} > {self.literal()}, {left}, 0.5 * {right})")
        if self.has("maximum"):
            options.append(f"np.maximum({left}, {self.literal()} * {right} - {self.literal()})")
        options += self._vector_products(length)
        return self.pick(options)

    def _vector_products(self, length: int) -> list[str]:
        options = []
        for name in self.matrices():
            rows, columns = self.scope.arrays[name]
            if self.has("dot") and rows == length:
                options.append(f"0.4 * ({name} @ {self.vector(columns, 0)})")
            if self.has("dot") and self.has("transpose") and columns == length:
                options.append(f"0.4 * np.dot({name}.T, {self.vector(rows, 0)})")
            if self.has("reduce") and columns == length:
                options.append(f"{name}.mean(axis=0)")
            if self.has("reduce_max") and rows == length:
                options.append(f"np.max({name}, axis=1)")
        return options

    def matrix(self, shape: Shape, depth: int) -> str:
        """A two-dimensional array expression."""
        rows, columns = shape
        atoms = [name for name in self.matrices() if self.scope.arrays[name] == shape]
        if self.has("transpose"):
            atoms += [f"{name}.T" for name in self.matrices() if self.scope.arrays[name] == (columns, rows)]
        if not atoms or (depth > 0 and self.chance(0.2)):
            atoms = [f"np.outer({self.vector(rows, 0)}, {self.vector(columns, 0)})"]
        if depth <= 0:
            return self.pick(atoms)
        left, right = self.matrix(shape, depth - 1), self.pick(atoms)
        column = self.vector_atoms(rows)
        options = [
            f"({left} + {self.literal()} * {right})",
            f"np.sin({left})",
            f"np.tanh({left} * {right})",
            f"{self.atom()} * {left}",
            f"({left} + 0.3 * {self.vector(columns, 0)})",
            f"{left} / (1.5 + {right} * {right})",
        ]
        if column:
            options.append(f"{left} * {self.pick(column)}[:, None]")
        if self.has("where"):
            options.append(f"np.where({right} > {self.literal()}, {left}, {self.atom()})")
        return self.pick(options)

    def array(self, shape: Shape, depth: int) -> str:
        """An array expression of the given shape."""
        return self.vector(shape[0], depth) if len(shape) == 1 else self.matrix(shape, depth)

    def bounded(self, depth: int) -> str:
        """A scalar expression whose value is of order one."""
        inner = self.scalar(depth)
        return self.pick([f"np.tanh({inner})", f"np.sin({inner})", f"math.cos({inner})", f"0.7 * {inner}"])


def slices_of(size: int, length: int) -> list[str]:
    """Slices that take ``length`` of ``size`` elements."""
    candidates = [
        "[1:]",
        "[:-1]",
        "[::-1]",
        "[::2]",
        "[1::2]",
        "[1:-1]",
        "[:2]",
        "[-2:]",
        "[::-2]",
        "[-2::-1]",
        "[2:]",
    ]
    whole = range(size)
    kept = []
    for text in candidates:
        parts = [int(part) if part else None for part in text[1:-1].split(":")]
        if len(whole[slice(*parts)]) == length:
            kept.append(text)
    return kept
