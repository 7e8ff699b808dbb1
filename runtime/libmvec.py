"""What glibc's libmvec offers: functions of many numbers at once, asked of the installed library.

A variant has a name like `_ZGVdN4v_exp`: d says that it uses AVX2, 4 is the number of lanes, a `v` stands for
each argument. Where there is no such library (macOS, Windows, musl, processors other than x86-64) nothing is
offered. This module imports neither NumPy nor Numba: the disk cache asks it too.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys

LIBRARY = "libmvec.so.1"
# Letter → bits of a register, and the processor feature without which LLVM passes such arguments otherwise.
REGISTERS = {"b": (128, "sse2"), "d": (256, "avx2"), "e": (512, "avx512f")}
# Name in the C library → number of arguments. cbrt and log10 are left out: where scalar ones are exact, at
# cubes and powers of ten, the vector ones are not.
ARITIES = {
    **dict.fromkeys(("exp", "exp2", "expm1", "log", "log1p", "log2", "erf", "erfc"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan"), 1),
    **dict.fromkeys(("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"), 1),
    **dict.fromkeys(("pow", "atan2", "hypot"), 2),
}


@functools.cache
def library() -> ctypes.CDLL | None:
    """The loaded library, or None."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return None
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError:
        return None


def variant(function: str, letter: str, bits: int) -> tuple[str, int]:
    """The name of a variant for floats of so many bits, and its number of lanes."""
    lanes = REGISTERS[letter][0] // bits
    suffix = "f" if bits == 32 else ""
    return f"_ZGV{letter}N{lanes}{'v' * ARITIES[function]}_{function}{suffix}", lanes


@functools.cache
def variants(function: str, bits: int) -> dict[str, tuple[str, int]]:
    """The variants that the library has of a function of floats: letter → name and lanes."""
    found = library()
    if found is None or function not in ARITIES:
        return {}
    named = {letter: variant(function, letter, bits) for letter in REGISTERS}
    return {letter: (name, lanes) for letter, (name, lanes) in named.items() if hasattr(found, name)}


@functools.cache
def tag() -> str:
    """All that is offered, as text: machine code made where it differs cannot be used here."""
    return " ".join(name for f in ARITIES for bits in (64, 32) for name, _ in variants(f, bits).values())
