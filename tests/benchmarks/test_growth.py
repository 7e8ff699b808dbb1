"""Powers of n."""

from __future__ import annotations

import math
from typing import Any

import pytest

from benchmarks.__main__ import parser, run
from benchmarks.growth import exponent, table
from benchmarks.measure import Measured


def test_exponents() -> None:
    sizes = [10, 20, 40, 80]
    assert exponent(sizes, [n**2 * 1e-9 for n in sizes]) == pytest.approx(2.0)
    assert exponent(sizes, [5.0, 1.0, 4.0, 8.0]) == pytest.approx(1.0)  # small sizes do not count
    assert math.isnan(exponent([10], [1.0]))


def test_table() -> None:
    found = [
        Measured(
            "f", "loops", n, {"primal": n * 1e-6, "pullback": n * 3e-6}, {}, {"primal": 10, "pullback": n**2}
        )
        for n in (1000, 2000, 4000, 8000)
    ]
    row = table(found).splitlines()[-1]
    assert row == "| f | 1000 … 8000 | n^1.00 | n^1.00 | – | n^2.00 | 24 ms, 64.0 MB |"


@pytest.mark.slow
def test_a_program_grows(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "growth.png"
    command = ["growth", "--names", "jacobi_1d", "--repeats", "1", "--seconds", "0.05", "--plot", str(plot)]
    assert run(parser().parse_args(command)) == 0
    assert "| jacobi_1d |" in capsys.readouterr().out
    assert plot.stat().st_size > 1000
