"""The IR: small, typed, structured.

    function = name(params) { region } -> results
    region   = params: value*, ops: op*, yields: value*
    op       = Const                               out = literal
             | Undef                               out = placeholder, never read when it matters
             | Apply   args…                       out = prim(args…); attrs = (prim name,)
             | Alloc   shape…                      out = fresh array; attrs = ("zeros" | "empty", axes…)
             | Load    array, index…               out = array[index…]
             | Store   array, index…, value        array[index…] = value; attrs = (accumulate,): += if True
             | View    array, operands…            out = view of array; attrs = (kind, spec), see `View`
             | Dim     array                       out = length of one axis; attrs = (axis,)
             | Call    args…                       outs = library call; attrs = (name, static…)
             | CallFn  args…                       outs = call of a function of the module; attrs = (name,)
             | Attempt args…                       out = whether a call of a function without results raised
             | ListNew | Push | Pop | ListGet | ListSet | ListLen
             | Check   cond, values…               raise unless cond; attrs = (exception name, template)
             | Print   values…                     attrs = (template, end)
             | If      cond {then} {orelse}        outs = yields of the branch taken
             | For     lo, hi, step, inits… {body} outs = carried values; attrs = (stops, parallel, segments)
             | While   inits… {cond} {body}        outs = carried values

Conventions
- Scalars (Const, Apply, Load …) are in SSA form; names are hints, identity is the object.
- Arrays and lists are *references* to memory: `Alloc`, `View`, parameters, carried references. Only Store,
Push, Pop,
  ListSet and Calls that say so write memory.
- A region sees the values of the regions around it. A region of If takes no parameters.
- `For`: body.params = (index, carried…); body.yields = carried…, or (stop, carried…) when `stops`: the loop
ends after
  an iteration that yields a true `stop`. The loop runs as range(lo, hi, step) does.
- `While`: cond.params = body.params = carried…; cond.yields = (bool,); body.yields = carried….
- A loop may have one out more than inits: its trip count (int64), which the body does not yield.
- Every op carries `src`, its place in the user's source, given at birth.
- Ops are not changed in place once built: passes make new regions out of rebuilt ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import NOWHERE, Src
from .types import Array, List, Type


class Value:
    """An SSA value or a reference. `name` is a hint for printing."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    @property
    def dtype(self) -> str:
        """The dtype of a scalar or of an array's elements."""
        return self.type.elem.dtype if isinstance(self.type, List) else self.type.dtype

    @property
    def rank(self) -> int:
        """The rank of an array, 0 for a scalar."""
        return self.type.rank if isinstance(self.type, Array) else 0

    def __repr__(self) -> str:
        return f"%{self.name or '?'}:{self.type}"


@dataclass(slots=True, eq=False)
class Region:
    """A list of ops with parameters and yielded values."""

    params: tuple[Value, ...] = ()
    ops: list[Op] = field(default_factory=list)
    yields: tuple[Value, ...] = ()


@dataclass(slots=True, eq=False)
class Op:
    """One operation: operands, results, nested regions, static attributes, source position."""

    args: tuple[Value, ...] = ()
    outs: tuple[Value, ...] = ()
    regions: tuple[Region, ...] = ()
    attrs: tuple[Any, ...] = ()
    src: Src = NOWHERE

    pure: ClassVar[bool] = False  # no effect on memory, reads no memory: may be repeated, moved, dropped
    writes: ClassVar[bool] = False  # writes the memory of args[0]

    @property
    def out(self) -> Value:
        """The one result."""
        (out,) = self.outs
        return out

    def rebuild(
        self,
        args: tuple[Value, ...] | None = None,
        outs: tuple[Value, ...] | None = None,
        regions: tuple[Region, ...] | None = None,
    ) -> Op:
        """The same op with other operands, results or regions."""
        return type(self)(
            self.args if args is None else args,
            self.outs if outs is None else outs,
            self.regions if regions is None else regions,
            self.attrs,
            self.src,
        )


class Const(Op):
    """attrs = (Python value,)."""

    pure = True

    @property
    def value(self) -> Any:
        return self.attrs[0]


class Undef(Op):
    """A placeholder on paths where the value is not read."""

    pure = True


class Apply(Op):
    """A scalar primitive; attrs = (name,). `cast` takes its target from the type of out."""

    pure = True

    @property
    def prim(self) -> str:
        return str(self.attrs[0])


class Alloc(Op):
    """args = lengths; attrs = ("zeros" | "empty", axes…).

    The axes, one for each length if there are any, are what errors call them: those of the array as the
    user knows it, where a pass has put them in another order.
    """

    @property
    def fill(self) -> str:
        return str(self.attrs[0])

    @property
    def axes(self) -> tuple[int, ...]:
        return tuple(map(int, self.attrs[1:])) or tuple(range(len(self.args)))


class Load(Op):
    """args = (array, index…), one int64 index per axis; negative indices count from the end."""

    @property
    def array(self) -> Value:
        return self.args[0]

    @property
    def index(self) -> tuple[Value, ...]:
        return self.args[1:]


class Store(Op):
    """args = (array, index…, value); attrs = (accumulate,)."""

    writes = True

    @property
    def array(self) -> Value:
        return self.args[0]

    @property
    def index(self) -> tuple[Value, ...]:
        return self.args[1:-1]

    @property
    def value(self) -> Value:
        return self.args[-1]

    @property
    def accumulate(self) -> bool:
        return bool(self.attrs[0])


