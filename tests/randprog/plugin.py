"""Options and summary of the random program tests.

``tests/conftest.py`` imports the two hooks: ``pytest_addoption`` and ``pytest_terminal_summary``.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable

import pytest
from randprog.derive import Outcome

_COUNTS = pytest.StashKey[collections.Counter[str]]()


def jit_every(text: str) -> int:
    """Read ``every:N``, ``all`` or ``none``: each N-th seed goes through Numba (0: no seed)."""
    if text in ("all", "none"):
        return int(text == "all")
    word, _, number = text.partition(":")
    if word != "every" or not number.isdigit():
        raise pytest.UsageError(f"--programs-jit is every:N, all or none, not {text!r}")
    return int(number)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--programs``, ``--programs-start`` and ``--programs-jit``."""
    group = parser.getgroup("random programs")
    group.addoption("--programs", type=int, default=300, metavar="N", help="number of random programs")
    group.addoption("--programs-start", type=int, default=0, metavar="SEED", help="first seed")
    group.addoption(
        "--programs-jit",
        default="every:10",
        metavar="every:N",
        help="which seeds are compiled: every:N, all, none",
    )


def remember(config: pytest.Config, outcomes: Iterable[Outcome]) -> None:
    """Count outcomes for the summary."""
    counts = config.stash.setdefault(_COUNTS, collections.Counter())
    counts.update(outcome.status for outcome in outcomes)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how many programs passed, fell back, were refused or rejected (in this process)."""
    counts = config.stash.get(_COUNTS, None)
    if counts:
        text = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        terminalreporter.write_line(f"random programs: {text}")
