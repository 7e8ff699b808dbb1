"""The IR as Python-like text, for dumps, golden files and complaints.

The same IR gives the same text: names are hints made unique in the order of definition. Literals stand where
they are used; every other op is one line, or a block in braces::

    def dot(a: f64[:], b: f64[:]) {
        n: i64 = a.shape[0]
        for i in range(0, n, 1) carry (s: f64 = 0.0) {
            t: f64 = a[i]
            u: f64 = b[i]
            t_1: f64 = t * u
            t_2: f64 = s + t_1
            yield t_2
        } -> s_1
        return s_1
    }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from . import nodes
from .nodes import Function, Module, Op, Region, Value
from .types import Type

INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "and",
    "or": "or",
    "bitand": "&",
    "bitor": "|",
    "bitxor": "^",
    "lshift": "<<",
    "rshift": ">>",
}
PREFIX = {"neg": "-", "pos": "+", "not": "not ", "invert": "~"}
_SHORT = {"float": "f", "int": "i", "uint": "u", "complex": "c"}


def show(thing: Module | Function | Region | Op) -> str:
    """The text of a module, a function, a region or an op."""
    if isinstance(thing, Module):
        return "\n\n".join(show(f) for f in thing)
    printer = _Printer()
    if isinstance(thing, Function):
        printer.function(thing)
    elif isinstance(thing, Region):
        printer.region(thing, "yield")
    else:
        printer.op(thing)
    return "\n".join(printer.lines)


def show_around(function: Function, op: Op | None, message: str, margin: int = 6) -> str:
    """The lines of a function around an op, with a message under it; without an op, the first lines."""
    printer = _Printer(marked=op)
    printer.function(function)
    at = printer.mark
    text = [f"  {line}" for line in printer.lines]
    text[at] = "> " + text[at][2:]
    text.insert(at + 1, f"^ {message}")
    low, high = max(0, at - margin), at + margin + 2
    head = [text[0], "    ..."] if low > 1 else text[:low]
    return "\n".join([*head, *text[low:high], *(["    ..."] if high < len(text) else [])])


def short_type(type_: Type) -> str:
    """f64, i64[:, :], list[f32]."""
    return re.sub(r"\b(float|int|uint|complex)(?=\d)", lambda m: _SHORT[m[1]], str(type_))


class _Printer:
    """Lines so far, the names given, and one method per kind of op."""

    def __init__(self, marked: Op | None = None) -> None:
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}
        self.taken: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.literals: dict[Value, str] = {}
        self.depth = 0
        self.marked = marked
        self.mark = 0

    # -- names
    def name(self, value: Value) -> str:
        """The name of a value, or the literal that it is; `?` marks one used before its definition."""
        if value in self.literals:
            return self.literals[value]
        return self.names[value] if value in self.names else "?" + self.define(value)

    def define(self, value: Value) -> str:
        """The name of a value at its definition."""
        if value not in self.names:
            hint = re.sub(r"\W", "_", value.name) or "t"
            n = self.numbers.get(hint, 0)
            name = f"{hint}_{n}" if n else hint
            while name in self.taken:
                n += 1
                name = f"{hint}_{n}"
            self.numbers[hint] = n + 1
            self.taken.add(name)
            self.names[value] = name
        return self.names[value]

    def typed(self, value: Value) -> str:
        return f"{self.define(value)}: {short_type(value.type)}"

    def joined(self, values: Iterable[Value]) -> str:
        names = [self.name(v) for v in values]
        return ", ".join(n[1:-1] if n.startswith("(") else n for n in names)

    # -- structure
    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def function(self, function: Function) -> None:
        self.line(f"def {function.name}({', '.join(self.typed(p) for p in function.params)}) {{")
        self.inner(function.body, "return")
        self.line("}")

    def inner(self, region: Region, word: str) -> None:
        self.depth += 1
        self.region(region, word)
        self.depth -= 1

    def region(self, region: Region, word: str) -> None:
        for op in region.ops:
            self.op(op)
        if region.yields:
            self.line(f"{word} {self.joined(region.yields)}")

    def op(self, op: Op) -> None:
        if op is not self.marked:
            return self.well_formed(op)
        self.mark = len(self.lines)
        try:
            self.well_formed(op)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            # The op that a complaint is about may lack what its kind needs.
            self.line(f"{type(op).__name__} {op.attrs}({self.joined(op.args)})")
        return None

    def well_formed(self, op: Op) -> None:
        if isinstance(op, nodes.Const) and len(op.outs) == 1:
            self.literals[op.out] = literal(op.value, op.out.dtype)
            if op is self.marked:
                self.line(f"const {self.literals[op.out]}")
        elif isinstance(op, nodes.If):
            self.branch(op)
        elif isinstance(op, nodes.For):
            self.for_loop(op)
        elif isinstance(op, nodes.While):
            self.while_loop(op)
        else:
            text = _TEXT[type(op)](self, op)
            self.line(f"{', '.join(self.typed(o) for o in op.outs)} = {text}" if op.outs else text)

    def branch(self, op: nodes.If) -> None:
        self.line(f"if {self.name(op.cond)} {{")
        self.inner(op.then, "yield")
        if op.orelse.ops or op.orelse.yields:
            self.line("} else {")
            self.inner(op.orelse, "yield")
        self.line("}" + self.results(op))

    def for_loop(self, op: nodes.For) -> None:
        lo, hi, step = (self.name(a) for a in (op.lo, op.hi, op.step))
        inits = [self.name(v) for v in op.inits]
        word = "parallel for" if op.parallel else "checkpointed for" if op.segments else "for"
        head = f"{word} {self.define(op.index)} in range({lo}, {hi}, {step})"
        self.line(f"{head}{self.carry(op.carried, inits)} {{")
        self.inner(op.body, "stop-or-yield" if op.stops else "yield")
        self.line("}" + self.results(op))

    def while_loop(self, op: nodes.While) -> None:
        inits = [self.name(v) for v in op.inits]
        self.line(f"while{self.carry(op.cond.params, inits)} {{")
        self.inner(op.cond, "test")
        passed = ", ".join(self.typed(p) for p in op.carried)
        self.line(f"}} do ({passed}) {{" if passed else "} do {")
        self.inner(op.body, "yield")
        self.line("}" + self.results(op))

    def carry(self, params: tuple[Value, ...], inits: list[str]) -> str:
        if not params:
            return ""
        pairs = zip(params, inits + ["?"] * (len(params) - len(inits)), strict=False)
        return f" carry ({', '.join(f'{self.typed(p)} = {init}' for p, init in pairs)})"

    def results(self, op: Op) -> str:
        if not op.outs:
            return ""
        named = [self.typed(o) if isinstance(op, nodes.If) else self.define(o) for o in op.outs]
        return " -> " + ", ".join(named)

    # -- simple ops
    def apply(self, op: nodes.Apply) -> str:
        args = [self.name(a) for a in op.args]
        if op.prim == "cast":
            return f"{short_type(op.out.type)}({args[0]})"
        if op.prim == "select" and len(args) == 3:
            return f"select {args[0]} ? {args[1]} : {args[2]}"
        if op.prim in INFIX and len(args) == 2:
            return f"{args[0]} {INFIX[op.prim]} {args[1]}"
        if op.prim in PREFIX and len(args) == 1:
            return f"{PREFIX[op.prim]}{args[0]}"
        return f"{op.prim}({', '.join(args)})"

    def place(self, array: Value, index: Iterable[Value]) -> str:
        return f"{self.name(array)}[{self.joined(index)}]"

    def store(self, op: nodes.Store) -> str:
        sign = "+=" if op.accumulate else "="
        return f"{self.place(op.array, op.index)} {sign} {self.name(op.value)}"

    def view(self, op: nodes.View) -> str:
        array, operands = self.name(op.array), [self.name(a) for a in op.args[1:]]
        if op.kind == "transpose":
            return f"view {array}.transpose({', '.join(map(str, op.spec))})"
        if op.kind == "reshape":
            return f"view {array}.reshape({', '.join(operands)})"
        rest, entries = iter(operands), []
        for entry in op.spec:
            count = {"i": 1, "s": 3}.get(entry, 0)
            plain = {":": ":", "n": "newaxis"}.get(entry, "?")
            entries.append(":".join(next(rest, "?") for _ in range(count)) if count else plain)
        return f"view {array}[{', '.join(entries)}]"

    def call(self, op: nodes.Call) -> str:
        static = [f"{s!r}" for s in op.attrs[1:]]
        return f"call {op.name}({', '.join([self.name(a) for a in op.args] + static)})"

    def check(self, op: nodes.Check) -> str:
        name, message = op.attrs
        values = "".join(f", {self.name(a)}" for a in op.args[1:])
        return f"check {self.name(op.args[0])} else {name}({message!r}{values})"

    def printed(self, op: nodes.Print) -> str:
        template, end = op.attrs
        values = "".join(f", {self.name(a)}" for a in op.args)
        return f"print({template!r}{values}{'' if end == chr(10) else f', end={end!r}'})"


_TEXT: dict[type[Op], Callable[[_Printer, Any], str]] = {
    nodes.Const: lambda p, op: f"const {op.attrs[0]!r}",
    nodes.Undef: lambda p, op: "undef",
    nodes.Apply: _Printer.apply,
    nodes.Alloc: lambda p, op: f"{op.fill}({p.joined(op.args)})",
    nodes.Load: lambda p, op: p.place(op.array, op.index),
    nodes.Store: _Printer.store,
    nodes.View: _Printer.view,
    nodes.Dim: lambda p, op: f"{p.name(op.args[0])}.shape[{op.axis}]",
    nodes.Call: _Printer.call,
    nodes.CallFn: lambda p, op: f"call @{op.name}({p.joined(op.args)})",
    nodes.Attempt: lambda p, op: f"attempt @{op.name}({p.joined(op.args)})",
    nodes.ListNew: lambda p, op: "[]",
    nodes.Push: lambda p, op: f"{p.name(op.args[0])}.append({p.name(op.args[1])})",
    nodes.Pop: lambda p, op: f"{p.name(op.args[0])}.pop()",
    nodes.ListGet: lambda p, op: p.place(op.args[0], op.args[1:]),
    nodes.ListSet: lambda p, op: f"{p.place(op.args[0], op.args[1:2])} = {p.name(op.args[2])}",
    nodes.ListLen: lambda p, op: f"len({p.name(op.args[0])})",
    nodes.Check: _Printer.check,
    nodes.Print: _Printer.printed,
}


def literal(value: Any, dtype: str) -> str:
    """A constant; dtypes other than Python's own are spelled out."""
    text = f"{value!r}"
    own = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}.get(type(value))
    if own != dtype:
        return f"{re.sub(r'[a-z]+', lambda m: _SHORT.get(m[0], m[0]), dtype)}({text})"
    return f"({text})" if text.startswith("-") else text
