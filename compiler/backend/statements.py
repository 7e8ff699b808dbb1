"""Ops and regions → Python statements, as `ast` nodes; `src` says which line of the user each belongs to."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import NOWHERE, Src
from ..ir.nodes import (
    Apply,
    Attempt,
    CallFn,
    Check,
    For,
    Function,
    If,
    ListNew,
    ListSet,
    Op,
    Pop,
    Print,
    Push,
    Region,
    Store,
    Undef,
    Value,
    While,
)
from ..ir.types import Scalar, is_integer
from .expressions import Expressions, call, item, literal, name, placeholder
from .folding import Folding
from .names import Names
from .variables import Variables

AUGMENTED = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


@dataclass
class Tables:
    """What the statements of a module refer to by number."""

    checks: list[tuple[str, str, Src]] = field(default_factory=list)
    sites: list[Src] = field(default_factory=list)
    src: dict[ast.stmt, Src] = field(default_factory=dict)
    track: bool = False

    def site(self, src: Src) -> int:
        """The number of a user line in tracked builds."""
        if src not in self.sites:
            self.sites.append(src)
        return self.sites.index(src)


class Statements:
    """Statements of one function."""

    def __init__(self, folding: Folding, variables: Variables, names: Names, tables: Tables) -> None:
        self.folding = folding
        self.variables = variables
        self.names = names
        self.tables = tables
        self.expressions = Expressions(folding, names)
        self._out: list[ast.stmt] = []
        self._site = -1
        self._members = variables.groups()
        self._forms: dict[type[Op], Callable[[Any], None]] = {
            Store: self._store,
            Push: self._push,
            Pop: self._pop,
            ListNew: self._list_new,
            ListSet: lambda op: self._set(op.args[0], [op.args[1]], op.args[2], op.src),
            Check: self._check,
            Print: self._print,
            CallFn: self._call_fn,
            Attempt: self._attempt,
            If: self._if,
            For: self._for,
            While: self._while,
        }

    def top(self, function: Function) -> list[tuple[int, ast.stmt]]:
        """(index of the top-level op, statement), the return statement last."""
        found: list[tuple[int, ast.stmt]] = []
        for index, op in enumerate(function.body.ops):
            self._out = []
            self._op(op)
            found += [(index, statement) for statement in self._out]
        results = [self.of(v) for v in function.results]
        value = results[0] if len(results) == 1 else ast.Tuple(results, ast.Load()) if results else None
        self._out = []
        self._add(ast.Return(value), None)
        return found + [(len(function.body.ops), statement) for statement in self._out]

    def of(self, value: Value) -> ast.expr:
        """The expression of a value."""
        return self.expressions.of(value)

    # -- helpers
    def _add(self, statement: ast.stmt, src: Src | None) -> None:
        if self.tables.track and src is not None and src is not NOWHERE and _touches_memory(statement):
            site = self.tables.site(src)
            if site != self._site:
                self._out.append(ast.Assign([item(name("_at"), [ast.Constant(0)])], ast.Constant(site)))
                self._site = site
        if src is not None:
            self.tables.src[statement] = src
        self._out.append(statement)

    def _block(self, fill: Callable[[], None]) -> list[ast.stmt]:
        outer, self._out = self._out, []
        self._site = -1
        fill()
        inner, self._out = self._out, outer
        self._site = -1
        return inner

    def _assign(self, target: Value, value: ast.expr, src: Src | None) -> None:
        self._add(self._assignment(self.names.of(target), value, isinstance(target.type, Scalar)), src)

    def _assignment(self, target: str, value: ast.expr, scalar: bool) -> ast.stmt:
        if scalar and isinstance(value, ast.BinOp) and isinstance(value.op, AUGMENTED):
            commutes = isinstance(value.op, ast.Add | ast.Mult)
            if _is_name(value.left, target):
                return ast.AugAssign(ast.Name(target, ast.Store()), value.op, value.right)
            if commutes and _is_name(value.right, target):
                return ast.AugAssign(ast.Name(target, ast.Store()), value.op, value.left)
        return ast.Assign([ast.Name(target, ast.Store())], value)

    def _region(self, region: Region) -> None:
        for op in region.ops:
            self._op(op)

    def _op(self, op: Op) -> None:
        if self.folding.skipped(op):
            return
        form = self._forms.get(type(op))
        if form is not None:
            form(op)
        elif len(op.outs) == 1:
            self._assign(op.out, self.expressions.computed(op), op.src)
        else:
            self._unpack(op.outs, self.expressions.computed(op), op.src)

    def _unpack(self, outs: tuple[Value, ...], value: ast.expr, src: Src) -> None:
        if not outs:
            self._add(ast.Expr(value), src)
        elif len(outs) == 1:
            self._assign(outs[0], value, src)
        else:
            targets: list[ast.expr] = [
                ast.Name(self.names.of(out) if self.folding.used(out) else "_", ast.Store()) for out in outs
            ]
            self._add(ast.Assign([ast.Tuple(targets, ast.Store())], value), src)

    # -- memory and effects
    def _store(self, op: Store) -> None:
        target = self._element(op.array, list(op.index))
        if op.accumulate:
            self._add(ast.AugAssign(target, ast.Add(), self.of(op.value)), op.src)
        else:
            self._add(ast.Assign([target], self.of(op.value)), op.src)

    def _set(self, array: Value, index: list[Value], value: Value, src: Src) -> None:
        self._add(ast.Assign([self._element(array, index)], self.of(value)), src)

    def _element(self, array: Value, index: list[Value]) -> Any:
        return item(self.of(array), [self.of(i) for i in index])

    def _method(self, list_: Value, method: str, args: list[ast.expr]) -> ast.expr:
        return ast.Call(ast.Attribute(self.of(list_), method, ast.Load()), args, [])

    def _push(self, op: Push) -> None:
        self._add(ast.Expr(self._method(op.args[0], "append", [self.of(op.args[1])])), op.src)

    def _pop(self, op: Pop) -> None:
        value = self._method(op.args[0], "pop", [])
        if self.folding.used(op.out):
            self._assign(op.out, value, op.src)
        else:
            self._add(ast.Expr(value), op.src)

    def _list_new(self, op: ListNew) -> None:
        """A list of one element, which gives its type, and is cleared.

        Numba widens the layout of the arrays in a list, but not through a call of another function. With a
        comprehension it would take stores for dead to arrays that only the list still leads to.
        """
        escapes = any(
            isinstance(use.op, CallFn) or use.op is None for use in self.folding.uses.get(op.out, [])
        )
        self._assign(op.out, placeholder(op.out.type, strided=escapes), op.src)
        self._add(ast.Expr(self._method(op.out, "clear", [])), op.src)

    def _call_fn(self, op: CallFn) -> None:
        args = [self.of(a) for a in op.args]
        if self.tables.track:
            args.append(name("_at"))
        self._unpack(op.outs, call(op.name, args), op.src)

    def _attempt(self, op: Attempt) -> None:
        args = [self.of(a) for a in op.args] + ([name("_at")] if self.tables.track else [])
        outcomes = (self._assignment(self.names.of(op.out), ast.Constant(v), True) for v in (False, True))
        passed, raised = outcomes
        handler = ast.ExceptHandler(name("Exception"), None, [raised])
        self._add(ast.Try([ast.Expr(call(op.name, args)), passed], [handler], [], []), op.src)

    def _check(self, op: Check) -> None:
        exception, message = op.attrs
        self.tables.checks.append((exception, message, op.src))
        number = ast.Constant(len(self.tables.checks) - 1)
        values = [self.of(v) for v in op.args[1:]]
        raised = ast.Raise(call(raisable(exception), [ast.Constant(message), *values, number]), None)
        self._add(ast.If(self._not(op.args[0]), [raised], []), op.src)

    def _print(self, op: Print) -> None:
        """Numba prints positional values only: literal text and values stand side by side."""
        template, _ = op.attrs
        pieces: list[ast.expr] = []
        for part in re.split(r"(\{\d+\})", template):
            if re.fullmatch(r"\{\d+\}", part):
                pieces.append(self.of(op.args[int(part[1:-1])]))
            elif part.strip():
                pieces.append(ast.Constant(part.strip().replace("{{", "{").replace("}}", "}")))
        self._add(ast.Expr(call("print", pieces)), op.src)

    def _not(self, cond: Value) -> ast.expr:
        """The negation; comparisons of floats keep their `not`, because of NaN."""
        value = self.of(cond)
        op = self.folding.defs.get(cond)
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
            return value.operand
        if isinstance(value, ast.BoolOp) and isinstance(op, Apply) and op.prim in ("and", "or"):
            parts = [self._not(arg) for arg in op.args]
            if not any(isinstance(part, ast.UnaryOp) for part in parts):
                joint = ast.And if op.prim == "or" else ast.Or
                return ast.BoolOp(joint(), [v for part in parts for v in _operands(part, joint)])
        exact = op is not None and op.args and (is_integer(op.args[0].dtype) or op.args[0].dtype == "bool")
        if isinstance(value, ast.Compare) and len(value.ops) == 1 and exact:
            return ast.Compare(value.left, [INVERSE[type(value.ops[0])]()], value.comparators)
        return ast.UnaryOp(ast.Not(), value)

    # -- copies at region ends
    def _copy(self, pairs: list[tuple[Value, Value]]) -> None:
        """target ← source, all at once: ordered where an order exists, else one tuple assignment."""
        moves = []
        for target, source in pairs:
            if not self._is_carried(target) or self._is_same(target, source):
                continue
            reads = {self.names.of(leaf) for leaf in self.folding.leaves(source)}
            op = self.folding.defs.get(source)
            src = op.src if source in self.folding.folded and op is not None and op.args else None
            moves.append((target, source, reads, src))
        while moves:
            free = next(
                (m for m in moves if not any(self.names.of(m[0]) in o[2] for o in moves if o is not m)),
                None,
            )
            if free is None:
                targets: list[ast.expr] = [ast.Name(self.names.of(m[0]), ast.Store()) for m in moves]
                values = [self.of(m[1]) for m in moves]
                src = next((m[3] for m in moves if m[3] is not None), None)
                self._add(ast.Assign([ast.Tuple(targets, ast.Store())], ast.Tuple(values, ast.Load())), src)
                return
            moves.remove(free)
            self._assign(free[0], self.of(free[1]), free[3])

    def _is_carried(self, target: Value) -> bool:
        return any(self.folding.used(v) for v in self._members[self.variables.of(target)])

    def _is_same(self, target: Value, source: Value) -> bool:
        return source not in self.folding.folded and self.variables.of(target) is self.variables.of(source)

    # -- control
    def _if(self, op: If) -> None:
        pairs = [(out, *ys) for out, *ys in zip(op.outs, op.then.yields, op.orelse.yields, strict=True)]
        if self.folding.is_ternary(op) and self._if_expression(op):
            return
        branches = []
        for side, region in enumerate(op.regions):
            needed = [(p[0], p[1 + side]) for p in pairs if self.folding.used(p[0])]

            def fill(region: Region = region, needed: list[tuple[Value, Value]] = needed) -> None:
                self._region(region)
                self._copy(needed)

            branches.append(self._block(fill))
        then, orelse = branches
        if then:
            self._add(ast.If(self.of(op.cond), then, orelse), op.src)
        elif orelse:
            self._add(ast.If(self._not(op.cond), orelse, []), op.src)

    def _if_expression(self, op: If) -> bool:
        """x = a if cond else b, where neither branch keeps the variable."""
        yields = (op.then.yields[0], op.orelse.yields[0])
        if not self.folding.used(op.out):
            return True
        if any(self._is_same(op.out, y) or isinstance(self.folding.defs.get(y), Undef) for y in yields):
            return False
        chosen = ast.IfExp(self.of(op.cond), self.of(yields[0]), self.of(yields[1]))
        self._assign(op.out, chosen, op.src)
        return True

    def _start(self, op: For | While) -> list[Value]:
        self._copy(list(zip(op.carried, op.inits, strict=True)))
        trips = [t for t in op.outs[len(op.inits) :] if self.folding.used(t)]
        for counter in trips:
            self._assign(counter, literal(0, "int64"), None)
        return trips

    def _next(self, op: For | While, trips: list[Value]) -> None:
        self._copy(list(zip(op.carried, op.next, strict=True)))
        for counter in trips:
            target = ast.Name(self.names.of(counter), ast.Store())
            self._add(ast.AugAssign(target, ast.Add(), ast.Constant(1)), None)

    def _for(self, op: For) -> None:
        trips = self._start(op)
        const = self.expressions.const
        bounds = (
            [self.of(op.hi)]
            if const(op.lo) == 0 and const(op.step) == 1
            else [self.of(op.lo), self.of(op.hi)]
        )
        if const(op.step) != 1:
            bounds.append(self.of(op.step))
        parallel = op.parallel and const(op.step) == 1
        target = self.names.of(op.index) if self.folding.used(op.index) else "_"

        def fill() -> None:
            self._region(op.body)
            self._next(op, trips)
            if op.stops:
                self._stop(op.body.yields[0])

        body = self._block(fill)
        if not body and not any(self.folding.used(out) for out in op.outs):
            return
        source = call("prange" if parallel else "range", bounds)
        self._add(ast.For(ast.Name(target, ast.Store()), source, body or [ast.Pass()], []), op.src)

    def _stop(self, flag: Value) -> None:
        known = self.expressions.const(flag)
        if known is None:
            self._add(ast.If(self.of(flag), [ast.Break()], []), None)
        elif known:
            self._add(ast.Break(), None)

    def _while(self, op: While) -> None:
        trips = self._start(op)
        test = self._block(lambda: self._region(op.cond))

        def fill() -> None:
            self._region(op.body)
            self._next(op, trips)

        body = self._block(fill)
        cond = op.cond.yields[0]
        if test:
            leave = ast.If(self._not(cond), [ast.Break()], [])
            self._add(ast.While(ast.Constant(True), [*test, leave, *body], []), op.src)
        else:
            self._add(ast.While(self.of(cond), body or [ast.Pass()], []), op.src)


def raisable(exception: str) -> str:
    """The class that compiled code raises for an exception; the check's number tells the API the real one."""
    found = getattr(builtins, exception, None)
    if isinstance(found, type) and issubclass(found, Exception):
        return exception
    return "np.linalg.LinAlgError" if exception == "LinAlgError" else "RuntimeError"


def _operands(node: ast.expr, joint: type[ast.boolop]) -> list[ast.expr]:
    """What a chain of `and`, or of `or`, joins."""
    return node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, joint) else [node]


def _is_name(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Name) and node.id == text


def _touches_memory(statement: ast.stmt) -> bool:
    """Whether running the statement, or the head of a block, can fail at an index or in a call."""
    if isinstance(statement, ast.For):
        return _reads(statement.iter)
    if isinstance(statement, ast.If | ast.While):
        return _reads(statement.test)
    return _reads(statement)


def _reads(node: ast.AST) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript):
            if not (isinstance(part.value, ast.Attribute) and part.value.attr == "shape"):
                return True
        elif isinstance(part, ast.Call):
            if isinstance(part.func, ast.Name) or (
                isinstance(part.func, ast.Attribute) and part.func.attr == "pop"
            ):
                return True
            if ast.unparse(part.func).startswith(("support.", "triangular.", "np.linalg.", "np.dot")):
                return True
    return False
