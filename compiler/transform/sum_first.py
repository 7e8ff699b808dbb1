"""What is multiplied by the same matrix in all iterations and then added up is added up first.

Before::

    for i in range(0, n, 1) {
        …
        for b in range(0, d, 1) {
            for a in range(0, d, 1) carry (s: f64 = 0.0) {
                yield s + m[b, a] * v[a]
            } -> s_1
            w[b] = s_1
        }
        for b in range(0, d, 1) { total[b] += x[i, b] - w[b] }
    }

After::

    v_sum: f64[:] = zeros(d)
    for i in range(0, n, 1) {
        …
        for j in range(0, d, 1) { v_sum[j] += v[j] }
        for b in range(0, d, 1) { total[b] += x[i, b] }
    }
    if 0 < n {
        for b in range(0, d, 1) {
            for a in range(0, d, 1) carry (s: f64 = 0.0) {
                yield s + m[b, a] * v_sum[a]
            } -> s_1
            w[b] = s_1
        }
        for b in range(0, d, 1) { total[b] += -w[b] }
    }

One product with a matrix instead of one for each iteration: so the adjoint of what is subtracted from every
point before it is multiplied by a matrix, a mean, costs next to nothing. `analysis/images.py` says what is
linear in a product.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.images import Image, Images
from ..analysis.linear import Linear, linear
from ..analysis.races import Races
from ..analysis.updates import updates_of, without_sum
from ..ir.build import Builder
from ..ir.nodes import Alloc, Apply, Const, For, Function, Load, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import clone_op, substitute, walk
from ..prims.prim import emit
from .reuse import reuse
from .through_views import through_views

FEWEST = 8
"""Iterations that are known to be fewer stay as they are."""

Now = dict[Value, Value]
"""What values of the loop are where the image is computed again."""


def sum_first(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Add up before multiplying; the function itself where nothing is."""
    if visible or not reassociate:
        return fn
    while True:
        plain = through_views(reuse(fn, calls=False))
        known = Dependences(plain, distinct_params=distinct_params, reassociate=True, visible=visible)
        races = Races(plain, distinct_params=distinct_params, reassociate=True)
        for place, op in enumerate(plain.body.ops):
            updates = updates_of(known, races, op, FEWEST) if isinstance(op, For) else None
            if updates is None or not isinstance(op, For):
                continue
            image = Images(known, op, updates).first()
            if image is not None:
                made = _Split(known, op, updates.sums, image).made()
                ops = [*plain.body.ops[:place], *made, *plain.body.ops[place + 1 :]]
                fn = Function(fn.name, Region(fn.body.params, ops, fn.body.yields))
                break
        else:
            return fn


