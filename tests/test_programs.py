"""Every program of the corpus through every oracle.

Values: Python = IR on the interpreter = IR after each pass = compiled code. First derivatives: reverse =
central differences = forward. Second derivatives: tangent of the adjoint = differences of the gradient.
`--all-jit` sends every program through Numba; without it a part of them goes.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import program_harness as harness
import pytest
from program_harness import Case
from programs.registry import Program
from pullback.compiler.call.dispatch import dispatcher
from pullback.compiler.call.specialise import Specialisation
from pullback.compiler.frontend.lower import lower_function
from pullback.compiler.ir.nodes import Module
from pullback.compiler.ir.verify import verify
from pullback.compiler.passes import CLEANUP
from pullback.compiler.pipeline import compile_derivative
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS
from pullback.compiler.public.higher import base_of, places
from pullback.compiler.transform.cse import cse

import pullback as pb

CORPUS = harness.corpus()
# Families in which every program goes through Numba; of the others each fourth does.
ALWAYS_JIT = ("hard_cases", "memory", "views")
EVERY = 4


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per program."""
    chosen = CORPUS
    if "jitted" in metafunc.fixturenames and not metafunc.config.getoption("--all-jit"):
        rest = [p for p in CORPUS if p.name.split(".")[0] not in ALWAYS_JIT]
        chosen = [p for p in CORPUS if p not in rest or rest.index(p) % EVERY == 0]
    for name in {"program", "jitted", "smooth"} & set(metafunc.fixturenames):
        programs = [p for p in chosen if p.second] if name == "smooth" else chosen
        metafunc.parametrize(name, [pytest.param(p, id=p.name) for p in programs])


@functools.cache
def case_of(program: Program) -> Case:
    return Case(program)


@functools.cache
def gradient_of(program: Program, jit: bool = False) -> Any:
    return pb.value_and_grad(program.fn, argnums=program.argnums, fallback="error", jit=jit)


def specialisation(program: Program) -> Specialisation:
    return gradient_of(program).compile(*case_of(program).args())._newest()


def on_interpreter(module: Module, inputs: list[Any]) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        return run(module, copy.deepcopy(inputs), out=lambda *_, **__: None)


def each(step: Any, module: Module) -> Module:
    """A pass over all functions; parameters of called ones may overlap."""
    others = {
        name: step(f, **({"distinct_params": False} if step is cse else {}))
        for name, f in module.others.items()
    }
    return dataclasses.replace(module, entry=step(module.entry), others=others)


def test_names_are_unique() -> None:
    names = [program.name for program in CORPUS]
    assert len(set(names)) == len(names) >= 150


def test_the_ir_means_what_python_means_after_every_pass(program: Program) -> None:
    case = case_of(program)
    found, inputs = gradient_of(program)._find(case.args())
    module = lower_function(program.fn, list(found.specs), found.target.name).module
    np.testing.assert_allclose(on_interpreter(module, inputs)[0], case.value, rtol=1e-12, atol=1e-14)
    for step in CLEANUP:
        before = on_interpreter(module, inputs)
        module = each(step, module)
        verify(module, PRIMS)
        for x, y in zip(before, on_interpreter(module, inputs), strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-13, atol=1e-14, err_msg=step.__name__)


def check_gradient(program: Program, jit: bool) -> None:
    case, derivative = case_of(program), gradient_of(program, jit)
    args = case.args()
    before = harness.bytes_of(args)
    value, gradients = derivative(*args)
    assert harness.bytes_of(args) == before
    # Compiled sums may be associated otherwise, which a float32 program notices.
    np.testing.assert_allclose(value, case.value, rtol=max(1e-12, program.rtol * 1e-8), atol=1e-13)
    for gradient, argument in zip(gradients, case.active, strict=True):
        assert_like(gradient, argument)
        for array in harness.arrays(gradient):
            assert not any(np.shares_memory(array, a) for a in harness.arrays(args))
    for direction in case.directions:
        case.check(harness.inner(gradients, direction), case.at, direction)


def assert_like(gradient: Any, argument: Any) -> None:
    """Same structure, and for float leaves the same type, dtype and shape; None for all other leaves."""
    if harness.is_float(argument):
        assert type(gradient) is type(argument)
        assert np.shape(gradient) == np.shape(argument)
        assert np.asarray(gradient).dtype == np.asarray(argument).dtype
    elif harness.parts(argument):
        assert type(gradient) is type(argument)
        if isinstance(argument, dict):
            assert list(gradient) == list(argument)
        for g, a in zip(harness.parts(gradient), harness.parts(argument), strict=True):
            assert_like(g, a)
    elif not isinstance(argument, tuple | list | dict):
        assert gradient is None


