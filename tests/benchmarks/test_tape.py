"""The benchmark of the tape."""

from __future__ import annotations

from typing import Any

import pytest

import pullback
from benchmarks import tape


def test_all_cases_run() -> None:
    made = tape.cases(pullback)
    for call in made.values():
        call()
    assert made["chain of 10, forward"]().grad_fn.name() == "AddBackward0"


def test_the_chain_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "CHAIN", 10)
    build = tape.long_chain(pullback)
    build()
    (held,) = next(c.cell_contents for c in build.__closure__ or () if isinstance(c.cell_contents, list))
    node, count = held.grad_fn, 0
    while node is not None and type(node).__name__ != "AccumulateGrad":
        node, count = node.next_functions[0][0], count + 1
    assert count == 10


def test_ratios_and_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        return now[0]

    def takes(seconds: float) -> Any:
        def call() -> None:
            now[0] += seconds

        return call

    found = tape.timed("case", takes(1e-6), takes(4e-6), 3, clock)
    assert found.ratio == pytest.approx(0.25)
    alone = tape.timed("alone", takes(2e-6), None, 3, clock)
    assert tape.table([found, alone]).splitlines()[2:] == [
        "| case | 1.00 µs | 4.00 µs | 0.25 |",
        "| alone | 2.00 µs |  |  |",
    ]
