"""Loop nests that multiply matrices call the library.

Before::

    for i in range(0, n, 1) {
        for k in range(0, m, 1) {
            t: f64 = a[i, k]
            for j in range(0, p, 1) {
                u: f64 = b[k, j]
                v: f64 = t * u
                w: f64 = alpha * v
                c[i, j] += w
            }
        }
    }

After::

    product: f64[:, :] = dot(a, b)
    for i in range(0, n, 1) {
        for j in range(0, p, 1) {
            t: f64 = product[i, j]
            w: f64 = alpha * t
            c[i, j] += w
        }
    }

A sum over k of products of two elements, of matrices that the nest does not write, is an element of a
product of matrices, or of its transpose: b aᵀ holds a bᵀ too. All elements are computed before the nest,
also where the nest needs a triangle of them only. Its adjoint consists of products as well. Only for nests
at the top of a function: inside of other loops matrices are often small, and a call of the library takes as
long as a hundred multiplications. Lengths that are not known to suffice are checked before: as for NumPy's
product, matrices that do not fit are an error even if some of the loops have no iterations.
"""

from __future__ import annotations

from ..analysis.dependence import READ, Access, Dependences
from ..analysis.sums import Sum, Term, sum_of_products
from ..ir.build import Builder
from ..ir.nodes import Apply, Check, For, Function, If, Load, Op, Region, Store, Value
from ..ir.types import Array
from ..ir.walk import clone_op, defined, walk


