"""What using the tape imports: neither SciPy nor Numba until something needs them."""

import subprocess
import sys

import pytest

HEAVY = ("scipy", "numba", "llvmlite", "astor", "pullback.runtime.fallback.run", "pullback.compiler.pipeline")


def loaded(program: str) -> set[str]:
    """Which of the heavy modules are there after a program."""
    code = f"import sys\nimport numpy as np\nimport pullback as pb\n{program}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split()) & set(HEAVY)


@pytest.mark.parametrize(
    "program",
    [
        "pb.tensor(1.0)",
        "x = pb.ones(2, 2, requires_grad=True)\n(x @ x).relu().softmax(1).log().sum().backward()",
        "pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.ReLU())(pb.ones(1, 2))",
        "p = pb.ones(2, requires_grad=True)\np.sum().backward()\npb.optim.Adam([p]).step()",
        "pb.linalg.inv(pb.eye(2))",
        "import pullback.nn, pullback.optim, pullback.autograd, pullback.utils",
    ],
)
def test_the_tape_needs_numpy_only(program: str) -> None:
    assert not loaded(program)


def test_special_functions_import_scipy() -> None:
    assert loaded("assert pb.special.i0(pb.zeros(1)).item() == 1.0") == {"scipy"}
    assert loaded("assert pb.erf(pb.zeros(1)).item() == 0.0") == {"scipy"}


def test_triangular_systems_import_scipy() -> None:
    solved = "pb.linalg.solve_triangular(pb.eye(2), pb.ones(2, 1), upper=True)"
    assert loaded(f"assert {solved}.tolist() == [[1.0], [1.0]]") == {"scipy"}


def test_large_expressions_import_the_compiler() -> None:
    found = loaded("pb.nn.functional.gelu(pb.ones(1 << 17, requires_grad=True)).sum().backward()")
    assert {"scipy", "numba"} <= found and "pullback.runtime.fallback.run" not in found


def test_compiled_functions_of_tensors_import_what_takes_them() -> None:
    program = "f = pb.grad(lambda x: x * x)\nassert f(pb.tensor(3.0)).item() == 6.0"
    assert {"numba", "pullback.runtime.fallback.run"} <= loaded(program)
