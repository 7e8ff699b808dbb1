"""Variables: which values share one Python variable.

Carried values, their loop parameters and their results must share one; initial values, yielded values
and joins share it when they can, so that `total = total + p` needs no copy. Two values can share a
variable when neither is defined while the other is live; everything else is copied, all at once, where a
region ends.

Liveness follows the printed text: a folded value is read where its expression stands, the bounds of a
loop after its initial copies, the stop flag after the final ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..ir.nodes import Apply, For, If, Loop, Op, Region, Value, While
from ..ir.types import Scalar
from ..ir.walk import defined, regions
from .folding import Folding


class Variables:
    """The variable (a representative value) of every value of a function that is not folded."""

    def __init__(self, folding: Folding) -> None:
        self.folding = folding
        self.order: list[Value] = list(_values(folding.function.body, folding))
        self._bit = {value: 1 << k for k, value in enumerate(self.order)}
        self._conflicts = dict.fromkeys(self.order, 0)
        self._leader: dict[Value, Value] = {value: value for value in self.order}
        self._members = dict(self._bit)
        self._free: dict[Op, int] = {}
        self._around = 0  # indices of the loops around: no loop inside has the variable of one, for readers
        self._depth = _parallel_owner(folding.function.body)
        self._live()
        self._merge()

    # -- answers
    def of(self, value: Value) -> Value:
        """The representative of the variable of a value."""
        while self._leader[value] is not value:
            self._leader[value] = self._leader[self._leader[value]]
            value = self._leader[value]
        return value

    def groups(self) -> dict[Value, list[Value]]:
        """Representative → the values of the variable, in order of definition."""
        found: dict[Value, list[Value]] = {}
        for value in self.order:
            found.setdefault(self.of(value), []).append(value)
        return found

    def late_yields(self) -> set[Value]:
        """Yielded values that need a copy which could be the computation itself."""
        found: set[Value] = set()
        for value, target in _yield_pairs(self.folding.function.body):
            if value in self._leader and target in self._leader and self.of(value) is not self.of(target):
                simple = isinstance(self.folding.defs.get(value), Apply)
                if simple and len(self.folding.uses[value]) == 1:
                    found.add(value)
        return found

    # -- liveness
    def _bits(self, values: Iterable[Value]) -> int:
        """The variables that expressions read."""
        found = 0
        for value in values:
            for leaf in self.folding.leaves(value):
                found |= self._bit[leaf]
        return found

    def _define(self, values: Iterable[Value], live: int) -> int:
        """All at one moment; `live` is what is read later. Gives the bits of the values."""
        together = 0
        for value in values:
            together |= self._bit.get(value, 0)
        for value in values:
            if value in self._bit:
                self._conflicts[value] |= (live | together) & ~self._bit[value]
        return together

    def _live(self) -> None:
        body = self.folding.function.body
        start = self._region(body, self._bits(body.yields))
        self._define(body.params, start)

    def _region(self, region: Region, live: int) -> int:
        for op in reversed(region.ops):
            if not self.folding.skipped(op):
                live = self._op(op, live)
        return live

    def _op(self, op: Op, live: int) -> int:
        if isinstance(op, If):
            return self._if(op, live)
        if isinstance(op, For):
            return self._for(op, live)
        if isinstance(op, While):
            return self._while(op, live)
        return live & ~self._define(op.outs, live) | self._bits(op.args)

    def _if(self, op: If, live: int) -> int:
        after = live & ~self._define(op.outs, live)
        found = self._bits(op.args)
        for region in op.regions:
            needed = [y for y, out in zip(region.yields, op.outs, strict=True) if self.folding.used(out)]
            found |= self._region(region, after | self._bits(needed))
        return found

    def _through(self, op: Op, live: int) -> int:
        """What must survive the whole loop: what is read after it, and what its regions read from outside."""
        if op not in self._free:
            inside = 0
            read = 0
            for region in op.regions:
                for value in defined(region):
                    inside |= self._bit.get(value, 0)
                for part in regions(region):
                    read |= self._bits(part.yields)
                    for inner in part.ops:
                        if not self.folding.skipped(inner):
                            read |= self._bits(inner.args)
            self._free[op] = read & ~inside
        return self._free[op] | live & ~self._bits(o for o in op.outs if o in self._bit)

    def _for(self, op: For, live: int) -> int:
        through = self._through(op, live)
        trips = op.outs[len(op.inits) :]
        bounds = self._bits(op.args[:3])
        flag = self._bits(op.body.yields[:1]) if op.stops else 0
        written = (*op.body.params, *trips)
        around = self._around
        if op.index in self._bit:
            self._conflicts[op.index] |= around
            self._around |= self._bit[op.index]
        start = self._region(op.body, through | self._bits(op.body.yields) | self._bits(trips))
        self._around = around
        self._define(written, through | start | bounds)
        for value in trips:
            self._conflicts[value] |= flag
        for param, after in zip(op.carried, op.next, strict=True):  # the flag may read what it holds then
            self._conflicts[param] |= flag & ~self._bit.get(after, 0) & ~self._bit[param]
        self._define(op.outs, live)
        return through & ~self._bits(trips) | bounds | self._bits(op.inits)

    def _while(self, op: While, live: int) -> int:
        through = self._through(op, live)
        trips = op.outs[len(op.inits) :]
        counter = self._bits(trips)
        start = self._region(op.body, through | self._bits(op.body.yields) | counter)
        self._define((*op.body.params, *trips), through | start)
        test = self._bits(op.cond.yields) | through | self._bits(op.cond.params) | counter
        start = self._region(op.cond, test)
        self._define((*op.cond.params, *trips), through | start)
        self._define(op.outs, live)
        return through & ~counter | self._bits(op.inits)

    # -- merging
    def _join(self, a: Value, b: Value, force: bool = False) -> bool:
        if a not in self._leader or b not in self._leader:
            return False
        a, b = self.of(a), self.of(b)
        if a is b:
            return True
        clash = self._conflicts[a] & self._members[b] or self._conflicts[b] & self._members[a]
        if (clash or a.type != b.type) and not force:
            return False
        if self._bit[b] < self._bit[a]:
            a, b = b, a
        self._leader[b] = a
        self._members[a] |= self._members[b]
        self._conflicts[a] |= self._conflicts[b]
        return True

    def _merge(self) -> None:
        body = self.folding.function.body
        loops = [op for part in regions(body) for op in part.ops if isinstance(op, Loop)]
        for op in loops:
            for k, param in enumerate(op.carried):
                self._join(param, op.outs[k], force=True)
                if isinstance(op, While):
                    self._join(param, op.cond.params[k], force=True)
        for value, target in _yield_pairs(body):
            self._join(value, target)
        for op in loops:
            for init, param in zip(op.inits, op.carried, strict=True):
                self._join(init, param)
        self._merge_names()

    def _merge_names(self) -> None:
        """Versions of one user variable that do not overlap become one variable again."""
        seen: dict[tuple[object, ...], list[Value]] = {}
        for value in self.order:
            leader = self.of(value)
            if not value.name or not isinstance(value.type, Scalar) or leader is not value:
                continue
            versions = seen.setdefault((value.name, value.type, self._depth.get(value)), [])
            if not any(self._join(version, value) for version in versions):
                versions.append(value)


def _values(region: Region, folding: Folding) -> Iterator[Value]:
    """Every value that may need a variable, in order of definition."""
    yield from region.params
    for op in region.ops:
        if folding.skipped(op):
            continue
        if op.regions:
            for inner in op.regions:
                yield from _values(inner, folding)
        yield from (out for out in op.outs if out not in folding.folded)


def _yield_pairs(region: Region) -> Iterator[tuple[Value, Value]]:
    """(yielded value, variable that receives it), innermost first."""
    for op in region.ops:
        for inner in op.regions:
            yield from _yield_pairs(inner)
        if isinstance(op, If):
            for inner in op.regions:
                yield from zip(inner.yields, op.outs, strict=True)
        elif isinstance(op, For | While):
            yield from zip(op.next, op.carried, strict=True)


def _parallel_owner(region: Region, owner: object = None) -> dict[Value, object]:
    """The innermost parallel loop around each definition: private variables stay private."""
    found: dict[Value, object] = dict.fromkeys(region.params, owner)
    for op in region.ops:
        inner = op if isinstance(op, For) and op.parallel else owner
        for part in op.regions:
            found |= _parallel_owner(part, inner)
        found |= dict.fromkeys(op.outs, owner)
    return found
