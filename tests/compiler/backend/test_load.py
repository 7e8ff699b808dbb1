from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from pullback.compiler.backend.load import load, write_source

TEXT = """from numba import njit, prange

jit = njit(error_model="numpy", cache=True)


@jit
def f(n):
    total = 0
    for i in prange(n):
        total += i
    return total
"""


def test_the_name_is_that_of_the_content(tmp_path: Path) -> None:
    path = write_source(TEXT, tmp_path, "loss.<locals>.f")
    assert path.name.startswith("pullback_loss__locals__f_") and path.suffix == ".py"
    before = path.stat().st_mtime_ns
    assert write_source(TEXT, tmp_path, "loss.<locals>.f") == path
    assert path.stat().st_mtime_ns == before
    assert write_source(TEXT + "\n", tmp_path, "loss.<locals>.f") != path
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    assert stat.S_IMODE(write_source(TEXT, tmp_path).stat().st_mode) == 0o600


def test_compiled_and_plain(tmp_path: Path) -> None:
    path = write_source(TEXT, tmp_path)
    compiled, plain = load(path), load(path, jit=False)
    assert compiled.f(4) == plain.f(4) == 6
    assert hasattr(compiled.f, "py_func") and not hasattr(plain.f, "py_func")
    assert plain.f.__code__.co_filename == str(path)
    assert load(path) is compiled and load(path, jit=False) is plain


def test_a_broken_file_leaves_no_module(tmp_path: Path) -> None:
    path = write_source("raise KeyError('x')\n", tmp_path)
    with pytest.raises(KeyError):
        load(path)
    assert path.stem not in sys.modules


def test_bytecode_is_kept_and_follows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write_source("value = 1\n", tmp_path)
    assert load(path).value == 1
    kept = list((tmp_path / "__pycache__").glob("*.pyc"))
    assert len(kept) == 1
    path.write_text("value = 22\n")
    assert load(path, jit=False).value == 22
