"""Random programs of views and in-place writes, against the same programs without either.

Each program runs twice. `InPlace` takes views and writes through them. `Functional` keeps every memory as
one flat vector and every view as the places of its elements in it: reading picks these, writing makes a new
vector. Values, gradients and gradients of gradients must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.tape.views import write
from pullback.runtime.tensor.backward import grad
from tensor_checks import leaf, torch

OVERWRITTEN = "modified by an inplace operation"


class InPlace:
    """Tensors as they are."""

    def memory(self, tensor: Any) -> Any:
        return tensor

    def read(self, value: Any) -> Any:
        return value

    def view(self, value: Any, change: Any) -> Any:
        return change(value)

    def write(self, value: Any, kind: str, other: Any) -> None:
        if kind == "set":
            value[...] = other
        elif kind == "zero":
            value.zero_()
        elif kind == "mul":
            value *= other
        elif kind == "smooth":
            # an operation made of several, whose first operand is not what is overwritten
            write(value, lambda t: (t * t).sin() / (t + 2))
        elif other is None:
            getattr(value, kind)()
        else:
            getattr(value, kind)(other)

    def put(self, value: Any, key: Any, other: Any) -> None:
        value[key] = other


class Functional:
    """Memories as flat vectors, views as places in them."""

    def __init__(self) -> None:
        self.memories: list[Any] = []

    def memory(self, tensor: Any) -> Any:
        self.memories.append(tensor.reshape(-1))
        count = tensor.numel()
        return (len(self.memories) - 1, np.arange(count).reshape(tuple(tensor.shape)))

    def read(self, value: Any) -> Any:
        k, where = value
        return self.memories[k][where] if where.ndim else self.memories[k][where.reshape(1)].reshape(())

    def view(self, value: Any, change: Any) -> Any:
        k, where = value
        return (k, change(torch.from_numpy(np.array(where, order="C")))._a)

    def write(self, value: Any, kind: str, other: Any) -> None:
        old = self.read(value)
        new = {
            "set": lambda: other + 0 * old,
            "zero": lambda: 0 * old,
            "mul": lambda: old * other,
            "add_": lambda: old + other,
            "sigmoid_": lambda: 1 / (1 + (-old).exp()),
            "sin_": lambda: old.sin(),
            "smooth": lambda: (old * old).sin() / (old + 2),
            "copy_": lambda: other + 0 * old,
        }[kind]()
        k, where = value
        self.memories[k] = self.memories[k].index_put((torch.from_numpy(where.reshape(-1)),), new.reshape(-1))

    def put(self, value: Any, key: Any, other: Any) -> None:
        k, where = value
        places = where[key]
        new = (other + 0 * self.memories[k][places.reshape(-1)]).reshape(-1)
        self.memories[k] = self.memories[k].index_put((torch.from_numpy(places.reshape(-1)),), new)


def random_view(rng: Any, shape: tuple[int, ...]) -> tuple[Any, bool]:
    """A view operation that fits a shape, and whether several elements become the same memory."""
    rank = len(shape)
    choices: list[tuple[Any, bool]] = [(lambda t: t.unsqueeze(0), False), (lambda t: t[..., None], False)]
    if rank:
        axis = int(rng.integers(rank))
        n = shape[axis]
        before = (slice(None),) * axis
        k, start = int(rng.integers(n)), int(rng.integers(n))
        step = int(rng.integers(1, 3))
        choices += [
            (lambda t: t[(*before, k)], False),
            (lambda t: t[(*before, slice(start, None, step))], False),
            (lambda t: t[(*before, slice(None, None, -1))], False),
            (lambda t: t.narrow(axis, start, n - start), False),
            (lambda t: t.select(axis, k), False),
            (lambda t: t.unfold(axis, 1, 1), False),
            (lambda t: t.squeeze(), False),
            (lambda t: t.expand(2, *shape), True),
            (lambda t: t.unfold(axis, min(2, n), 1), n > 2),
        ]
    if rank >= 2:
        order = tuple(int(p) for p in rng.permutation(rank))
        choices += [
            (lambda t: t.permute(order), False),
            (lambda t: t.transpose(0, -1), False),
            (lambda t: t.diagonal(), False),
            (lambda t: t.diagonal(1 if shape[1] > 1 else 0), False),
            (lambda t: t.mT, False),
        ]
        if shape[0] * shape[1] > 0:
            choices.append((lambda t: t.view(shape[0] * shape[1], *shape[2:]), False))
    if rank and shape[0] % 2 == 0 and shape[0]:
        choices.append((lambda t: t.view(2, shape[0] // 2, *shape[1:]), False))
    return choices[int(rng.integers(len(choices)))]


class Program:
    """The same random choices for both ways to run."""

    def __init__(self, seed: int, way: Any, leaves: list[Any]) -> None:
        self.rng = np.random.default_rng(seed)
        self.way, self.leaves = way, leaves
        self.live: list[tuple[Any, tuple[int, ...], bool]] = []  # value, shape, whether read-only
        self.allowed: list[bool] = []  # which views the layout allowed, in order

    def start(self) -> None:
        x, w = self.leaves
        kind = int(self.rng.integers(4))
        first = [lambda: x * 1, lambda: x.t() * w.t(), lambda: x.sin(), lambda: torch.zeros(4, 3).double()][
            kind
        ]()
        self.add(self.way.memory(first), tuple(first.shape), False)

    def add(self, value: Any, shape: tuple[int, ...], frozen: bool) -> None:
        self.live.append((value, shape, frozen))

    def pick(self) -> tuple[Any, tuple[int, ...], bool]:
        return self.live[int(self.rng.integers(len(self.live)))]

    def operand(self, shape: tuple[int, ...]) -> Any:
        """Something to write that broadcasts to a shape."""
        kind = int(self.rng.integers(5))
        if kind == 0:
            return float(self.rng.uniform(0.5, 1.5))
        if kind == 1:
            return self.leaves[1][0, 0] * 0.5
        fitting = [v for v in self.live if v[1] == shape]
        if kind == 2 and fitting:
            chosen = fitting[int(self.rng.integers(len(fitting)))]
            return self.way.read(chosen[0]).clone() * 0.7
        if kind == 3 and shape:
            return self.leaves[0].reshape(-1)[: shape[-1]] if shape[-1] <= 12 else 0.3
        return self.leaves[1].sum().sin().expand(shape)

    def step(self) -> None:
        value, shape, frozen = self.pick()
        kind = int(self.rng.integers(10))
        if kind < 4:
            change, repeats = random_view(self.rng, shape)
            seen = self.viewed(value, change)
            if seen is None:
                return
            size = tuple((seen[1] if isinstance(seen, tuple) else seen).shape)
            if 0 not in size:
                self.add(seen, size, frozen or repeats)
        elif kind == 4:
            new = self.way.read(value).clone() * self.leaves[1].mean()
            self.add(self.way.memory(new), shape, False)
        elif not frozen:
            self.write(value, shape)

    def viewed(self, value: Any, change: Any) -> Any:
        """A view, or None where the layout of the tensor does not allow it, for both ways alike."""
        if isinstance(self.way, Functional):
            return self.way.view(value, change) if self.allowed.pop(0) else None
        try:
            seen = self.way.view(value, change)
        except RuntimeError as error:
            assert "view size is not compatible" in str(error)
            seen = None
        self.allowed.append(seen is not None)
        return seen

    def write(self, value: Any, shape: tuple[int, ...]) -> None:
        choices = ["set", "mul", "add_", "copy", "sin_", "smooth", "zero", "put", "mask", "overlap"]
        choice = choices[int(self.rng.integers(len(choices)))]
        if choice in ("put", "mask") and shape:
            if choice == "put":
                key: Any = self.rng.permutation(shape[0])[: max(1, shape[0] - 1)]
            else:
                key = self.rng.uniform(size=shape) < 0.5
            self.way.put(value, key, self.leaves[1][1, 1] * 2 if self.rng.uniform() < 0.7 else 0.25)
        elif choice == "overlap":
            # an operand that is memory of what is written to
            fitting = [v for v in self.live if v[1] == shape]
            other = fitting[int(self.rng.integers(len(fitting)))][0]
            self.way.write(value, "add_", self.way.read(other))
        elif choice == "copy":
            operand = self.operand(shape)
            self.way.write(value, "set" if isinstance(operand, float) else "copy_", operand)
        elif choice in ("sin_", "zero", "smooth"):
            self.way.write(value, choice, None)
        elif choice not in ("put", "mask"):
            self.way.write(value, choice, self.operand(shape))

    def run(self, steps: int) -> Any:
        self.start()
        for _ in range(steps):
            self.step()
        total: Any = 0.0
        for k, (value, shape, _) in enumerate(self.live):
            weights = np.cos(np.arange(max(int(np.prod(shape)), 1)) + k).reshape(shape)
            read = self.way.read(value)
            total = total + (read * read * torch.from_numpy(weights)).sum()
        return total


def leaves() -> list[Any]:
    rng = np.random.default_rng(5)
    return [leaf(rng.uniform(0.3, 1.2, (4, 3))), leaf(rng.uniform(0.3, 1.2, (4, 3)))]


def outcome(seed: int, way: Any, allowed: list[bool]) -> tuple[Any, ...]:
    """The value of a program, its gradient and the gradient of that; and notes which views were allowed."""
    own = leaves()
    program = Program(seed, way, own)
    program.allowed = allowed
    total = program.run(14)
    if not total.requires_grad:
        return (float(total._a), *[np.zeros((4, 3))] * 4)
    first = grad(total, own, create_graph=True, allow_unused=True, materialize_grads=True)
    square: Any = sum((g * g).sum() for g in first)
    second = [torch.zeros_like(t) for t in own]
    if square.requires_grad:
        second = list(grad(square, own, allow_unused=True, materialize_grads=True))
    if isinstance(way, InPlace):  # the pass that does not record is another code path
        again = leaves()
        plain = grad(Program(seed, way, again).run(14), again, allow_unused=True, materialize_grads=True)
        for a, b in zip(plain, first, strict=True):
            np.testing.assert_allclose(a._a, b._a, rtol=1e-10, atol=1e-12)
    return (float(total._a), *[g._a for g in first], *[g._a for g in second])


@pytest.mark.parametrize("block", range(10))
def test_views_and_writes_agree_with_the_functional_program(block: int) -> None:
    compared = 0
    for seed in range(block * 40, block * 40 + 40):
        allowed: list[bool] = []
        try:
            actual = outcome(seed, InPlace(), allowed)
        except RuntimeError as error:
            if OVERWRITTEN not in str(error):
                raise AssertionError(f"seed {seed}") from error
            continue
        expected = outcome(seed, Functional(), allowed)
        compared += 1
        assert len(actual) == len(expected)
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10, err_msg=f"seed {seed}")
    assert compared >= 38
