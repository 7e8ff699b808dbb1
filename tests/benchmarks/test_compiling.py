"""First calls, each in a process of its own."""

from __future__ import annotations

import pytest

from benchmarks import registry
from benchmarks.compiling import first_call, measure_first_calls
from benchmarks.report import compile_line, compile_markdown, compile_ratio, machine


def test_the_first_call_less_a_later_one() -> None:
    ticks = iter([0.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0])
    assert first_call(lambda: None, lambda: next(ticks)) == {"first": 8.0, "later": 1.0}


@pytest.mark.slow
def test_a_case_is_compiled_and_then_loaded() -> None:
    (case,) = registry.cases(["loops"], ["gesummv"])
    found = measure_first_calls(case, "cpu", jax=False)
    assert set(found.skipped) == {"jax"}
    assert 0.0 < found.first_call["disk"] < found.first_call["cold"]
    assert compile_ratio(found) is None
    assert "cold" in compile_line(found)
    text = compile_markdown([found], machine(1))
    assert "| gesummv |" in text
    assert "## loops" in text
