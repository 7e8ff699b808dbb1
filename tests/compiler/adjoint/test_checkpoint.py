"""Checkpointed loops: the same gradients as without, with the tape of one segment."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tracemalloc
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pullback.compiler.adjoint import build
from pullback.compiler.adjoint.checkpoint import checkpoint
from pullback.compiler.ir.nodes import For, Module
from pullback.compiler.ir.walk import walk
from pullback.compiler.options import byte_count
from randprog.derive import FAILED, judge
from randprog.grammar import Program

import pullback as pb

RNG = np.random.default_rng(7)


def in_place(x, w, steps):
    u = x.copy()
    total = 0.0
    for t in pb.checkpoint(range(steps)):
        for i in range(1, u.shape[0] - 1):
            u[i] += w[i] * np.sin(u[i - 1] - u[i + 1])
        total += u[t % u.shape[0]] ** 2
    return total + np.sum(u**2)


def rebound(x, w, steps):
    u = x
    for _ in pb.checkpoint(range(steps), segments=3):
        u = u + 0.1 * w * np.sin(u)
    return np.sum(u * w)


def leapfrog(x, w, steps):
    before, now = x, x + w
    for _ in pb.checkpoint(range(steps)):
        after = 2.0 * now - before - 0.1 * np.sin(now) * w
        before, now = now, after
    return np.sum(now**2) + before[0]


def exchanged(x, w, steps):
    u, v = x.copy(), np.zeros_like(x)
    for _ in pb.checkpoint(range(steps)):
        for i in range(u.shape[0]):
            v[i] = w[i] * np.cos(u[i - 1])
        u, v = v, u
    return np.sum(u * u)


def scalars(x, w, steps):
    a, b = x[0], x[1]
    for t in pb.checkpoint(range(2, 3 * steps, 3)):
        a, b = b * np.cos(a), a + 0.01 * t * w[0]
    return a * b


def downwards(x, w, steps):
    s = x[0]
    for t in pb.checkpoint(range(steps, 0, -1)):
        s = np.sin(s * w[t % 3]) + 0.1 * t
    return s


def run_time_stride(x, w, steps):
    s = x[0]
    for t in pb.checkpoint(range(0, 40, steps + 1)):
        s = np.sin(s * w[t % 3]) + 0.1 * t
    return s


def of_views(x, w, steps):
    u = np.outer(x, w)
    left, right = u[:, :2], u[:, 2:]
    for _ in pb.checkpoint(range(steps)):
        for i in range(left.shape[0]):
            left[i, 0] = np.sin(left[i, 1] + right[i, 0])
            right[i, 0] = left[i, 0] * right[i, 1]
    return np.sum(u)


def nested(x, w, steps):
    s = x[0]
    for _ in pb.checkpoint(range(steps)):
        for k in pb.checkpoint(range(5), segments=2):
            s = np.sin(s * w[0]) + 0.1 * k
        s *= w[1]
    return s


def within_a_loop(x, w, steps):
    total = 0.0
    for k in range(3):
        u = x * w[k]
        for _ in pb.checkpoint(range(steps)):
            for i in range(u.shape[0]):
                u[i] = np.sin(u[i]) * w[i]
        total += np.sum(u)
    return total


def under_a_condition(x, w, steps):
    s = x[0]
    if s > -100.0:
        for _ in pb.checkpoint(range(steps)):
            s = np.sin(s * w[0])
    return s * x[1]


def branches(x, w, steps):
    u = x.copy()
    for t in pb.checkpoint(range(steps)):
        if u[0] > 0.1 or t % 2 == 0:
            u[0] = np.sin(u[0] * w[0])
        else:
            u[1] = u[1] * u[0]
    return np.sum(u)


def last_index(x, w, steps):
    t, s = -1, x[0]
    for t in pb.checkpoint(range(steps)):
        s = s * w[t % 3]
    return s * t


def inside_a_helper(x, w, steps):
    def run(u, count):
        for _ in pb.checkpoint(range(count)):
            u = np.sin(u * w)
        return u

    return np.sum(run(run(x, steps), 2))


PROGRAMS = [
    in_place,
    rebound,
    leapfrog,
    exchanged,
    scalars,
    downwards,
    run_time_stride,
    of_views,
    nested,
    within_a_loop,
    under_a_condition,
    branches,
    last_index,
    inside_a_helper,
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The same functions without checkpoints."""
    text = "import numpy as np\n\n\n" + "\n\n".join(inspect.getsource(f) for f in PROGRAMS)
    for segments in ("", ", segments=2", ", segments=3"):
        for bounds in ("steps", "count", "5", "2, 3 * steps, 3", "steps, 0, -1", "0, 40, steps + 1"):
            text = text.replace(f"pb.checkpoint(range({bounds}){segments})", f"range({bounds})")
    assert "checkpoint" not in text
    path: Path = tmp_path_factory.mktemp("plain") / "plain_programs.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("plain_programs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plain_programs"] = module
    spec.loader.exec_module(module)
    return module


