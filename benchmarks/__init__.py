"""Benchmarks of pullback's derivatives: `python -m benchmarks --help`, from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `python -m` puts the root first, where `pullback` is a folder without its compiler. This package is found by
# now, and its modules are found through it.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
