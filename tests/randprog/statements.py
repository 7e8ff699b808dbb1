"""Random straight-line statements: scalars, stores, slices, aliases, views, rebinding, fancy indexing."""

from __future__ import annotations

import numpy as np
from randprog.expressions import Expressions, slices_of
from randprog.scope import Shape


class Statements(Expressions):
    """Writes statements without a body."""

    def scalar_new(self) -> None:
        """``t = expression``."""
        name, text = self.fresh("t"), self.scalar(2)
        self.emit(f"{name} = {text}")
        self.scope.scalars.append(name)

    def scalar_update(self) -> None:
        """An assignment to a scalar that already has a value, plain or augmented."""
        if not self.scope.scalars:
            return self.scalar_new()
        name = self.pick(self.scope.scalars)
        self.emit(
            self.pick(
                [
                    f"{name} = {self.bounded(2)}",
                    f"{name} = 0.6 * {name} + 0.4 * {self.bounded(1)}",
                    f"{name} += {self.literal()} * {self.scalar(1)}",
                    f"{name} -= 0.3 * {self.bounded(1)}",
                    f"{name} *= 0.9 + 0.2 * np.sin({self.scalar(1)})",
                    f"{name} /= 1.2 + ({self.atom()}) ** 2",
                ]
            )
        )

    def element_store(self) -> None:
        """``y[i] = ...`` and its augmented forms, chains such as ``y[i] *= y[i - 1]`` among them."""
        names = self.writable()
        if not names:
            return self.scalar_new()
        name = self.pick(names)
        target = self.element_of(name)
        options = [
            f"{target} = {self.bounded(2)}",
            f"{target} = 0.5 * {target} + 0.4 * {self.bounded(1)}",
        ]
        if self.has("aug_element"):
            options += [
                f"{target} += 0.3 * {self.scalar(2)}",
                f"{target} -= {self.literal()} * {self.element_of(name)}",
                f"{target} *= np.cos({self.element_of(name)})",
                f"{target} *= {self.element_of(name)}",
                f"{target} /= 1.1 + {self.atom()} ** 2",
            ]
        self.emit(self.pick(options))

    def array_new(self) -> None:
        """A new array, from an expression, a copy or a constructor."""
        if self.loops and not self.has("alloc_in_loop"):
            return self.element_store()
        shape = self.pick(list(self.scope.arrays.values()))
        if len(shape) == 2 and not self.has("matrix"):
            return self.scalar_new()
        like = self.pick([name for name, other in self.scope.arrays.items() if other == shape])
        name = self.fresh("b" if len(shape) == 1 else "g")
        sizes = ", ".join(self.size_text(size) for size in shape)
        text = self.pick(
            [
                f"{like}.copy()",
                f"np.zeros_like({like})",
                f"np.zeros(({sizes},))",
                f"1.0 * {self.array(shape, 1)}",
            ]
            + [f"0.8 * {self.array(shape, 2)}"] * 3
        )
        self.emit(f"{name} = {text}")
        self.scope.arrays[name] = shape
        self.scope.fixed.add(name)

    def rebind(self) -> None:
        """``y = y + 0.1 * b``: the name gets a new array, other names keep the old one."""
        names = [name for name in self.writable() if name not in self.scope.fixed]
        if not names or not self.has("rebind"):
            return self.whole()
        name = self.pick(names)
        shape = self.scope.arrays[name]
        self.emit(
            self.pick(
                [
                    f"{name} = {name} + 0.1 * {self.array(shape, 1)}",
                    f"{name} = np.tanh({self.array(shape, 1)})",
                    f"{name} = 0.7 * {name} - 0.2 * {self.array(shape, 0)}",
                ]
            )
        )

    def whole(self) -> None:
        """A whole array updated in place."""
        names = self.writable()
        if not names or not self.has("whole"):
            return self.scalar_update()
        name = self.pick(names)
        shape = self.scope.arrays[name]
        everything = name + "[:]" if len(shape) == 1 else name + self.pick(["[:]", "[:, :]", "[...]"])
        self.emit(
            self.pick(
                [
                    f"{name} += 0.2 * {self.array(shape, 1)}",
                    f"{name} -= 0.1 * {self.scalar(1)}",
                    f"{name} *= 0.8 + 0.1 * np.sin({self.array(shape, 0)})",
                    f"{everything} = 0.9 * {self.array(shape, 1)}",
                    f"{everything} = {self.bounded(1)}",
                    f"{name} /= 1.3 + {self.array(shape, 0)} ** 2",
                ]
            )
        )

    def slice_store(self) -> None:
        """A slice, a row or a column assigned or updated, often from an overlapping slice."""
        names = self.writable()
        if not names or not self.has("slices"):
            return self.element_store()
        name = self.pick(names)
        shape = self.scope.arrays[name]
        if len(shape) == 2:
            row = self.chance(0.5)
            place = f"[{self.index(shape[0])}]" if row else f"[:, {self.index(shape[1])}]"
            length = shape[1] if row else shape[0]
        else:
            length = self.pick([size for size in range(1, shape[0] + 1) if slices_of(shape[0], size)])
            place = self.pick(slices_of(shape[0], length))
        self.emit(
            self.pick(
                [
                    f"{name}{place} = 0.8 * {self.vector(length, 1)}",
                    f"{name}{place} += 0.2 * {self.vector(length, 0)}",
                    f"{name}{place} *= 0.9 + 0.1 * {self.vector(length, 0)}",
                    f"{name}{place} = {self.bounded(1)}",
                    f"{name}{place} -= {self.literal()} * np.sin({self.vector(length, 0)})",
                ]
            )
        )

    def alias(self) -> None:
        """A second name for an array, chosen by a condition or not."""
        if not self.has("alias"):
            return self.array_new()
        names = self.writable() or list(self.scope.arrays)
        source = self.pick(names)
        shape = self.scope.arrays[source]
        same = [name for name in names if self.scope.arrays[name] == shape]
        if not self.loops and self.chance(0.6):
            target = self.fresh("c")
        else:
            loose = [name for name in same if name not in self.scope.fixed and name not in self.scope.frozen]
            if not loose:
                return self.rebind()
            target = self.pick(loose)
            others = [name for name in same if name != target]
            if not others:
                return self.rebind()
            source = self.pick(others)
        other = self.pick(same)
        text = f"{source} if {self.condition()} else {other}" if self.chance(0.4) else source
        self.emit(f"{target} = {text}")
        self.scope.arrays[target] = shape
        if {source, other} & self.scope.frozen:
            self.scope.frozen.add(target)

    def view(self) -> None:
        """A name for a view: slice, row, column, transpose, reshape, new axis."""
        source = self.pick(list(self.scope.arrays))
        shape = self.scope.arrays[source]
        places = self._view_texts(source, shape)
        if not places or not self.has("view"):
            return self.slice_store()
        place, new_shape = self.pick(places)
        name = self.fresh("v")
        self.emit(f"{name} = {source}{place}")
        self.scope.arrays[name] = new_shape
        self.scope.fixed.add(name)
        if source in self.scope.frozen:
            self.scope.frozen.add(name)

    def _view_texts(self, source: str, shape: Shape) -> list[tuple[str, Shape]]:
        places: list[tuple[str, Shape]] = []
        if len(shape) == 1:
            if self.has("slices"):
                for text in ("[1:]", "[:-1]", "[::-1]", "[::2]", "[1:-1]", "[::-2]"):
                    start, stop, step = [*text[1:-1].split(":"), ""][:3]
                    cut = slice(*(int(part) if part else None for part in (start, stop, step)))
                    length = len(range(shape[0])[cut])
                    if length >= 2:
                        places.append((text, (length,)))
            if self.has("matrix"):
                places.append((self.pick(["[:, None]", ".reshape(-1, 1)"]), (shape[0], 1)))
            return places
        rows, columns = shape
        places += [(f"[{self.index(rows)}]", (columns,)), (f"[:, {self.index(columns)}]", (rows,))]
        if self.has("transpose"):
            places.append((".T", (columns, rows)))
        if self.has("slices") and rows > 2:
            places.append(("[1:]", (rows - 1, columns)))
        if self.has("slices") and columns > 2:
            places.append((self.pick(["[:, ::-1]", "[::-1]"]), (rows, columns)))
        if self.has("reshape") and source in self.scope.fixed and source.startswith("g"):
            places += [(self.pick([".reshape(-1)", ".ravel()"]), (rows * columns,))] * 2
        return places

    def swap(self) -> None:
        """``u, v = v, u`` on two arrays of one shape, or on two scalars."""
        loose = [name for name in self.writable() if name not in self.scope.fixed]
        pairs = [
            (one, two)
            for one in loose
            for two in loose
            if one < two and self.scope.arrays[one] == self.scope.arrays[two]
        ]
        if pairs and self.has("swap"):
            one, two = self.pick(pairs)
        elif len(self.scope.scalars) > 1 and self.has("swap"):
            one, two = self.rng.sample(self.scope.scalars, 2)
        else:
            return self.scalar_update()
        self.emit(f"{one}, {two} = {two}, {one}")

    def buffer_pair(self) -> None:
        """Two buffers that a later swap may exchange."""
        if self.loops or not self.has("swap"):
            return self.swap()
        shape = self.pick(list(self.scope.arrays.values()))
        if len(shape) == 2 and not self.has("matrix"):
            return self.swap()
        one, two = self.fresh("u"), self.fresh("u")
        self.emit(f"{one} = 0.9 * {self.array(shape, 1)}")
        self.emit(f"{two} = np.zeros_like({one})")
        self.scope.arrays[one] = self.scope.arrays[two] = shape

    def fancy(self) -> None:
        """A store through an index array, repeated indices included."""
        indexes = self.scope.indexes
        pairs = [
            (name, index)
            for name in self.writable()
            for index, (_, bound) in indexes.items()
            if bound <= self.scope.arrays[name][0] and len(self.scope.arrays[name]) == 1
        ]
        if not pairs or not self.has("fancy"):
            return self.slice_store()
        name, index = self.pick(pairs)
        length = indexes[index][0]
        self.emit(
            self.pick(
                [
                    f"{name}[{index}] = 0.8 * {self.vector(length, 1)}",
                    f"{name}[{index}] += 0.2 * {self.vector(length, 1)}",
                    f"{name}[{index}] *= 0.7",
                    f"np.add.at({name}, {index}, 0.2 * {self.vector(length, 0)})",
                ]
            )
        )

    def mask(self) -> None:
        """A store through a boolean mask."""
        names = self.writable()
        if not names or not self.has("mask"):
            return self.slice_store()
        name = self.pick(names)
        mask = f"{name} > {self.literal()}"
        if self.chance(0.4):
            kept = self.fresh("mask")
            self.emit(f"{kept} = {self.array(self.scope.arrays[name], 0)} < {self.literal()}")
            mask = kept
        self.emit(
            self.pick(
                [
                    f"{name}[{mask}] = {self.bounded(1)}",
                    f"{name}[{mask}] *= {self.literal()}",
                    f"{name}[{mask}] -= 0.2 * np.sin({name}[{mask}])",
                ]
            )
        )

    def unpack(self) -> None:
        """Tuples built, indexed and unpacked."""
        if not self.has("tuple"):
            return self.scalar_new()
        one, two = self.fresh("p"), self.fresh("p")
        if self.chance(0.5):
            pair = self.fresh("pair")
            self.emit(f"{pair} = ({self.scalar(1)}, {self.bounded(1)})")
            self.emit(self.pick([f"{one}, {two} = {pair}", f"{one}, {two} = {pair}[1], 0.5 * {pair}[0]"]))
        else:
            self.emit(f"{one}, {two} = {self.bounded(1)}, {self.scalar(1)}")
        self.scope.scalars += [one, two]

    def call_helper(self) -> None:
        """A call of a helper that writes its first argument, or that returns one of two arrays."""
        writers = [
            (helper, int(what.split(":")[1]))
            for helper, what in self.scope.functions.items()
            if what.startswith("writes:")
        ]
        if not writers:
            return self.scalar_update()
        helper, length = self.pick(writers)
        targets = [
            text
            for text in self.vector_atoms(length)
            if text in self.scope.arrays and text not in self.scope.frozen
        ]
        if not targets:
            return self.scalar_update()
        source = self.pick(self.vector_atoms(length))
        self.emit(f"{helper}({self.pick(targets)}, {source}, {self.scalar(1)})")

    def choose_array(self) -> None:
        """``c = pick(u, v, s)``: the helper returns one of its arguments, so ``c`` is an alias."""
        helpers = [name for name, what in self.scope.functions.items() if what == "alias"]
        names = self.writable()
        pairs = [(a, b) for a in names for b in names if self.scope.arrays[a] == self.scope.arrays[b]]
        if not helpers or not pairs or self.loops:
            return self.scalar_update()
        one, two = self.pick(pairs)
        name = self.fresh("c")
        self.emit(f"{name} = {helpers[0]}({one}, {two}, {self.atom()})")
        self.scope.arrays[name] = self.scope.arrays[one]

    def index_cast(self) -> None:
        """An index computed from a float."""
        vectors = self.vectors()
        if not vectors or not self.has("int_cast"):
            return self.scalar_new()
        array, name, position = self.pick(vectors), self.fresh("t"), self.fresh("j")
        size = self.size_text(self.scope.arrays[array][0])
        self.emit(f"{position} = int(3.0 * abs({self.atom()}) + 0.137) % {size}")
        self.emit(f"{name} = {array}[{position}] * {self.literal()}")
        self.scope.scalars.append(name)

    def finish(self) -> str:
        """An expression in which every live array and scalar matters, with unequal weights."""
        terms = []
        for name, shape in self.scope.arrays.items():
            weight = self.literal()
            terms.append(
                self.pick(
                    [f"{weight} * np.sum(np.sin({name}))", f"{weight} * np.sum({name} * {name})"]
                    + (
                        [f"{weight} * np.dot({name}, np.cos({name}))"]
                        if len(shape) == 1 and self.has("dot")
                        else []
                    )
                )
            )
        terms += [f"{self.literal()} * {name}" for name in self.scope.scalars]
        terms += [f"0.1 * np.sin({self.literal()} * {name}) * {self.atom()}" for name in self.scope.counters]
        return " + ".join(terms)


def random_index(rng: np.random.Generator, length: int, bound: int) -> np.ndarray:
    """An index array with at least one repeated entry."""
    index = rng.integers(0, bound, size=length)
    index[-1] = index[0]
    return index
