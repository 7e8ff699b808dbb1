"""Whether threads may share the iterations of a loop.

    for i in range(n):
        e = X[i] @ w - y[i]        reads what nobody writes
        s = s + e * e              a sum: each thread has its own
        r[i] = e                   an element of its own
        w_bar[k[i]] += e           perhaps anybody's element, but nothing else is done to w_bar: each
                                   thread may add to an array of its own
        u_bar[i - 1] += e          elements of iterations nearby, and nothing else is done to u_bar: threads
        u_bar[i + 1] -= e          that are far enough apart never meet

This is proven from the final code, whatever the user promised by `prange`: the adjoint writes to other memory
than the program does. What may raise is no obstacle: see `transform/parallel.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..ir.effects import makes_memory
from ..ir.nodes import Alloc, Dim, For, Function, Region, Value, View
from ..ir.walk import defined, regions, walk
from .bounds import Bounds
from .dependence import ADD, READ, Access, Dependences
from .memory import is_reference
from .private import is_private, is_rewritten
from .resets import visits

Place = tuple[Value, tuple[Value | None, ...] | None]
"""An array from outside of the loop, and the index per axis; None for what is not one number."""


@dataclass(frozen=True)
class Verdict:
    """Why iterations must follow each other; or else the arrays that each thread needs of its own, to add to
    (`shared_sums`) and as scratch memory; and how far apart iterations are that add to the same elements of
    other arrays (`reach`, 0 for never).
    """

    obstacle: str = ""
    shared_sums: tuple[Value, ...] = ()
    scratch: tuple[Value, ...] = ()
    reach: int = 0


class Races:
    """Races between the iterations of loops of one function."""

    def __init__(self, fn: Function, *, distinct_params: bool, reassociate: bool) -> None:
        self._fn = fn
        self._known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=False)
        self._bounds = Bounds(self._known.definition, self._known.index_of)
        self.definition = self._known.definition

    def verdict(self, loop: For) -> Verdict:
        """What stands in the way of running the iterations of a loop side by side."""
        known, summary = self._known, self._known.summary(loop)
        if loop.stops or loop.counted:
            return Verdict("it is left by break or return")
        if summary.prints or summary.draws or summary.opaque:
            what = "prints" if summary.prints else "draws random numbers" if summary.draws else ""
            return Verdict(f"it {what}" if what else "it calls a function that is compiled apart")
        for param, following in zip(loop.carried, loop.next, strict=True):
            if not known.is_sum(loop.body, param, following):
                name = param.name or "what an iteration gives"
                return Verdict(f"the next iteration needs {name}")
        return _Iterations(known, self._bounds, loop, self._fn.body).verdict()


class _Iterations:
    """What the iterations of one loop do to the memory that they share."""

    def __init__(self, known: Dependences, bounds: Bounds, loop: For, body: Region) -> None:
        self._known = known
        self._bounds = bounds
        self._loop = loop
        self._body = body
        self._inside = defined(loop.body)
        own = {out for op in walk(loop.body) for out in op.outs if is_reference(out)}
        accesses = known.summary(loop).accesses
        self._shared = [(x, self._place(x)) for x in accesses if not known.is_own(x, own, loop)]

    def verdict(self) -> Verdict:
        """The verdict about memory."""
        sums: dict[Value, None] = {}
        scratch: dict[Value, None] = {}
        for (a, at_a), (b, at_b) in self._conflicts():
            array = at_a[0]
            if array in scratch:
                continue
            if array is at_b[0] and self._is_scratch(array):
                scratch[array] = None
            elif array is at_b[0] and a.kind == b.kind == ADD and self._known.sums_commute(array):
                sums[array] = None
            else:
                return Verdict(f"iterations may use the same element of {_name(array, at_b[0])}")
        reach = 0
        for array in [*sums]:
            if array in self._inside:
                return Verdict(f"iterations may use the same element of {_name(array)}")
            for x, (base, _) in self._shared:
                if self._may_meet(base, array) and not (x.kind == ADD and base is array):
                    return Verdict(f"iterations add to {_name(array)} and read it")
            near = self._reach(array)
            if near is not None:
                reach = max(reach, near)
                del sums[array]
        return Verdict("", tuple(sums), tuple(scratch), reach)

    def _conflicts(self) -> Iterator[tuple[tuple[Access, Place], tuple[Access, Place]]]:
        """Pairs of accesses, one of them a write, that two iterations may direct to one element."""
        for k, (a, at_a) in enumerate(self._shared):
            for b, at_b in self._shared[k:]:
                if a.kind == b.kind == READ or not self._may_meet(at_a[0], at_b[0]):
                    continue
                if not self._apart(at_a, at_b):
                    yield (a, at_a), (b, at_b)

    def _may_meet(self, a: Value, b: Value) -> bool:
        """Whether two references may lead to the same memory, each in any iteration."""
        if not self._known.may_share(a, b, self._inside):
            return False
        if a is b or a in self._inside or b in self._inside:
            return True
        return not (self._older(a, b) or self._older(b, a))

    def _older(self, a: Value, b: Value) -> bool:
        """Whether a reference was there before the memory of another one was made."""
        structure = self._known.memory.structure
        made, home = structure.definition.get(b), structure.home[a]
        if made is None or not makes_memory(made) or not structure.contains(home, structure.home[b]):
            return False
        if a in home.params:
            return True
        op = structure.definition[a]
        region, at_a, at_made = structure.common(op, made)
        return region is home and at_a < at_made

    def _is_scratch(self, array: Value) -> bool:
        """Whether an array is memory for one iteration at a time, that nothing else uses."""
        made = self._known.definition.get(array)
        if not isinstance(made, Alloc) or array in self._inside:
            return False
        memory = self._known.memory
        within = set(map(id, walk(self._loop.body)))
        used = (op for op in walk(self._body) if id(op) not in within and op is not made)
        if any(array in memory.origins(v) for op in used if not isinstance(op, Dim) for v in op.args):
            return False
        yielded = (v for part in regions(self._body) for v in part.yields)
        if any(array in memory.origins(v) for v in yielded if is_reference(v)):
            return False
        if is_private(memory, self._loop, array) or is_rewritten(memory, self._loop, array):
            return True
        found = visits(self._known, made)
        return found is not None and memory.structure.contains(self._loop.body, found.region)

    def _apart(self, a: Place, b: Place) -> bool:
        """Whether two accesses in different iterations certainly touch different elements."""
        (base, first), (other, second) = a, b
        if base is not other or base in self._inside or first is None or second is None:
            return False
        pairs = [(i, j) for i, j in zip(first, second, strict=True) if i is not None and j is not None]
        if any(self._of_this_iteration(i, j) for i, j in pairs):
            return True
        return any(self._bounds.differ(i, j, lambda v: v not in self._inside) for i, j in pairs)

    def _of_this_iteration(self, i: Value, j: Value) -> bool:
        """Whether both indices are that of the loop, and the same number besides."""
        (first, m), (second, n) = self._known.affine(i), self._known.affine(j)
        nonneg = self._known.nonneg
        return first is second is self._loop.index and m == n and nonneg(i) and nonneg(j)

    def _reach(self, array: Value) -> int | None:
        """How many iterations apart some add to the same element: u[i - 1] and u[i + 1] are 2 apart."""
        known = self._known
        if known.literal(self._loop.step) not in (1, -1):
            return None
        indices = [index for _, (base, index) in self._shared if base is array]
        for axis in range(array.rank):
            column = [None if index is None else index[axis] for index in indices]
            found = [known.affine(i) for i in column if i is not None and known.nonneg(i)]
            if len(found) == len(column) and all(root is self._loop.index for root, _ in found):
                offsets = [offset for _, offset in found]
                return max(offsets) - min(offsets)
        return None

    def _place(self, access: Access) -> Place:
        """The element of the array that was there before the loop, seen through the views made inside."""
        ref, index = access.ref, access.index
        found: tuple[Value | None, ...] | None = (None,) * ref.rank if index is None else index
        while ref in self._inside and isinstance(view := self._known.definition.get(ref), View):
            found = None if found is None else behind(view, found)
            ref = view.array
        return ref, found


def behind(view: View, index: tuple[Value | None, ...]) -> tuple[Value | None, ...] | None:
    """The index into the array that a view shows."""
    if view.kind == "transpose":
        order = list(view.spec)
        return tuple(index[order.index(axis)] for axis in range(len(order)))
    if view.kind != "slice":
        return None
    operands, rest = iter(view.args[1:]), iter(index)
    found: list[Value | None] = []
    for entry in view.spec:
        if entry == "i":
            found.append(next(operands))
        elif entry == "s":
            for _ in range(3):
                next(operands)
            next(rest)
            found.append(None)
        elif entry == ":":
            found.append(next(rest))
        else:
            next(rest)
    return tuple(found)


def _name(*arrays: Value) -> str:
    return next((a.name for a in arrays if a.name), "an array")
