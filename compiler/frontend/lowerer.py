"""The state of one lowering: variables, frames, retries, and dispatch to one function per kind of syntax.

`STATEMENTS` and `EXPRESSIONS` map a node class to its function; the other modules enter themselves there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from ..arrays.core import Ctx, materialise, to_value
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import NOWHERE, NoRuleError, Src, TypeMismatchError, UnsupportedError, UnsupportedSyntaxError
from ..ir.nodes import Function, Value
from ..ir.types import Array, Scalar
from .captures import Captures
from .joins import Form, is_number
from .regions import RegionBuilder
from .source import FunctionSource
from .values import MISSING, Box, ListRef, Maybe, Missing, Owner, Path, Poison, Scope, describe

Key = tuple[object, object]


class PathEnds(Exception):
    """Nothing after this point runs: an exception was raised, or a name is unbound."""


class Retry(Exception):
    """Start again: the session has learnt that a list grows at run time, or that a loop must be unrolled."""


class State:
    """Values of all variables and fields at one point of the program, and where they were last assigned."""

    __slots__ = ("dead", "values", "where")

    def __init__(self, values: dict[Key, AbstractValue], where: dict[Key, Src], dead: bool = False) -> None:
        self.values = values
        self.where = where
        self.dead = dead

    def copy(self) -> State:
        """An independent copy."""
        return State(dict(self.values), dict(self.where), self.dead)


@dataclass
class LoopFrame:
    """A loop that is being lowered: its node, its range when known, its index value."""

    node: ast.AST
    known: range | None = None
    index: Value | None = None


@dataclass
class Frame:
    """A function that is being lowered."""

    scope: Scope
    loops: list[LoopFrame] = field(default_factory=list)


@dataclass
class RecursiveFn:
    """A function of the module that is called recursively."""

    name: str
    form: Form | None = None
    captures: list[Path] = field(default_factory=list)
    function: Function | None = None
    done: bool = False


@dataclass
class Session:
    """What outlives a retry."""

    captures: Captures
    growable: dict[object, Scalar | Array] = field(default_factory=dict)
    unrolled: set[object] = field(default_factory=set)
    functions: dict[object, RecursiveFn] = field(default_factory=dict)
    classes: dict[type, Path] = field(default_factory=dict)
    owners: dict[object, Owner] = field(default_factory=dict)
    sources: dict[object, FunctionSource] = field(default_factory=dict)
    loops: dict[object, dict[object, Form]] = field(default_factory=dict)
    loop_numbers: dict[ast.AST, int] = field(default_factory=dict)
    custom: dict[str, object] = field(default_factory=dict)
    rules: dict[object, Any] = field(default_factory=dict)
    entry_name: str = ""


StatementFn = Callable[..., None]
ExpressionFn = Callable[..., AbstractValue]
STATEMENTS: dict[type[ast.AST], StatementFn] = {}
EXPRESSIONS: dict[type[ast.AST], ExpressionFn] = {}


def statement(*kinds: type[ast.stmt]) -> Callable[[StatementFn], StatementFn]:
    """Enter a function as the lowering of statements."""

    def enter(fn: StatementFn) -> StatementFn:
        STATEMENTS.update(dict.fromkeys(kinds, fn))
        return fn

    return enter


def expression(*kinds: type[ast.expr]) -> Callable[[ExpressionFn], ExpressionFn]:
    """Enter a function as the lowering of expressions."""

    def enter(fn: ExpressionFn) -> ExpressionFn:
        EXPRESSIONS.update(dict.fromkeys(kinds, fn))
        return fn

    return enter


class Lowerer:
    """Lowers into one IR function."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.b = RegionBuilder()
        self.ctx = Ctx(self.b)
        self.state = State({}, {})
        self.frames: list[Frame] = []
        self.missing_reads: set[Key] = set()
        self.calls: list[object] = []
        self.call_path: tuple[object, ...] = ()
        self.captured: dict[Path, AbstractValue] = {}
        self.boxes: dict[object, int] = {}
        self.src: Src = NOWHERE
        self.depth: Value | None = None  # how many recursive calls are open
        self.inside: tuple[object, ...] = ()  # objects of custom_vjp of whose rules this is a part

    # -- places
    @property
    def frame(self) -> Frame:
        """The function being lowered."""
        return self.frames[-1]

    @property
    def scope(self) -> Scope:
        """The innermost scope."""
        return self.frame.scope

    def at(self, node: ast.AST) -> Src:
        """Move to a node: errors and ops get its place."""
        self.src = self.b.src = self.scope.source.src(node)
        return self.src

    def refuse(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise UnsupportedError here."""
        raise UnsupportedError(message, self.src, hint)

    def no_rule(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise NoRuleError here."""
        raise NoRuleError(message, self.src, hint)

    def mismatch(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise TypeMismatchError here."""
        raise TypeMismatchError(message, self.src, hint)

    def syntax(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise UnsupportedSyntaxError here."""
        raise UnsupportedSyntaxError(message, self.src, hint)

    # -- dispatch
    def expr(self, node: ast.expr) -> AbstractValue:
        """The value of an expression."""
        outer = self.src
        self.at(node)
        value = EXPRESSIONS[type(node)](self, node)
        self.src = self.b.src = outer
        return value

    def stmt(self, node: ast.stmt) -> None:
        """Lower one statement."""
        self.at(node)
        STATEMENTS[type(node)](self, node)

    # -- variables
    def set(self, key: Key, value: AbstractValue) -> None:
        """Bind a variable or field; a delayed array is computed now."""
        self.state.values[key] = self.bound(value, str(key[1]))
        self.state.where[key] = self.src

    def bound(self, value: AbstractValue, name: str = "") -> AbstractValue:
        """The value as a name can hold it."""
        if isinstance(value, Arr):
            made = materialise(self.ctx, value, name)
            if name.isidentifier() and made.whole and made.memory is not None and not made.memory.ref.name:
                made.memory.ref.name = name
            return made
        if isinstance(value, Tup):
            items = tuple(self.bound(v) for v in value.items)
            return (
                value
                if all(a is b for a, b in zip(items, value.items, strict=True))
                else Tup(items, value.type)
            )
        if name.isidentifier():
            if isinstance(value, Box) and value.owner.name.startswith("the "):
                value.owner.name = name
            elif isinstance(value, ListRef) and not value.ref.name:
                value.ref.name = name
        if isinstance(value, Num) and name and not value.value.name and self.b.visible(value.value):
            value.value.name = name
        return value

    def get(self, key: Key, what: str) -> AbstractValue:
        """Read a variable or field."""
        value = self.state.values.get(key, MISSING)
        if isinstance(value, Missing):
            self.missing_reads.add(key)
            message = f"cannot access local variable '{what}' where it is not associated with a value"
            self.b.check(self.b.const(False), "UnboundLocalError", message)
            raise PathEnds
        if isinstance(value, Poison):
            raise TypeMismatchError(value.message, value.src, value.hint)
        if isinstance(value, Maybe):
            message = f"cannot access local variable '{what}' where it is not associated with a value"
            self.b.check(value.flag, "UnboundLocalError", message)
            return self.get_inner(value.value)
        return value

    def get_inner(self, value: AbstractValue) -> AbstractValue:
        """The value of a Maybe that was checked."""
        if isinstance(value, Poison):
            raise TypeMismatchError(value.message, value.src, value.hint)
        return value

    def misfit(self, a: AbstractValue, b: AbstractValue, name: str, src: Src) -> Poison:
        """What stands for a variable whose values on two paths cannot be joined."""
        lists = [x.owner.site for x in (a, b) if isinstance(x, Box) and x.kind == "list"]
        if lists and all(isinstance(x, ListRef) or (isinstance(x, Box) and x.kind == "list") for x in (a, b)):
            from .containers import grow

            for x in (a, b):
                if isinstance(x, Box):
                    grow(self, x, retry=False)
            raise Retry
        if name == "%retval":
            message = f"'return' gives {describe(b)} here and {describe(a)} elsewhere"
            hint = "return values of one type from every path"
        else:
            message = f"'{name}' is {describe(b)} on one path and {describe(a)} on another"
            hint = "give it one type (a number, or an array of one dtype and rank) on every path"
        return Poison(message, src, hint)

    # -- numbers
    def num(self, x: AbstractValue) -> Num:
        """A number as a run-time scalar."""
        if isinstance(x, Num):
            return x
        if isinstance(x, Known) and is_number(x):
            obj = x.obj
            if isinstance(obj, np.generic):
                return Num(self.b.const(obj.item(), obj.dtype.name))
            if isinstance(obj, int) and not isinstance(obj, bool) and not -(2**63) <= obj < 2**63:
                self.refuse(f"the integer {obj} does not fit in 64 bits", "write it as a float")
            return Num(self.b.const(obj), weak=True)
        if isinstance(x, Arr) and not x.rank:
            return Num(x.at(self.b, ()))
        self.mismatch(f"a number is needed here, not {describe(x)}")

    def num_as(self, x: AbstractValue, dtype: str) -> Value:
        """A number converted to a dtype."""
        return to_value(self.ctx, self.num(x), dtype)

    def fail(self, exception: str, message: str) -> NoReturn:
        """The program raises here."""
        self.b.check(self.b.const(False), exception, message.replace("{", "{{").replace("}", "}}"))
        raise PathEnds

    def new_box(self, kind: str, cls: type, site: object, name: str) -> Box:
        """A fresh mutable object."""
        place = (site, self.call_path)
        number = self.boxes[place] = self.boxes.get(place, 0) + 1
        owner = self.session.owners.setdefault((place, number, id(self)), Owner(place, name))
        return Box(kind, owner, cls)

    def flag(self, name: str) -> AbstractValue:
        """A pseudo-variable of the current scope: %return, %break, %continue."""
        return self.state.values.get((self.scope, name), Known(False))

    def jump_flag(self, kind: str, loop: ast.AST) -> str:
        """The pseudo-variable that says that the body of a loop was left: `%break3`, `%continue3`."""
        numbers = self.session.loop_numbers
        return f"%{kind}{numbers.setdefault(loop, len(numbers))}"

    def set_flag(self, name: str, value: AbstractValue) -> None:
        """Set a pseudo-variable."""
        self.state.values[self.scope, name] = value
