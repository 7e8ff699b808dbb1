"""The README is true: its Python runs in order, and prints what the block below it shows."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CODE = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<shown>.*?)```\n)?", re.DOTALL)


def run(code: str, number: int, namespace: dict[str, Any], folder: Path) -> str:
    """What a block prints. Its source lies in a file of its own; the folder is left out of messages."""
    file = folder / f"block{number}" / "model.py"
    file.parent.mkdir()
    file.write_text(code, encoding="utf-8")
    linecache.checkcache(str(file))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, str(file), "exec"), namespace)
    return re.sub(rf"{re.escape(str(folder))}/block\d+/", "", out.getvalue()).rstrip() + "\n"


def test_readme(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "readme"}
    blocks = list(CODE.finditer(text))
    assert len(blocks) >= 5
    expected, actual = [], []
    pieces, end = [], 0
    for number, block in enumerate(blocks):
        printed = run(block["code"], number, namespace, tmp_path)
        if block["shown"] is None:
            assert printed == "\n", f"block {number} prints what the README does not show"
            continue
        expected.append(block["shown"])
        actual.append(printed)
        pieces += [text[end : block.start("shown")], printed]
        end = block.end("shown")
    if request.config.getoption("--update-golden"):
        README.write_text("".join(pieces) + text[end:], encoding="utf-8")
        return
    assert actual == expected


def test_the_example_fits_in_fifteen_lines() -> None:
    code = next(CODE.finditer(README.read_text(encoding="utf-8")))["code"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 15


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
