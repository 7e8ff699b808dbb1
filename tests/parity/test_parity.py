"""Every case comes out the same with PyTorch and with pullback, but for the known differences."""

from __future__ import annotations

import re
from typing import Any

import pytest

import pullback

torch = pytest.importorskip("torch")

from pullback.runtime.tensor.namespace import FUNCTIONS, METHODS  # noqa: E402

from parity.harness import FOLDER, cases, differences  # noqa: E402 (nothing of it is of use without PyTorch)
from parity.known import KNOWN, without_counterpart  # noqa: E402

CASES = [
    pytest.param(code, id=f"{path.stem}: {code}")
    for path in sorted(FOLDER.glob("*.txt"))
    for code in cases(path)
]
CODES = [str(param.values[0]) for param in CASES]


@pytest.mark.parametrize("code", CASES)
def test_it_is_the_same_as_with_pytorch(code: str) -> None:
    found = differences(torch, pullback, code)
    aspects, reason = KNOWN.get(code, (set(), ""))
    assert set(found) - aspects == set(), found
    assert aspects - set(found) == set(), "equal now: take it off the list of known differences"
    if reason:
        pytest.skip(f"known: {reason}")


def test_every_case_stands_once_and_every_known_difference_is_of_a_case() -> None:
    assert len(CODES) == len(set(CODES))
    assert set(KNOWN) <= set(CODES)


SYMBOLS = """
    add +, sub -, mul *, truediv /, floordiv //, mod %, pow **, matmul @, and &, or |, xor ^, lshift <<,
    rshift >>, eq ==, ne !=, lt <, le <=, gt >, ge >=, neg -x, pos +x, invert ~,
    abs abs(x), getitem x[0], setitem y[0]=v, copy copy.copy(, deepcopy copy.deepcopy(
"""
OPERATORS = dict(pair.split() for pair in SYMBOLS.split(","))


def _used(name: str) -> str:
    """What a case that uses a function has in its code."""
    if not name.startswith("__"):
        short = name.removeprefix("linalg_").removeprefix("special_")
        return rf"\.{short}\b" if short in name else name
    inner = name.strip("_")
    if inner in OPERATORS:
        return re.escape(OPERATORS[inner])
    symbol = re.escape(OPERATORS[inner[1:]])
    return (
        rf" {symbol}= " if inner[0] == "i" else rf"^(\d\.?\d*|True|np\.\S+(, dtype=np.float32\))?) {symbol} "
    )


def _names() -> list[str]:
    functional: Any = pullback.nn.functional
    layers = [n for n in dir(functional) if not n.startswith("_") and callable(getattr(functional, n))]
    return sorted({*FUNCTIONS, *METHODS, *layers})


@pytest.mark.parametrize("name", _names())
def test_every_function_has_a_case(name: str) -> None:
    found = any(f".{name}(" in code or re.search(_used(name), code) for code in CODES)
    assert found != (name in without_counterpart), "a case, or the list of those without a counterpart"
