"""The runner: a broken pass is named, stages are printed when asked for."""

from __future__ import annotations

import pytest
from pullback.compiler.errors import InternalError
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Region, Value
from pullback.compiler.ir.types import F64
from pullback.compiler.options import Options
from pullback.compiler.runner import Runner

import pullback as pb


def test_a_broken_pass_is_named() -> None:
    def broken() -> Module:
        b = Builder(Region())
        b.apply("sin", (Value(F64, "nowhere"),), "float64")
        return Module(Function("f", b.region))

    with pytest.raises(InternalError, match="the pass 'broken' broke the IR"):
        Runner(Options(verify=True)).run("broken", broken)
    with pytest.raises(InternalError, match="the pass 'final' broke the IR"):
        Runner(Options()).keep("final", broken())


def test_dump(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PULLBACK_DUMP", "adjoint,source")
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    pb.grad(lambda x: x * x, jit=False)(1.0)
    text = capsys.readouterr().err
    assert text.startswith("---- adjoint\n") and "---- source\n" in text and "---- cse" not in text
