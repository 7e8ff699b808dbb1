"""Which functions of a module are called, and which call themselves."""

from __future__ import annotations

from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.calls import is_recursive, reached
from pullback.compiler.ir.nodes import Function, Module, Region


def calling(name: str, *called: str) -> Function:
    b = Builder(Region())
    for other in called:
        b.call_fn(other, (), ())
    return Function(name, b.region)


def test_reached_through_others_and_custom_rules() -> None:
    others = {n: calling(n, *c) for n, c in {"d": "", "c": "", "b": "d", "a": "b", "unused": "a"}.items()}
    assert reached(Module(calling("entry", "a"), others)) == ["d", "b", "a"]
    assert reached(Module(calling("entry", "b"), others, {"b": ("c", "a")})) == ["d", "c", "b", "a"]


def test_recursion_through_another_function() -> None:
    others = {n: calling(n, c) for n, c in {"a": "b", "b": "a"}.items()}
    assert is_recursive(Module(calling("entry", "a"), others))
    assert not is_recursive(Module(calling("entry", "a"), {"a": calling("a", "b"), "b": calling("b")}))