class _Split:
    """A loop without an image, and what computes the image from the sum of the vectors."""

    def __init__(self, known: Dependences, loop: For, sums: set[Value], image: Image) -> None:
        self._known = known
        self._loop = loop
        self._sums = sums
        self._image = image
        self._update = image.update
        self._row = image.update.rows[0]
        self._copies: Now = {}
        self._b = b = Builder()
        b.src = loop.src
        b.defs.update((v, op) for v, op in known.definition.items() if isinstance(op, Const))

    def made(self) -> list[Op]:
        """What stands for the loop."""
        b, image, loop, source = self._b, self._image, self._loop, self._row.source
        self._width = b.dim(source.array, self._row.axis) if source else self._trips(image.nest)
        lengths = [*map(self._trips, image.around), self._width]
        vector = source.array if source else self._row.value
        name = f"{vector.name}_sum" if vector.name else "sum"
        self._total = b.alloc(lengths, self._row.value.dtype, "zeros", name)
        self._first = [self._lowest(around).build(b).value for around in image.around]
        for array in image.arrays:
            alloc = self._known.definition[array]
            assert isinstance(alloc, Alloc)
            self._copies[array] = b.alloc(alloc.args, array.dtype, alloc.fill, array.name)
        b.add(_Rest(self._known, image, self._added()).of(loop))
        runs = b.apply("lt", (loop.lo, loop.hi), "bool")
        b.open()
        self._again(loop.body, {})
        then = b.close()
        b.open()
        b.if_(runs, then, b.close())
        return b.region.ops

    # -- the sum
    def _lowest(self, loop: For) -> Linear:
        """The lowest index of a loop that goes up or down by one."""
        up = self._known.literal(loop.step) == 1
        lo, hi = (linear(self._known.definition, a) for a in (loop.lo, loop.hi))
        return lo if up else hi.plus(Linear((), 1))

    def _trips(self, loop: For) -> Value:
        up = self._known.literal(loop.step) == 1
        lo, hi = (linear(self._known.definition, a) for a in (loop.lo, loop.hi))
        length = (hi.plus(lo, -1) if up else lo.plus(hi, -1)).build(self._b).value
        known = self._known.nonneg(length)
        return length if known else emit(self._b, "pymax", length, self._b.int(0))

    def _place(self, place: Value, now: Now) -> list[Value]:
        """Where the sum of an element of the vector is."""
        indices = [now.get(loop.index, loop.index) for loop in self._image.around]
        pairs = zip(indices, self._first, strict=True)
        return [*(emit(self._b, "sub", index, first) for index, first in pairs), place]

    def _added(self) -> list[Op]:
        """Adds a vector to the sum, or its element where that is made."""
        b, source, value = self._b, self._row.source, self._row.value
        zero, one, j = b.int(0), b.int(1), Value(INT, "j")
        b.open()
        if source:
            b.src = source.src
            b.open((j,))
            index = [j if axis == self._row.axis else i for axis, i in enumerate(source.index)]
            value = b.load(source.array, index)
        for scalar in self._row.scalars:
            value = b.apply("mul", (scalar, value), value.dtype)
        place = self._place(j if source else self._row.place, {})
        b.store(self._total, place, value, accumulate=True)
        if source:
            b.for_(zero, self._width, one, (), b.close())
        return b.close().ops

    # -- the image of the sum
    def _again(self, region: Region, now: Now) -> None:
        """What of a region the image is computed by."""
        b, image = self._b, self._image
        for op in region.ops:
            b.src = op.src
            if op is self._update.op:
                self._product(now)
            elif isinstance(op, For) and op in image.loops:
                now[op.index] = index = Value(INT, op.index.name)
                b.open((index,))
                self._again(op.body, now)
                lo, hi, step = (now.get(a, a) for a in op.args[:3])
                b.for_(lo, hi, step, (), b.close())
            elif not image.needed.isdisjoint(op.outs):
                b.add(clone_op(op, now))
            elif image.touches(op):
                self._linear(op, now)

    def _product(self, now: Now) -> None:
        """The update, with the sum in place of the vector."""
        b, op, update = self._b, self._update.op, self._update
        if isinstance(op, Store):
            element = [now.get(i, i) for i in op.index]
            b.store(self._copies[op.array], element, self._weighed(now), accumulate=True)
            return
        now[op.index] = index = Value(INT, op.index.name)
        (out,) = op.outs
        total = Value(out.type, out.name)
        b.open((index, total))
        for inner in op.body.ops:
            if not self._image.needed.isdisjoint(inner.outs):
                b.add(clone_op(inner, now))
        body = b.close([b.apply("add", (total, self._weighed(now)), total.dtype)])
        lo, hi, step = (now.get(a, a) for a in update.inner.args[:3])
        (now[out],) = b.for_(lo, hi, step, (b.const(0.0, total.dtype),), body)

    def _weighed(self, now: Now) -> Value:
        """An element of the sum times the factors that are the same in all iterations, with the sign."""
        b, update = self._b, self._update
        value = b.load(self._total, self._place(now.get(self._row.place, self._row.place), now))
        for factor in update.same:
            value = b.apply("mul", (value, now.get(factor, factor)), value.dtype)
        return b.apply("neg", (value,), value.dtype) if update.negative else value

    def _linear(self, op: Op, now: Now) -> None:
        """The linear part of a step."""
        b, values = self._b, self._image.values
        args = [now.get(a, a) for a in op.args]
        match op:
            case Load():
                now[op.out] = b.load(self._copies[op.array], args[1:], op.out.name)
            case Store() if op.array in self._sums:
                b.store(op.array, args[1:-1], args[-1], accumulate=True)
            case Store():
                value = args[-1] if op.value in values else b.const(0.0, op.value.dtype)
                if op.value in values or not op.accumulate:
                    b.store(self._copies[op.array], args[1:-1], value, op.accumulate)
            case Apply(prim="add" | "sub") if not values.issuperset(op.args):
                first, second = op.args
                kept = now[first if first in values else second]
                turned = op.prim == "sub" and second in values
                now[op.out] = b.apply("neg", (kept,), kept.dtype) if turned else kept
            case _:
                b.add(clone_op(op, now))


