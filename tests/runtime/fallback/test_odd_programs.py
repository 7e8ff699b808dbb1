"""Odd programs as users write them: their gradients are those of differences, or they are refused."""

# ruff: noqa: UP031 (texts made with % are what is tested)

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import functools
import heapq
import itertools
import math
import operator
import statistics
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import pullback as pb

WEIGHTS, TABLE = np.array([1.0, 2.0, 3.0]), np.arange(1.0, 10.0).reshape(3, 3)


def texts(x):
    shown = f"{x[0]:>10.3e}|{x[2]!r:>5}" + "%5.2f and %s" % (x[1], x[2] > 0)
    return x[0] * (shown.count("|") + shown.count("and")) + x[1]


def matches(x):
    total = 0.0
    for item in [("add", x[0]), ("mul", x[1], 2.0), {"k": x[2]}, 3, None, [x[0], x[1]], x[2] * 1.0]:
        match item:
            case ("add", value):
                total += value
            case ("mul", value, factor) if factor > 1.0:
                total += value * factor
            case {"k": value}:
                total += value**2
            case [a, b]:
                total += a * b
            case float(value):
                total += value * 3.0
            case int():
                total += item
            case _:
                total += 1.0
    return total


class Colour(enum.Enum):
    RED, GREEN = 1, 2

    @property
    def weight(self) -> float:
        return self.value * 2.0


def enumerations(x):
    colour = Colour(2)
    return x[0] * colour.weight if colour is Colour.GREEN else x[1]


class Scaled:
    def __init__(self, value, factor):
        self.value, self.factor = value, factor

    @property
    def factor(self):
        return self._factor

    @factor.setter
    def factor(self, factor):
        self._factor = 2.0 * factor

    def __lt__(self, other):
        return self.value < other.value

    def __call__(self, x):
        return self.value * self.factor * x


def properties(x):
    smallest, *_, largest = sorted([Scaled(value, x[0]) for value in x])
    return smallest(x[1]) + largest(2.0)


@dataclasses.dataclass(order=True)
class Item:
    weight: float
    parts: list = dataclasses.field(default_factory=list, compare=False)

    def __post_init__(self):
        self.double = self.weight * 2.0


def dataclasses_(x):
    items = [Item(value, [value * x[0]]) for value in x]
    best = dataclasses.replace(max(items), parts=[x[1]])
    return best.double * sum(best.parts) + sum(itertools.chain(*[item.parts for item in items]))


def collections_(x):
    counts, groups = collections.Counter(), collections.defaultdict(list)
    for k, value in enumerate(x):
        counts[k % 2] += value
        groups[value > 0].append(value**2)
    queue = collections.deque(x, maxlen=2)
    queue.rotate(1)
    heap = list(x)
    heapq.heapify(heap)
    return counts[0] * counts[1] + sum(groups[True]) * queue[0] + heapq.heappop(heap)


def iterators(x):
    total = functools.reduce(operator.mul, itertools.accumulate(x))
    total += sum(a * b for a, b in itertools.pairwise(x)) + sum(itertools.islice(itertools.cycle(x), 7))
    return total + sum(key * sum(group) for key, group in itertools.groupby(sorted(x), key=lambda v: v > 0))


def exceptions(x):
    total = x[0]
    for wrong in (lambda: x[7], lambda: x[0] + "a", lambda: x + np.ones(5), lambda: x.nothing, lambda: {}[1]):
        try:
            wrong()
        except (IndexError, TypeError, ValueError, AttributeError, KeyError) as error:
            total = total * x[1] + len(error.args)
    return total


def loops_with_else(x):
    for value in x:
        if value > 100.0:
            break
    else:
        return x[0] * value
    return x[1]


def statistics_(x):
    return statistics.stdev(x) * statistics.mean(x) + statistics.pvariance(list(x)) + statistics.median(x)


def options(x):
    m, into, sums = np.outer(x, WEIGHTS), np.zeros(2), np.zeros(3)
    taken = np.take(x, [1, 2], out=into)
    np.einsum("i,i->i", x, WEIGHTS, out=sums)
    total = np.take(x, 5, mode="clip") + np.take(x, [0, 5, -1], mode="wrap").sum() + into @ x[:2] + sums @ x
    total += np.sum(np.cross(m, TABLE, axisa=0, axisb=1) * TABLE) + np.sum(np.cross(m, TABLE, axisc=0)[0])
    total += np.choose([0, 3, -1], [x, x * 2.0], mode="wrap") @ WEIGHTS + np.outer(m, x)[4, 1]
    return total * taken[0] + np.array(x, ndmin=2)[0, 1] * len(np.array(x, ndmin=2))


def copies(x):
    y = x * 2.0
    z = np.asarray(y, copy=True)
    z[0], deep = 1.0, copy.deepcopy([y, {"k": x[0]}])
    deep[0][1] = x[2]
    return y @ WEIGHTS + z @ x + deep[0] @ x * deep[1]["k"]


def odd_arrays(x):
    records = np.zeros(2, dtype=[("a", float), ("b", float)])
    records["a"] = 1.5
    names, held = np.array(["p", "q"]), np.empty(2, dtype=object)
    held[0] = x[0] * 2.0
    return records["a"] @ x[:2] * names.size * held[0]


def arrays_of_the_module(x):
    view, key = TABLE.T[0], {weight: k for k, weight in enumerate(WEIGHTS)}
    total = view @ x + key[2.0] * x[0] + len(f"{WEIGHTS[0]:.2f}") * x[1] + math.sin(WEIGHTS[0]) * x[2]
    total += x[0] * isinstance(WEIGHTS, np.ndarray) + x[1] * TABLE.itemsize + x[2] * WEIGHTS.astype(int).sum()
    return total + np.interp(x[0] + 1.0, WEIGHTS, TABLE[0]) + sum(x[int(w) - 1] * w for w in WEIGHTS)


RIGHT = (
    texts, matches, enumerations, properties, dataclasses_, collections_, iterators, exceptions,
    loops_with_else, statistics_, options, copies, odd_arrays, arrays_of_the_module,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::pullback.FallbackWarning")
@pytest.mark.parametrize("x", ([0.7, 1.3, -0.4], [-0.6, 0.45, 1.9]), ids=("first", "second"))
@pytest.mark.parametrize("how", ("auto", "tape"))
@pytest.mark.parametrize("f", RIGHT, ids=lambda f: f.__name__)
def test_gradients(f: Any, how: str, x: list[float]) -> None:
    x = np.array(x)
    slope = [(f(x + d) - f(x - d)) / 2e-6 for d in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(pb.grad(f, fallback=how)(x), slope, rtol=1e-6, atol=1e-8)


def decimals(x):
    return float(Decimal(float(x[0]))) * x[1]


def fractions(x):
    return x[0] * Fraction(1, 3)


def ratios(x):
    return x[0].item().as_integer_ratio()[0] * x[1]


def records(x):
    made = np.zeros(2, dtype=[("a", float)])
    made["a"] = x[:2]
    return made["a"].sum()


def keys(x):
    return {x[0]: x[1]}[x[0]]


@pytest.mark.parametrize("f", (decimals, fractions, ratios, records, keys), ids=lambda f: f.__name__)
def test_refusals(f: Any) -> None:
    with pytest.raises(pb.UnsupportedError, match=r"test_odd_programs\.py:\d+"):
        pb.grad(f, fallback="tape")(np.array([0.7, 1.3, -0.4]))
