"""The building's floors: a file imports only from its own folder or from a lower floor.

The table names folders and files; the longest match counts. A file directly in `compiler/` or `runtime/` that
it does not name stands on the floor of `compiler` or `runtime`, a folder in `runtime/` one above.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("compiler", "runtime", "pullback")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
MAX_LINES = 600
# What generated text may call, which the compiler's disk cache must know too, and how Numba's cache is read.
READ_BY_BOTH = ("runtime/libmvec", "runtime/stored")
MAX_GOLDEN_LINES = 60

FLOORS = {
    "compiler/errors": 0,
    "compiler/options": 0,
    "compiler/later": 0,
    "compiler/specs": 0,
    "runtime/libmvec": 0,
    "runtime/blas": 0,
    "runtime/jitted": 0,
    "runtime/shared": 0,
    "runtime/stored": 0,
    "runtime/support": 0,
    "runtime/triangular": 0,
    "runtime/memory": 0,
    "runtime/vectormath": 0,
    "compiler/ir": 1,
    "compiler/prims": 2,
    "compiler/arrays": 3,
    "compiler/analysis": 3,
    "compiler/frontend": 4,
    "compiler/adjoint": 4,
    "compiler/tangent": 4,
    "compiler/transform": 4,
    "compiler/backend": 5,
    "compiler/code": 5,
    "compiler/passes": 6,
    "compiler/runner": 6,
    "compiler/outputs": 6,
    "compiler/pipeline": 6,
    "compiler/call": 7,
    "compiler/public": 8,
    "compiler": 8,
    "runtime": 9,
    "runtime/tape": 10,
    "runtime/ops": 11,
    "runtime/tensor": 12,
    "runtime/autograd": 13,
    "runtime/nn": 13,
    "runtime/optim": 13,
    "runtime/utils": 13,
    "runtime/fallback": 14,
    "pullback": 15,
}


def module_of(file: Path) -> str:
    """`compiler/ir/nodes.py` → `compiler/ir/nodes`; a folder's `__init__.py` is the folder."""
    path = file.relative_to(ROOT).with_suffix("")
    return str(PurePosixPath(path.parent if path.name == "__init__" else path))


def dotted(module: str) -> str:
    """The name under which a module is installed."""
    name = module.replace("/", ".")
    return name if name.split(".")[0] == "pullback" else f"pullback.{name}"


def undotted(name: str) -> str | None:
    """The inverse of `dotted`; None for a module that is not ours."""
    top, *rest = name.split(".")
    if top != "pullback":
        return None
    return "/".join(rest) if rest and rest[0] in ("compiler", "runtime") else "/".join([top, *rest])


def packages_of(modules: set[str]) -> set[str]:
    return {str(parent) for module in modules for parent in PurePosixPath(module).parents} - {"."}


def floor(module: str, packages: set[str]) -> int:
    path = PurePosixPath(module)
    nearest = next(str(p) for p in (path, *path.parents) if str(p) in FLOORS)
    if nearest == "runtime" and folder(module, packages) != "runtime":
        return FLOORS["runtime/*/*"]
    return FLOORS[nearest]


def folder(module: str, packages: set[str]) -> str:
    """The folder within which files of one floor may import each other."""
    parts = PurePosixPath(module).parts
    return "/".join(parts[:2] if len(parts) > 2 or module in packages else parts[:1])


