"""Many random programs, outside pytest.

``python tests/randprog/campaign.py --count 20000 --start 0 --jit-every 50 --processes 2``
prints one line for each failing seed and the counts at the end; ``--minimise`` also prints small programs.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from randprog.derive import FAILED, FELL_BACK, REFUSED, REJECTED, Outcome, judge
from randprog.grammar import FEATURES, Program
from randprog.shrink import minimise

Task = tuple[int, bool, frozenset[str]]


def attempt(task: Task) -> Outcome:
    """Judge one seed; an error of the generator itself is a failure too."""
    seed, jit, features = task
    try:
        return judge(Program(seed, features=features), jit)
    except Exception as error:
        return Outcome(seed, FAILED, f"generator: {type(error).__name__}: {error}")


def small_source(outcome: Outcome, task: Task) -> str:
    """A minimised program with the same kind of failure."""
    kind = outcome.detail.split(" ")[0]

    def still_fails(program: Program) -> bool:
        again = judge(program, task[1])
        return again.status == outcome.status and again.detail.split(" ")[0] == kind

    return minimise(Program(outcome.seed, features=task[2]), still_fails).source


@contextlib.contextmanager
def outcomes(tasks: list[Task], processes: int) -> Iterator[Iterator[Outcome]]:
    """The outcomes in order, computed by some processes."""
    if processes <= 1:
        yield map(attempt, tasks)
        return
    # Workers are replaced now and then, because compiled programs stay in their memory.
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1000) as pool:
        yield pool.imap(attempt, tasks, chunksize=10)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare gradients of random programs with complex steps.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument(
        "--jit-every", type=int, default=50, help="each N-th seed goes through Numba; 0: none"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--without", nargs="*", default=[], choices=sorted(FEATURES), help="features to leave out"
    )
    parser.add_argument("--show-refused", action="store_true", help="print refused seeds as well")
    parser.add_argument(
        "--minimise", type=int, default=0, metavar="N", help="make the first N failures small"
    )
    return parser.parse_args()


def main() -> int:
    """Run the campaign; the exit code tells whether any program failed."""
    options = arguments()
    features = FEATURES - set(options.without)
    seeds = range(options.start, options.start + options.count)
    tasks = [(seed, options.jit_every > 0 and seed % options.jit_every == 0, features) for seed in seeds]
    counts: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    failures: list[tuple[Outcome, Task]] = []
    began = time.perf_counter()
    with outcomes(tasks, options.processes) as results:
        for task, outcome in zip(tasks, results, strict=True):
            counts[outcome.status] += 1
            if outcome.status == FAILED:
                failures.append((outcome, task))
                print(
                    f"FAILED seed {outcome.seed}{' (jit)' if task[1] else ''}: {outcome.detail}", flush=True
                )
            elif outcome.status == REFUSED:
                reasons[outcome.detail] += 1
                if options.show_refused:
                    print(f"refused seed {outcome.seed}: {outcome.detail}", flush=True)
            elif outcome.status in (REJECTED, FELL_BACK):
                reasons[f"{outcome.status}: {outcome.detail}"] += 1
    for outcome, task in failures[: options.minimise]:
        print(f"--- seed {outcome.seed}, made small: {outcome.detail}\n{small_source(outcome, task)}")
    for reason, count in reasons.most_common(20):
        print(f"{count:6d}  {reason}")
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())), end="")
    print(
        f"; {time.perf_counter() - began:.1f} s; failing seeds: {[outcome.seed for outcome, _ in failures]}"
    )
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
