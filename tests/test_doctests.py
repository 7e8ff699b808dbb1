"""The examples in the docstrings of the public names run, and print what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest

import pullback as pb

assert pb.Tensor  # asking for it loads the functions of tensors
FUNCTIONS = {
    name: obj for name, obj in vars(pb).items() if not name.startswith("_") and inspect.isfunction(obj)
}
PUBLIC = {name: obj for name, obj in vars(pb).items() if not name.startswith("_") and callable(obj)}
TWINS = {name for name in FUNCTIONS if name.endswith("_") and name[:-1] in FUNCTIONS}  # see the one without _
WITHOUT_EXAMPLE = {"cache_clear", "cache_info"}  # what they print depends on the machine
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples(name: str, obj: Any) -> list[doctest.DocTest]:
    """The examples of an object, with `np` and `pb` at hand."""
    return doctest.DocTestFinder(recurse=False).find(obj, name, module=False, globs={"np": np, "pb": pb})


@pytest.mark.parametrize("name", ["pullback", *sorted(PUBLIC)])
def test_examples_of_docstrings(name: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in examples(name, PUBLIC.get(name, pb)):
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - WITHOUT_EXAMPLE - TWINS))
def test_public_functions_have_an_example(name: str) -> None:
    assert sum(len(test.examples) for test in examples(name, FUNCTIONS[name])) > 0


# ---- what stands in namespaces of its own: pb.nn, pb.optim, pb.autograd, pb.utils
HOMES = [f"pullback.runtime.{folder}" for folder in ("autograd", "nn", "optim", "utils")]
MODULES = [
    module.name
    for home in HOMES
    for module in pkgutil.walk_packages(importlib.import_module(home).__path__, f"{home}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_modules(name: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder().find(module, extraglobs={"np": np, "pb": pb}):
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("space", [pb.nn.functional, pb.nn.init, pb.nn.utils], ids=lambda m: m.__name__)
def test_functions_of_networks_have_an_example(space: Any) -> None:
    functions = {n: f for n, f in vars(space).items() if n[0] != "_" and inspect.isfunction(f)}
    own = {n: f for n, f in functions.items() if f.__module__.startswith("pullback.runtime.nn.")}
    assert len(own) > 5
    # Twins in place, and those with indices, say whose twins they are.
    alone = {n for n in own if n[:-1] not in own and n.removesuffix("_with_indices") not in {*own} - {n}}
    assert [n for n in sorted(alone) if ">>>" not in (inspect.getdoc(own[n]) or "")] == []