def point() -> tuple[np.ndarray, np.ndarray]:
    return RNG.uniform(0.2, 1.0, 5), RNG.uniform(0.5, 1.5, 5)


@pytest.mark.parametrize("f", PROGRAMS)
def test_gradients_are_those_of_the_whole_loop(f, plain: ModuleType) -> None:
    cut, whole = (pb.value_and_grad(g, argnums=(0, 1), jit=False) for g in (f, getattr(plain, f.__name__)))
    for steps in (0, 1, 2, 7, 16):
        x, w = point()
        (value, found), (expected_value, expected) = cut(x, w, steps), whole(x, w, steps)
        assert value == pytest.approx(expected_value, rel=1e-14)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert "plan CHECKPOINT" in cut.explain() and "plan CHECKPOINT" not in whole.explain()


@pytest.mark.parametrize("f", [in_place, leapfrog, exchanged, nested])
def test_compiled(f, plain: ModuleType) -> None:
    x, w = point()
    cut, whole = (pb.value_and_grad(g, argnums=(0, 1)) for g in (f, getattr(plain, f.__name__)))
    for a, b in zip(cut(x, w, 11)[1], whole(x, w, 11)[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("f", [in_place, rebound, exchanged, scalars])
def test_second_order_and_forward_mode(f, plain: ModuleType) -> None:
    x, w = point()
    other = getattr(plain, f.__name__)
    v = RNG.standard_normal(5)
    at, along = (x, w, 5), (v, None, None)
    found, expected = (pb.hvp(g, at, along, jit=False)[0] for g in (f, other))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    tangent, expected_tangent = (pb.jvp(g, at, along, jit=False)[1] for g in (f, other))
    np.testing.assert_allclose(tangent, expected_tangent, rtol=1e-12)


# -- memory
def long_run(x, steps):
    u = x.copy()
    for _ in range(steps):
        for i in range(u.shape[0]):
            u[i] = u[i] + 0.01 * np.sin(u[i])
    return np.sum(u)


def peak(f, *args) -> int:
    """Bytes that a call takes at most, of what was allocated through NumPy."""
    f(*args)
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_limit_is_kept() -> None:
    x, steps = np.linspace(0.1, 1.0, 50), 400
    whole = pb.grad(long_run, jit=False)
    limited = pb.grad(long_run, memory_limit="40 kB", jit=False)
    np.testing.assert_allclose(limited(x, steps), whole(x, steps), rtol=1e-13)
    assert peak(whole, x, steps) > 160_000
    assert peak(limited, x, steps) < 60_000
    assert "plan CHECKPOINT" in limited.explain() and "plan CHECKPOINT" not in whole.explain()


def test_a_limit_without_tapes_changes_nothing() -> None:
    limited, whole = (pb.grad(lambda x: np.sum(np.sin(x)), memory_limit=m, jit=False) for m in (1000, None))
    x = np.ones(3)
    np.testing.assert_array_equal(limited(x), whole(x))
    assert limited.backward_source.count("segment") == 0


@pytest.mark.parametrize(
    ("limit", "bytes_"), [(None, 0), (17, 17), ("2 KiB", 2048), ("1.5GB", 1_500_000_000)]
)
def test_limits(limit, bytes_: int) -> None:
    assert byte_count(limit) == bytes_


@pytest.mark.parametrize("limit", [0, -1, True, "many", "5 parsecs", 1.5])
def test_wrong_limits(limit) -> None:
    with pytest.raises(pb.ArgumentError, match="memory_limit"):
        pb.grad(long_run, memory_limit=limit)


# -- refusals
def left_early(x, w, steps):
    s = x[0]
    for _ in pb.checkpoint(range(steps)):
        s = s * w[0]
        if s > 10.0:
            break
    return s


def grows_a_list(x, w, steps):
    kept = [x[0]]
    for t in pb.checkpoint(range(steps)):
        kept.append(kept[t] * w[0])
    return kept[-1]


def seen_under_another_name(x, w, steps):
    u, v = x.copy(), x * 2.0
    first = u
    for _ in pb.checkpoint(range(steps)):
        for i in range(u.shape[0]):
            v[i] = u[i] * w[i]
        u, v = v, u
    return np.sum(u) + first[0]


def written_under_another_name(x, w, steps):
    u = x.copy()
    now = u
    for _ in pb.checkpoint(range(steps)):
        now = now * w if w[0] > 0.0 else u
    u[0] = 3.0
    return np.sum(now)


def draws(x, w, steps):
    s = x[0]
    for _ in pb.checkpoint(range(steps)):
        s = s * np.random.normal()  # noqa: NPY002 - what Numba users write
    return s


def draws_in_recursion(x, w, steps):
    def go(a, k):
        return a if k == 0 else go(a * np.random.normal(), k - 1)  # noqa: NPY002

    return go(x[0], steps)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (left_early, "break or return"),
        (grows_a_list, "works on a list"),
        (seen_under_another_name, "'u' is used under another name"),
        (written_under_another_name, "'now' is used under another name"),
        (draws, "random numbers are drawn"),
        (draws_in_recursion, "random numbers are drawn"),
    ],
)
def test_refused(f, message: str) -> None:
    with pytest.raises(pb.UnsupportedError, match=message) as caught:
        pb.grad(f, jit=False, fallback="error")(*point(), 4)
    assert f"{Path(__file__).name}:" in str(caught.value)


