"""Which loops are sums of products of two elements of matrices, as those of a product of matrices are."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.effects import may_raise
from ..ir.nodes import Apply, Check, Const, For, Load, Op, Store, Value
from ..ir.walk import defined
from .dependence import READ, Access, Dependences

FEWEST = 8
"""Iterations that are known to be fewer are left as they are."""
MOST_TERMS = 4


@dataclass(eq=False)
class Term:
    """A product of two elements that depend on the index of the sum, and of factors that do not."""

    sign: int = 1
    elements: list[Load] = field(default_factory=list)
    factors: list[Value] = field(default_factory=list)

    def times(self, other: Term) -> Term:
        """The product of two."""
        return Term(
            self.sign * other.sign, [*self.elements, *other.elements], [*self.factors, *other.factors]
        )


@dataclass(eq=False)
class Sum:
    """A loop over k that only adds terms: to what it carries, or to elements, perhaps in a loop over j."""

    loop: For
    inner: For | None
    ops: list[Op]
    checks: list[Check]
    adds: list[tuple[Op, list[Term]]]
    moving: set[Value]


def sum_of_products(known: Dependences, loop: For) -> Sum | None:
    """A loop as a sum of products of two elements."""
    loops = [op for op in loop.body.ops if isinstance(op, For)]
    inner = loops[0] if loops else None
    if len(loops) > 1 or not _plain(known, loop) or known.literal(loop.lo) != 0 or _few(known, loop):
        return None
    if inner is not None and (not _plain(known, inner) or inner.inits or loop.inits):
        return None
    inside = defined(loop.body)
    if inner is not None and not inside.isdisjoint(inner.args):
        return None
    outer_ops = [op for op in loop.body.ops if op is not inner]
    ops = [*outer_ops, *(inner.body.ops if inner is not None else [])]
    checks = [op for op in outer_ops if isinstance(op, Check)]
    stores = [op for op in ops if isinstance(op, Store)]
    rest = [op for op in ops if op not in checks and op not in stores]
    if not all(isinstance(op, Const | Apply | Load) and not may_raise(op) for op in rest):
        return None
    if any(not inside.isdisjoint(check.args) for check in checks) or any(not s.accumulate for s in stores):
        return None
    moving = {loop.index, *loop.carried}
    for op in rest:
        if not moving.isdisjoint(op.args):
            moving.update(op.outs)
    if any(not moving.isdisjoint((s.array, *s.index)) for s in stores):
        return None
    reads = [Access(READ, op.array, op.index) for op in rest if isinstance(op, Load)]
    if any(known.overlap(r, Access(READ, s.array, s.index)) for s in stores for r in reads):
        return None
    added = _carried(known, loop) if loop.inits else [(s, s.value) for s in stores]
    if not added or (loop.inits and (stores or checks)):
        return None
    made = {out: op for op in rest for out in op.outs}
    found: list[tuple[Op, list[Term]]] = []
    for op, value in added:
        terms = _terms(value, made, moving)
        if not terms or len(terms) > MOST_TERMS or not all(_proper(term, loop) for term in terms):
            return None
        found.append((op, terms))
    return Sum(loop, inner, rest, checks, found, moving)


def _plain(known: Dependences, loop: For) -> bool:
    if loop.stops or loop.counted or loop.parallel or loop.segments or known.literal(loop.step) != 1:
        return False
    return len(loop.inits) <= 1 and known.nonneg(loop.index)


def _few(known: Dependences, loop: For) -> bool:
    number = known.literal(loop.hi)
    return number is not None and number < FEWEST


def _carried(known: Dependences, loop: For) -> list[tuple[Op, Value]]:
    """What a loop adds to what it carries."""
    param = loop.carried[0]
    added: list[tuple[Op, Value]] = []
    if not known.is_sum(loop.body, param, loop.next[0]):
        return []
    while param is not loop.next[0]:
        op = next(op for op in loop.body.ops if param in op.args)
        added.append((op, op.args[1] if op.args[0] is param else op.args[0]))
        param = op.out
    return added


def _proper(term: Term, loop: For) -> bool:
    """Whether a term has two elements of matrices of floats, each with the index of the sum once."""
    return len(term.elements) == 2 and all(
        x.array.rank == 2 and x.index.count(loop.index) == 1 and x.array.dtype.startswith("float")
        for x in term.elements
    )


def _terms(value: Value, made: dict[Value, Op], moving: set[Value]) -> list[Term]:
    """A value as a sum of terms; none if it is not one."""
    op = made.get(value)
    if value not in moving:
        return [Term(factors=[value])]
    if isinstance(op, Load):
        return [Term(elements=[op])]
    if not isinstance(op, Apply) or op.prim not in ("add", "sub", "mul", "neg"):
        return []
    first, *rest = (_terms(arg, made, moving) for arg in op.args)
    if op.prim == "neg":
        return [Term(-x.sign, x.elements, x.factors) for x in first]
    (second,) = rest
    if not first or not second or len(first) * len(second) > MOST_TERMS:
        return []
    if op.prim == "mul":
        return [x.times(y) for x in first for y in second]
    sign = 1 if op.prim == "add" else -1
    return [*first, *(Term(sign * y.sign, y.elements, y.factors) for y in second)]
