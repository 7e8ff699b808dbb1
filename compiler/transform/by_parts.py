"""What a stencil is multiplied by has its adjoint summed where the adjoint of the stencil is gathered.

Before (`left` and `right` are neighbours on the ring of j)::

    for j in range(0, n, 1) {
        s: f64 = u[left] + u[right] - 2.0 * u[j]
        k_bar[0] += y_bar * s
        t: f64 = y_bar * k
        u_bar[left] += t
        u_bar[right] += t
    }

After::

    around: f64[:] = zeros(n)
    for j in range(0, n, 1) {
        k_bar[0] += y_bar * (-2.0 * u[j])
        around[left] += y_bar
        around[right] += y_bar
    }
    for j in range(0, n, 1) {
        g: f64 = around[j]
        u_bar[j] += g * k
        k_bar[0] += g * u[j]
    }

A neighbour on a ring is a permutation, so the sum over j of y_bar[j] u[left] is one over left. The reverse
sweep reads no neighbours of u any more, if nothing else needs them, and `transform/gather.py` makes one loop
over the neighbours of y_bar. Where there are walls, u may be not a number in corners that no iteration reads:
such stencils stay. Sums are added up in another order.
"""

from __future__ import annotations

from ..analysis.coefficients import Axes, Factors, Spread, Stencil, spreading, spreads
from ..analysis.dependence import Dependences
from ..ir.build import Builder
from ..ir.nodes import Apply, For, Function, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import clone_op, defined, substitute, walk


