"""What ops do to memory and to the world: the one place that knows.

A library call reads its arguments and gives fresh results; a random draw also changes the state of the
generator. A call of another function may do anything. Reading out of range raises, but a read whose
result nobody uses may be dropped: the frontend guards what the user's program must notice with `Check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    Check,
    Const,
    ListGet,
    ListLen,
    ListNew,
    Load,
    Op,
    Pop,
    Print,
    Store,
    Value,
)
from .types import Scalar, is_inexact
from .walk import walk


def is_random(op: Op) -> bool:
    """A random draw: never dropped, repeated or moved."""
    return isinstance(op, Call) and op.name.startswith("random")


def _with_inner(op: Op) -> Iterator[Op]:
    yield op
    for region in op.regions:
        yield from walk(region)


def writes_memory(op: Op) -> bool:
    """Whether the op, or one inside it, may write memory that existed before."""
    return any(o.writes or isinstance(o, CallFn) for o in _with_inner(op))


def reads_memory(op: Op) -> bool:
    """Whether the op, or one inside it, may read memory."""
    return any(
        isinstance(o, Load | Call | CallFn | Pop | ListGet | ListLen)
        or (isinstance(o, Store) and o.accumulate)
        for o in _with_inner(op)
    )


def has_effects(op: Op) -> bool:
    """Whether the op, or one inside it, does more than give results: it writes, raises, prints or draws."""
    return any(o.writes or isinstance(o, CallFn | Check | Print) or is_random(o) for o in _with_inner(op))


def makes_memory(op: Op) -> bool:
    """Whether the references among the results are to fresh memory."""
    return isinstance(op, Alloc | ListNew) or (isinstance(op, Call) and _gives_reference(op))


def _gives_reference(op: Op) -> bool:
    return any(not isinstance(out.type, Scalar) for out in op.outs)


def may_raise(op: Op, definition: Mapping[Value, Op] = MappingProxyType({})) -> bool:
    """Whether a pure op can raise in generated code: integer division by what may be zero, and the like.

    `definition` has the literals that are known.
    """
    last = definition.get(op.args[-1]) if op.args else None
    if isinstance(last, Const) and not isinstance(last.value, complex) and last.value > 0:
        return False
    return (
        isinstance(op, Apply)
        and op.prim in ("floordiv", "mod", "fmod", "div", "lshift", "rshift", "ipow", "pow")
        and not is_inexact(op.args[0].dtype)
    )
