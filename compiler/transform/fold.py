"""Folding: constants and copies are propagated, branches that are decided are taken.

Before::

    for i in range(0, n, 1) carry (s: f64 = 0.0, k: f64 = x) {
        c: bool = 2 < 3
        if c {
            t: f64 = k * 1.0
            yield t
        } else {
            yield s
        } -> r: f64
        t_1: f64 = s + r
        yield t_1, k
    } -> s_1, k_1
    t_2: f64 = s_1 + k_1

After::

    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        t: f64 = s + x
        yield t
    } -> s_1
    t_1: f64 = s_1 + x

The rules for scalars are those of `prims.prim.emit`. Inside a branch its condition is a literal, and so is,
after a check at the top, an integer that it compares with one: a length that is supposed known. A result that
is equal in both branches is that value, and one that is true in one branch and false in the other is the
condition. A carried value that is passed on unchanged is its init; of two that begin and go on alike, one is
kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..analysis.facts import pinned
from ..ir.build import Builder
from ..ir.effects import has_effects
from ..ir.nodes import Apply, Check, Const, Dim, For, Function, If, Loop, Op, Region, Value, While
from ..ir.types import BOOL
from ..ir.walk import mapped, walk
from ..prims.prim import cast, emit
from ..prims.registry import PRIMS


def fold(fn: Function) -> Function:
    """Propagate constants and copies, until nothing is left to merge in loops."""
    with np.errstate(all="ignore"):
        fn = _Folder(fn).run()
        while any(_merged(op, op.inits, op.next) for op in walk(fn.body) if isinstance(op, Loop)):
            fn = _Folder(fn).run()
    return fn


def _merged(op: Loop, inits: tuple[Value, ...], after: tuple[Value, ...]) -> dict[int, int | None]:
    """Carried values that need not be carried: the index of an equal one, or None for "always its init"."""
    merged: dict[int, int | None] = {}
    first: dict[tuple[Value, Value], int] = {}
    for k, pair in enumerate(zip(inits, after, strict=True)):
        if pair[1] in (op.carried[k], pair[0]):
            merged[k] = None
        elif first.setdefault(pair, k) != k:
            merged[k] = first[pair]
    return merged


class _Folder:
    """Rebuilds a function through a Builder; `now` says what stands for each old value."""

    def __init__(self, fn: Function) -> None:
        self.fn = fn
        self.b = Builder(Region(fn.params))
        self.now: dict[Value, Value] = {}
        self.top = self.b.region
        self.assumed: dict[Value, bool | int] = {}

    def run(self) -> Function:
        self.ops(self.fn.body)
        self.b.region.yields = self.all(self.fn.results)
        return Function(self.fn.name, self.b.region)

    def get(self, value: Value) -> Value:
        """What stands for an old value here."""
        value = self.now.get(value, value)
        return self.b.const(self.assumed[value], value.dtype) if value in self.assumed else value

    def all(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(self.get(v) for v in values)

    def known(self, value: Value) -> object:
        """The literal behind a new value, or None."""
        return self.b.const_of(value)

    # -- ops
    def ops(self, region: Region) -> None:
        for op in region.ops:
            self.b.src = op.src
            self.op(op)

    def region(self, region: Region) -> Region:
        """A folded region, with its own parameters."""
        self.b.open(region.params)
        self.ops(region)
        return self.b.close(self.all(region.yields))

    def op(self, op: Op) -> None:
        if isinstance(op, Const):
            self.now[op.out] = self.b.const(op.value, op.out.dtype)
        elif isinstance(op, Apply):
            self.now[op.out] = self.apply(op)
        elif isinstance(op, Dim):
            self.now[op.out] = self.named(self.b.dim(self.get(op.args[0]), op.axis), op.out)
        elif isinstance(op, If):
            self.branch(op)
        elif isinstance(op, Loop):
            self.loop(op)
        elif isinstance(op, Check):
            self.check(op)
        else:
            self.b.add(op.rebuild(self.all(op.args)))

    def check(self, op: Check) -> None:
        """What a check compares with a literal is that literal from here on."""
        cond = self.get(op.args[0])
        if self.known(cond) is True:
            return
        self.b.add(op.rebuild(self.all(op.args)))
        equal = pinned(cond, self.b.defs)
        if equal is not None and self.b.region is self.top:
            value, literal = equal
            self.assumed[value] = literal

    def apply(self, op: Apply) -> Value:
        args = self.all(op.args)
        try:
            result = self.simplified(op, args)
        except (OverflowError, ZeroDivisionError, ValueError):
            result = None  # a literal that does not fit its dtype: what it means is decided at run time
        if result is None or result.type != op.out.type:
            result = self.b.apply(op.prim, args, op.out.dtype, op.out.name)
        return self.named(result, op.out)

    def simplified(self, op: Apply, args: tuple[Value, ...]) -> Value | None:
        if op.prim == "cast":
            return cast(self.b, args[0], op.out.dtype)
        if op.prim == "pos":
            return args[0]
        return emit(self.b, op.prim, *args) if op.prim in PRIMS else None

    def named(self, new: Value, old: Value) -> Value:
        """A fresh value inherits the name of the one it stands for."""
        if not new.name and isinstance(self.b.defs.get(new), Apply | Dim):
            new.name = old.name
        return new

    # -- branches
    def branch(self, op: If) -> None:
        cond = self.get(op.cond)
        decided = self.known(cond)
        if decided is not None:
            taken = op.then if decided else op.orelse
            self.ops(taken)
            self.now.update(zip(op.outs, self.all(taken.yields), strict=True))
            return
        with self.assuming(cond, True):
            then = self.region(op.then)
        with self.assuming(cond, False):
            orelse = self.region(op.orelse)
        kept: dict[tuple[Value, Value], Value] = {}
        for out, a, z in zip(op.outs, then.yields, orelse.yields, strict=True):
            joined = self.joined(cond, a, z) or kept.setdefault((a, z), out)
            self.now[out] = joined
        then.yields, orelse.yields = tuple(a for a, _ in kept), tuple(z for _, z in kept)
        self.b.add(op.rebuild((cond,), tuple(kept.values()), (then, orelse)))

    def joined(self, cond: Value, a: Value, z: Value) -> Value | None:
        """What a result is that is `a` from one branch and `z` from the other, where it is simple."""
        if a is z:
            return a
        first, second = self.known(a), self.known(z)
        if first is None or second is None:
            return None
        if repr(first) == repr(second):
            return self.b.const(first, a.dtype)
        if a.type == BOOL:
            return cond if first else emit(self.b, "not", cond)
        return None

    @contextmanager
    def assuming(self, cond: Value, truth: bool) -> Iterator[None]:
        """Inside, a condition is known, and what it is made of where that follows."""
        before = dict(self.assumed)
        self.assume(cond, truth)
        yield
        self.assumed = before

    def assume(self, cond: Value, truth: bool) -> None:
        self.assumed[cond] = truth
        op = self.b.defs.get(cond)
        if not isinstance(op, Apply):
            return
        if op.prim == "not":
            self.assume(op.args[0], not truth)
        elif op.prim == ("and" if truth else "or"):
            for arg in op.args:
                self.assume(arg, truth)

    # -- loops
    def loop(self, op: Loop) -> None:
        inits = self.all(op.inits)
        if isinstance(op, For) and self.never(op):
            return self.skip(op, inits)
        merged = _merged(op, inits, mapped(op.next, self.now))
        tested = op.cond.params if isinstance(op, While) else ()
        for k, twin in merged.items():
            for faces in (op.carried, op.outs, tested):
                if faces:
                    self.now[faces[k]] = inits[k] if twin is None else faces[twin]
        kept = [k for k in range(len(inits)) if k not in merged]
        regions = []
        if isinstance(op, While):
            cond = self.part(op.cond, tuple(tested[k] for k in kept), op.cond.yields)
            if self.known(cond.yields[0]) is False and not any(map(has_effects, cond.ops)):
                return self.skip(op, inits)
            regions.append(cond)
        index = op.body.params[: len(op.body.params) - len(inits)]
        stop = op.body.yields[: len(op.body.yields) - len(inits)]
        params = (*index, *(op.carried[k] for k in kept))
        regions.append(self.part(op.body, params, (*stop, *(op.next[k] for k in kept))))
        bounds = self.all(op.args[: len(op.args) - len(inits)])
        outs = (*(op.outs[k] for k in kept), *op.outs[len(inits) :])
        self.b.add(op.rebuild((*bounds, *(inits[k] for k in kept)), outs, tuple(regions)))
        return None

    def part(self, region: Region, params: tuple[Value, ...], yields: tuple[Value, ...]) -> Region:
        """A folded region with other parameters and yields."""
        return self.region(Region(params, region.ops, yields))

    def never(self, op: For) -> bool:
        """Whether the body is known not to run."""
        lo, hi, step = self.all((op.lo, op.hi, op.step))
        known = [self.known(v) for v in (lo, hi, step)]
        if lo is hi and known[2]:
            return True
        numbers = [k for k in known if isinstance(k, int)]
        return len(numbers) == 3 and numbers[2] != 0 and not range(*numbers)

    def skip(self, op: Loop, inits: tuple[Value, ...]) -> None:
        """The loop does not run: its results are what it began with."""
        self.now.update(zip(op.outs, inits, strict=False))
        if op.counted:
            self.now[op.outs[-1]] = self.b.int(0)