def imports(source: str, module: str, modules: set[str]) -> Iterator[tuple[int, str]]:
    """Lines and modules of ours that `source`, the text of `module`, imports at any depth."""
    ours = modules | packages_of(modules)
    package = dotted(module).split(".")[: None if module in packages_of(modules) else -1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            target = undotted(name)
            if target is not None and isinstance(node, ast.ImportFrom) and target not in ours:
                target = undotted(name.rpartition(".")[0])
            if target is not None:
                yield node.lineno, target


def complaints(source: str, module: str, modules: set[str]) -> list[str]:
    """What is wrong with the imports of `source`, the text of `module`, in a building of `modules`."""
    packages = packages_of(modules)
    found = []
    for line, target in imports(source, module, modules):
        if target in FOLDERS and target != "pullback":
            continue  # these hold a guard and nothing else
        if floor(target, packages) > floor(module, packages):
            found.append(f"line {line} imports up into {target}")
        elif floor(target, packages) == floor(module, packages) and (
            folder(target, packages) != folder(module, packages)
        ):
            found.append(f"line {line} imports from {target}, a sibling on the same floor")
        if module.startswith("compiler") and target.startswith("runtime") and target not in READ_BY_BOTH:
            found.append(f"line {line}: the compiler never imports the runtime, here {target}")
    return found


MODULES = {module_of(file) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_down(file: Path) -> None:
    found = complaints(file.read_text(encoding="utf-8"), module_of(file), MODULES)
    assert not found, f"{file.relative_to(ROOT)}: " + "; ".join(found)


@pytest.mark.parametrize(
    "file", [f for f in FILES if "pullback" not in f.relative_to(ROOT).parts], ids=module_of
)
def test_imports_inside_are_relative(file: Path) -> None:
    absolute = [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "pullback" for a in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and (node.module or "").split(".")[0] == "pullback"
        )
    ]
    assert not absolute, f"{file.relative_to(ROOT)}: absolute imports in lines {absolute}"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_file_is_one_room(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{file.relative_to(ROOT)} has {lines} lines: split it"


def test_golden_files_can_be_reviewed() -> None:
    sizes = {f: f.read_text(encoding="utf-8").count("\n") for f in (ROOT / "tests" / "golden").rglob("*.txt")}
    assert not {str(f.relative_to(ROOT)): n for f, n in sizes.items() if n > MAX_GOLDEN_LINES}


PLANTED = {
    "compiler/errors",
    "compiler/ir/nodes",
    "compiler/prims/prim",
    "compiler/frontend/lower",
    "compiler/analysis/activity",
    "compiler/transform/cse",
    "compiler/adjoint/straight",
    "compiler/backend/emit",
    "compiler/pipeline",
    "compiler/tree",
    "compiler/api",
    "runtime/support",
    "runtime/tensor",
    "runtime/nn/linear",
    "runtime/optim/sgd",
    "pullback/demo",
}


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from ..backend import emit", "compiler/ir/planted"),
        ("from ..backend.emit import emit", "compiler/ir/planted"),
        ("from .. import api", "compiler/ir/planted"),
        ("import pullback.compiler.backend.emit", "compiler/ir/planted"),
        ("import pullback.compiler.backend.emit as e", "compiler/ir/planted"),
        ("from pullback.compiler.backend import emit", "compiler/ir/planted"),
        ("def late():\n    from ..backend import emit", "compiler/ir/planted"),
        ("from ..analysis import activity", "compiler/arrays/planted"),
        ("from ..transform import cse", "compiler/adjoint/planted"),
        ("from ...runtime.support import stack", "compiler/backend/planted"),
        ("from .nn import linear", "runtime/planted"),
        ("from ..optim import sgd", "runtime/nn/planted"),
        ("from ..pullback import demo", "runtime/planted"),
        ("from ..demo import run", "runtime/planted"),
    ],
)
def test_a_planted_violation_is_found(source: str, module: str) -> None:
    assert complaints(source, module, PLANTED)


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from . import nodes", "compiler/ir/planted"),
        ("from ..errors import PullbackError", "compiler/ir/planted"),
        ("from ..ir.nodes import Fn", "compiler/adjoint/planted"),
        ("from ..prims import prim", "compiler/frontend/planted"),
        ("from .backend import load", "compiler/api"),
        ("from . import pipeline, tree", "compiler/api"),
        ("from ..compiler.api import grad", "runtime/planted"),
        ("from ..tensor import Tensor", "runtime/nn/planted"),
        ("from .module import Module", "runtime/nn/planted"),
        ("from .compiler.api import grad", "pullback/planted"),
        ("import pullback as pb\nimport numpy.linalg", "pullback/planted"),
    ],
)
def test_legal_imports_pass(source: str, module: str) -> None:
    assert complaints(source, module, PLANTED) == []
