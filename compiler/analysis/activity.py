"""Activity: a value is active when it is *varied* (depends on a differentiated argument) and *useful* (a
differentiated result depends on it).

Memory is treated per origin and without order: an origin is varied when a varied value is stored to it
anywhere.
`shadowed` origins are the active ones and those that a reference may mean as well as an active one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..ir.nodes import (
    Apply,
    Call,
    CallFn,
    If,
    ListGet,
    ListSet,
    Load,
    Loop,
    Op,
    Pop,
    Push,
    Store,
    Value,
)
from ..ir.types import carries_derivative
from ..ir.walk import walk
from ..prims.calls import CALLS
from ..prims.prim import PRIMS
from .memory import Memory, is_reference


class Activity:
    """Which values and origins are active, for given differentiated parameters and results."""

    def __init__(self, memory: Memory, wrt: Iterable[Value], results: Iterable[Value]) -> None:
        self.memory = memory
        self._ops = list(walk(memory.fn.body))
        self.varied = self._fixpoint(self._seed(wrt), self._forward)
        self.useful = self._fixpoint(self._seed(results), self._backward)
        self._active = self.varied & self.useful
        self.shadowed = self._close({v for v in self._active if is_reference(v)})

    def active(self, value: Value) -> bool:
        """A scalar that needs an adjoint, or a reference to memory that does."""
        if is_reference(value):
            return not self.shadowed.isdisjoint(self.memory.origins(value))
        return value in self._active

    # -- marks: scalars by value, references by their origins
    def _seed(self, values: Iterable[Value]) -> set[Value]:
        marks: set[Value] = set()
        for value in values:
            self._mark(value, marks)
        return marks

    def _mark(self, value: Value, marks: set[Value]) -> None:
        if not carries_derivative(value.type):
            return
        if not is_reference(value):
            marks.add(value)
            return
        origins = self.memory.origins(value)
        marks |= origins
        for origin in origins:
            marks |= self.memory.contents(origin)

    def _has(self, value: Value, marks: set[Value]) -> bool:
        if not carries_derivative(value.type):
            return False
        if not is_reference(value):
            return value in marks
        origins = self.memory.origins(value)
        return any(o in marks or not self.memory.contents(o).isdisjoint(marks) for o in origins)

    def _fixpoint(self, marks: set[Value], step: Callable[[Op, set[Value]], None]) -> set[Value]:
        size = -1
        while size != len(marks):
            size = len(marks)
            for op in self._ops if step == self._forward else reversed(self._ops):
                step(op, marks)
        return marks

    def _carry(self, sources: Iterable[Value], targets: Iterable[Value], marks: set[Value]) -> None:
        for source, target in zip(sources, targets, strict=False):
            if not is_reference(source) and self._has(source, marks):
                self._mark(target, marks)

    def _forward(self, op: Op, marks: set[Value]) -> None:
        match op:
            case Apply():
                if any(self._has(a, marks) for _, a in differentiable_slots(op)):
                    self._mark(op.out, marks)
            case Load() | ListGet() | Pop() if not is_reference(op.out):
                if self._has(op.args[0], marks):
                    self._mark(op.out, marks)
            case Store() | Push() | ListSet():
                if not is_reference(op.args[-1]) and self._has(op.args[-1], marks):
                    self._mark(op.args[0], marks)
            case Call() | CallFn():
                if differentiable_call(op) and any(self._has(a, marks) for a in op.args):
                    for value in (*op.outs, *self._written_args(op)):
                        self._mark(value, marks)
            case If():
                for region in op.regions:
                    self._carry(region.yields, op.outs, marks)
            case Loop():
                self._carry(op.inits, op.carried, marks)
                self._carry(op.next, op.carried, marks)
                self._carry(op.carried, op.outs, marks)

    def _backward(self, op: Op, marks: set[Value]) -> None:
        match op:
            case Apply():
                if self._has(op.out, marks):
                    for _, arg in differentiable_slots(op):
                        self._mark(arg, marks)
            case Load() | ListGet() | Pop() if not is_reference(op.out):
                if self._has(op.out, marks):
                    self._mark(op.args[0], marks)
            case Store() | Push() | ListSet():
                if not is_reference(op.args[-1]) and self._has(op.args[0], marks):
                    self._mark(op.args[-1], marks)
            case Call() | CallFn():
                seen = (*op.outs, *self._written_args(op))
                if differentiable_call(op) and any(self._has(v, marks) for v in seen):
                    for arg in op.args:
                        self._mark(arg, marks)
            case If():
                for region in op.regions:
                    self._carry(op.outs, region.yields, marks)
            case Loop():
                self._carry(op.outs, op.carried, marks)
                self._carry(op.carried, op.next, marks)
                self._carry(op.carried, op.inits, marks)

    def _written_args(self, op: Op) -> list[Value]:
        if not isinstance(op, CallFn):
            return []
        return [a for a in op.args if is_reference(a)]

    def _close(self, origins: set[Value]) -> set[Value]:
        """Origins that share a reference with a shadowed one need a shadow too."""
        groups = [self.memory.origins(ref) for ref in self.memory.references()]
        groups += [
            self.memory.contents(o) | {o}
            for ref in self.memory.references()
            for o in self.memory.origins(ref)
        ]
        closed, size = set(origins), -1
        while size != len(closed):
            size = len(closed)
            for group in groups:
                if not closed.isdisjoint(group):
                    closed |= {o for o in group if carries_derivative(o.type)}
        return closed


def differentiable_slots(op: Apply) -> list[tuple[str, Value]]:
    """(argument name, operand) for the operands through which a primitive has a derivative."""
    if not carries_derivative(op.out.type):
        return []
    record = PRIMS[op.prim]
    slots = zip(record.args, op.args, strict=True)
    return [(name, a) for name, a in slots if name in (record.vjp or {}) and carries_derivative(a.type)]


def differentiable_call(op: Call | CallFn) -> bool:
    """Whether a library call has a derivative rule."""
    return isinstance(op, CallFn) or CALLS[op.name].vjp is not None
