"""The fast path of a call: a Python function that is written for one specialisation.

    gradient of f(x, n) for a float64 vector and an int, with one captured float  →

    def call(params):
        x, n = params
        if type(x) is not ndarray or x.dtype != dtype_x or not x.flags.carray:
            return MISS
        shape = x.shape
        if len(shape) != 1 or shape[0] == 1:
            return MISS
        if type(n) is not int:
            return MISS
        scale = globals_scale.get('scale', GONE)
        if type(scale) is not float:
            return MISS
        try:
            results = run(x, n, scale)
        except Exception as error:
            raise failure(error, (x, n, scale)) from None
        return results[1]

It answers only where `Dispatcher.find` would find the same specialisation and pass the arguments on as they
are; everything else (another type, a changed global, an array that must be copied) is a MISS, which goes the
long way. So each test here mirrors one of `arguments.scan`, `guards` or `Specialisation.inputs`.
"""

from __future__ import annotations

import builtins
import keyword
import re
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.types import Array, Scalar, is_float
from ..specs import (
    ArraySpec,
    DictSpec,
    KnownSpec,
    Leaf,
    ListSpec,
    ParamSpec,
    RecordSpec,
    ScalarSpec,
)
from .arguments import attribute_names, is_constant
from .guards import GONE, WEAK, Path, cell_of, unchanged
from .specialise import Specialisation
from .trees import PLAIN, build

MAX_LEAVES = 400
MISS: Any = object()
"""What a fast path gives for arguments that are not its own."""

RESERVED = ("params", "results", "error", "value")
Quick = Callable[[tuple[Any, ...]], Any]


def missing(params: tuple[Any, ...]) -> Any:
    """The fast path before there is one."""
    return MISS


def unsuited(params: tuple[Any, ...]) -> Any:
    """The fast path where there cannot be one."""
    return MISS


class Unsuited(Exception):
    """These arguments have no fast path."""


