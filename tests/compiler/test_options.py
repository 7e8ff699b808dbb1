"""Options: what the environment says, when it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pullback.compiler.options import Options, cache_dir


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JIT", "CHECK", "DUMP", "CACHE", "FASTMATH"):
        monkeypatch.delenv(f"PULLBACK_{name}", raising=False)
    options = Options.read()
    assert (options.jit, options.check, options.dump, options.cache, options.fastmath) == (
        True,
        False,
        (),
        True,
        True,
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("0", False), ("off", False), ("", False), ("1", True), ("yes", True)]
)
def test_flags_are_read_at_each_call(monkeypatch: pytest.MonkeyPatch, text: str, expected: bool) -> None:
    monkeypatch.setenv("PULLBACK_JIT", text)
    assert Options.read().jit is expected
    assert Options.read(jit=not expected).jit is not expected


def test_dump_names_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_DUMP", "cse, final")
    assert Options.read().dumps("cse") and Options.read().dumps("final") and not Options.read().dumps("dce")
    monkeypatch.setenv("PULLBACK_DUMP", "all")
    assert Options.read().dumps("dce")


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("PULLBACK_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "pullback"
