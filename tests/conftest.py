"""Shared set-up: the installed package is what is tested, with a fresh cache, and golden files."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from randprog import plugin as random_programs
from randprog.plugin import pytest_terminal_summary as pytest_terminal_summary

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` puts the root first, where `pullback` is a folder without its compiler.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# A first call compiles, which no deadline should count.
settings.register_profile("pullback", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("pullback")


def pytest_addoption(parser: pytest.Parser) -> None:
    random_programs.pytest_addoption(parser)
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected text of golden tests")
    parser.addoption("--all-jit", action="store_true", help="send every program of the corpus through Numba")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and "CI" in os.environ:
        raise pytest.UsageError("golden files are updated by a person who reads the diff, not under CI")
    os.environ.setdefault("PULLBACK_VERIFY", "1")
    if "PULLBACK_CACHE_DIR" not in os.environ:  # the workers of xdist inherit it
        cache = tempfile.TemporaryDirectory(prefix="pullback-cache-", ignore_cleanup_errors=True)
        os.environ["PULLBACK_CACHE_DIR"] = cache.name
        config.add_cleanup(cache.cleanup)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240607)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Compare a text with tests/golden/<test file>/<test>.txt; a missing file fails."""
    test = re.sub(r"[^\w.-]+", "_", request.node.name).strip("_")
    mirrored = request.path.relative_to(ROOT / "tests").with_suffix("")
    file = ROOT / "tests" / "golden" / mirrored / f"{test}.txt"

    def check(actual: str) -> None:
        actual = actual.rstrip("\n") + "\n"
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(actual, encoding="utf-8")
            return
        if not file.exists():
            pytest.fail(f"no {file.relative_to(ROOT)}: run with --update-golden and read it")
        assert actual == file.read_text(encoding="utf-8")

    return check