class Writer:
    """The text of a function under construction, and the objects that it names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines = [f"def {name}(params):"]
        self.objects: dict[str, Any] = {"MISS": MISS, "GONE": GONE, "ndarray": np.ndarray}
        self._taken = {*self.objects, *dir(builtins), *keyword.kwlist, *RESERVED, name}

    def put(self, line: str, depth: int = 1) -> None:
        """Append a line."""
        self.lines.append("    " * depth + line)

    def unless(self, condition: str) -> None:
        """Append a condition for staying on the fast path."""
        self.put(f"if not ({condition}):")
        self.put("return MISS", 2)

    def local(self, hint: str) -> str:
        """A new name."""
        stem = re.sub(r"\W+", "_", hint, flags=re.ASCII).strip("_")
        stem = stem if stem.isidentifier() else f"value_{stem}"
        name, count = stem, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def object(self, obj: Any, hint: str) -> str:
        """A new name for an object."""
        name = self.local(hint)
        self.objects[name] = obj
        return name

    @property
    def text(self) -> str:
        """The function as it stands."""
        return "\n".join(self.lines) + "\n"

    def made(self) -> Quick:
        """The function."""
        scope = dict(self.objects)
        exec(compile(self.text, f"<pullback: {self.name}>", "exec"), scope)
        made: Quick = scope[self.name]
        return made


# -- arguments: the mirror of `arguments.scan`
def unpack(w: Writer, spec: ParamSpec, value: str, leaves: list[str]) -> None:
    """Append tests that a value has the key of a spec, and the names of its leaves."""
    if isinstance(spec, ScalarSpec):
        kind = WEAK[spec.dtype] if spec.weak else np.dtype(spec.dtype).type
        w.unless(f"type({value}) is {_class(w, kind)}")
        leaves.append(value)
    elif isinstance(spec, ArraySpec):
        array_like(w, spec, value)
        leaves.append(value)
    elif isinstance(spec, KnownSpec):
        _constant(w, spec.obj, value)
    elif isinstance(spec, DictSpec):
        keys = w.object([k for k, _ in spec.items], f"keys_of_{value}")
        w.unless(f"type({value}) is dict and [*{value}] == {keys}")
        _parts(w, f"{value}.values()", [(str(k), s) for k, s in spec.items], value, leaves)
    elif isinstance(spec, RecordSpec):
        _record(w, spec, value, leaves)
    else:
        kind = list if isinstance(spec, ListSpec) else spec.type
        w.unless(f"type({value}) is {_class(w, kind)} and len({value}) == {len(spec.items)}")
        names = getattr(kind, "_fields", None) or [str(k) for k in range(len(spec.items))]
        _parts(w, value, list(zip(names, spec.items, strict=True)), value, leaves)


def _class(w: Writer, kind: type) -> str:
    known = (float, int, bool, complex, tuple, list)
    return kind.__name__ if kind in known else w.object(kind, kind.__name__)


def _parts(
    w: Writer, whole: str, parts: Sequence[tuple[str, ParamSpec]], value: str, leaves: list[str]
) -> None:
    names = [w.local(f"{value}_{label}") for label, _ in parts]
    if names:
        w.put(f"{', '.join(names)}{',' * (len(names) == 1)} = {whole}")
    for name, (_, spec) in zip(names, parts, strict=True):
        unpack(w, spec, name, leaves)


def array_like(w: Writer, spec: ArraySpec, value: str) -> None:
    """A plain array of a dtype, rank and axes of length 1, which compiled code takes as it is."""
    if spec.layout != "C":
        raise Unsuited("arrays that are copied")
    dtype = w.object(np.dtype(spec.dtype), f"dtype_of_{value}")
    w.unless(f"type({value}) is ndarray and {value}.dtype == {dtype} and {value}.flags.carray")
    shape = w.local(f"shape_of_{value}")
    w.put(f"{shape} = {value}.shape")
    ones = spec.ones or (False,) * spec.rank
    if any(ones):
        lengths = [f"{shape}[{k}] {'==' if one else '!='} 1" for k, one in enumerate(ones)]
        w.unless(" and ".join([f"len({shape}) == {spec.rank}", *lengths]))
    else:
        w.unless(f"len({shape}) == {spec.rank} and 1 not in {shape}")


def _constant(w: Writer, obj: Any, value: str) -> None:
    if isinstance(obj, types.FunctionType):
        w.unless(f"{value} is {w.object(obj, f'then_{value}')}")
        w.unless(f"{value}.__code__ is {w.object(obj.__code__, f'code_of_{value}')}")
        w.unless(f"{value}.__defaults__ is {w.object(obj.__defaults__, f'defaults_of_{value}')}")
    elif obj is None or isinstance(obj, bool):
        w.unless(f"{value} is {obj}")
    elif is_constant(obj):
        w.unless(f"type({value}) is {_class(w, type(obj))} and {value} == {w.object(obj, f'then_{value}')}")
    elif isinstance(obj, tuple | list | dict | np.ndarray | np.generic) or attribute_names(obj) is not None:
        raise Unsuited("a container that is a constant")
    else:
        w.unless(f"{value} is {w.object(obj, f'then_{value}')}")


def _record(w: Writer, spec: RecordSpec, value: str, leaves: list[str]) -> None:
    """An object whose attributes are those of its spec: the mirror of `attribute_names`."""
    names = [name for name, _ in spec.fields]
    w.unless(f"type({value}) is {_class(w, spec.type)}")
    if hasattr(spec.type, "__dataclass_fields__"):
        if names != list(spec.type.__dataclass_fields__):
            raise Unsuited("a dataclass with a field that has no value")
    elif any("__slots__" in c.__dict__ for c in spec.type.__mro__[:-1]):
        raise Unsuited("slots, which may be empty")
    else:
        w.unless(f"[*{value}.__dict__] == {w.object(names, f'names_of_{value}')}")
    locals_ = [w.local(f"{value}_{name}") for name in names]
    w.put("try:")
    for name, local in zip(names, locals_, strict=True):
        w.put(f"{local} = {value}.{name}", 2)
    if not names:
        w.put("pass", 2)
    w.put("except AttributeError:")
    w.put("return MISS", 2)
    for local, (_, part) in zip(locals_, spec.fields, strict=True):
        unpack(w, part, local, leaves)


# -- values from outside: the mirror of `Specialisation.holds`
def _variables(found: Specialisation, path: Path) -> dict[str, Any] | None:
    """The dict that has the global variable at a path, if it is known: that of the function, or of one that a
    guard compares, as only functions with the same globals are unchanged.
    """
    if path[-1][0] != "global":
        return None
    parent = (then for known, then in found.code.guards if known == path[:-1])
    fn = found.target.fn if len(path) == 1 else next(parent, None)
    return fn.__globals__ if isinstance(fn, types.FunctionType) else None


def _outside(w: Writer, found: Specialisation, path: Path, fetch: Any) -> str:
    """The name of the value at a path."""
    kind, name = path[-1]
    value, variables = w.local(str(name)), _variables(found, path)
    if variables is not None:
        w.put(f"{value} = {w.object(variables, f'globals_of_{value}')}.get({name!r}, GONE)")
        return value
    cell = cell_of(found.target.fn, name) if len(path) == 1 and kind == "closure" else None
    if cell is None:
        w.put(f"{value} = {w.object(fetch, f'fetch_{value}')}(params)")
        return value
    w.put("try:")
    w.put(f"{value} = {w.object(cell, f'cell_of_{value}')}.cell_contents", 2)
    w.put("except ValueError:")
    w.put("return MISS", 2)
    return value


def guard(w: Writer, found: Specialisation) -> None:
    """Append the comparison of every guard, once where several functions read one global variable."""
    compared: list[tuple[dict[str, Any], Any, Any]] = []
    for (path, then), (fetch, _) in zip(found.code.guards, found.guards, strict=True):
        variables, name = _variables(found, path), path[-1][1]
        if any(v is variables and n == name and t is then for v, n, t in compared):
            continue
        if variables is not None:
            compared.append((variables, name, then))
        now = _outside(w, found, path, fetch)
        before, same = w.object(then, f"then_{now}"), w.object(unchanged, "unchanged")
        w.unless(f"{now} is {before} or {same}({before}, {now})")


def capture(w: Writer, found: Specialisation, leaves: list[str]) -> None:
    """Append the captured values, with the tests that they still fit."""
    for one, fetch in found.captures:
        value = _outside(w, found, one.path, fetch)
        unpack(w, one.spec, value, leaves)


def inputs(w: Writer, found: Specialisation) -> list[str]:
    """Append everything up to the call of the compiled code: the names of its inputs."""
    if not found.options.jit or len(found.leaf_specs) > MAX_LEAVES:
        raise Unsuited("plain Python, or too many leaves")
    leaves: list[str] = []
    names = list(found.target.signature.parameters)
    _parts(w, "params", list(zip(names, found.specs, strict=True)), "", leaves)
    if len(leaves) != len(found.leaf_specs):
        raise Unsuited("leaves that the compiler does not know")
    for length in found.code.lengths:
        now = f"{leaves[length.leaf]}.shape[{length.axis}]"
        most = "" if length.most is None else f" <= {length.most}"
        w.unless(f"{length.least} <= {now}{most}")
    guard(w, found)
    own = list(leaves)
    capture(w, found, leaves)
    if found.writes and len(found.arrays) + len(found.captures) > 1:
        w.put(f"{w.object(found.check_written, 'check_written')}(params, [{', '.join(own)}])")
    return [f"{name}.copy()" if k in found.copied else name for k, name in enumerate(leaves)]


# -- results
def gradient(w: Writer, spec: ParamSpec, results: list[str]) -> str:
    """An expression for the gradient of an argument: the mirror of `trees.gradient_maker`."""
    if isinstance(spec, ScalarSpec | ArraySpec):
        if not is_float(spec.dtype):
            return "None"
        leaf = results.pop(0)
        if isinstance(spec, ArraySpec) or (spec.weak and spec.dtype == "float64"):
            return leaf
        return f"{_class(w, np.dtype(spec.dtype).type)}({leaf})"
    if isinstance(spec, KnownSpec):
        return "None"
    if isinstance(spec, DictSpec):
        pairs = [f"{w.object(k, 'key')}: {gradient(w, s, results)}" for k, s in spec.items]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(spec, RecordSpec):
        keys = w.object([k for k, _ in spec.fields], "names")
        items = ", ".join([gradient(w, s, results) for _, s in spec.fields])
        return f"{w.object(build, 'build')}({_class(w, spec.type)}, [{items}], {keys})"
    items = ", ".join([gradient(w, s, results) for s in spec.items])
    if isinstance(spec, ListSpec):
        return f"[{items}]"
    if spec.type is tuple:
        return f"({items}{',' * (len(spec.items) == 1)})"
    return f"{w.object(build, 'build')}({_class(w, spec.type)}, [{items}], ())"


def _value(w: Writer, found: Specialisation, names: Sequence[str]) -> str:
    """An expression for the value: the mirror of `Specialisation.value`."""
    out, types_ = found.code.out, found.code.results
    type_ = types_[out.index] if isinstance(out, Leaf) else None
    if isinstance(out, Leaf) and isinstance(type_, Scalar) and type_.dtype in PLAIN:
        return f"results[{out.index}]"
    make = w.object(found.value, "value_of")
    if any(isinstance(t, Array) for t in types_):
        return f"{make}({w.object(found.owned, 'owned')}(results, [{', '.join(names)}]))"
    return f"{make}(results)"


def _run(w: Writer, found: Specialisation, names: Sequence[str]) -> None:
    given = ", ".join(names)
    w.put("try:")
    w.put(f"results = {w.object(found.execute, 'run')}({given})", 2)
    w.put("except Exception as error:")
    w.put(f"raise {w.object(found.failure, 'failure')}(error, [{given}]) from None", 2)


def text_of_call(
    found: Specialisation,
    wrt: Sequence[ParamSpec],
    *,
    single: bool,
    with_value: bool = False,
    has_aux: bool = False,
    extra: Sequence[Any] = (),
) -> Writer:
    """The function from arguments to what a gradient's call returns.

    Parameters
    ----------
    found
        The specialisation.
    wrt
        The specs of the differentiated arguments.
    single
        Whether the gradient is that of one argument, not a tuple.
    with_value, has_aux
        What is returned besides the gradient.
    extra
        Further inputs of the compiled code: the tangents of a higher derivative.
    """
    w = Writer("call")
    names = inputs(w, found)
    _run(w, found, [*names, *[w.object(x, "one") for x in extra]])
    count = len(found.code.recipe.wrt)
    leaves = [f"results[{k - count}]" for k in range(count)]
    each = [gradient(w, spec, leaves) for spec in wrt]
    made = each[0] if single else f"({', '.join(each)}{',' * (len(each) == 1)})"
    if with_value:
        made = f"{_value(w, found, names)}, {made}"
    elif has_aux:
        w.put(f"value = {_value(w, found, names)}")
        made = f"{made}, value[1]"
    w.put(f"return {made}")
    return w


def quick_call(found: Specialisation, wrt: Sequence[ParamSpec], **how: Any) -> Quick:
    """The fast path: see `text_of_call`."""
    try:
        return text_of_call(found, wrt, **how).made()
    except Unsuited:
        return unsuited


def quick_inputs(found: Specialisation) -> Quick:
    """The function from arguments to the list of inputs of the compiled code."""
    w = Writer("inputs")
    try:
        names = inputs(w, found)
    except Unsuited:
        return unsuited
    w.put(f"return [{', '.join(names)}]")
    return w.made()
