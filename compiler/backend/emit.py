"""IR module → the text of a standalone Python file, with the user's lines as comments.

The text is what runs, what tracebacks show and what the disk cache keeps; it depends on nothing
but the arguments of `emit`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from ..errors import NOWHERE, Src
from ..ir.nodes import For, Function, Module
from ..ir.walk import walk
from .folding import Folding
from .names import Names
from .printer import LIMIT, expression, statement, wrapped
from .statements import Statements, Tables
from .variables import Variables

ROUNDS = 3
RUNTIME = {
    "mem": "memory as mem",
    "support": "support",
    "triangular": "triangular",
    "vm": "vectormath as vm",
}  # name in the text → what is imported
DECORATORS = {False: "jit", True: "jit_parallel"}


@dataclass(frozen=True)
class EmitMeta:
    """What the IR does not say.

    `kind` is the first words of the header; `wrt` names the arguments differentiated; `arg_types` are printed
    types by argument name; `reverse_at` is the index of the entry's top-level op with which the reverse sweep
    starts, called `reverse_title`; `track` makes every function take a last argument `_at`, an int64 array
    whose first element always tells the number (in `Emitted.sites`) of the user line that runs; `cache` lets
    Numba keep machine code; `boundscheck` has it compare each index with its length, where the IR does not.
    """

    qualname: str
    wrt: tuple[str, ...] = ()
    arg_types: tuple[tuple[str, str], ...] = ()
    entry_file: str = ""
    kind: str = "reverse-mode adjoint of"
    fastmath: bool = True
    boundscheck: bool = False
    track: bool = False
    reverse_at: int | None = None
    reverse_title: str = "reverse"
    cache: bool = True


@dataclass(frozen=True)
class Emitted:
    """A generated file.

    An exception raised by check number k has the arguments (template, values …, k); `checks[k]` is its
    (exception name, template, place). `source_map` maps lines of the text to places in the user's source.
    """

    text: str
    checks: list[tuple[str, str, Src]]
    source_map: dict[int, Src]
    sites: list[Src] = field(default_factory=list)


def emit(module: Module, meta: EmitMeta) -> Emitted:
    """Print a module as a Python file."""
    tables = Tables(track=meta.track)
    taken = {function.name for function in module}
    writer = _Writer(meta, tables)
    for function in module:
        writer.function(function, taken, meta.reverse_at if function is module.entry else None)
    head = _header(meta) + _imports(writer.code) + _jit(meta, {_is_parallel(function) for function in module})
    source_map = {len(head) + line: src for line, src in writer.source_map.items()}
    text = "\n".join([*head, *writer.lines]) + "\n"
    compile(text, "<pullback>", "exec")
    return Emitted(text, tables.checks, source_map, tables.sites)


def analyse(function: Function) -> tuple[Folding, Variables]:
    """Fold and share variables; yields that would need a copy are computed by the copy, if that saves it."""
    forced: frozenset[object] = frozenset()
    for _ in range(ROUNDS):
        folding = Folding(function, forced)  # type: ignore[arg-type]
        variables = Variables(folding)
        late = variables.late_yields() - forced
        if not late:
            break
        forced |= late
    return folding, variables


def _header(meta: EmitMeta) -> list[str]:
    wrt = f", with respect to {', '.join(meta.wrt)}" if meta.wrt else ""
    lines = [f"# pullback: {meta.kind} `{meta.qualname}`{wrt}"]
    line = "#"
    for argument, type_ in meta.arg_types:
        part = f" {argument}: {type_}"
        if len(line + part) > LIMIT and line != "#":
            lines.append(line)
            line = "#"
        line = line + (" " if line != "#" else "") + part
    return [*lines, line] if line != "#" else lines


def _imports(code: str) -> list[str]:
    lines = ["import math", ""] if re.search(r"\bmath\.", code) else []
    if re.search(r"\bnp\.", code):
        lines.append("import numpy as np")
    lines.append(
        "from numba import njit, prange" if re.search(r"\bprange\(", code) else "from numba import njit"
    )
    used = [text for name, text in RUNTIME.items() if re.search(rf"\b{name}\.", code)]
    return [*lines, *[""][: len(used)], *(f"from pullback.runtime import {text}" for text in used), ""]


def _jit(meta: EmitMeta, parallel: set[bool]) -> list[str]:
    """The decorators: `jit`, and `jit_parallel` for functions with parallel loops."""
    options = ['error_model="numpy"', *(["boundscheck=True"] if meta.boundscheck else [])]
    if meta.fastmath:
        options.append('fastmath={"reassoc", "nsz", "contract", "arcp"}')
    options += ["nogil=True", *(["cache=True"] if meta.cache else [])]
    lines = []
    for kind in sorted(parallel):
        chosen = [*options, "parallel=True"] if kind else options
        text = f"{DECORATORS[kind]} = njit({', '.join(chosen)})"
        broken = [text.partition("(")[0] + "(", *(f"    {option}," for option in chosen), ")"]
        lines += [text] if len(text) <= LIMIT else broken
    return lines


def _is_parallel(function: Function) -> bool:
    return any(isinstance(op, For) and op.parallel for op in walk(function.body))


class _Writer:
    """Collects lines; knows which comment was printed last."""

    def __init__(self, meta: EmitMeta, tables: Tables) -> None:
        self.meta = meta
        self.tables = tables
        self.lines: list[str] = []
        self.source_map: dict[int, Src] = {}
        self._code: list[str] = []
        self._last: tuple[str, int] | None = None

    @property
    def code(self) -> str:
        """The lines without comments."""
        return "\n".join(self._code)

    def function(self, function: Function, taken: set[str], reverse_at: int | None) -> None:
        """Print one function."""
        folding, variables = analyse(function)
        names = Names(folding, variables, taken)
        params = [names.of(p) for p in function.params] + (["_at"] if self.tables.track else [])
        self.lines += ["", ""]
        self._put(f"@{DECORATORS[_is_parallel(function)]}", 0)
        self._put(f"def {function.name}({', '.join(params)}):", 0)
        self._last = None
        section = "forward" if reverse_at is not None else None
        for index, node in Statements(folding, variables, names, self.tables).top(function):
            if section == "forward":
                self.lines.append("    # ---- forward")
                section = "reverse"
            if section == "reverse" and reverse_at is not None and index >= reverse_at:
                self.lines.append(f"    # ---- {self.meta.reverse_title}")
                section, self._last = None, None
            self._statement(node, 1)

    def _put(self, text: str, indent: int, src: Src | None = None) -> None:
        for line in wrapped(text, 4 * indent):
            self.lines.append(line)
            self._code.append(line)
            if src is not None and src is not NOWHERE:
                self.source_map[len(self.lines)] = src

    def _comment(self, src: Src | None, indent: int) -> None:
        if src is None or src.line <= 0 or (src.file, src.line) == self._last:
            return
        self._last = (src.file, src.line)
        text = src.text
        if not text:
            return
        where = "" if src.file == self.meta.entry_file else re.split(r"[\\/]", src.file)[-1] + " "
        line = f"{' ' * 4 * indent}# {where}+{src.relative}  {text}"
        self.lines.append(line if len(line) <= LIMIT else line[: LIMIT - 2] + " …")

    def _body(self, body: list[ast.stmt], indent: int) -> None:
        for node in body:
            self._statement(node, indent)

    def _statement(self, node: ast.stmt, indent: int) -> None:
        src = self.tables.src.get(node)
        self._comment(src, indent)
        if isinstance(node, ast.For):
            self._put(f"for {expression(node.target)} in {expression(node.iter)}:", indent, src)
            self._body(node.body, indent + 1)
        elif isinstance(node, ast.While):
            self._put(f"while {expression(node.test)}:", indent, src)
            self._body(node.body, indent + 1)
        elif isinstance(node, ast.If):
            self._if(node, indent, "if", src)
        elif isinstance(node, ast.Try):
            self._put("try:", indent, src)
            self._body(node.body, indent + 1)
            self._put("except Exception:", indent)
            self._body(node.handlers[0].body, indent + 1)
        else:
            self._put(statement(node), indent, src)

    def _if(self, node: ast.If, indent: int, word: str, src: Src | None) -> None:
        self._put(f"{word} {expression(node.test)}:", indent, src)
        self._body(node.body, indent + 1)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            inner = node.orelse[0]
            inner_src = self.tables.src.get(inner)
            self._comment(inner_src, indent)
            self._if(inner, indent, "elif", inner_src)
        elif node.orelse:
            self._put("else:", indent)
            self._body(node.orelse, indent + 1)
