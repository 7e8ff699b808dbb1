"""The command line: `pullback demo | show | ops | cache`, also as `python -m pullback`."""

from __future__ import annotations

import _thread
import argparse
import contextlib
import importlib.util
import signal
import sys
import threading
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .compiler.call.cache import cache_clear, cache_info
from .compiler.errors import ArgumentError, PullbackError
from .compiler.public.derivative import Derivative, Inspectable
from .highlight import highlight, wants_colour

# A length that is not 1, which would stand for broadcasting.
SAMPLE_LENGTH = 2

# What a shell reports of a process that SIGINT ended.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 2 for an error that the user can mend, 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    try:
        with _interruptible():
            args.run(args)
    except PullbackError as error:
        print(f"pullback: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\npullback: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    return 0


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Repeat a Ctrl-C that fell into a callback of LLVM, where Python prints an exception and drops it."""
    usual = sys.unraisablehook

    def repeat(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            usual(unraisable)
            return
        again = threading.Timer(0.02, _thread.interrupt_main)
        again.daemon = True
        again.start()

    pressed = threading.Event()

    def press(signum: int, frame: types.FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, press)
    sys.unraisablehook = repeat
    try:
        yield
        if pressed.is_set():  # dropped for good
            raise KeyboardInterrupt
    finally:
        sys.unraisablehook = usual
        signal.signal(signal.SIGINT, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pullback", description="Gradients for NumPy and Numba code.")
    parser.add_argument("--version", action="version", version=f"pullback {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="fit a simulator to real data with its gradient")
    demo.add_argument("--plot", metavar="FILE", help="draw the fit into a picture")
    demo.set_defaults(run=_demo)

    show = commands.add_parser("show", help="print the code that is generated for a function")
    show.add_argument("function", metavar="FILE.py:FUNCTION")
    show.add_argument("--types", required=True, help='types of the arguments, such as "f8[:], f8[:,:], i8"')
    show.add_argument(
        "--wrt", help="numbers of the differentiated arguments, such as 0,1; by default the first"
    )
    show.add_argument(
        "--after", metavar="STAGE", help="print the IR after lowered, optimised, adjoint or final"
    )
    show.set_defaults(run=_show)

    ops = commands.add_parser("ops", help="print the table of functions that have a derivative")
    ops.set_defaults(run=_ops)

    cache = commands.add_parser("cache", help="show or empty the disk cache")
    cache.add_argument("action", choices=("info", "clear"))
    cache.set_defaults(run=_cache)
    return parser


def _demo(args: argparse.Namespace) -> None:
    from . import demo

    demo.run(args.plot)


def _print_code(text: str) -> None:
    print(highlight(text) if wants_colour(sys.stdout) else text)


# -- show
def _show(args: argparse.Namespace) -> None:
    function = _load(args.function)
    argnums = _numbers(args.wrt) if args.wrt else None
    given = function if isinstance(function, Derivative) else None
    derivative = given or Derivative(function, argnums, with_value=True)
    derivative.compile(*[sample(part) for part in split_types(args.types)])
    if args.after:
        print(derivative.ir(args.after))
    else:
        _print_code(derivative.backward_source)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(f"--wrt {text}: numbers separated by commas are needed, such as 0,1") from None


def _load(place: str) -> Any:
    """The function at FILE.py:NAME; the file is run as a module."""
    file, _, name = place.rpartition(":")
    path = Path(file)
    if not file or not name:
        raise ArgumentError(f"{place}: FILE.py:FUNCTION is needed, such as model.py:loss")
    if not path.is_file():
        raise ArgumentError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise ArgumentError(
                f"{file} has no function {name}", hint=f"it has {', '.join(functions) or 'none'}"
            )
        found = getattr(found, part)
    if isinstance(found, Inspectable) and not isinstance(found, Derivative):
        return found._target.fn
    return found


def split_types(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def sample(text: str) -> Any:
    """An argument of a type: f8 a float, i8 an int, f4 np.float32, f8[:, :] an array, and Python
    literals as they are.
    """
    name, _, axes = text.partition("[")
    if text in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[text]
    if text[:1] in "'\"":
        return text.strip("'\"")
    plain = {"float": "f8", "int": "i8", "complex": "c16", "bool": "?"}
    try:
        dtype = np.dtype(plain.get(name.strip(), name.strip()))
    except TypeError:
        raise ArgumentError(
            f"--types: {text!r} is not a type",
            hint="f8 or float64 is a number, f8[:] a vector, f8[:,:] a matrix",
        ) from None
    if axes:
        rank = axes.count(":")
        if not rank or not axes.endswith("]"):
            raise ArgumentError(
                f"--types: {text!r} is not an array type", hint="write one colon per axis: f8[:,:]"
            )
        return np.ones((SAMPLE_LENGTH,) * rank, dtype)
    return {"f8": 1.0, "i8": 1, "c16": 1 + 0j}.get(dtype.str[1:], dtype.type(1))


# -- ops and cache
def _ops(args: argparse.Namespace) -> None:
    from .compiler.arrays.library import ATTRIBUTES, METHODS, entries
    from .compiler.prims.table import rows

    del args
    table = [("name", "functions", "derivative", "note")]
    for row in rows():
        table.append((row.name, ", ".join(row.numpy), "yes" if row.differentiable else "none", row.note))
    widths = [max(len(line[k]) for line in table) for k in range(3)]
    print("Scalar primitives and library calls\n")
    for line in table:
        print("  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[3]]).rstrip())
    print("\nFunctions of NumPy and SciPy, by lowering to loops over these\n")
    print(_columns(sorted({entry.name for entry in entries() if entry.functions})))
    print("\nArray methods and attributes\n")
    print(_columns(sorted({*METHODS, *ATTRIBUTES})))


def _columns(names: Sequence[str], width: int = 100) -> str:
    if not names:
        return ""
    cell = max(map(len, names)) + 2
    per_line = max(1, width // cell)
    lines = [names[k : k + per_line] for k in range(0, len(names), per_line)]
    return "\n".join("".join(name.ljust(cell) for name in line).rstrip() for line in lines)


def _cache(args: argparse.Namespace) -> None:
    if args.action == "clear":
        info = cache_info()
        cache_clear()
        print(f"removed {info.entries} derivatives ({info.size / 1e6:.1f} MB) from {info.directory}")
        return
    info = cache_info()
    print(f"{info.directory}\n{info.entries} derivatives in {info.files} files, {info.size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