@pytest.mark.parametrize("over", ["[1, 2]", "x", "range(3), segments=0", "range(3), segments=steps", ""])
def test_wrong_arguments(over: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong_arguments.py"
    path.write_text(
        f"import pullback as pb\ndef f(x, steps):\n    for _ in pb.checkpoint({over}):\n        x = x * 2.0\n"
        "    return x\n"
    )
    spec = importlib.util.spec_from_file_location("wrong_arguments", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(pb.TypeMismatchError, match=r"checkpoint|segments"):
        pb.grad(module.f, jit=False, fallback="error")(1.0, 3)


def test_as_a_plain_function() -> None:
    assert pb.checkpoint(range(3)) == range(3)
    with pytest.raises(pb.ArgumentError, match="takes a range"):
        pb.checkpoint([1, 2])
    with pytest.raises(pb.ArgumentError, match="segments must be"):
        pb.checkpoint(range(3), segments=0)


# -- what runs again
def tells(x, steps):
    for t in pb.checkpoint(range(steps)):
        x = np.sin(x)
        print("step", t)
    return x


def tells_in_recursion(x, steps):
    def go(a, k):
        if k == 0:
            return a
        print("step", k)
        return np.sin(go(a * a, k - 1))

    return go(x, steps)


@pytest.mark.parametrize("f", [tells, tells_in_recursion])
def test_nothing_is_printed_twice(f, capsys: pytest.CaptureFixture[str]) -> None:
    gradient = pb.grad(f, jit=False)(0.9, 3)
    assert capsys.readouterr().out.count("step") == 3
    h = 1e-6
    assert gradient == pytest.approx((f(0.9 + h, 3) - f(0.9 - h, 3)) / (2 * h), rel=1e-8)


# -- random programs, every loop in two segments
@pytest.mark.parametrize("seed", range(900_000, 900_030))
def test_random_programs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_cut(module: Module, chosen=None) -> Module:
        loops = [op for op in walk(module.entry.body) if isinstance(op, For)]
        return checkpoint(module, {op.index: lambda b, loop, trips: b.int(2) for op in loops})

    monkeypatch.setattr(build, "checkpoint", all_cut)
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    outcome = judge(Program(seed), False)
    assert outcome.status != FAILED, outcome.detail
