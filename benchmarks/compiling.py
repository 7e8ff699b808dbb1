"""How long first calls take: with an empty cache, from the disk cache, and those of JAX.

python -m benchmarks compile --names jacobi     the cases whose names have a word
python -m benchmarks.compiling cold loops jacobi_1d --clock cpu     one process, one number

Every number is of a process of its own. The time is that of the first call less that of a later one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from . import rivals
from .case import Case
from .measure import Measured
from .rivals import Rival

KINDS = ("cold", "disk", "jax")
LATER = 3  # calls after the first; the median counts
ROOT = Path(__file__).resolve().parents[1]


def measure_first_calls(case: Case, clock: str, *, jax: bool = True) -> Measured:
    """What the first gradient of a case takes: an entry of `first_call` for each of `KINDS` that runs."""
    found = Measured(case.name, case.family, case.sizes[-1], note=case.note)
    with tempfile.TemporaryDirectory() as cache:
        for kind in KINDS:
            why = rivals.absent(kind, case)
            if why is not None or (kind == "jax" and not jax):
                found.skipped[kind] = why or "not asked for"
                continue
            try:
                told = _child(kind, case, clock, cache)
            except subprocess.CalledProcessError as error:
                found.skipped[kind] = (error.stderr.strip().splitlines() or ["no reason told"])[-1]
                continue
            found.first_call[kind], found.seconds[kind] = told["first"], told["later"]
    return found


def _child(kind: str, case: Case, clock: str, cache: str) -> dict[str, float]:
    """Run this file for one number; a child finds modules where this process does."""
    command = [sys.executable, "-m", __name__, kind, case.family, case.name, "--clock", clock]
    path = os.pathsep.join([*(entry for entry in sys.path if entry), str(ROOT)])
    environment = {**os.environ, "PULLBACK_CACHE_DIR": cache, "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps bytecode where it is installed
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def first_call(call: Callable[[], object], clock: Callable[[], float]) -> dict[str, float]:
    """The first call less a later one, and the later one, in seconds."""
    start = clock()
    call()
    first = clock() - start
    later = []
    for _ in range(LATER):
        start = clock()
        call()
        later.append(clock() - start)
    run = median(later)
    return {"first": max(first - run, 0.0), "later": run}


def one(kind: str, case: Case, clock: Callable[[], float]) -> dict[str, float]:
    """What this process measures, after the library has been started by a tiny gradient.

    cold: Numba compiles the case. disk: it is loaded from the cache, as the tiny one has been. jax: XLA
    compiles it. Numba's start takes about 0.2 s in a process that only loads: it registers all that it knows
    before the first function, whoever asks for it.
    """
    args = case.args(case.sizes[-1])
    name = "jax" if kind == "jax" else "pullback"
    rivals.warm_up((name,))

    ready: list[Rival] = []

    def call() -> object:
        if not ready:
            ready.append(rivals.prepare(name, case, args, threads=1))
        return ready[0].call()

    return first_call(call, clock)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one number and print it as JSON."""
    from . import registry

    made = argparse.ArgumentParser(prog="python -m benchmarks.compiling", description=__doc__)
    made.add_argument("kind", choices=KINDS)
    made.add_argument("family")
    made.add_argument("name")
    made.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    args: Any = made.parse_args(argv)
    case = next(c for c in registry.cases([args.family], [args.name]) if c.name == args.name)
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    print(json.dumps(one(args.kind, case, clock)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
