"""Random programs: the compiled gradient against complex steps; and the generator against finite differences.

``pytest tests/test_random_programs.py --programs 5000 --programs-start 1000 --programs-jit every:50``
"""

from __future__ import annotations

import ast
import inspect

import numpy as np
import pytest
from randprog import derive, plugin
from randprog.grammar import FEATURES, Program
from randprog.oracle import Rejected, check, finite_differences, fresh, overflows, run
from randprog.shrink import minimise

CHUNK = 10


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each chunk of seeds."""
    if "seeds" in metafunc.fixturenames:
        # Defaults keep the file usable where the options are not registered.
        count = metafunc.config.getoption("--programs", 300)
        start = metafunc.config.getoption("--programs-start", 0)
        chunks = [range(low, min(low + CHUNK, start + count)) for low in range(start, start + count, CHUNK)]
        metafunc.parametrize("seeds", chunks, ids=[f"{chunk[0]}-{chunk[-1]}" for chunk in chunks])


def test_gradients_are_right_or_refused(seeds: range, request: pytest.FixtureRequest) -> None:
    every = plugin.jit_every(request.config.getoption("--programs-jit", "every:10"))
    outcomes = [derive.judge(seed, jit=every > 0 and seed % every == 0) for seed in seeds]
    plugin.remember(request.config, outcomes)
    failed = [outcome for outcome in outcomes if outcome.status == derive.FAILED]
    report = "\n".join(f"seed {outcome.seed}: {outcome.detail}" for outcome in failed)
    if failed:
        report += f"\n\nsource of seed {failed[0].seed}:\n{Program(failed[0].seed).source}"
    assert not failed, report


def test_overflow_of_what_is_not_used_is_seen() -> None:
    def squared(s, times):
        for _ in range(times):
            s = s * s
        return 0.5

    assert overflows(squared, (3.0, 12)) and not overflows(squared, (3.0, 3))


def test_a_seed_fixes_source_and_arguments() -> None:
    for seed in range(20):
        one, two = Program(seed), Program(seed)
        assert one.source == two.source
        assert all(np.array_equal(a, b) for a, b in zip(one.arguments(), two.arguments(), strict=True))


def test_oracle_agrees_with_finite_differences() -> None:
    rejected = 0
    for seed in range(100):
        try:
            case = run(seed)
        except Rejected:
            rejected += 1
            continue
        with np.errstate(all="ignore"):
            expected = finite_differences(case.fn, case.args, case.argnums)
        scale = max([1.0, *(float(np.max(np.abs(grad))) for grad in case.grads)])
        for grad, difference in zip(case.grads, expected, strict=True):
            np.testing.assert_allclose(grad, difference, atol=2e-5 * scale, err_msg=f"seed {seed}")
        case.close()
    assert rejected < 30


def test_source_can_be_inspected() -> None:
    case = run(next(_useful_seeds()))
    assert inspect.getsource(case.fn).startswith("def f(")
    assert case.program.source.endswith(inspect.getsource(case.fn))
    case.close()


def _useful_seeds():
    for seed in range(100):
        try:
            run(seed).close()
        except Rejected:
            continue
        yield seed


@pytest.mark.parametrize(
    "feature", ["for", "while", "view", "fancy", "matrix", "mutate_args", "alias", "return"]
)
def test_a_feature_can_be_switched_off(feature: str) -> None:
    for seed in range(40):
        program = Program(seed, features=FEATURES - {feature})
        tree = ast.parse(program.source)
        forbidden = {"while": ast.While}.get(feature)
        if forbidden is not None:
            assert not any(isinstance(node, forbidden) for node in ast.walk(tree))
        args = program.arguments()
        before = fresh(args)
        try:
            case = run(program)
        except Rejected:
            continue
        with np.errstate(all="ignore"):
            case.fn(*args)
        case.close()
        if feature == "mutate_args":
            assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True)), program.source


def _differences(fn, argnums, jit):
    """A derivative as exact as the oracle's, except that it is wrong for programs that use ``tanh``."""

    def derivative(*args):
        source = inspect.getsource(fn)
        case_grads = finite_differences(fn, args, argnums, step=1e-6)
        wrong = 1.0 if "tanh" in source else 0.0
        return float(fn(*fresh(args))), [grad + wrong for grad in case_grads]

    return derivative


@pytest.mark.parametrize("fault", ["", "gradient", "value", "argument 0 was changed"])
def test_judge_sees_every_fault(fault: str) -> None:
    program = Program(next(_useful_seeds()))
    value, grads = check(program)

    def derive_wrongly(fn, argnums, jit):
        def derivative(*args):
            answer = [np.copy(grad) if np.ndim(grad) else grad for grad in grads]
            if fault == "gradient":
                answer[0][0] += 1e-6 * max(1.0, *(np.max(np.abs(grad)) for grad in grads))
            elif fault.startswith("argument"):
                args[0][0] += 1.0
            return value + 1e-3 * (fault == "value"), answer

        return derivative

    outcome = derive.judge(program, jit=False, derive=derive_wrongly)
    assert outcome.status == (derive.FAILED if fault else derive.PASSED)
    assert fault in outcome.detail


def test_shared_memory_is_seen() -> None:
    x = np.zeros(6)
    assert "argument 0" in derive.shared_memory([x, 1.0], (0,), [x[::-1]])
    assert "gradient of argument 0" in derive.shared_memory([x, x], (0, 1), [y := np.ones(6), y[1:]])
    assert not derive.shared_memory([x, 1.0], (0, 1), [np.ones(6), 2.0])


def test_minimise_keeps_the_failure_and_drops_the_rest() -> None:
    seed = next(seed for seed in _useful_seeds() if "tanh" in Program(seed).source)

    def still_fails(program: Program) -> bool:
        outcome = derive.judge(program, jit=False, derive=_differences)
        return outcome.status == derive.FAILED and "e+00" in outcome.detail

    small = minimise(seed, still_fails)
    assert "tanh" in small.source
    assert len(small.source.splitlines()) <= 8, small.source
