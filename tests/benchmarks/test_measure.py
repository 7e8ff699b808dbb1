"""The runner finds what is wrong and skips what is missing; the reports hold what was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from benchmarks import measure as measuring
from benchmarks import rivals
from benchmarks.__main__ import parser, run
from benchmarks.case import Case
from benchmarks.measure import Measured, Settings, measure, relative_trees
from benchmarks.memory import peak_bytes
from benchmarks.report import as_json, as_markdown, duration, machine, mean, plot

ROOT = Path(__file__).resolve().parents[2]


def squares(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i] ** 2
    return total


def right(x: Any) -> Any:
    return np.sum(x**2), (2.0 * x,)


def wrong(x: Any) -> Any:
    return np.sum(x**2), (2.5 * x,)


def fails(x: Any) -> Any:
    raise ValueError("not today\nnor tomorrow")


def case(**more: Any) -> Case:
    """The sum of squares."""
    return Case(
        name="squares",
        family="programs",
        fn=squares,
        args=lambda n: (np.arange(1.0, n + 1.0),),
        sizes=(4, 8, 1000),
        argnums=(0,),
        **more,
    )


SETTINGS = Settings(repeats=3, seconds=0.1, names=("primal", "emitted", "pullback", "hand", "jax"))


@pytest.fixture(scope="module", autouse=True)
def uncompiled() -> Iterator[None]:
    """Run everything as plain Python: what is tested here does not depend on Numba."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_JIT", "0")
        patch.setattr(rivals, "jitted", lambda function, own_flags=False: function)
        yield


@pytest.fixture(scope="module")
def found(uncompiled: None) -> list[Measured]:
    """Two sizes of a case whose derivative was also written by hand."""
    return [measure(case(hand=right), size, SETTINGS) for size in (4, 8)]


def test_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULLBACK_JIT")
    monkeypatch.setattr(rivals, "jitted", lambda function, own_flags=False: numba.njit(function))
    one = measure(case(hand=right), 4, Settings(repeats=1, seconds=0.1, names=("pullback", "hand")))
    assert one.wrong == [] and set(one.seconds) == {"pullback", "hand"}


def test_times_and_ratios(found: list[Measured]) -> None:
    one = found[0]
    assert set(one.seconds) == {"primal", "emitted", "pullback", "hand"}
    assert all(0.0 < taken < 1.0 for taken in one.seconds.values())
    assert one.rounds == 3 and one.wrong == []
    assert one.cost == pytest.approx(one.seconds["pullback"] / one.seconds["primal"])
    fastest = min(one.seconds["primal"], one.seconds["emitted"])
    assert one.strict_cost == pytest.approx(one.seconds["pullback"] / fastest)
    assert one.skipped == {"jax": "not written"}
    assert one.gradient_error["hand"] < 1e-15 and one.gradient_error["differences"] < 1e-8


def test_a_wrong_gradient_is_found() -> None:
    one = measure(case(hand=wrong), 4, SETTINGS)
    assert [word.split(" differs")[0] for word in one.wrong] == ["hand"]
    assert "squares ✗" in as_markdown([one], machine(1))


def test_without_a_rival_differences_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.measure.directional_error", lambda *args: 0.5)
    alone = measure(case(), 4, Settings(repeats=1, seconds=0.1, names=("pullback",)))
    assert alone.wrong == ["finite differences differ by 5.0e-01"]
    confirmed = measure(case(hand=right), 4, Settings(repeats=1, seconds=0.1, names=("pullback", "hand")))
    assert confirmed.wrong == [] and confirmed.gradient_error["differences"] == 0.5


def test_a_rival_that_fails_is_skipped_with_its_reason() -> None:
    one = measure(case(jax=lambda: fails), 4, Settings(repeats=1, seconds=0.1, names=("pullback", "jax")))
    assert "jax" not in one.seconds
    assert one.skipped["jax"] in {"ValueError: not today", "jax is not installed"}


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "installed", lambda name: False)
    assert rivals.absent("torch", case(torch=lambda: squares)) == "torch is not installed"
    assert rivals.absent("torch", case()) == "not written"
    assert rivals.absent("pullback", case()) is None


def test_trees_of_other_shapes_differ() -> None:
    assert relative_trees((np.ones(2),), (np.ones(3),)) == float("inf")
    assert relative_trees((np.ones(2),), (np.ones(2), 1.0)) == float("inf")
    assert relative_trees({"a": np.full(2, 2.0)}, {"a": np.array([2.0, 4.0])}) == 0.5
    assert relative_trees((np.array([np.nan]),), (np.ones(1),)) != 0.0


def test_json(found: list[Measured]) -> None:
    read = json.loads(as_json(found, machine(1)))
    assert read["machine"]["versions"]["numpy"] == np.__version__
    assert [row["size"] for row in read["results"]] == [4, 8]
    assert read["results"][0]["seconds"]["pullback"] > 0.0
    assert read["results"][0]["cost"] == found[0].cost


def test_markdown(found: list[Measured]) -> None:
    text = as_markdown(found, machine(1))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(found) + 2
    assert len({row.count("|") for row in rows}) == 1
    assert "hand / ours" in rows[0] and "jax / ours" not in rows[0]
    assert rows[-2].startswith("| **squares** |")
    assert rows[-1].startswith("| **geometric mean** |")
    assert str(ROOT) not in text


def test_plot_of_bars_and_of_growth(found: list[Measured], tmp_path: Path) -> None:
    for name, rows in (("bars", found[:1]), ("growth", found)):
        plot(rows, str(tmp_path / f"{name}.png"))
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's high-water mark is Linux's")
def test_peak_memory() -> None:
    peak = peak_bytes(lambda: np.ones(4_000_000))
    assert peak is not None and 30e6 < peak < 40e6


def test_numbers_are_readable() -> None:
    assert [duration(x) for x in (None, 2.5, 0.0125, 3.2e-5)] == ["–", "2.5 s", "12.5 ms", "32 µs"]
    assert mean([2.0, None, 8.0]) == pytest.approx(4.0)
    assert mean([None]) is None


def test_command_line() -> None:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", "benchmarks"]
    ran = subprocess.run([*command, "loops", "--list"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "jacobi_1d" in ran.stdout and "perceptron" not in ran.stdout


def test_a_family_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parser().parse_args(["lops"])) == 2
    assert "no family lops" in capsys.readouterr().err


def test_a_rival_waits_until_the_threads_of_the_one_before_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        pauses, left = 0, 3  # the pauses that have been made, and those in which a thread still works

        def process_time(self) -> float:
            return min(self.pauses, self.left) * measuring.PAUSE

        def sleep(self, seconds: float) -> None:
            self.pauses += 1

    clock = Clock()
    monkeypatch.setattr(measuring, "time", clock)
    measuring._settle()
    assert clock.pauses == clock.left + 1
    clock.left = 10**6
    clock.pauses = 0
    measuring._settle()
    assert clock.pauses == measuring.MOST_PAUSES
