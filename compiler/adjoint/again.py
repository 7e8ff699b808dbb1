"""Functions that the reverse sweep runs a second time: recursive ones, and segments of checkpointed loops.

What they print they have printed already, and what they drew at random can not be drawn again.
"""

from __future__ import annotations

from ..errors import UnsupportedError
from ..ir.effects import is_random
from ..ir.nodes import CallFn, Function, Module, Op, Print, Region
from ..ir.walk import clone_region, rewrite, walk


class SecondRun:
    """Bodies of functions without their prints.

    Functions that print get a silent twin in `functions`, which writes to the same parameters (`writers`).
    """

    def __init__(
        self, module: Module, functions: dict[str, Function], writers: dict[str, frozenset[int]]
    ) -> None:
        self._module = module
        self._functions = functions
        self._writers = writers
        self._twin_of: dict[str, str] = {}

    def original(self, name: str) -> str:
        """The function of which `name` is the silent twin, else `name`."""
        return self._twin_of.get(name, name)

    def body(self, fn: Function) -> Region:
        """A clone of the body of a function, to be run again."""
        return rewrite(clone_region(fn.body, {}), self._op)

    def _op(self, op: Op) -> list[Op] | None:
        reached = self._reached(op.name) if isinstance(op, CallFn) else []
        if is_random(op) or any(is_random(inner) for fn in reached for inner in walk(fn.body)):
            raise UnsupportedError(
                "random numbers are drawn in a recursive function or a checkpointed loop, which the reverse "
                "sweep runs again",
                op.src,
                "draw them before, into an array",
            )
        if isinstance(op, Print):
            return []
        if isinstance(op, CallFn) and any(isinstance(i, Print) for fn in reached for i in walk(fn.body)):
            return [CallFn(op.args, op.outs, op.regions, (self._silent(op.name),), op.src)]
        return None

    def _silent(self, name: str) -> str:
        silent = f"{name}_again"
        if silent not in self._functions:
            self._functions[silent] = Function(silent, Region())  # a recursive call finds the name
            self._twin_of[silent] = name
            if name in self._writers:
                self._writers[silent] = self._writers[name]
            self._functions[silent].body = self.body(self._module[name])
        return silent

    def _reached(self, name: str) -> list[Function]:
        """The functions that a call runs, those with a rule of the user's own aside."""
        found: dict[str, Function] = {}
        waiting = [name]
        while waiting:
            at = waiting.pop()
            if at in found or at in self._module.custom:
                continue
            found[at] = self._module[at]
            waiting += [op.name for op in walk(found[at].body) if isinstance(op, CallFn)]
        return list(found.values())
