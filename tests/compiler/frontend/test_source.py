"""Finding the source of a function: the text must be that of the code that runs."""

from __future__ import annotations

import ast
import linecache
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pullback.compiler.errors import SourceError
from pullback.compiler.frontend.source import function_source


def load(file: Path, text: str) -> dict[str, Any]:
    file.write_text(text)
    linecache.checkcache(str(file))
    names: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), names)
    return names


def function(names: dict[str, Any], name: str = "f") -> FunctionType:
    found = names[name]
    assert isinstance(found, FunctionType)
    return found


def test_positions_are_absolute(tmp_path: Path) -> None:
    names = load(tmp_path / "m.py", "\n\nclass A:\n    @staticmethod\n    def f(x):\n        return x\n")
    source = function_source(names["A"].f)
    place = source.src(source.body[0])
    assert (place.line, place.col, place.relative) == (6, 8, 1)


def test_two_lambdas_on_a_line(tmp_path: Path) -> None:
    names = load(tmp_path / "m.py", "fs = [lambda x: x + 1, lambda x: x * 2, lambda x: x + 1]\n")
    texts = [ast.unparse(function_source(f).body[0]) for f in names["fs"]]
    assert texts == ["return x + 1", "return x * 2", "return x + 1"]


def test_redefined_name(tmp_path: Path) -> None:
    text = "def f(x):\n    return x\n\ng = f\n\ndef f(x):\n    return -x\n"
    names = load(tmp_path / "m.py", text)
    assert ast.unparse(function_source(function(names, "g")).body[0]) == "return x"
    assert ast.unparse(function_source(function(names)).body[0]) == "return -x"


def test_edited_after_import(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    f = function(load(file, "def f(x):\n    return x + 1.0\n"))
    file.write_text("def f(x):\n    return x + 2.0\n")
    linecache.checkcache(str(file))
    with pytest.raises(SourceError, match="does not hold") as caught:
        function_source(f)
    assert caught.value.hint is not None and "edited after import" in caught.value.hint


def test_no_file() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", names)
    with pytest.raises(SourceError, match="not available"):
        function_source(function(names))


def test_no_file_though_the_process_has_code_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import sys\n"  # Python 3.13 keeps the code of `python -c`
    monkeypatch.setitem(linecache.cache, "<string>", (len(text), None, [text], "<string>"))
    names: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", names)
    with pytest.raises(SourceError, match="not available"):
        function_source(function(names))
