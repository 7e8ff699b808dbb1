"""The cost of a gradient in units of the function: the derivative against the function under `@njit`.

    .venv/bin/python benchmarks/ratios.py [--repeats N] [--check] [--source] [WORD ...]

Both are timed in turn and their medians compared. The values that both give must agree, and `--check`
compares the gradient with finite differences.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

# Small products on two threads take as long as the scheduler likes. Read when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np
from programs import Case, cases

import pullback as pb

TARGET = 6.0


def seconds(call: Callable[[], object]) -> float:
    """The wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(case: Case, repeats: int) -> tuple[Any, dict[str, float]]:
    """The derivative, and the medians of interleaved runs with the times of the first calls."""
    primal = numba.njit(case.fn)
    derivative = pb.value_and_grad(case.fn, case.argnums, fallback="error")
    found = {
        "compile primal": seconds(lambda: primal(*case.args)),
        "compile gradient": seconds(lambda: derivative(*case.args)),
    }
    np.testing.assert_allclose(derivative(*case.args)[0], primal(*case.args), rtol=1e-8)
    both: dict[str, list[float]] = {"primal": [], "gradient": []}
    for _ in range(repeats):
        both["primal"].append(seconds(lambda: primal(*case.args)))
        both["gradient"].append(seconds(lambda: derivative(*case.args)))
    return derivative, {**found, **{key: median(times) for key, times in both.items()}}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the programs whose name has this word")
    parser.add_argument("--repeats", type=int, default=31, help="timed runs of each (default %(default)s)")
    parser.add_argument("--source", action="store_true", help="print the generated source of each")
    parser.add_argument("--check", action="store_true", help="compare with finite differences")
    args = parser.parse_args(argv)

    chosen = [c for c in cases() if not args.names or any(name in c.name for name in args.names)]
    print(f"{'program':38} {'primal':>10} {'gradient':>10} {'ratio':>6}   first calls: primal, gradient")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PULLBACK_CACHE_DIR"] = cache  # compile times of an empty cache
        for case in chosen:
            derivative, times = measure(case, args.repeats)
            ratio = times["gradient"] / times["primal"]
            print(
                f"{case.name:38} {1e3 * times['primal']:7.3f} ms {1e3 * times['gradient']:7.3f} ms"
                f" {ratio:6.2f}   {times['compile primal']:.2f} s, {times['compile gradient']:.2f} s"
                + ("" if ratio <= TARGET else f"   above the target of {TARGET:g}"),
                flush=True,
            )
            if args.check:
                pb.check_grads(case.fn, case.args, order=1)
            if args.source:
                print(derivative.backward_source)


if __name__ == "__main__":
    main()