def test_gradient(program: Program) -> None:
    check_gradient(program, jit=False)


@pytest.mark.slow
def test_gradient_through_numba(jitted: Program) -> None:
    check_gradient(jitted, jit=True)


def test_forward_mode(program: Program) -> None:
    case = case_of(program)
    args, direction = case.args(), case.directions[0]
    before = harness.bytes_of(args)
    value, dot = pb.jvp(program.fn, args, case.tangents(direction), jit=False)
    assert harness.bytes_of(args) == before
    np.testing.assert_allclose(value, case.value, rtol=1e-12, atol=1e-13)
    expected = harness.inner(gradient_of(program)(*case.args())[1], direction)
    np.testing.assert_allclose(dot, expected, rtol=max(1e-8, program.rtol * 1e-2), atol=1e-10)


def test_many_directions_at_once(program: Program) -> None:
    """Columns along three directions, and rows for three cotangents, are the gradient's."""
    case = case_of(program)
    gradients = gradient_of(program)(*case.args())[1]
    target, _ = base_of(program.fn)
    at, rtol = places(target, program.argnums), max(1e-8, program.rtol * 1e-2)
    directions = [*case.directions, [-2.0 * d for d in case.directions[0]]]

    found, inputs = dispatcher(target, "jvp", (), (at,), lanes=True, jit=False).find(
        target.bind(case.args(), {})
    )
    if not found.code.recipe.lanes:
        pytest.skip("recursive: one direction at a time")
    dtypes = [found.leaf_specs[k].spec.dtype for k in found.code.recipe.along[0]]
    lanes = [np.stack(d, -1).astype(t) for d, t in zip(zip(*directions, strict=True), dtypes, strict=True)]
    before = harness.bytes_of((*inputs, *lanes))
    (dots,) = found.call([*inputs, *lanes])
    assert harness.bytes_of((*inputs, *lanes)) == before
    expected = [harness.inner(gradients, d) for d in directions]
    np.testing.assert_allclose(dots, expected, rtol=rtol, atol=1e-10)

    found, inputs = dispatcher(target, "vjp", at, (), lanes=True, jit=False).find(
        target.bind(case.args(), {})
    )
    dtype = np.dtype(found.code.results[0].dtype)
    bars = np.array([1.0, 0.0, -2.0], dtype)
    rows = found.call([*inputs, dtype.type(0), bars])
    for row, gradient in zip(rows, harness.floats(gradients), strict=True):
        for lane, bar in enumerate(bars):
            np.testing.assert_allclose(row[..., lane], bar * gradient, rtol=rtol, atol=1e-10)


def test_second_order(smooth: Program) -> None:
    case = case_of(smooth)
    args, (direction, other) = case.args(), case.directions
    before = harness.bytes_of(args)
    products = pb.hvp(smooth.fn, args, case.tangents(direction), jit=False)
    assert harness.bytes_of(args) == before
    assert all(p is None for k, p in enumerate(products) if k not in smooth.argnums)
    active = [products[k] for k in smooth.argnums]
    for product, argument in zip(active, case.active, strict=True):
        assert_like(product, argument)

    def slope(steps: list[Any]) -> float:
        return harness.inner(gradient_of(smooth)(*case.args(steps))[1], other)

    case.check(harness.inner(active, other), slope, direction)


def test_text_is_the_same_every_time(program: Program) -> None:
    found = specialisation(program)
    tree = ast.parse(found.code.text)
    # With any of these, Numba removes stores that it takes for dead though a list still leads to the array.
    assert not any(isinstance(node, ast.ListComp | ast.GeneratorExp | ast.Lambda) for node in ast.walk(tree))
    compile(tree, "generated", "exec")
    again = compile_derivative(
        program.fn, found.specs, found.code.recipe, found.options, found.target.name, found.code.lengths
    )
    assert again.code.text == found.code.text


HASHES = """
import hashlib, sys, pullback
sys.path.insert(0, {tests!r})
import test_programs
print(*map(test_programs.text_hash, test_programs.CORPUS[::9]))
"""


def text_hash(program: Program) -> str:
    return hashlib.sha256(specialisation(program).code.text.encode()).hexdigest()


def test_text_does_not_depend_on_the_process(tmp_path: Path) -> None:
    """Sets of objects and strings come in another order in another process."""
    script = HASHES.format(tests=str(Path(__file__).parent))
    seen = []
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PULLBACK_CACHE_DIR": str(tmp_path / seed)}
        done = subprocess.run(
            # Not from the root of a checkout, whose pullback/ has no compiler.
            [sys.executable, "-P", "-c", script],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen.append(done.stdout.split())
    assert seen[0] == seen[1]
