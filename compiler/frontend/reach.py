"""Which variables still matter where control flow meets: fields of unreachable objects are dropped."""

from __future__ import annotations

from collections.abc import Iterable

from ..arrays.value import AbstractValue, Tup
from .lowerer import Key, Lowerer
from .values import Box, Closure, Maybe, Method, Owner, Scope


def live_keys(
    lw: Lowerer, values: dict[Key, AbstractValue], before: dict[Key, AbstractValue]
) -> Iterable[Key]:
    """Keys that existed before, variables of open scopes, and what can be reached from them."""
    fields: dict[object, list[Key]] = {}
    open_scopes = _open_scopes(lw)
    live: dict[Key, None] = {}
    todo: list[Key] = []
    for key in values:
        if key in before or key[0] in open_scopes or not isinstance(key[0], Owner | Scope):
            todo.append(key)
        else:
            fields.setdefault(key[0], []).append(key)
    while todo:
        key = todo.pop()
        live[key] = None
        for owner in _owners(values[key]):
            todo += fields.pop(owner, [])
    return [key for key in values if key in live]


def _open_scopes(lw: Lowerer) -> set[object]:
    found: set[object] = set()
    for frame in lw.frames:
        scope: Scope | None = frame.scope
        while scope is not None:
            found.add(scope)
            scope = scope.parent
    return found


def _owners(value: AbstractValue) -> Iterable[object]:
    if isinstance(value, Box):
        yield value.owner
    elif isinstance(value, Tup):
        for item in value.items:
            yield from _owners(item)
    elif isinstance(value, Maybe):
        yield from _owners(value.value)
    elif isinstance(value, Method):
        yield from _owners(value.owner)
    elif isinstance(value, Closure):
        scope: Scope | None = value.scope
        while scope is not None:
            yield scope
            scope = scope.parent
        for default in value.defaults.values():
            yield from _owners(default)


def boxes_in(value: AbstractValue) -> list[Box]:
    """Mutable objects inside a value."""
    if isinstance(value, Box):
        return [value]
    if isinstance(value, Tup):
        return [box for item in value.items for box in boxes_in(item)]
    return boxes_in(value.value) if isinstance(value, Maybe) else []
