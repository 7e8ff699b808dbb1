"""Guards against the traps of this layout: what the wheel holds, and under which names."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PRODUCT = ("pullback", "compiler", "runtime")
PRODUCT_FILES = sorted(file for top in PRODUCT for file in (ROOT / top).rglob("*.py"))
ALL_FILES = sorted(
    file for top in (*PRODUCT, "tests", "examples", "benchmarks") for file in (ROOT / top).rglob("*.py")
)

RUN_TIME = {"astor", "llvmlite", "numba", "numpy", "scipy"}  # llvmlite is Numba's own
OPTIONAL = {"graphviz", "matplotlib", "tqdm"}


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def absolute_imports(tree: ast.AST) -> set[str]:
    """Top-level names of the absolute imports anywhere in a tree."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_all_packages_are_listed() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    folders = {file.parent.relative_to(ROOT) for file in PRODUCT_FILES}
    found = {".".join(f.parts if f.parts[0] == "pullback" else ("pullback", *f.parts)) for f in folders}
    assert found == listed


def test_every_folder_of_code_is_a_package() -> None:
    assert [name(f.parent) for f in PRODUCT_FILES if not (f.parent / "__init__.py").is_file()] == []


def test_inner_packages_re_export_nothing() -> None:
    outer = {ROOT / top / "__init__.py" for top in PRODUCT}
    window = ROOT / "pullback"  # the face: `pb.nn` and its kin are there to re-export
    packages = [f for f in PRODUCT_FILES if f.name == "__init__.py" and f not in outer]
    inner = [f for f in packages if window not in f.parents]
    assert [name(f) for f in inner if f.read_text(encoding="utf-8").strip()] == []


@pytest.mark.parametrize("top", ["compiler", "runtime"])
def test_a_second_copy_is_refused(top: str) -> None:
    ran = subprocess.run([sys.executable, "-c", f"import {top}"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode != 0
    assert f"import pullback.{top}, not {top}" in ran.stderr


@pytest.mark.parametrize("file", ALL_FILES, ids=name)
def test_nothing_imports_the_folders_by_their_source_names(file: Path) -> None:
    assert not absolute_imports(parse(file)) & {"compiler", "runtime"}


@pytest.mark.parametrize("file", PRODUCT_FILES, ids=name)
def test_product_imports_only_what_is_declared(file: Path) -> None:
    tree = parse(file)
    foreign = absolute_imports(tree) - set(sys.stdlib_module_names) - {"pullback"}
    assert foreign <= RUN_TIME | OPTIONAL
    statements = ast.Module([s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)], [])
    assert not absolute_imports(statements) & OPTIONAL, "an optional package is imported inside a function"
    if name(file).startswith(("runtime/support", "runtime/triangular")):
        assert foreign <= {"llvmlite", "numba", "numpy"}, "generated text must not need more than this"


def test_run_time_packages_are_dependencies() -> None:
    declared = {requirement.split(">")[0] for requirement in PROJECT["project"]["dependencies"]}
    assert declared == RUN_TIME - {"llvmlite"}


def test_data_and_type_marker_are_installed() -> None:
    installed = resources.files("pullback")
    assert (installed / "py.typed").is_file()
    assert [
        f.name for f in (ROOT / "pullback" / "data").iterdir() if not (installed / "data" / f.name).is_file()
    ] == []


def test_installed_package_has_its_parts() -> None:
    import pullback.compiler
    import pullback.runtime

    assert pullback.compiler.__name__ == "pullback.compiler"
    assert pullback.runtime.__name__ == "pullback.runtime"


def test_console_script_and_version() -> None:
    assert metadata.version("pullback") == PROJECT["project"]["version"]
    scripts = {e.name: e.value for e in metadata.entry_points(group="console_scripts")}
    assert scripts["pullback"] == "pullback.__main__:main"


def test_ci_runs_the_command_of_the_readme() -> None:
    assert ".venv/bin/pytest -n auto" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "check pytest -n auto" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
