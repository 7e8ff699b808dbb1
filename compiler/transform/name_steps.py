"""Name the steps of a statement after its target, so that code, tapes and adjoints read like the program.

    t = mul(w, x)              p_1 = mul(w, x)
    t_1 = exp(t)          →    p_1 = exp(p_1)        (names are hints, which the backend numbers)
    p = div(1.0, t_1)          p = div(1.0, p_1)

Needs and gives verified IR. Names are changed in place, since they are hints that no pass reads. A step has
one kind of consumer: ops of its own source line.
"""

from __future__ import annotations

from ..ir.nodes import Apply, Call, Function, If, Load, Loop, Op, Region, Store, Value
from ..ir.types import Scalar

PSEUDO = {"retval": "result", "return": "returned", "break": "stopped", "continue": "skipped"}


def name_steps(fn: Function) -> Function:
    """The same function with names on its unnamed scalars where their statement has a target."""
    _Namer().region(fn.body, None)
    return fn


def _plain(name: str) -> str:
    """The name without the frontend's number of the loop that a flag belongs to."""
    return PSEUDO.get(name.strip("%0123456789"), name)


class _Namer:
    """Goes backwards, so that a consumer has its name before its operands ask for it."""

    def __init__(self) -> None:
        self._target: dict[Value, tuple[str, int]] = {}

    def region(self, region: Region, owner: Op | None) -> None:
        """Name what a region computes; `owner` receives its yields."""
        if owner is not None:
            self._yields(region, owner)
        for param in region.params:
            param.name = _plain(param.name)
        for op in reversed(region.ops):
            self._name(op)
            for inner in op.regions:
                self.region(inner, op)
            self._pass_on(op)

    def _yields(self, region: Region, owner: Op) -> None:
        outs = owner.outs[: len(owner.inits)] if isinstance(owner, Loop) else owner.outs
        yields = region.yields[len(region.yields) - len(outs) :] if isinstance(owner, Loop) else region.yields
        for value, out in zip(yields, outs, strict=False):
            self._wish(value, out.name, owner.src.line)

    def _name(self, op: Op) -> None:
        for out in op.outs:
            out.name = _plain(out.name)
        if not isinstance(op, Apply | Load | Loop | If | Call):
            return
        for out in op.outs:
            name, line = self._target.get(out, ("", 0))
            if not out.name and isinstance(out.type, Scalar) and name and line == op.src.line:
                out.name = name if name.endswith("_1") else f"{name}_1"
        if isinstance(op, Loop):
            for param, out in zip(op.carried, op.outs, strict=False):
                param.name = param.name or out.name

    def _pass_on(self, op: Op) -> None:
        if isinstance(op, Loop):
            for init, out in zip(op.inits, op.outs, strict=False):
                self._wish(init, out.name, op.src.line)
        elif isinstance(op, Store):
            self._wish(op.value, op.array.name, op.src.line)
        elif isinstance(op, Apply) and op.prim != "cast":
            for arg in op.args:
                self._wish(arg, op.out.name, op.src.line)

    def _wish(self, value: Value, name: str, line: int) -> None:
        if name:
            self._target.setdefault(value, (name, line))
