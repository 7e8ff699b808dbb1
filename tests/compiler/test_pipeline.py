"""The runner: order, verification, printing, recipes, refused outputs."""

from __future__ import annotations

import api_samples as samples
import numpy as np
import pytest
from pullback.compiler import pipeline
from pullback.compiler.errors import InternalError
from pullback.compiler.frontend.values import ArraySpec, ScalarSpec
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Region, Value
from pullback.compiler.ir.types import F64
from pullback.compiler.options import Options
from pullback.compiler.pipeline import Recipe, Runner, compile_derivative
from pullback.compiler.prims.interp import run

import pullback as pb

VECTOR = ArraySpec("float64", 1, (False,), "C")


def compiled(fn, recipe: Recipe, *specs):
    return compile_derivative(fn, specs or (VECTOR,), recipe, Options(cache=False), "f")


def test_value_gradient_vjp_jvp_hvp_agree_on_the_interpreter() -> None:
    x, v = np.array([0.5, 1.5]), np.array([1.0, -2.0])
    (value,) = run(compiled(samples.squares, Recipe("value")).module, [x])
    assert value == 2.5
    value, gradient = run(compiled(samples.squares, Recipe("gradient", (0,))).module, [x])
    np.testing.assert_allclose(gradient, 2 * x)
    _, seeded = run(compiled(samples.squares, Recipe("vjp", (0,))).module, [x, 3.0])
    np.testing.assert_allclose(seeded, 6 * x)
    assert run(compiled(samples.squares, Recipe("jvp", (), ((0,),))).module, [x, v]) == (value, gradient @ v)
    *_, product = run(compiled(samples.squares, Recipe("hvp", (0,), ((0,),))).module, [x, v])
    np.testing.assert_allclose(product, 2 * v)


def test_third_order_is_a_tangent_of_a_tangent() -> None:
    made = compiled(lambda x: x**4, Recipe("hvp", (0,), ((0,), (0,))), ScalarSpec("float64"))
    assert run(made.module, [2.0, 1.0, 1.0])[-1] == pytest.approx(48.0)


def test_stages_and_times_are_kept() -> None:
    made = compiled(samples.squares, Recipe("gradient", (0,)))
    assert list(made.stages) == ["lowered", "optimised", "adjoint", "final"]
    assert {"lowered", "fold", "cse", "licm", "dce", "adjoint", "emit"} <= set(made.seconds)


def test_same_text_every_time() -> None:
    recipe = Recipe("gradient", (0,))
    assert compiled(samples.saves, recipe).code.text == compiled(samples.saves, recipe).code.text


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


def test_cleanup_is_data() -> None:
    common = ["fold", "select_branches", "cse", "licm", "dce"]
    assert [step.__name__ for step in pipeline.CLEANUP] == [*common, "scalarise"]
    primal = ["narrow", "counters", *common[:2], "rings", *common[2:], "lift_checks", "substitution"]
    primal += ["short_products", "unroll", "scalarise"]
    assert [step.__name__ for step in pipeline.PRIMAL] == primal
