"""Names of Python variables: the user's where there is one, `t_1` for a step towards `t`.

An edit of one statement must not rename the variables of another, so numbers count per base name.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from ..ir.nodes import Apply, CallFn, Dim, Loop, Store, Value
from .folding import Folding, Use
from .variables import Variables

RESERVED = frozenset(dir(builtins)) | {
    "np",
    "math",
    "support",
    "triangular",
    "vm",
    "mem",
    "prange",
    "njit",
    "jit",
    "jit_parallel",
    "numba",
    "_",
    "_at",
}
CHAIN = 6
STEP = re.compile(r".*[^_\d]\d*_1")


def is_free(name: str) -> bool:
    """Whether a name may be given to a variable."""
    return name.isidentifier() and not keyword.iskeyword(name) and name not in RESERVED


class Names:
    """Value → variable name, for one function; `taken` are the names of the module's functions."""

    def __init__(self, folding: Folding, variables: Variables, taken: Iterable[str] = ()) -> None:
        self._folding = folding
        self._variables = variables
        self._taken = set(taken)
        self._name: dict[Value, str] = {}
        groups = variables.groups()
        self._shared = {leader for leader, members in groups.items() if len(members) > 1}
        params = folding.function.params
        for value in params:
            self._give(variables.of(value), value.name or "x")
        hints = {leader: _hint(members) for leader, members in groups.items()}
        for wanted in (True, False):  # the user's names first
            for leader, members in groups.items():
                if leader not in self._name and bool(hints[leader]) == wanted:
                    length = isinstance(folding.defs.get(members[0]), Dim)
                    self._give(leader, hints[leader] or self._target(members), not wanted and not length)

    def of(self, value: Value) -> str:
        """The variable that holds a value."""
        return self._name[self._variables.of(value)]

    def assigned_once(self, value: Value) -> bool:
        """Whether the variable of a value never holds another."""
        return self._variables.of(value) not in self._shared

    def _give(self, leader: Value, base: str, temporary: bool = False) -> None:
        base = re.sub(r"\W", "_", base)  # attributes and list elements have names like `state.u`
        if base == "_":
            base = "k"
        if STEP.fullmatch(base):
            base, temporary = base[:-2], True
        name, number = base, 0
        while (temporary and not number) or not is_free(name) or name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        self._name[leader] = name

    def _target(self, members: list[Value]) -> str:
        """A length is named after its array, others after the nearest named thing that they go into."""
        value: Value | None = members[0]
        op = self._folding.defs.get(members[0])
        if isinstance(op, Dim):
            array = op.args[0]
            return f"{array.name or 'array'}_n{op.axis if array.rank > 1 else ''}"
        if isinstance(op, Apply) and op.out.dtype == "int64" and op.args[0] not in self._folding.folded:
            return op.args[0].name or self._target([op.args[0]])  # `i - 1` is an index near i
        for _ in range(CHAIN):
            uses = self._folding.uses.get(value) if value is not None else None
            if not uses:
                break
            name, value = self._consumer(uses[-1])
            if name:
                return name
        return "t"

    def _consumer(self, use: Use) -> tuple[str, Value | None]:
        op = use.op
        if op is None:
            receiver = self._receiver(use)
            return (receiver.name, receiver) if receiver is not None else ("", None)
        if isinstance(op, Store):
            return (self.of(op.array) if self._variables.of(op.array) in self._name else op.array.name), None
        if len(op.outs) == 1 and not op.regions and not isinstance(op, CallFn):
            return _base(op.out), op.out
        return "", None

    def _receiver(self, use: Use) -> Value | None:
        found = self._folding.parent.get(use.region)
        if found is None:
            return None
        _, op = found
        first = len(use.region.yields) - len(op.inits) if isinstance(op, Loop) else 0
        slot = use.slot - first
        return op.outs[slot] if 0 <= slot < len(op.outs) else None


def _base(value: Value) -> str:
    return value.name if value.name.isidentifier() else ""


def _hint(members: list[Value]) -> str:
    """The name that most of the versions have; of equals the first."""
    counts: dict[str, int] = {}
    for value in members:
        if value.name.isidentifier():
            counts[value.name] = counts.get(value.name, 0) + 1
    return max(counts, key=lambda name: counts[name]) if counts else ""
