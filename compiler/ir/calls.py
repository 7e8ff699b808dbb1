"""Which functions of a module call which."""

from __future__ import annotations

from .nodes import CallFn, Module
from .walk import walk


def reached(module: Module) -> list[str]:
    """The functions that are called, also through custom rules, in the order of the module."""
    found: set[str] = set()
    waiting = [module.entry]
    while waiting:
        for op in walk(waiting.pop().body):
            called = op.name if isinstance(op, CallFn) else None
            for name in (called, *module.custom.get(called, ())) if called is not None else ():
                if name in module.others and name not in found:
                    found.add(name)
                    waiting.append(module.others[name])
    return [name for name in module.others if name in found]


def is_recursive(module: Module) -> bool:
    """Whether a function can reach itself: Numba's issue 6061, machine code of such functions crashes when it
    is loaded from the disk."""
    return any(name in reached(Module(fn, module.others)) for name, fn in module.others.items())
