"""Recipes on the interpreter: values, gradients, products; what a compilation keeps."""

from __future__ import annotations

import api_samples as samples
import numpy as np
import pytest
from pullback.compiler.frontend.values import ArraySpec, ScalarSpec
from pullback.compiler.options import Options
from pullback.compiler.pipeline import Recipe, compile_derivative
from pullback.compiler.prims.interp import run

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