class View(Op):
    """A view of args[0]. attrs = (kind, spec).

    kind "slice": spec is a tuple with one entry per source axis or new axis: "i" (an index: takes one
    operand), "s" (a slice start:stop:step, takes three operands), ":" (the whole axis), "n" (a new axis of
    length 1).
    Slice operands are as Python has them after normalisation: 0 <= start; a negative step has stop = -1 for
    "to the beginning", which is printed as None.
    kind "transpose": spec is the permutation. kind "reshape": operands are the new lengths (C order,
    contiguous source).
    """

    @property
    def array(self) -> Value:
        return self.args[0]

    @property
    def kind(self) -> str:
        return str(self.attrs[0])

    @property
    def spec(self) -> tuple[Any, ...]:
        return tuple(self.attrs[1])


class Dim(Op):
    """The length of one axis: attrs = (axis,). References are never resized, so it is pure."""

    pure = True

    @property
    def axis(self) -> int:
        return int(self.attrs[0])


class Call(Op):
    """A library call: attrs = (name, static…). It reads its array arguments and gives fresh results."""

    @property
    def name(self) -> str:
        return str(self.attrs[0])


class CallFn(Op):
    """A call of another function of the module: attrs = (name,)."""

    @property
    def name(self) -> str:
        return str(self.attrs[0])


class Attempt(CallFn):
    """A call of a function of the module that gives no results: attrs = (name,), out = whether it raised."""


class ListNew(Op):
    """A fresh empty list."""


class Push(Op):
    """args = (list, value): append."""

    writes = True


class Pop(Op):
    """args = (list,): remove and give the last element; IndexError when empty."""

    writes = True


class ListGet(Op):
    """args = (list, index)."""


class ListSet(Op):
    """args = (list, index, value)."""

    writes = True


class ListLen(Op):
    """args = (list,)."""


class Check(Op):
    """args = (cond, values…); attrs = (exception name, message with {0}, {1} … for the values)."""


class Print(Op):
    """args = values; attrs = (template with {0} …, end)."""


class If(Op):
    """args = (cond,); regions = (then, orelse)."""

    @property
    def cond(self) -> Value:
        return self.args[0]

    @property
    def then(self) -> Region:
        return self.regions[0]

    @property
    def orelse(self) -> Region:
        return self.regions[1]


class Loop(Op):
    """What For and While share."""

    @property
    def body(self) -> Region:
        return self.regions[-1]

    @property
    def counted(self) -> bool:
        """Whether the last out is the trip count."""
        return len(self.outs) > len(self.inits)

    @property
    def inits(self) -> tuple[Value, ...]:
        raise TypeError("Loop is abstract")

    @property
    def carried(self) -> tuple[Value, ...]:
        """The carried parameters of the body."""
        raise TypeError("Loop is abstract")

    @property
    def next(self) -> tuple[Value, ...]:
        """The carried values that the body yields."""
        raise TypeError("Loop is abstract")


class For(Loop):
    """args = (lo, hi, step, inits…); attrs = (stops, parallel, segments)."""

    @property
    def lo(self) -> Value:
        return self.args[0]

    @property
    def hi(self) -> Value:
        return self.args[1]

    @property
    def step(self) -> Value:
        return self.args[2]

    @property
    def inits(self) -> tuple[Value, ...]:
        return self.args[3:]

    @property
    def stops(self) -> bool:
        return bool(self.attrs[0])

    @property
    def parallel(self) -> bool:
        """Whether the iterations run in threads: `transform/parallel.py` has proven that they may."""
        return bool(self.attrs[1])

    @property
    def segments(self) -> int:
        """Into how many segments derivatives cut the loop: 0 is one, -1 as many as take least memory."""
        return int(self.attrs[2])

    @property
    def index(self) -> Value:
        return self.body.params[0]

    @property
    def carried(self) -> tuple[Value, ...]:
        return self.body.params[1:]

    @property
    def next(self) -> tuple[Value, ...]:
        return self.body.yields[1:] if self.stops else self.body.yields


class While(Loop):
    """args = inits; regions = (cond, body)."""

    @property
    def inits(self) -> tuple[Value, ...]:
        return self.args

    @property
    def cond(self) -> Region:
        return self.regions[0]

    @property
    def carried(self) -> tuple[Value, ...]:
        return self.body.params

    @property
    def next(self) -> tuple[Value, ...]:
        return self.body.yields


@dataclass(slots=True, eq=False)
class Function:
    """A named function. Its results are body.yields."""

    name: str
    body: Region

    @property
    def params(self) -> tuple[Value, ...]:
        return self.body.params

    @property
    def results(self) -> tuple[Value, ...]:
        return self.body.yields


@dataclass(slots=True, eq=False)
class Module:
    """An entry function and the functions that it calls (recursion, custom rules), by name.

    `custom` gives functions with a derivative written by the user: name → (forward, backward), names of
    functions with forward(args…) -> results…, residuals… and backward(residuals…, cotangent per
    differentiable result…) -> cotangent per differentiable argument…. `segments` are pieces of loops, whose
    array parameters never overlap.
    """

    entry: Function
    others: dict[str, Function] = field(default_factory=dict)
    custom: dict[str, tuple[str, str]] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Function]:
        yield from self.others.values()
        yield self.entry

    def __getitem__(self, name: str) -> Function:
        return self.entry if name == self.entry.name else self.others[name]
