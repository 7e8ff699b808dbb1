"""Values as text that is the same in every process, and values and types as JSON.

A fingerprint is equal for two values exactly if code that was compiled for one serves the other.
Positions are left out: a function that moves within its file keeps its fingerprint, and a lambda in a
notebook cell has one.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import json
import os
import platform
import sys
import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...runtime import libmvec
from ..ir.types import Array, Scalar, Type
from ..specs import (
    ArraySpec,
    Capture,
    ConstOut,
    DictSpec,
    KnownSpec,
    Leaf,
    ListSpec,
    NodeOut,
    OutTree,
    ParamSpec,
    ScalarSpec,
    TupleSpec,
)

PACKAGES = ("pullback.compiler", "pullback.runtime")


class Unfit(Exception):
    """The value has no fingerprint, or no JSON form: the result is kept in memory only."""


def digest(parts: object) -> str:
    """sha256 of a JSON value."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def fingerprint(obj: Any, depth: int = 0) -> Any:
    """A JSON value that stands for what the compiler saw."""
    if depth > 20:
        raise Unfit("nested too deep")
    if obj is None or isinstance(obj, bool | int | str):
        return [type(obj).__name__, obj if not isinstance(obj, int) else str(obj)]
    if isinstance(obj, float | complex | np.generic | np.dtype | range | slice | bytes | type(...)):
        return [type(obj).__name__, repr(obj)]
    if isinstance(obj, types.CodeType):
        return _of_code(obj, depth)
    if isinstance(obj, types.FunctionType):
        defaults = fingerprint(obj.__defaults__, depth + 1), fingerprint(obj.__kwdefaults__, depth + 1)
        return ["function", obj.__module__, obj.__qualname__, _of_code(obj.__code__, depth), *defaults]
    if isinstance(obj, tuple | list):
        return [type(obj).__qualname__, [fingerprint(v, depth + 1) for v in obj]]
    if isinstance(obj, set | frozenset):
        return [type(obj).__qualname__, sorted(json.dumps(fingerprint(v, depth + 1)) for v in obj)]
    if isinstance(obj, dict):
        return ["dict", [[fingerprint(k, depth + 1), fingerprint(v, depth + 1)] for k, v in obj.items()]]
    if isinstance(obj, np.ndarray):
        if obj.dtype.hasobject:
            raise Unfit("an array of objects")
        content = hashlib.sha256(np.ascontiguousarray(obj).tobytes()).hexdigest()
        return ["ndarray", obj.dtype.str, list(obj.shape), content]
    return _of_object(obj, depth)


def _of_object(obj: Any, depth: int) -> Any:
    if isinstance(obj, types.ModuleType):
        return ["module", obj.__name__]
    if isinstance(obj, type):
        return ["class", class_name(obj)]
    py_func = getattr(obj, "py_func", None)
    if isinstance(py_func, types.FunctionType):
        return ["njit", fingerprint(py_func, depth + 1)]
    inner = [getattr(obj, name, None) for name in ("fn", "fwd", "bwd")]
    if type(obj).__module__.startswith("pullback.") and any(inner):
        return ["pullback", type(obj).__qualname__, *[fingerprint(f, depth + 1) for f in inner]]
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if (name and isinstance(obj, np.ufunc | types.BuiltinFunctionType | types.MethodDescriptorType)) or (
        name and type(obj).__module__.split(".")[0] in ("numpy", "numba", "builtins")
    ):
        owner = getattr(obj, "__module__", None) or ""
        return ["builtin", owner, name]
    raise Unfit(f"{type(obj).__qualname__} has no fingerprint")


def _of_code(code: types.CodeType, depth: int) -> Any:
    consts = [fingerprint(c, depth + 1) for c in code.co_consts]
    shape = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    names = [*map(list, (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))]
    # Line numbers within the function, which are in generated comments and in error messages.
    lines = [(a, b, None if line is None else line - code.co_firstlineno) for a, b, line in code.co_lines()]
    return [
        "code",
        code.co_name,
        hashlib.sha256(code.co_code).hexdigest(),
        shape,
        names,
        consts,
        digest(lines),
    ]


def class_name(kind: type) -> str:
    """`module:qualified name` of a class that can be found by it."""
    if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
        raise Unfit(f"the class {kind.__qualname__} cannot be imported")
    return f"{kind.__module__}:{kind.__qualname__}"


def find_class(name: str) -> type:
    """The inverse of `class_name`."""
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise Unfit(f"{name} is not a class")
    return found


@functools.cache
def machine() -> list[str]:
    """Versions, processor and vector functions: what compiled code depends on besides its source."""
    import llvmlite  # a second, which `import pullback` should not take
    import llvmlite.binding as llvm
    import numba

    features = llvm.get_host_cpu_features().flatten() if hasattr(llvm, "get_host_cpu_features") else ""
    versions = [f"{m.__name__} {m.__version__}" for m in (np, numba, llvmlite)]
    python = f"{sys.implementation.name} {platform.python_version()}"
    processor = [llvm.get_host_cpu_name(), features, libmvec.tag()]
    return [python, *versions, *map(sources, PACKAGES), *processor]


