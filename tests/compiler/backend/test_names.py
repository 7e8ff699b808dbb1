from __future__ import annotations

import pytest
from pullback.compiler.backend.emit import analyse
from pullback.compiler.backend.names import Names, is_free
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import F64, INT, Array


def names_of(b: Builder, taken: set[str] | None = None) -> Names:
    folding, variables = analyse(Function("f", b.region))
    return Names(folding, variables, taken or set())


@pytest.mark.parametrize(
    "name", ["np", "math", "support", "prange", "sum", "lambda", "None", "a b", "", "_at"]
)
def test_reserved(name: str) -> None:
    assert not is_free(name)


def test_user_names_stay_and_clashes_get_numbers() -> None:
    b = Builder()
    x, shadow = Value(F64, "x"), Value(F64, "sum")
    b.region.params = (x, shadow)
    other = b.apply("add", (x, shadow), "float64", "f")
    b.region.yields = (x, other, other)
    names = names_of(b, {"f"})
    assert (names.of(x), names.of(shadow), names.of(other)) == ("x", "sum_1", "f_1")


def test_overlapping_versions_get_numbers_and_others_share() -> None:
    b = Builder()
    x = Value(F64, "x")
    b.region.params = (x,)
    y1 = b.apply("mul", (x, x), "float64", "y")
    y2 = b.apply("add", (y1, y1), "float64", "y")
    y3 = b.apply("sub", (y2, y1), "float64", "y")
    b.region.yields = (y3, y2)
    names = names_of(b)
    assert names.of(y1) == names.of(y3) == "y"
    assert names.of(y2) == "y_1"


def test_a_step_is_named_after_its_target() -> None:
    b = Builder()
    x = Value(F64, "x")
    b.region.params = (x,)
    step = b.apply("exp", (x,), "float64")
    t = b.apply("mul", (step, step), "float64", "t")
    b.region.yields = (t, t)
    assert names_of(b).of(step) == "t_1"


def test_types_never_share() -> None:
    b = Builder()
    x = Value(F64, "x")
    b.region.params = (x,)
    k = b.apply("cast", (x,), "int64", "k")
    k2 = b.apply("add", (b.apply("cast", (k,), "float64", "k"), x), "float64", "k")
    b.region.yields = (k2, k, k2)
    names = names_of(b)
    assert k.type == INT
    assert names.of(k) != names.of(k2)


def test_a_loop_inside_has_an_index_of_its_own() -> None:
    """The outer index is read before the inner loop only, so that one variable would do for both."""
    x = Value(Array("float64", 1), "x")
    b = Builder()
    b.region.params = (x,)
    n = b.dim(x, 0)
    outer, inner = Value(INT, "i"), Value(INT, "i")
    b.open([outer])
    b.store(x, (outer,), b.const(1.0))
    b.open([inner])
    b.store(x, (inner,), b.const(0.0))
    b.for_(b.int(0), n, b.int(1), (), b.close())
    b.for_(b.int(0), n, b.int(1), (), b.close())
    later = Value(INT, "i")
    b.open([later])
    b.store(x, (later,), b.const(1.0))
    b.for_(b.int(0), n, b.int(1), (), b.close())
    names = names_of(b)
    assert names.of(outer) == names.of(later) == "i" and names.of(inner) == "i_1"