def products(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Call the library for products; the function itself where there are none."""
    if not reassociate or sum(isinstance(op, For) for op in walk(fn.body)) < 3:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible)
    pass_ = _Pass(known)
    body = pass_.region(fn.body)
    return Function(fn.name, body) if pass_.changed else fn


class _Pass:
    def __init__(self, known: Dependences) -> None:
        self.known = known
        self.changed = False
        self._around: list[
            tuple[Op | None, Region, list[Op]]
        ] = []  # the op whose region is rebuilt, outermost first

    def region(self, region: Region, owner: Op | None = None) -> Region:
        """Rebuild a region."""
        ops: list[Op] = []
        self._around.append((owner, region, ops))
        for op in region.ops:
            sum_ = sum_of_products(self.known, op) if isinstance(op, For) and self._may_change() else None
            made = None if sum_ is None else self._replaced(sum_)
            if made is not None:
                self.changed = True
                ops += made
                continue
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r, op) for r in op.regions))
            ops.append(op)
        self._around.pop()
        return Region(region.params, ops, region.yields)

    def _may_change(self) -> bool:
        """Whether this place is inside of loops only, one of them at the top."""
        owners = [owner for owner, _, _ in self._around[1:]]
        return bool(owners) and all(isinstance(o, For) and not o.stops and not o.counted for o in owners)

    # -- the products
    def _replaced(self, sum_: Sum) -> list[Op] | None:
        """The ops that stand for a loop, and its products before the nest; None if it must stay."""
        nest = self._around[1][0]
        assert isinstance(nest, For)
        made = _Products(self.known, sum_, [o for o, _, _ in self._around[1:] if isinstance(o, For)])
        ops = made.ops()
        if ops is None:
            return None
        self._around[0][2].extend(made.before.region.ops)
        return ops


class _Products:
    """The products of one sum; `before` collects what is computed before the nest."""

    def __init__(self, known: Dependences, sum_: Sum, owners: list[For]) -> None:
        self.known = known
        self.sum = sum_
        self.owners = owners
        self.nest = owners[0]
        self.path = [*owners, sum_.loop, *([sum_.inner] if sum_.inner is not None else [])]
        self.inside = defined(self.nest.body)
        self.before = Builder()
        self.before.src = sum_.loop.src
        self._made: dict[tuple[Value, ...], Value] = {}
        self._ends: dict[Value, tuple[Value | None, Value | None]] = {}
        self._checked: set[tuple[Value, int, Value]] = set()

    def ops(self) -> list[Op] | None:
        """The ops that stand for the loop of the sum."""
        loop, inner, known = self.sum.loop, self.sum.inner, self.known
        if loop.hi in self.inside or not known.nonneg(loop.hi) or known.summary(self.nest).opaque:
            return None
        if len(self.path) != 3 or not self._reads_all():
            return None
        for element in sorted(self._elements(), key=self._depth):
            for axis in range(2):
                self._end(
                    element, axis
                )  # loops over all rows come first: what they check holds for triangles
        b = Builder()
        b.src = loop.src
        again: dict[Value, Value] = {}
        total: Value | None = None
        for add, terms in self.sum.adds:
            b.src = add.src
            value: Value | None = None
            for term in terms:
                part = self._value(term, b, again)
                if part is None:
                    return None
                name = "add" if term.sign > 0 else "sub"
                if value is None and term.sign > 0:
                    value = part
                else:
                    value = b.apply(name, (value or b.const(0.0, part.dtype), part), part.dtype)
            assert value is not None
            if isinstance(add, Store):
                b.store(add.array, add.index, value, accumulate=True)
            else:
                first = total or loop.inits[0]
                total = b.apply(str(add.attrs[0]), (first, value), value.dtype, loop.outs[0].name)
        if total is not None:
            last = b.region.ops[-1]
            return [*b.region.ops[:-1], last.rebuild(outs=loop.outs)]
        return self._placed(b.region.ops, loop, inner)

    def _reads_all(self) -> bool:
        """Whether the nest reads all rows of its matrices, one way or the other: an infinite number where it
        does not would spoil the adjoint, as zero times infinity.
        """
        elements = self._elements()
        read = {(x.array, x.index.index(self.sum.loop.index)) for x in elements if self._reads_rows(x)}
        return all((x.array, x.index.index(self.sum.loop.index)) in read for x in elements)

    def _reads_rows(self, element: Load) -> bool:
        """Whether the index of a row takes all values, and the loops inside run for each, or for none."""
        literal = self.known.literal
        at = self._depth(element)
        row = self.path[at]
        if row.index is not self._other(element) or literal(row.lo) != 0 or row.hi in self.inside:
            return False
        others = [k for k, loop in enumerate(self.path) if loop is not row and loop is not self.sum.loop]
        return all(self._all_or_none(self.path[k], self.path[:k], row) for k in others)

    def _all_or_none(self, loop: For, around: list[For], row: For) -> bool:
        """Whether that a loop runs does not depend on the nest; of the upper triangle, the last row is empty
        but is read as a column.
        """
        inside, hi = self.known.existing, self.known.definition.get(loop.hi)
        if inside.runs(loop, around) or self.inside.isdisjoint((loop.lo, loop.hi)):
            return True
        while isinstance(hi, Apply) and hi.prim in ("pymax", "pymin"):
            inner = [v for v in hi.args if v in self.inside]
            if len(inner) != 1 or (hi.prim == "pymax" and self.known.literal(hi.args[1]) != 0):
                return False
            if inside.before(loop.lo, inner[0]):
                return True
            hi = self.known.definition.get(inner[0])
        triangle = self.known.affine(loop.lo) == (row.index, 1) and loop.hi is row.hi
        return triangle and len({x.array for x in self._elements()}) == 1

    def _elements(self) -> list[Load]:
        return [x for _, terms in self.sum.adds for term in terms for x in term.elements]

    def _placed(self, ops: list[Op], loop: For, inner: For | None) -> list[Op]:
        """Ops that add to memory, in the inner loop, if the loop of the sum has iterations."""
        b = Builder()
        b.src = loop.src
        inside = self.known.existing
        runs = inside.runs(loop, self.owners)
        for check in self.sum.checks:
            cond = check.args[0] if runs else b.apply("or", (check.args[0], self._empty(b, loop)), "bool")
            b.add(Check((cond, *check.args[1:]), (), (), check.attrs, check.src))
        if inner is not None:
            ops = [For(inner.args, (), (Region((inner.index,), ops),), inner.attrs, inner.src)]
        adds = [add for add, _ in self.sum.adds if isinstance(add, Store)]
        if not runs and not all(inside.exists(add.array, add.index) for add in adds):
            ops = [
                If(
                    (b.apply("gt", (loop.hi, loop.lo), "bool"),),
                    (),
                    (Region((), ops), Region()),
                    (),
                    loop.src,
                )
            ]
        return [*b.region.ops, *ops]

    def _empty(self, b: Builder, loop: For) -> Value:
        return b.apply("le", (loop.hi, loop.lo), "bool")

    def _value(self, term: Term, b: Builder, again: dict[Value, Value]) -> Value | None:
        """A term, from the elements of a product."""
        first, second = sorted(term.elements, key=self._depth)
        p, q = self._other(first), self._other(second)
        if p is None or q is None or p is q:
            return None
        turned = self._turned(first, second, p, q)
        product = turned or self._product(first, second, p, q)
        if product is None:
            return None
        value = b.load(product, (q, p) if turned else (p, q))
        for factor in term.factors:
            self._fetch(factor, b, again)
            value = b.apply("mul", (again.get(factor, factor), value), value.dtype)
        return value

    def _fetch(self, value: Value, b: Builder, again: dict[Value, Value]) -> None:
        """Compute a factor again that was computed in the loop of the sum."""
        op = next((op for op in self.sum.ops if value in op.outs), None)
        if op is not None and value not in again:
            for arg in op.args:
                self._fetch(arg, b, again)
            b.add(clone_op(op, again))

    def _other(self, element: Load) -> Value | None:
        """The index of an element that is not the index of the sum, if that is the one of a loop around."""
        rest = [i for i in element.index if i is not self.sum.loop.index]
        return rest[0] if len(rest) == 1 and any(rest[0] is loop.index for loop in self.path) else None

    def _depth(self, element: Load) -> int:
        other = self._other(element)
        return next((k for k, loop in enumerate(self.path) if loop.index is other), 0)

    def _turned(self, first: Load, second: Load, p: Value, q: Value) -> Value | None:
        """A product made before of the same matrices, the other way round, which has all of the elements."""
        left = (second.array, *(p if i is q else i for i in second.index))
        right = (first.array, *(q if i is p else i for i in first.index))
        made = self._made.get((*left, *right))
        if made is None:
            return None
        rows, columns = self._ends[made]
        has_all = rows in self.known.less_than(q) and columns in self.known.less_than(p)
        return made if has_all else None

    def _product(self, first: Load, second: Load, p: Value, q: Value) -> Value | None:
        """The product of the matrices of two elements, p its row and q its column."""
        written = [x for x in self.known.summary(self.nest).accesses if x.kind != READ]
        for element in (first, second):
            read = Access(READ, element.array, element.index)
            if element.array in self.inside or any(self.known.overlap(read, w) for w in written):
                return None
        k = self.sum.loop.index
        key = (first.array, *first.index, second.array, *second.index)
        if key not in self._made:
            left = self._matrix(first, p, k)
            right = None if left is None else self._matrix(second, k, q)
            if left is None or right is None:
                return None
            (made,) = self.before.call("dot", (left, right), (Array(left.dtype, 2),))
            made.name = "product"
            self._made[key] = made
            ends = [self._end(x, x.index.index(i)) for x, i in ((first, p), (second, q))]
            self._ends[made] = (ends[0], ends[1])
        return self._made[key]

    def _matrix(self, element: Load, row: Value, column: Value) -> Value | None:
        """The part of the matrix of an element that the nest reads, or more rows of it, as (row, column)."""
        b, array = self.before, element.array
        spec: list[str] = []
        operands: list[Value] = []
        for axis in range(2):
            end = self._end(element, axis)
            if end is None:
                return None
            whole = self.known.existing.is_length(array, axis, end)
            spec.append(":" if whole else "s")
            operands += [] if whole else [b.int(0), end, b.int(1)]
        if "s" in spec:
            array = b.view(array, "slice", tuple(spec), operands, 2, array.name)
        if element.index == (row, column):
            return array
        return b.view(array, "transpose", (1, 0), (), 2, array.name)

    def _end(self, element: Load, axis: int) -> Value | None:
        """What an index is less than in the whole nest, where all of that exists: checked, if need be."""
        inside, array, index = self.known.existing, element.array, element.index[axis]
        ends = [v for v in self.known.less_than(index) if v not in self.inside and self.known.nonneg(v)]
        for end in ends:
            if inside.is_length(array, axis, end):
                return end
        for end in ends:
            if inside.fits(end, array, axis) or (array, axis, end) in self._checked:
                return end
        loop = next((loop for loop in self.path if loop.index is index), None)
        if (
            loop is None
            or loop.hi not in ends
            or self.known.literal(loop.lo) != 0
            or self.known.literal(loop.step) != 1
        ):
            return None
        b = self.before
        length = b.dim(array, axis)
        cond = b.apply("le", (loop.hi, length), "bool")
        b.check(
            cond,
            "IndexError",
            f"index {{0}} is out of bounds for axis {axis} with size {{1}}",
            (length, length),
        )
        self._checked.add((array, axis, loop.hi))
        return loop.hi
