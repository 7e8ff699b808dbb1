"""What an operation on the tape costs beside PyTorch's: small tensors, one operation at a time, in turn."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from .lazy import installed
from .memory import peak_bytes

Call = Callable[[], object]
CHAIN = 100_000  # operations of the chain whose memory is measured
SAMPLE = 2e-3  # seconds that calls are repeated for


@dataclass
class Compared:
    """A case: seconds a call of ours and of theirs (the medians), and the median of the ratios."""

    name: str
    ours: float
    theirs: float | None
    ratio: float | None
    unit: str = "µs"


def cases(t: Any) -> dict[str, Call]:
    """The cases, in the names that pullback and PyTorch share."""
    a, b = t.tensor([1.0, 2.0, 3.0, 4.0]), t.tensor([4.0, 3.0, 2.0, 1.0])
    p = t.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    s = t.tensor(0.5, requires_grad=True)
    x, y, z = (t.ones(2, 3, requires_grad=True) for _ in range(3))

    def chain() -> Any:
        v = s * 2.0
        v = v + 1.0
        v = v.sin()
        v = v * v
        v = v.exp()
        v = v / 3.0
        v = v - 0.5
        v = v.tanh()
        v = v * s
        return v + s

    def chain_and_backward() -> None:
        s.grad = None
        chain().backward()

    def profiled_loop() -> None:
        v = z
        for _ in range(10):
            v = (v / x) * y

    return {
        "add of 4 elements": lambda: a + b,
        "add of 4 elements, recorded": lambda: p + b,
        "2 * 4 elements": lambda: 2 * a,
        "2 * 4 elements, recorded": lambda: 2 * p,
        "chain of 10, forward": chain,
        "chain of 10, forward and backward": chain_and_backward,
        "10 × (z / x) * y": profiled_loop,
        **small_matrices(t),
    }


def small_matrices(t: Any) -> dict[str, Call]:
    """Operations on recorded matrices of 4 × 4: views, indices, joins, reductions, products."""
    functions = t.nn.functional
    x, w = t.ones(4, 4, requires_grad=True), t.ones(4, 4, requires_grad=True)
    y, row, bias = x * 1.0, t.ones(1, 4, requires_grad=True), t.ones(4, requires_grad=True)
    plain, some, places = t.ones(4, 4), t.tensor([0, 2, 1]), t.tensor([[0, 1, 2, 3]] * 4)

    def write() -> None:
        plain[0] = 1.0

    return {
        "x.reshape(2, 8)": lambda: y.reshape(2, 8),
        "x.transpose(0, 1)": lambda: y.transpose(0, 1),
        "x.unsqueeze(0)": lambda: y.unsqueeze(0),
        "row.expand(4, 4)": lambda: row.expand(4, 4),
        "x[0]": lambda: y[0],
        "x[1:]": lambda: y[1:],
        "x[1, 2]": lambda: y[1, 2],
        "x[index]": lambda: y[some],
        "x.gather(1, index)": lambda: y.gather(1, places),
        "x[0] = 1, not recorded": write,
        "cat of 2": lambda: t.cat([y, y]),
        "stack of 2": lambda: t.stack([y, y]),
        "x.sum()": lambda: y.sum(),
        "x.mean(1)": lambda: y.mean(1),
        "x.max()": lambda: y.max(),
        "x.sigmoid()": lambda: y.sigmoid(),
        "relu": lambda: functions.relu(y),
        "softmax": lambda: functions.softmax(y, dim=1),
        "x > 0.5": lambda: y > 0.5,
        "x @ w": lambda: y @ w,
        "linear": lambda: functions.linear(y, w, bias),
        "(x @ w).sum(), forward and backward": lambda: (x @ w).sum().backward(),
        "x[0].sum(), forward and backward": lambda: x[0].sum().backward(),
        "softmax(x).sum(), forward and backward": lambda: functions.softmax(x, dim=1).sum().backward(),
    }


def long_chain(t: Any) -> Call:
    """What records a chain of many operations and holds it."""
    held: list[Any] = []

    def build() -> None:
        held.clear()
        v = t.ones(4, requires_grad=True)
        for _ in range(CHAIN // 2):
            v = v * 1.0001
            v = v + 1.0
        held.append(v)

    return build


def compare(rounds: int = 21, clock: Callable[[], float] = time.perf_counter) -> list[Compared]:
    """All cases of pullback and, where it is installed, of PyTorch in turn; then the memory of a chain."""
    import pullback

    torch: Any = None
    if installed("torch"):
        import torch

        torch.set_num_threads(1)
    ours = cases(pullback)
    theirs = cases(torch) if torch is not None else {}
    found = [timed(name, call, theirs.get(name), rounds, clock) for name, call in ours.items()]
    memory = [peak_bytes(long_chain(t)) for t in (pullback, torch) if t is not None]
    if memory[0] is not None:
        mine, other = memory[0] / CHAIN, memory[1] / CHAIN if torch is not None and memory[1] else None
        ratio = None if other is None else mine / other
        found.append(Compared("memory of an operation in a chain", mine, other, ratio, "bytes"))
    return found


def timed(name: str, ours: Call, theirs: Call | None, rounds: int, clock: Callable[[], float]) -> Compared:
    """One case, ours and theirs in turn."""
    times = in_turn([call for call in (ours, theirs) if call is not None], rounds, clock)
    middle = [median(column) for column in zip(*times, strict=True)]
    if theirs is None:
        return Compared(name, middle[0], None, None)
    return Compared(name, middle[0], middle[1], median(row[0] / row[1] for row in times))


def in_turn(calls: Sequence[Call], rounds: int, clock: Callable[[], float]) -> list[list[float]]:
    """Microseconds of a call of each in turn, a row for each round."""
    counts = [_count(call, clock) for call in calls]
    times: list[list[float]] = []
    gc.collect()
    for _ in range(rounds):
        row = []
        for call, count in zip(calls, counts, strict=True):
            start = clock()
            for _ in range(count):
                call()
            row.append((clock() - start) / count * 1e6)
        times.append(row)
    return times


def _count(call: Call, clock: Callable[[], float]) -> int:
    """How many calls make a sample."""
    call()
    start = clock()
    call()
    repeats = 50 if clock() - start < SAMPLE else 1
    start = clock()
    for _ in range(repeats):
        call()
    return max(1, int(SAMPLE / max((clock() - start) / repeats, 1e-9)))


def table(found: list[Compared]) -> str:
    """The cases as a table."""
    lines = ["| case | pullback | PyTorch | ratio |", "|---|---:|---:|---:|"]
    for one in found:
        theirs = "" if one.theirs is None else f"{one.theirs:.2f} {one.unit}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        lines.append(f"| {one.name} | {one.ours:.2f} {one.unit} | {theirs} | {ratio} |")
    return "\n".join(lines)
