"""The command line: what the gradients of pullback cost, beside rivals that are installed.

python -m benchmarks                          all families
python -m benchmarks loops --names jacobi     the cases of a family whose names have a word
python -m benchmarks loops --growth           all sizes: time and memory against n
python -m benchmarks compile loops            what first calls take: empty cache, disk cache, JAX
python -m benchmarks growth                   five programs at sizes that double: powers of n, and a plot
python -m benchmarks overhead                 what a call costs besides computing
python -m benchmarks tape                     operations on the tape, small and large, beside PyTorch
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Case
    from .measure import Settings

FAMILIES_HELP = "families to run, default all: programs, loops, models, adbench"


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("families", nargs="*", metavar="FAMILY", help=FAMILIES_HELP)
    add("--names", nargs="+", default=[], metavar="WORD", help="cases whose name has one of the words")
    add(
        "--rivals",
        nargs="+",
        metavar="NAME",
        help="beside pullback: threads (pullback with parallel=True), hand jax jax_loops torch autograd",
    )
    add("--only-pullback", action="store_true", help="no rivals")
    add("--repeats", type=int, default=31, help="timed rounds at most (default %(default)s)")
    add("--seconds", type=float, default=10.0, help="for the rounds of a case (default %(default)s)")
    add("--quick", action="store_true", help="smaller sizes, five rounds")
    add("--growth", action="store_true", help="all sizes of each case but the one for tests")
    add("--threads", type=int, default=1, help="processors for everyone (default %(default)s)")
    add("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time, for a busy machine")
    add("--no-memory", action="store_true", help="do not measure memory")
    add("--json", metavar="FILE", help="write everything measured")
    add("--markdown", metavar="FILE", help="write the tables, which are printed otherwise")
    add("--plot", metavar="FILE", help="draw ratios, or with --growth curves (needs matplotlib)")
    add("--source", action="store_true", help="print the generated source of each case, and stop")
    add("--list", action="store_true", help="print the cases, and stop")
    return made


def pin(threads: int) -> None:
    """Give everyone the same number of threads; OpenBLAS and XLA read theirs when they are imported."""
    for name in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-threads:])


def run(args: argparse.Namespace) -> int:
    """Measure what was asked for; the exit code says whether all gradients agreed."""
    from . import registry, report, rivals
    from .measure import Settings, measure

    if args.families[:1] == ["tape"]:
        return measure_tape(args)
    if args.families[:1] == ["overhead"]:
        return measure_overhead(args)
    compiling, growing = (args.families[:1] == [word] for word in ("compile", "growth"))
    args.families = args.families[compiling or growing :]
    unknown = set(args.families) - set(registry.FAMILIES)
    if unknown:
        print(
            f"no family {', '.join(sorted(unknown))}; there are {', '.join(registry.FAMILIES)}",
            file=sys.stderr,
        )
        return 2
    cases = registry.cases(args.families, args.names)
    if args.list:
        for case in cases:
            written = [name for name in rivals.OTHERS if getattr(case, name) is not None]
            print(f"{case.family:10} {case.name:28} sizes {case.sizes}  {' '.join(written)}")
        return 0
    if args.source:
        return print_sources(cases)
    others = () if args.only_pullback else tuple(args.rivals or rivals.OTHERS)
    if args.threads > 1 and not args.rivals:
        others = ("threads", *others)
    settings = Settings(
        repeats=5 if args.quick else args.repeats,
        seconds=2.0 if args.quick else args.seconds,
        threads=args.threads,
        names=rivals.OWN + others,
        memory=not args.no_memory,
        clock=_clock(args),
    )
    about = report.machine(args.threads, args.clock)
    if compiling:
        return measure_compiling(cases, args, about)
    if growing:
        return measure_growth(args, settings, about)
    found = []
    rivals.warm_up(settings.names)
    for case in cases:
        sizes = case.growth if args.growth else (case.quick_size if args.quick else case.sizes[-1],)
        for size in sizes:
            found.append(measure(case, size, settings))
            print(report.line(found[-1]), flush=True)
            if args.json:
                write(args.json, report.as_json(found, about))  # also if a later case ends the process
    deliver(report.as_markdown(found, about), args.markdown)
    if args.plot:
        report.plot(found, args.plot)
    return 1 if any(one.wrong for one in found) else 0


def measure_compiling(cases: Sequence[Case], args: argparse.Namespace, about: dict[str, Any]) -> int:
    """What the first call of each case takes, each in a process of its own."""
    from . import report
    from .compiling import measure_first_calls

    found = []
    for case in cases:
        found.append(measure_first_calls(case, args.clock, jax=not args.only_pullback))
        print(report.compile_line(found[-1]), flush=True)
        if args.json:
            write(args.json, report.as_json(found, about))
    deliver(report.compile_markdown(found, about), args.markdown)
    return 1 if any("cold" in one.skipped for one in found) else 0


def measure_growth(args: argparse.Namespace, settings: Settings, about: dict[str, Any]) -> int:
    """How five programs, or those that are named, grow; the plot is `growth.png` if no other is asked for."""
    from . import growth, report
    from .lazy import installed

    found = growth.grow(settings, args.names)
    if args.json:
        write(args.json, report.as_json(found, about))
    deliver("\n\n".join([*report.head(about), growth.table(found)]) + "\n", args.markdown)
    if args.plot or installed("matplotlib"):
        report.plot(found, args.plot or "growth.png")
    return 1 if any(one.wrong for one in found) else 0


def measure_tape(args: argparse.Namespace) -> int:
    """What operations on the tape cost."""
    from . import large, report, tape

    about = report.machine(args.threads, args.clock)
    clock, rounds = _clock(args), 5 if args.quick else args.repeats
    small, big = tape.compare(rounds, clock), large.compare(rounds, clock, args.threads)
    tables = ["### Small arrays", tape.table(small), "### Large arrays", tape.table(big)]
    deliver("\n\n".join([*report.head(about), *tables]) + "\n", args.markdown)
    return 0


def measure_overhead(args: argparse.Namespace) -> int:
    """What calls of derivatives cost besides computing."""
    from . import overhead, report

    found = overhead.compare(5 if args.quick else args.repeats, _clock(args))
    head = report.head(report.machine(args.threads, args.clock))
    deliver("\n\n".join([*head, overhead.table(found)]) + "\n", args.markdown)
    return 0


def _clock(args: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if args.clock == "cpu" else time.perf_counter


def deliver(text: str, file: str | None) -> None:
    """Write a text to a file, or print it."""
    if file:
        write(file, text)
    else:
        print("\n" + text)


def print_sources(cases: Sequence[Case]) -> int:
    """The generated file of each case."""
    import pullback as pb

    for case in cases:
        args = case.args(case.sizes[0])
        if case.jacobian:
            jacobian = pb.jacobian(case.fn, case.argnums)
            jacobian(*args)
            text = jacobian.explain()
        else:
            derivative = pb.value_and_grad(case.fn, case.argnums, fallback="error")
            derivative.compile(*args)
            text = derivative.backward_source
        print(f"# ---- {case.name}\n{text}")
    return 0


def write(file: str, text: str) -> None:
    """Write a text file."""
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().parse_args(argv)
    pin(args.threads)
    if "PULLBACK_CACHE_DIR" in os.environ:
        return run(args)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PULLBACK_CACHE_DIR"] = cache  # first calls are those of an empty cache
        return run(args)


if __name__ == "__main__":
    raise SystemExit(main())
