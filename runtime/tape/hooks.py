"""Functions that users hang on values and nodes, called in the backward pass.

A node keeps them in lists by number: k ≥ 0 are the hooks on its result k, the other numbers are below. A leaf
keeps those on itself as result 0, and those of the node that stands for it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from .mode import mode
from .node import Handle, Node, Recorded, node_of, output_of, wrap

AFTER = -1  # of the node: sees the cotangents of operands and results
BEFORE = -2  # of the node: sees the cotangents of results
KEEP = -3  # KEEP - k keeps the gradient of result k, after the hooks on it

FACES: list[type] = []  # the class that hooks of nodes see; the tensor's file puts it here


class Hook:
    """One registration: the function, and the class of values that it sees (the tensor's, without)."""

    __slots__ = ("call", "face")

    def __init__(self, call: Any, face: type | None = None) -> None:
        self.call, self.face = call, face


def register(value: Recorded, hook: Any) -> Handle:
    """Call `hook(cotangent)` when that of a value is known; what it gives takes its place."""
    face: type = type(value)._face  # type: ignore[attr-defined]
    made = value._fn
    if made is None:
        return Handle.put(value._extras(), 0, Hook(hook, face))
    return Handle.put(node_of(made), output_of(made), Hook(hook, face))


def keep_gradient(value: Recorded) -> None:
    """Let a value that is no leaf keep its gradient: also after its memory has been overwritten."""
    from .gradients import add_gradient

    more = value._extras()
    if more.retains:
        more.retains.remove()
    me = weakref.ref(value)

    def keep(g: Any) -> None:
        mine = me()
        if mine is not None:
            recorded = mode.enabled
            add_gradient(mine, g if recorded else g._a, recorded, False)

    face: type = type(value)._face  # type: ignore[attr-defined]
    more.retains = Handle.put(node_of(value._fn), KEEP - output_of(value._fn), Hook(keep, face))


def called(hooks: Iterable[Hook], g: Any, recorded: bool) -> Any:
    """A cotangent after hooks on a value.

    Raises
    ------
    TypeError, RuntimeError
        If a hook gives no value, or one of another shape or dtype.
    """
    for hook in list(hooks):
        given = hook.call(g if isinstance(g, Recorded) else wrap(hook.face or FACES[0], g))
        if given is None:
            continue
        name = getattr(hook.call, "__name__", type(hook.call).__name__)
        if not isinstance(given, Recorded):
            raise TypeError(f"expected Variable, but hook returned {type(given).__name__!r}")
        before = g._a if isinstance(g, Recorded) else g
        if given._a.shape != before.shape:
            raise RuntimeError(f"hook {name!r} has changed the size of value")
        if given._a.dtype != before.dtype:
            raise RuntimeError(f"hook {name!r} has changed the type of value")
        g = given if recorded else given._a
    return g


def on_results(hooks: dict[int, list[Hook]], parts: list[Any], recorded: bool) -> None:
    """Run the hooks on the results of a node, on their cotangents in place."""
    for k, part in enumerate(parts):
        if part is not None:
            part = called(hooks.get(k, ()), part, recorded)
            parts[k] = called(hooks.get(KEEP - k, ()), part, recorded)


def before(hooks: dict[int, list[Hook]], parts: list[Any], recorded: bool) -> list[Any]:
    """The cotangents of the results of a node after the hooks that run before it."""
    for hook in list(hooks.get(BEFORE, ())):
        given = hook.call(tuple(_shown(part, hook) for part in parts))
        if given is not None:
            parts = _plain(given, recorded)
    return parts


def after(hooks: dict[int, list[Hook]], results: Any, parts: list[Any], recorded: bool) -> Any:
    """The cotangents of the operands of a node after the hooks that run after it."""
    for hook in list(hooks.get(AFTER, ())):
        seen = tuple(_shown(part, hook) for part in parts)
        given = hook.call(tuple(_shown(result, hook) for result in results), seen)
        if given is not None:
            results = _plain(given, recorded)
    return results


def _shown(value: Any, hook: Hook) -> Any:
    return value if value is None or isinstance(value, Recorded) else wrap(hook.face or FACES[0], value)


def _plain(given: Any, recorded: bool) -> list[Any]:
    values = given if isinstance(given, (tuple, list)) else (given,)
    return [None if v is None else (v if recorded else v._a) for v in values]


def register_on(node: Node, number: int, hook: Any) -> Handle:
    """Register a hook that runs before or after a node."""
    return Handle.put(node, number, Hook(hook))
