"""The disk cache: a manifest per derivative, beside the generated files that Numba keeps its machine code
for.

    DIR/manifests/<key>.json     a list of variants: guards, captures, the text's file, tables of places
    DIR/generated/*.py           the texts, named by content; Numba's index lies in their __pycache__

A manifest is found by function fingerprint, argument specs, recipe, options, versions and processor. A
variant holds when everything that the compiler read from globals, closures and attributes has the
fingerprint it had then. So a later process neither parses, nor builds IR, nor runs Numba's compiler.
Files appear at once and whole, for processes that share the folder; entries that cannot be read are
ignored and written again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
import types
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from ...runtime import libmvec
from ..backend.load import write_source
from ..code import Code, Recipe
from ..errors import CacheError, Src
from ..options import Options, cache_dir
from ..specs import Extent, Length, ParamSpec
from .fingerprint import (
    Unfit,
    capture_json,
    digest,
    fingerprint,
    machine,
    path_json,
    read_capture,
    read_path,
    read_tree,
    read_type,
    sources,
    spec_json,
    tree_json,
    type_json,
)
from .guards import GONE, fetcher, fits, plain_function

FORMAT = 7
MAX_VARIANTS = 8


@dataclass(frozen=True)
class CacheInfo:
    """What the disk cache holds."""

    directory: Path
    entries: int
    files: int
    size: int


def private(directory: Path) -> Path:
    """The folder, made with mode 0700 if it is not there.

    Raises
    ------
    CacheError
        It belongs to another user, or others may write to it: what lies there runs as code.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = directory.stat()
    except OSError as error:
        raise CacheError(
            f"the cache folder {directory} cannot be used: {error.strerror}",
            hint="set PULLBACK_CACHE_DIR to a folder of your own, or PULLBACK_CACHE=0",
        ) from error
    if os.name != "posix":
        return directory
    if found.st_uid != os.getuid():
        raise CacheError(
            f"the cache folder {directory} belongs to another user", hint="set PULLBACK_CACHE_DIR"
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise CacheError(
            f"the cache folder {directory} can be written by other users", hint=f"chmod go-w {directory}"
        )
    return directory


def generated_dir(options: Options) -> Path:
    """Where generated files are written."""
    if not options.cache:
        return _temporary()
    return private(private(options.cache_dir) / "generated")


def _temporary() -> Path:
    global _SCRATCH
    if _SCRATCH is None:
        _SCRATCH = tempfile.TemporaryDirectory(prefix="pullback-", ignore_cleanup_errors=True)
    return Path(_SCRATCH.name)


_SCRATCH: tempfile.TemporaryDirectory[str] | None = None


def written(text: str, name: str, options: Options) -> Path:
    """The generated file of a text; one that somebody has edited is written again."""
    folder = generated_dir(options)
    # Numba keeps machine code by file, and sees neither that a function in another file has changed, nor
    # which vector functions it calls.
    salt = sources("pullback.runtime") + libmvec.tag() if "pullback.runtime" in text else ""
    path = write_source(text, folder, name, salt)
    if path.read_text(encoding="utf-8") != text:
        path.unlink()
        path = write_source(text, folder, name, salt)
    return path


def key_of(
    fn: types.FunctionType, specs: Sequence[ParamSpec], recipe: Recipe, options: Options
) -> str | None:
    """The name of the manifest; None for what can be kept in memory only."""
    try:
        made = [recipe.kind, recipe.wrt, recipe.along, recipe.has_aux, recipe.lanes, recipe.into]
        made += [recipe.memory_limit, recipe.width, recipe.parallel]
        return digest(
            [FORMAT, fingerprint(fn), [spec_json(s) for s in specs], made, options.fastmath, machine()]
        )
    except Unfit:
        return None


def load(
    key: str,
    fn: types.FunctionType,
    params: Sequence[Any],
    shapes: Sequence[Any],
    recipe: Recipe,
    options: Options,
) -> tuple[Code, Path] | None:
    """The stored code of a key whose guards hold, also for leaves of these shapes, and its file; None when
    there is none.
    """
    folder = options.cache_dir / "manifests"
    if not folder.is_dir():
        return None
    private(options.cache_dir)
    for variant in _read(folder / f"{key}.json"):
        with contextlib.suppress(
            Unfit, KeyError, TypeError, ValueError, IndexError, AttributeError, ImportError
        ):
            found = _revive(variant, fn, params, shapes, recipe, options)
            if found is not None:
                return found
    return None


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        variants = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return variants if isinstance(variants, list) else []


def _revive(
    variant: dict[str, Any],
    fn: types.FunctionType,
    params: Sequence[Any],
    shapes: Sequence[Any],
    recipe: Recipe,
    options: Options,
) -> tuple[Code, Path] | None:
    names = variant["params"]
    lengths = tuple(Length(*length) for length in variant["lengths"])
    if not all(length.holds(shapes[length.leaf]) for length in lengths):
        return None
    guards = []
    for path_value, expected in variant["guards"]:
        path = read_path(path_value)
        value = fetcher(path, fn, names)(params)
        if value is GONE or digest(fingerprint(value)) != expected:
            return None
        guards.append((path, value))
    captures = [read_capture(c) for c in variant["captures"]]
    if not all(fits(fetcher(c.path, fn, names)(params), c.spec) for c in captures):
        return None
    file = options.cache_dir / "generated" / variant["file"]
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if digest(text) != variant["text"]:
        return None
    moved = _Moved(variant["places"], _places(fn, [v for _, v in guards]))
    code = Code(
        recipe=replace(recipe, lanes=variant["lanes"]),
        entry=variant["entry"],
        text=text,
        param_names=names,
        leaf_names=variant["leaf_names"],
        leaves=[read_type(t) for t in variant["leaves"]],
        results=[read_type(t) for t in variant["results"]],
        captures=captures,
        guards=guards,
        out=read_tree(variant["out"]),
        mutated=frozenset(variant["mutated"]),
        checks=[(name, message, moved(src)) for name, message, src in variant["checks"]],
        source_map={int(line): moved(src) for line, src in variant["source_map"].items()},
        lengths=lengths,
        shapes=[s and tuple(Extent(tuple(map(tuple, t)), n) for t, n in s) for s in variant["shapes"]],
    )
    return code, file


def store(key: str, code: Code, fn: types.FunctionType, file: Path, options: Options) -> None:
    """Write a variant; what has no JSON form, and a full disk, are no reason to fail."""
    try:
        variant = {
            "file": file.name,
            "text": digest(code.text),
            "entry": code.entry,
            "lanes": code.recipe.lanes,
            "params": code.param_names,
            "leaf_names": code.leaf_names,
            "leaves": [type_json(t) for t in code.leaves],
            "results": [type_json(t) for t in code.results],
            "captures": [capture_json(c) for c in code.captures],
            "guards": [[path_json(p), digest(fingerprint(v))] for p, v in code.guards],
            "out": tree_json(code.out),
            "mutated": sorted(code.mutated),
            "checks": [[name, message, _src_json(src)] for name, message, src in code.checks],
            "source_map": {str(line): _src_json(src) for line, src in code.source_map.items()},
            "shapes": [s and [astuple(e) for e in s] for s in code.shapes],
            "lengths": [list(astuple(length)) for length in code.lengths],
            "places": _places(fn, [v for _, v in code.guards]),
        }
        json.dumps(variant)
    except (Unfit, TypeError, ValueError):
        return
    folder = private(private(options.cache_dir) / "manifests")
    target = folder / f"{key}.json"
    same = ("guards", "captures", "lengths")
    others = [v for v in _read(target) if any(v.get(k) != variant[k] for k in same)]
    with contextlib.suppress(OSError):
        _write(target, json.dumps([variant, *others[: MAX_VARIANTS - 1]]))


def _write(target: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft_", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


# -- places: a function may have moved since
def _places(fn: types.FunctionType, guarded: Sequence[Any]) -> list[list[Any]]:
    """(file, first line) of every function that the code was made of, in a fixed order."""
    functions = [fn, *[f for f in map(plain_function, guarded) if f is not None]]
    return [[f.__code__.co_filename, f.__code__.co_firstlineno] for f in functions]


def _src_json(src: Src) -> list[Any]:
    return [src.file, src.line, src.col, src.end_col, src.def_line]


class _Moved:
    """Old places → where they are now."""

    def __init__(self, old: Sequence[Sequence[Any]], new: Sequence[Sequence[Any]]) -> None:
        self._pairs = list(zip(old, new, strict=True))

    def __call__(self, place: Sequence[Any]) -> Src:
        file, line, col, end_col, def_line = place
        before = [(o, n) for o, n in self._pairs if o[0] == file and o[1] <= def_line]
        if not before:
            return Src(file, line, col, end_col, def_line)
        old, new = max(before, key=lambda pair: pair[0][1])
        shift = new[1] - old[1]
        return Src(new[0], line + shift, col, end_col, def_line + shift)


# -- for people
def cache_info(directory: Path | None = None) -> CacheInfo:
    """Where the disk cache is and how much it holds."""
    directory = directory or cache_dir()
    files = [f for f in directory.rglob("*") if f.is_file()] if directory.is_dir() else []
    entries = [f for f in files if f.parent.name == "manifests" and f.suffix == ".json"]
    sizes = []
    for file in files:
        with contextlib.suppress(OSError):
            sizes.append(file.stat().st_size)
    return CacheInfo(directory, len(entries), len(files), sum(sizes))


def cache_clear(directory: Path | None = None) -> int:
    """Remove everything that the disk cache wrote; the number of derivatives removed."""
    directory = directory or cache_dir()
    entries = cache_info(directory).entries
    for part in ("manifests", "generated"):
        shutil.rmtree(directory / part, ignore_errors=True)
    return entries
