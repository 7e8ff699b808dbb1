"""What a Python value is while a function is being lowered.

Arr, Num, Known, Tup, SliceVal    from compiler.arrays.value
KnownAt      a Known with the path by which it was found (global, closure, attribute)
Closure      a function defined inside the lowered code, with the scope it sees
Method       a method of a value, not yet called
Box          a mutable object of known structure (list, dict, object): its fields live in the lowerer's state
ListRef      a list whose length is known at run time only: an IR list
RangeVal     a range
Text         a string with run-time numbers in it, for print and raise
Maybe        a variable that is unbound on some paths; `flag` says whether it is bound
Poison       a variable whose values on two paths do not fit together: an error when it is read
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field

from ..arrays.value import AbstractValue, Known
from ..errors import Src
from ..ir.nodes import Module, Value
from ..specs import (
    ArraySpec as ArraySpec,
)
from ..specs import (
    Capture as Capture,
)
from ..specs import (
    ConstOut as ConstOut,
)
from ..specs import (
    DictSpec as DictSpec,
)
from ..specs import (
    KnownSpec as KnownSpec,
)
from ..specs import (
    Leaf as Leaf,
)
from ..specs import (
    ListSpec as ListSpec,
)
from ..specs import (
    NodeOut as NodeOut,
)
from ..specs import (
    OutTree as OutTree,
)
from ..specs import (
    ParamSpec as ParamSpec,
)
from ..specs import (
    Path as Path,
)
from ..specs import (
    RecordSpec as RecordSpec,
)
from ..specs import (
    ScalarSpec as ScalarSpec,
)
from ..specs import (
    TupleSpec as TupleSpec,
)
from .source import FunctionSource


@dataclass(frozen=True, eq=False)
class KnownAt(Known):
    """A constant found outside of the code."""

    path: Path = ()


@dataclass(eq=False)
class Scope:
    """The variables of one call. Its identity is the key of their values in the lowerer's state."""

    source: FunctionSource
    parent: Scope | None
    python: types.FunctionType | None
    path: Path | None
    names: frozenset[str]


@dataclass(frozen=True, eq=False)
class Closure:
    """A function made by the lowered code."""

    source: FunctionSource
    scope: Scope
    defaults: dict[str, AbstractValue]


@dataclass(frozen=True, eq=False)
class Method:
    """`owner.name`, not yet called."""

    owner: AbstractValue
    name: str


@dataclass(eq=False)
class Owner:
    """The identity of a Box; `site` is the place that made it, `name` what messages call it."""

    site: object
    name: str = "the list"


@dataclass(frozen=True, eq=False)
class Box:
    """A mutable object; `kind` is "list", "dict" or "object".

    Fields are `state[owner, name]`; "%items" holds the elements of a list, "%keys" the keys of a dict.
    """

    kind: str
    owner: Owner
    cls: type


@dataclass(frozen=True, eq=False)
class ListRef:
    """A growable list."""

    ref: Value


@dataclass(frozen=True, eq=False)
class RangeVal:
    """range(lo, hi, step), prange(lo, hi, step), or checkpoint(range(lo, hi, step), segments=…)."""

    lo: AbstractValue
    hi: AbstractValue
    step: AbstractValue
    segments: int = 0


@dataclass(frozen=True, eq=False)
class Text:
    """A template with {0}, {1} … for the values."""

    template: str
    values: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Maybe:
    """A value that exists only where `flag` is true."""

    value: AbstractValue
    flag: Value


@dataclass(frozen=True, eq=False)
class Poison:
    """Why a variable cannot be read."""

    message: str
    src: Src
    hint: str | None = None


class Missing:
    """No value at all."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@dataclass
class Lowered:
    """An IR module and all that a caller must know about it.

    entry.params are the array and scalar leaves of the parameters in order, then the captures; `mutated`
    holds the indices of entry.params whose memory is written; `guards` are the values read at compile time.
    """

    module: Module
    param_names: list[str]
    captures: list[Capture]
    guards: list[tuple[Path, object]]
    out: OutTree
    mutated: frozenset[int]
    leaf_names: list[str] = field(default_factory=list)
    custom: dict[str, object] = field(default_factory=dict)


def describe(x: AbstractValue) -> str:
    """How messages call a value."""
    from ..arrays.value import Arr, Num, Tup

    if isinstance(x, Arr):
        return f"an array of {x.dtype} and rank {x.rank}"
    if isinstance(x, Num):
        kind = x.dtype.rstrip("0123456789")
        return f"a Python {kind}" if x.weak else f"a {x.dtype} scalar"
    if isinstance(x, Tup):
        return f"a {x.type.__name__} of {len(x.items)}"
    if isinstance(x, Known):
        return "None" if x.obj is None else f"a {type(x.obj).__name__}"
    if isinstance(x, Box):
        return f"a {x.cls.__name__}"
    if isinstance(x, Maybe):
        return describe(x.value)
    names = {
        ListRef: "a list",
        RangeVal: "a range",
        Text: "a string",
        Closure: "a function",
        Method: "a method",
    }
    return names.get(type(x), "nothing")