def by_parts(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Sum by parts; the function itself where there is no such sum."""
    if not reassociate or not any(isinstance(op, For) and spreading(op) for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible)
    found = spreads(fn, known)
    return Function(fn.name, _Parts(known, found).function(fn.body)) if found else fn


class _Parts:
    """Rebuilds a function: what a nest spreads, and the sums of its stencils, come behind it."""

    def __init__(self, known: Dependences, found: list[Spread]) -> None:
        self.known = known
        self.found = found
        self.around: dict[int, Value] = {}  # by spread, what it adds up for each element
        self.roots = {id(stencil.root): stencil for spread in found for stencil in spread.stencils}
        self.gone = {id(op) for spread in found for op in spread.stores}
        self.joints: dict[int, Value] = {}  # ops that lose an operand
        for stencil in self.roots.values():
            if not stencil.rest:
                way = stencil.way
                assert way.joint is not None
                self.gone.update(map(id, way.first))
                self.joints[id(way.joint)] = way.first[-1].out if way.first else stencil.root.out
        self.replaced: dict[Value, Value] = {}

    def function(self, body: Region) -> Region:
        """The body of the function."""
        return substitute(self.region(body), self.replaced)

    def region(self, region: Region) -> Region:
        """A region rebuilt."""
        b = Builder(Region(region.params))
        for op in region.ops:
            b.src = op.src
            own = [spread for spread in self.found if spread.nest[0] is op]
            for spread in own:
                self._make(b, spread)
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(inner) for inner in op.regions))
            if own and isinstance(op, For):
                self._followed(b, op, own)
            elif id(op) in self.roots:
                self._rest(b, self.roots[id(op)])
            elif id(op) in self.joints:
                self._leave(b, op, self.joints[id(op)])
            elif id(op) not in self.gone:
                b.add(op)
        for spread in self.found:
            if spread.nest[-1].body is region:
                self._add_up(b, spread)
        return Region(region.params, b.region.ops, region.yields)

    # -- in the nest
    def _rest(self, b: Builder, stencil: Stencil) -> None:
        """What is left of a stencil."""
        total: Value | None = None
        for sign, value in sorted(stencil.rest, key=lambda term: -term[0]):
            if total is None:
                total = value if sign > 0 else b.apply("neg", (value,), value.dtype)
            else:
                total = b.apply("add" if sign > 0 else "sub", (total, value), value.dtype)
        if total is not None:
            self.replaced[stencil.root.out] = total

    def _leave(self, b: Builder, op: Op, operand: Value) -> None:
        """A sum without one of its operands."""
        if isinstance(op, Apply):
            (other,) = (arg for arg in op.args if arg is not operand)
            turned = op.prim == "sub" and op.args[0] is operand
            self.replaced[op.out] = b.apply("neg", (other,), other.dtype) if turned else other

    def _add_up(self, b: Builder, spread: Spread) -> None:
        """Each place gets the factor."""
        factor, *others = spread.factors.moving
        for other in others:
            factor = b.apply("mul", (factor, other), factor.dtype)
        for place, sign in spread.places.items():
            value = factor if sign > 0 else b.apply("neg", (factor,), factor.dtype)
            b.store(self.around[id(spread)], place, value, accumulate=True)

    # -- around the nest
    def _make(self, b: Builder, spread: Spread) -> None:
        """Zeros for what comes to each element."""
        lengths = [b.apply("pymax", (loop.hi, b.int(0)), "int64") for loop in spread.nest]
        name = f"{spread.array.name}_around"
        self.around[id(spread)] = b.alloc(lengths, spread.array.dtype, "zeros", name)

    def _followed(self, b: Builder, nest: For, own: list[Spread]) -> None:
        """A nest, and what it has left to do."""
        outs = list(nest.outs)
        for k in {k: None for spread in own for k in spread.carried}:
            outs[k] = Value(outs[k].type, outs[k].name)
        b.add(nest.rebuild(outs=tuple(outs)))
        for spread in own:
            behind = _Behind(self.known, b, spread, self.around[id(spread)])
            totals = behind.nest([outs[k] for k in spread.carried])
            for k, total in zip(spread.carried, totals, strict=True):
                outs[k] = total
        self.replaced.update((old, new) for old, new in zip(nest.outs, outs, strict=True) if old is not new)


class _Behind:
    """Writes the nest that comes behind."""

    def __init__(self, known: Dependences, b: Builder, spread: Spread, around: Value) -> None:
        self.known = known
        self.b = b
        self.spread = spread
        self.around = around
        self.inside = defined(spread.nest[0].body)
        self.indices = [Value(INT, loop.index.name) for loop in spread.nest]
        self.again: dict[Value, Value] = {}

    def nest(self, totals: list[Value], d: int = 0) -> list[Value]:
        """The loops from the one at a depth on; their results are sums that begin with `totals`."""
        params = [Value(total.type, total.name) for total in totals]
        b, loop = self.b, self.spread.nest[d]
        zero, one = b.int(0), b.int(1)
        b.open((self.indices[d], *params))
        last = d + 1 == len(self.spread.nest)
        body = b.close(self._body(params) if last else self.nest(params, d + 1))
        return list(b.for_(zero, loop.hi, one, totals, body))

    def _body(self, totals: list[Value]) -> list[Value]:
        """What one element adds."""
        spread, b = self.spread, self.b
        around = b.load(self.around, self.indices)
        b.store(spread.array, self._element(spread.axes), self._product(around, spread.factors), True)
        for stencil in spread.stencils:
            x = b.load(stencil.array, self._element(stencil.axes))
            share = b.apply("mul", (around, x), x.dtype)
            share = self._product(share, stencil.way.factors.times(Factors(stencil.sign)))
            to = stencil.way.to
            if isinstance(to, Store):
                b.store(to.array, [self._fixed(i) for i in to.index], share, True)
            else:
                k = spread.carried.index(to)
                totals[k] = b.apply("add", (totals[k], share), share.dtype)
        return totals

    def _element(self, axes: Axes) -> list[Value]:
        return [self.indices[a] if isinstance(a, int) else a for a in axes]

    def _product(self, value: Value, factors: Factors) -> Value:
        """A value times a sign and what is fixed."""
        for prim, factor in factors.scale:
            value = self.b.apply(prim, (value, self._fixed(factor)), value.dtype)
        return value if factors.sign > 0 else self.b.apply("neg", (value,), value.dtype)

    def _fixed(self, value: Value) -> Value:
        """What is the same in all iterations of the nest, made again behind it."""
        if value in self.inside and value not in self.again:
            op = self.known.definition[value]
            for arg in op.args:
                self._fixed(arg)
            self.b.add(clone_op(op, self.again))
        return self.again.get(value, value)
