"""The line that tells of a long compilation, by a clock of its own."""

from __future__ import annotations

import gc
import io
import logging
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.call import progress
from pullback.compiler.call.arguments import leaf_specs, spec_of
from pullback.compiler.call.progress import Progress, signature

import pullback as pb


class Screen(io.StringIO):
    """A terminal: what is written, and what is to be seen in its last line."""

    encoding = "utf-8"

    def __init__(self, tty: bool = True) -> None:
        super().__init__()
        self.tty = tty
        self.seen: list[str] = []

    def isatty(self) -> bool:
        return self.tty

    def flush(self) -> None:
        line: list[str] = []
        for part in self.getvalue().split("\r"):
            line[: len(part)] = part
        self.seen.append("".join(line).rstrip())


class Clock:
    """A clock that stands still, except while somebody waits."""

    def __init__(self, end: float) -> None:
        self.now, self.end = 100.0, 100.0 + end

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now = min(self.now + seconds, self.end)
        return self.now >= self.end


def watched(
    monkeypatch: pytest.MonkeyPatch, seconds: float, screen: Screen, busy: Callable[[], bool] = lambda: True
) -> None:
    monkeypatch.setattr(sys, "stderr", screen)
    clock = Clock(seconds)
    Progress("f for (f8[:], f8)", busy, clock, clock.wait).watch()


def test_a_line_that_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    watched(monkeypatch, 3.2, screen)
    line = "pullback: compiling f for (f8[:], f8) … {} s"
    assert screen.seen == [line.format(2), line.format(2), line.format(3), ""]
    assert "\n" not in screen.getvalue()


def test_nothing_before_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    watched(monkeypatch, 1.9, screen)
    assert screen.getvalue() == ""


def test_the_users_program_is_not_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    watched(monkeypatch, 60.0, screen, lambda: False)
    assert screen.getvalue() == ""
    answers = iter([True, True, False])
    watched(monkeypatch, 60.0, screen, lambda: next(answers))
    assert screen.seen == ["pullback: compiling f for (f8[:], f8) … 2 s", ""]


def test_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setenv("COLUMNS", "30")
    watched(monkeypatch, 2.2, screen)
    assert screen.seen[0] == "pullback: compiling f f … 2 s" and len(screen.seen[0]) == 29
    screen.encoding = "ascii"
    watched(monkeypatch, 2.2, screen)
    assert screen.seen[-2].endswith("? 2 s") and screen.seen[-1] == ""


def test_elsewhere_it_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    screen = Screen(tty=False)
    with caplog.at_level(logging.INFO, logger="pullback"):
        watched(monkeypatch, 3.2, screen)
    assert screen.getvalue() == ""
    assert caplog.messages == ["compiling f for (f8[:], f8)", "compiled f for (f8[:], f8) in 3 s"]
    monkeypatch.setattr(sys, "stderr", None)
    clock = Clock(3.2)
    Progress("f", lambda: True, clock, clock.wait).watch()


def test_one_line_for_two_compilations(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    with progress._LINE:
        watched(monkeypatch, 9.0, screen)
    assert screen.getvalue() == ""


def test_the_thread_ends_with_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    before = threading.active_count()
    with pytest.raises(KeyError), Progress("f"):
        while not screen.seen:
            time.sleep(0.001)
        raise KeyError
    assert threading.active_count() == before and screen.seen[-1] == ""


def test_a_call_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "DELAY", 0.0)

    def slow_to_compile(x, n):
        return np.sum(x) * n

    pb.grad(slow_to_compile)(np.ones(3), 2)
    assert any("compiling slow_to_compile for (f8[:], i8) … " in line for line in screen.seen)
    assert screen.seen[-1] == ""


def test_signatures() -> None:
    given = [np.ones((2, 2), np.float32), 1.0, 2, True, np.bool_(True), 1j]
    assert signature(list(leaf_specs(spec_of(tuple(given), "p"), "p"))) == "(f4[:, :], f8, i8, c16)"
    assert signature(list(leaf_specs(spec_of([1.0] * 9, "p"), "p"))) == "(f8, f8, f8, f8, f8, f8, …)"


def test_cycles_are_not_looked_for_while_something_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    with Progress("f for (f8)"):
        assert not gc.isenabled()
        with Progress("g for (f8)"):
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with Progress("f for (f8)", busy=lambda: False) as running:
        running._thread.join()
        assert gc.isenabled(), "the user's program runs"
    gc.disable()
    try:
        with Progress("f for (f8)"):
            pass
        assert not gc.isenabled(), "as the user has it"
    finally:
        gc.enable()