class _Rest:
    """A loop without the image of an update, and with ops before its vector is multiplied."""

    def __init__(self, known: Dependences, image: Image, before: list[Op]) -> None:
        self._image = image
        self._update = image.update
        self._definition = known.definition
        self._before = before
        self._at = image.nest if image.update.rows[0].source else image.update.inner
        self._pure = dict.fromkeys(image.arrays)  # arrays that are nothing but linear
        self._nothing: set[Value] = set()  # values of which nothing is left
        self._instead: dict[Value, Value] = {}

    def of(self, loop: For) -> Op:
        """The rest of the loop."""
        size = -1
        while size != len(self._pure):
            size = len(self._pure)
            self._nothing = set()
            for op in walk(loop.body):
                self._find(op)
        return loop.rebuild(regions=(substitute(self._region(loop.body), self._instead),))

    def _find(self, op: Op) -> None:
        """Whether something is left of what an op computes."""
        nothing = self._nothing
        if op is self._update.op:
            if isinstance(op, For) and self._is_zero(op.inits[0]):
                nothing.update(op.outs)
        elif isinstance(op, Load) and op.array in self._pure:
            nothing.add(op.out)
        elif isinstance(op, Store) and op.array in self._pure:
            if op.value not in nothing and (op.accumulate or not self._is_zero(op.value)):
                del self._pure[op.array]
        elif isinstance(op, Apply) and not nothing.isdisjoint(op.args):
            alone = op.prim in ("neg", "mul") or nothing.issuperset(op.args)
            nothing.update(op.outs if alone else ())

    def _is_zero(self, value: Value) -> bool:
        made = self._definition.get(value)
        return isinstance(made, Const) and made.value == 0

    def _region(self, region: Region) -> Region:
        ops: list[Op] = []
        for op in region.ops:
            ops += self._before if op is self._at else []
            ops += self._op(op)
        return Region(region.params, ops, region.yields)

    def _op(self, op: Op) -> list[Op]:
        """What is left of an op."""
        nothing = self._nothing
        if op is self._update.op:
            if isinstance(op, Store):
                return []
            self._instead.update(zip(op.outs, op.inits, strict=True))
            return [without_sum(op)]
        if op.regions:
            return [op.rebuild(regions=tuple(map(self._region, op.regions)))]
        if not nothing.isdisjoint(op.outs):
            return []
        if isinstance(op, Store) and (op.array in self._pure or op.value in nothing):
            if op.array in self._pure or op.accumulate:
                return []
            zero = Const((), (Value(op.value.type),), (), (0.0,), op.src)
            return [zero, Store((*op.args[:-1], zero.out), (), (), op.attrs, op.src)]
        if isinstance(op, Apply) and not nothing.isdisjoint(op.args):
            first, second = op.args
            if first in nothing and op.prim == "sub":
                return [Apply((second,), op.outs, (), ("neg",), op.src)]
            self._instead[op.out] = second if first in nothing else first
            return []
        return [op]
