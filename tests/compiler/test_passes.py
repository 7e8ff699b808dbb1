"""The order of the passes."""

from __future__ import annotations

from pullback.compiler import passes


def test_the_order_of_the_passes_is_data() -> None:
    common = ["fold", "select_branches", "cse", "licm", "dce"]
    assert [step.__name__ for step in passes.CLEANUP] == [*common, "scalarise"]
    primal = [
        "narrow",
        "counters",
        *common[:2],
        "rings",
        "zero_terms",
        "cse",
        "licm",
        "checked_dce",
        "lift_checks",
        "substitution",
    ]
    primal += ["short_products", "unroll", "scalarise"]
    assert [step.__name__ for step in passes.PRIMAL] == primal
