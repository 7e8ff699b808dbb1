"""Rules of large arrays as compiled loops: the same numbers as the rule itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.compiler.prims.registry import PRIMS
from pullback.runtime.ops import kernels
from pullback.runtime.ops.kernels import Kernel, Name, fused, fused_values

RULES = {
    "tanh": (lambda g, y: PRIMS["tanh"].vjp["x"](y_bar=g, y=y), ("g", "y")),
    "sin": (lambda g, x: PRIMS["sin"].vjp["x"](y_bar=g, x=x), ("g", "x")),
    "div": (lambda g, z, y: PRIMS["div"].vjp["z"](y_bar=g, z=z, y=y), ("g", "z", "y")),
    "maximum": (lambda g, x, z: PRIMS["maximum"].vjp["x"](y_bar=g, x=x, z=z), ("g", "x", "z")),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_those_of_the_rule(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGE", 8)
    rule, names = RULES[name]
    kernel = Kernel(rule, names)
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.2, 0.9, (3, 5)).astype(dtype) for _ in names]
    found = kernel(*arrays)
    assert kernel.compiled is not None
    assert found.dtype == dtype and found.shape == (3, 5)
    np.testing.assert_allclose(found, rule(*arrays), rtol=1e-6 if dtype == "float32" else 1e-14)


def test_what_is_one_pass_or_no_expression_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGE", 1)
    x = np.ones(4)

    def branches(g: Any, x: Any) -> Any:
        return g * 2 * x if x is not None and bool(x[0] > 0) else g * x

    for rule in (lambda g, x: g * x, branches):
        kernel = Kernel(rule, ("g", "x"))
        np.testing.assert_array_equal(kernel(x, x), rule(x, x))
        assert kernel.tried and kernel.compiled is None


def test_other_shapes_and_dtypes_take_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGE", 2)
    rule, names = RULES["tanh"]
    kernel = Kernel(rule, names)
    g = np.ones((2, 3))
    for y in (np.full((1, 3), 0.5), np.full((2, 3), 0.5, np.float32), np.full((3, 2), 0.5).T):
        np.testing.assert_allclose(kernel(g, y), rule(g, y))
    assert kernel.compiled is None or not kernel.compiled.table


def test_names_write_expressions_down() -> None:
    g, y = Name("g"), Name("y")
    assert (y.sigmoid() * g.erf()).text == "((1.0 / (1.0 + np.exp(np.negative(y)))) * special.erf(g))"
    assert (g * (1.0 - y * y)).text == "(g * (1.0 - (y * y)))"
    assert np.where(y > 0, g, -g).text == "np.where((y > 0.0), g, np.negative(g))"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_and_what_is_one_number_broadcast(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGE", 8)

    def rule(g: Any, x: Any, factor: Any) -> Any:
        return np.where(x > factor, g, g * factor)

    kernel = fused(rule)
    x = np.linspace(-1, 1, 12).astype(dtype).reshape(3, 4)
    one = np.broadcast_to(x[0, 0], x.shape)
    for g, factor in (
        (x * 2, 0.3),
        (one, 0.3),
        (one, 1),
        (x * 2, x.dtype.type(0.3)),
        (x, np.array(0.3, dtype)),
    ):
        found = kernel(g, x, factor)
        assert found.dtype == dtype and found.flags.writeable
        np.testing.assert_allclose(found, rule(g, x, factor), rtol=1e-6)
    assert kernel.compiled is not None and kernel.compiled.table
    rows = np.broadcast_to(x[:, :1], x.shape)
    np.testing.assert_allclose(kernel(rows, x, 0.3), rule(rows, x, 0.3), rtol=1e-6)


def test_values_come_without_warnings() -> None:
    kernel = fused_values(lambda x: 1 / x - np.log(x))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(kernel(np.zeros(3)), np.full(3, np.inf))
