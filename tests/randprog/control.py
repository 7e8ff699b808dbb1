"""Random control flow, helpers and multi-statement patterns."""

from __future__ import annotations

from collections.abc import Callable

from randprog.statements import Statements


class Control(Statements):
    """Writes blocks: branches, loops, exits, closures, lists, scratch arrays."""

    def statement(self) -> None:
        """One random statement, with its block where it has one."""
        simple: list[tuple[int, Callable[[], None]]] = [
            (3, self.scalar_new), (5, self.scalar_update), (8, self.element_store), (2, self.array_new),
            (3, self.rebind), (4, self.whole), (5, self.slice_store), (3, self.alias), (3, self.view),
            (2, self.swap), (2, self.buffer_pair), (3, self.fancy), (2, self.mask), (2, self.unpack),
            (3, self.call_helper), (2, self.choose_array), (1, self.index_cast), (2, self.count),
        ]  # fmt: skip
        compound: list[tuple[int, Callable[[], None]]] = []
        if self.nesting <= self.depth:
            compound = [
                (9, self.branch), (12, self.for_loop), (5, self.while_loop), (2, self.iterate),
                (2, self.use_list), (2, self.scratch), (2, self.integer_start),
            ]  # fmt: skip
            if self.level == 1:
                compound.append((3, self.closure))
        if self.loops:
            simple += [(7, self.leave), (3, self.early_return)]
        table = simple + compound
        self.rng.choices([write for _, write in table], [weight for weight, _ in table])[0]()

    def statements(self, count: int) -> None:
        """A few statements in the current block."""
        for _ in range(count):
            self.statement()

    def body(self) -> None:
        """The statements of a nested block; most of what they bind flows into an outer scalar or array."""
        scope = self.scope
        scalars, arrays = list(scope.scalars), [name for name in self.writable(1) if name not in scope.frozen]
        known = {*scalars, *scope.arrays}
        self.statements(self.rng.randint(1, 3))
        local = [name for name in scope.scalars if name not in known]
        local += [f"np.mean({name})" for name in scope.arrays if name not in known]
        targets = scalars + [self.element_of(name) for name in arrays[:2]]
        for text in local:
            if targets and self.chance(0.8):
                self.emit(f"{self.pick(targets)} += {self.literal()} * np.sin({text})")

    def branch(self) -> None:
        """``if``, perhaps with ``elif`` and ``else``."""
        if not self.has("if"):
            return self.scalar_update()
        self.emit(f"if {self.condition()}:")
        with self.block():
            self.body()
        if self.chance(0.3):
            self.emit(f"elif {self.condition()}:")
            with self.block():
                self.body()
        if self.chance(0.6):
            self.emit("else:")
            with self.block():
                self.body()

    def _range(self) -> tuple[str, int, int, bool]:
        """The text of a range, the bounds of its values, and whether it surely runs."""
        size = self.pick([shape[0] for shape in self.scope.arrays.values()])
        text = self.size_text(size)
        options = [(f"range({text})", 0, size - 1, True)] * 7
        options += [
            (f"range({text} - 1, -1, -1)", 0, size - 1, True),
            (f"range({text} - 1, 0, -1)", 1, size - 1, size > 1),
            (f"range(0, {text}, 2)", 0, size - 1, True),
            (f"range({text} - 1, -1, -2)", 0, size - 1, True),
            (f"range(1, {text})", 1, size - 1, size > 1),
            (f"range({text} - 1)", 0, size - 2, size > 1),
            (f"range({text}, {text})", 0, 0, False),
        ]
        for name, (low, high) in self.scope.ints.items():
            if low >= 0 and low < high < size:
                options += [
                    (f"range({name}, {text})", low, size - 1, True),
                    (f"range({name})", 0, high - 1, low > 0),
                    (f"range({name} - 1, -1, -1)", 0, high - 1, low > 0),
                ]
        if "k" in self.scope.ints:
            options.append(("range(k)", 0, 4, False))
        text, low, high, runs = self.pick(options)
        return (text, low, high, runs) if high >= low else (text, 0, 0, False)

    def for_loop(self) -> None:
        """``for`` over a range: ascending, descending, triangular, of zero trips."""
        if not self.has("for"):
            return self.scalar_update()
        text, low, high, runs = self._range()
        name = self.fresh("i")
        self.emit(f"for {name} in {text}:")
        with self.block("for"):
            self.scope.ints[name] = (low, high)
            self.body()
            if self.chance(0.6):
                self.element_store()
        self._loop_else()
        if runs and self.has("loop_var_after"):
            self.scope.ints[name] = (low, high)

    def _loop_else(self) -> None:
        if self.has("for_else") and self.chance(0.15):
            self.emit("else:")
            with self.block():
                self.body()

    def while_loop(self) -> None:
        """``while`` with a counter, and perhaps a condition on values."""
        if not self.has("while"):
            return self.for_loop()
        name, limit = self.fresh("w"), self.rng.randint(2, 4)
        step = self.pick(["before", "after"])
        extra = f" and {self.comparison()}" if self.chance(0.5) else ""
        self.emit(f"{name} = 0")
        self.emit(f"while {name} < {limit}{extra}:")
        with self.block("while" if step == "after" else "for"):
            if step == "before":
                self.emit(f"{name} += 1")
                self.scope.ints[name] = (1, limit)
                self.body()
            else:
                self.scope.ints[name] = (0, limit - 1)
                self.body()
                self.emit(f"{name} += 1")
        self._loop_else()
        self.scope.ints[name] = (0, limit)

    def leave(self) -> None:
        """A guarded ``break`` or ``continue`` (``continue`` only where it cannot skip a counter)."""
        words = [word for word in ("break", "continue") if self.has(word)]
        if self.loops[-1] == "while" and "continue" in words:
            words.remove("continue")
        if not words:
            return self.scalar_update()
        self.emit(f"if {self.condition()}:")
        with self.block():
            if self.chance(0.4):
                self.scalar_update()
            self.emit(self.pick(words))

    def early_return(self) -> None:
        """A guarded return out of the loops around it."""
        if not self.has("return") or not self.may_return:
            return self.leave()
        self.emit(f"if {self.comparison()}:")
        with self.block():
            self.emit(f"return {self.finish()}")

    def iterate(self) -> None:
        """``for`` over the elements of arrays: values, ``enumerate``, ``zip``, rows."""
        if not self.has("iterate"):
            return self.for_loop()
        name = self.pick(list(self.scope.arrays))
        shape = self.scope.arrays[name]
        item, other, position = self.fresh("e"), self.fresh("e"), self.fresh("i")
        if len(shape) == 2:
            self.emit(f"for {item} in {name}:")
        else:
            mates = [mate for mate in self.vectors() if self.scope.arrays[mate] == shape]
            form = self.pick(["plain", "enumerate", "zip", "reversed"])
            text = {
                "plain": f"for {item} in {name}:",
                "enumerate": f"for {position}, {item} in enumerate({name}):",
                "zip": f"for {item}, {other} in zip({name}, {self.pick(mates)}):",
                "reversed": f"for {item} in reversed({name}):",
            }[form]
            self.emit(text)
        with self.block("for"):
            if len(shape) == 2:
                self.scope.arrays[item] = shape[1:]
                self.scope.fixed.add(item)
                if name in self.scope.frozen:
                    self.scope.frozen.add(item)
            else:
                self.scope.scalars += [item, other] if form == "zip" else [item]
                if form == "enumerate":
                    self.scope.ints[position] = (0, shape[0] - 1)
            self.body()
            self.scalar_update()

    def use_list(self) -> None:
        """A list that grows, is indexed, popped and summed."""
        if not self.has("lists") or not self.vectors():
            return self.scalar_new()
        items, total, item = self.fresh("items"), self.fresh("t"), self.fresh("e")
        name = self.pick(self.vectors())
        if self.chance(0.3):
            self.emit(f"{items} = [0.5 * {item} + {self.atom()} for {item} in {name}]")
        else:
            position = self.fresh("i")
            self.emit(f"{items} = [{self.atom()}]")
            self.emit(f"for {position} in range({self.size_text(self.scope.arrays[name][0])}):")
            with self.block("for"):
                self.scope.ints[position] = (0, self.scope.arrays[name][0] - 1)
                if self.has("if") and self.chance(0.4):
                    self.emit(f"if {self.condition()}:")
                    with self.block():
                        self.emit(f"{items}.append({self.bounded(1)})")
                else:
                    self.emit(f"{items}.append({self.bounded(1)} + 0.3 * {items}[-1])")
        self.emit(
            self.pick(
                [f"{total} = {items}.pop()", f"{total} = {items}[0] * 0.5", f"{total} = 0.1 * len({items})"]
            )
        )
        self.emit(f"for {item} in {items}:")
        with self.block("for"):
            self.emit(f"{total} += 0.5 * {item} * {self.atom()}")
        self.scope.scalars.append(total)

    def scratch(self) -> None:
        """A work array allocated once and filled again in every iteration."""
        vectors = self.vectors()
        if not self.has("scratch") or not vectors or not self.has("for"):
            return self.array_new()
        length = self.scope.arrays[self.pick(vectors)][0]
        name, outer, inner = self.fresh("buf"), self.fresh("i"), self.fresh("q")
        self.emit(f"{name} = np.{self.pick(['zeros', 'empty'])}({self.size_text(length)})")
        if self.lines[-1].find("empty") >= 0:
            self.emit(f"{name}[:] = {self.literal()}")
        trips = self.rng.randint(2, 3)
        self.emit(f"for {outer} in range({trips}):")
        with self.block("for"):
            self.scope.ints[outer] = (0, trips - 1)
            if self.chance(0.6):
                self.emit(f"for {inner} in range({self.size_text(length)}):")
                with self.block("for"):
                    self.scope.ints[inner] = (0, length - 1)
                    self.emit(f"{name}[{inner}] = {self.bounded(2)}")
            else:
                self.emit(f"{name}[:] = 0.9 * {self.vector(length, 1)}")
            self.scope.arrays[name] = (length,)
            self.scope.fixed.add(name)
            self.body()
            self.element_store()
        self.scope.arrays[name] = (length,)
        self.scope.fixed.add(name)

    def integer_start(self) -> None:
        """An accumulator that starts as an int and becomes a float."""
        if not self.has("int_accumulator") or not self.has("for"):
            return self.scalar_new()
        name, position = self.fresh("acc"), self.fresh("i")
        text, low, high, _ = self._range()
        self.emit(f"{name} = 0")
        self.emit(f"for {position} in {text}:")
        with self.block("for"):
            self.scope.ints[position] = (low, high)
            self.body()
            self.emit(f"{name} += {self.literal()} * {self.scalar(1)}")
        self.scope.scalars.append(name)

    def count(self) -> None:
        """An integer counter, started at the top and incremented anywhere."""
        if self.scope.counters:
            self.emit(f"{self.pick(self.scope.counters)} += {self.rng.randint(1, 2)}")
        elif not self.loops:
            name = self.fresh("count")
            self.emit(f"{name} = 0")
            self.scope.counters.append(name)
        else:
            self.scalar_update()

    def closure(self) -> None:
        """An inner function or a lambda that reads variables of the function around it."""
        name = self.fresh("inner")
        if self.has("lambda") and self.chance(0.4):
            self.scope.scalars += ["z1", "z2"]
            text = self.bounded(2)
            self.scope.scalars = self.scope.scalars[:-2]
            self.emit(f"{name} = lambda z1, z2: {text} + 0.5 * z1 * z2")
        elif self.has("closure"):
            self.emit(f"def {name}(z1, z2):")
            loops, returns, self.loops, self.may_return = self.loops, self.may_return, [], False
            with self.block():
                captured = self.scope.scalars
                self.scope.scalars = ["z1", "z2"]
                self.scope.counters = []
                if self.chance(0.5):
                    self.scalar_update()
                self.scope.scalars = ["z1", "z2", *captured]
                self.emit(f"return {self.bounded(2)} + 0.4 * z1")
            self.loops, self.may_return = loops, returns
        else:
            return self.scalar_new()
        self.scope.functions[name] = "scalar"
