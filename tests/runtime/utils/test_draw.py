"""Pictures of graphs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.utils.draw import draw_graph, picture

ones = NAMES["ones"]


def model() -> tuple[Any, Any, Any]:
    x, w = ones(3, requires_grad=True), ones(3, requires_grad=True)
    return x, w, (x * w).sum()


def test_boxes_and_arrows() -> None:
    x, w, loss = model()
    found = picture(loss, {"x": x, "w": w})
    assert found.boxes == [
        ("result", "result\n()"),
        ("node", "SumBackward0\n()"),
        ("node", "MulBackward0\n(3,)"),
        ("leaf", "x\n(3,)"),
        ("leaf", "w\n(3,)"),
    ]
    assert sorted(found.arrows) == [(1, 0, ""), (2, 1, ""), (3, 2, ""), (4, 2, "")]


def test_names_of_many_kinds() -> None:
    x, w, loss = model()

    class Module:
        def named_parameters(self) -> Any:
            yield from (("a", x), ("b", w))

    for params in ({"a": x, "b": w}, [("a", x), ("b", w)], Module()):
        assert [label for kind, label in picture(loss, params, False).boxes if kind == "leaf"] == ["a", "b"]
    assert ("leaf", "leaf\n(3,)") in picture(loss).boxes


def test_shared_nodes_are_drawn_once() -> None:
    x = ones(1, requires_grad=True)
    y = x * x
    found = picture([y * y, y + 1])
    assert [label for kind, label in found.boxes if kind == "node"].count("MulBackward0\n(1,)") == 2
    assert len(found.arrows) == 2 + 2 + 1 + 2


def test_constants_are_left_out() -> None:
    x = ones(1, requires_grad=True)
    assert len(picture(x * ones(1) * 2).boxes) == 4


def test_several_results_of_one_node() -> None:
    x = ones(4, requires_grad=True)
    a, b = x.split(2)
    labels = {label for _, _, label in picture([a, b]).arrows}
    assert labels == {"", "0", "1"}


def test_long_chains() -> None:
    y = ones(1, requires_grad=True)
    for _ in range(20_000):
        y = y + 1.0
    assert len(picture(y).boxes) == 20_002


def test_no_graph() -> None:
    with pytest.raises(RuntimeError, match="no tensor requires a gradient"):
        picture(ones(1))


def test_leaves_themselves() -> None:
    x = ones(2, requires_grad=True)
    assert picture(x, {"x": x}).boxes == [("leaf", "x\n(2,)")]


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    x, w, loss = model()
    drawn = draw_graph(loss, {"x": x, "weight": w}, file=tmp_path / "g.dot", direction="LR")
    text = (tmp_path / "g.dot").read_text()
    assert text == drawn.source and "digraph" in text and "rankdir=LR" in text
    for word in ("MulBackward0", "SumBackward0", "weight", "(3,)"):
        assert word in text
    if shutil.which("dot"):
        for kind, head in (("svg", b"<?xml"), ("png", b"\x89PNG")):
            draw_graph(loss, file=tmp_path / f"g.{kind}")
            assert (tmp_path / f"g.{kind}").read_bytes().startswith(head)


def test_pictures_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="the program `dot`"):
        draw_graph(model()[2], file=tmp_path / "g.svg")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match="pip install graphviz"):
        draw_graph(model()[2])