@functools.cache
def sources(package: str) -> str:
    """A hash of the text of one of our packages: another compiler never runs the code that this one left on
    the disk.

    A version number would not do for a checkout that is worked on, nor would the times of files: pip gives
    all of them the time of its unpacking. Reading the compiler takes three milliseconds, once per process.
    """
    found = importlib.util.find_spec(package)
    return hash_of(list(found.submodule_search_locations or ()) if found is not None else [])


def hash_of(folders: Sequence[str]) -> str:
    """A hash of the names and contents of all Python files in folders."""
    made = hashlib.sha256()
    for folder in folders:
        for at, inner, files in os.walk(folder):
            inner.sort()
            for name in sorted(n for n in files if n.endswith(".py")):
                made.update(f"{os.path.relpath(at, folder)}/{name}\0".encode())
                with open(os.path.join(at, name), "rb") as file:
                    made.update(file.read())
    return made.hexdigest()


# -- specs and trees as JSON
def spec_json(spec: ParamSpec) -> Any:
    """A spec as JSON, for the key of the cache; it is never read back."""
    if isinstance(spec, ScalarSpec):
        return ["scalar", spec.dtype, spec.weak]
    if isinstance(spec, ArraySpec):
        return ["array", spec.dtype, spec.rank, list(spec.ones), spec.layout]
    if isinstance(spec, KnownSpec):
        return ["known", fingerprint(spec.obj)]
    if isinstance(spec, TupleSpec):
        return ["tuple", class_name(spec.type), [spec_json(s) for s in spec.items]]
    if isinstance(spec, ListSpec):
        return ["list", [spec_json(s) for s in spec.items]]
    if isinstance(spec, DictSpec):
        return ["dict", [[fingerprint(k), spec_json(s)] for k, s in spec.items]]
    methods = [[n, fingerprint(m)] for n, m in vars(spec.type).items() if isinstance(m, types.FunctionType)]
    return ["record", class_name(spec.type), methods, [[k, spec_json(s)] for k, s in spec.fields]]


def plain(obj: object) -> Any:
    """A constant as JSON that can be read back; JSON has no tuples."""
    if obj is None or isinstance(obj, bool | int | str):
        return obj
    if type(obj) is float:
        return {"float": obj.hex()}
    if type(obj) is tuple:
        return {"tuple": [plain(v) for v in obj]}
    raise Unfit(f"a constant {type(obj).__qualname__}")


def read_plain(value: Any) -> Any:
    """The inverse of `plain`."""
    if isinstance(value, dict):
        return tuple(map(read_plain, value["tuple"])) if "tuple" in value else float.fromhex(value["float"])
    return value


def tree_json(tree: OutTree) -> Any:
    """What a function returns, as JSON."""
    if isinstance(tree, Leaf):
        return tree.index
    if isinstance(tree, ConstOut):
        return ["const", plain(tree.obj)]
    return ["node", class_name(tree.type), [tree_json(t) for t in tree.items], [plain(k) for k in tree.keys]]


def read_tree(value: Any) -> OutTree:
    """The inverse of `tree_json`."""
    if isinstance(value, int):
        return Leaf(value)
    if value[0] == "const":
        return ConstOut(read_plain(value[1]))
    _, kind, items, keys = value
    return NodeOut(find_class(kind), tuple(map(read_tree, items)), tuple(map(read_plain, keys)))


def type_json(type_: Type) -> Any:
    """An IR type as JSON."""
    if isinstance(type_, Scalar):
        return [type_.dtype]
    if isinstance(type_, Array):
        return [type_.dtype, type_.rank]
    raise Unfit("a list")


def read_type(value: Any) -> Type:
    """The inverse of `type_json`."""
    return Scalar(value[0]) if len(value) == 1 else Array(value[0], value[1])


def capture_json(capture: Capture) -> Any:
    """A captured value's path and spec as JSON."""
    return [path_json(capture.path), spec_json(capture.spec)]


def read_capture(value: Any) -> Capture:
    """The inverse of `capture_json`."""
    path, spec = value
    if spec[0] == "scalar":
        return Capture(read_path(path), ScalarSpec(spec[1], spec[2]))
    return Capture(read_path(path), ArraySpec(spec[1], spec[2], tuple(spec[3]), spec[4]))


def path_json(path: tuple[tuple[str, object], ...]) -> Any:
    """A path as JSON."""
    return [[kind, plain(name)] for kind, name in path]


def read_path(value: Any) -> tuple[tuple[str, Any], ...]:
    """The inverse of `path_json`."""
    return tuple((kind, read_plain(name)) for kind, name in value)
