"""Pictures of graphs: `draw_graph(t)` as a graph of Graphviz.

    x (3,) ──▶ MulBackward0 (3,) ──▶ SumBackward0 () ──▶ result ()
    w (3,) ──▶

Parameters are boxes with their names, constants do not appear.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..tape.node import Node, Recorded, node_of, output_of
from ..tape.record import edge

_MISSING = (
    "draw_graph needs Graphviz's Python package: `pip install graphviz` or `pip install pullback[graph]`; "
    "pictures (SVG, PNG) also need the program `dot`, for example by `apt install graphviz`"
)
_STYLE = {
    "leaf": {"shape": "box", "style": "filled", "fillcolor": "lightblue"},
    "node": {"shape": "ellipse", "style": "filled", "fillcolor": "gray92"},
    "result": {"shape": "box", "style": "filled", "fillcolor": "darkolivegreen1"},
}


class Picture:
    """What is drawn, as plain data.

    Attributes
    ----------
    boxes
        (kind, label) of each box; the kind is "leaf", "node" or "result".
    arrows
        (from, to, label) by the numbers of boxes.
    """

    def __init__(self) -> None:
        self.boxes: list[tuple[str, str]] = []
        self.arrows: list[tuple[int, int, str]] = []

    def box(self, kind: str, label: str) -> int:
        """Add a box; its number."""
        self.boxes.append((kind, label))
        return len(self.boxes) - 1


def draw_graph(
    tensors: Any,
    params: Any = None,
    *,
    file: str | os.PathLike[str] | None = None,
    direction: str = "TB",
    show_shapes: bool = True,
) -> Any:
    """The graph behind tensors, from leaves to results.

    Parameters
    ----------
    tensors
        A tensor or several.
    params
        Names of leaves: a mapping from names to tensors, pairs of both, or a module.
    file
        Where to write it: the ending says what, `.dot` for Graphviz's language, `.svg`, `.png` or `.pdf` for
        pictures.
    direction
        "TB" for top to bottom, "LR" for left to right.
    show_shapes
        Write the shapes of leaves and results.

    Returns
    -------
    graphviz.Digraph
        It shows itself in notebooks.

    Raises
    ------
    ImportError
        If the Python package is not installed.
    RuntimeError
        If no tensor requires a gradient, or a picture is wanted and the program `dot` is not installed.
    """
    try:
        import graphviz
    except ImportError:
        raise ImportError(_MISSING) from None
    shown = picture(tensors, params, show_shapes)
    drawn = graphviz.Digraph("graph", graph_attr={"rankdir": direction}, node_attr={"fontsize": "11"})
    for number, (kind, label) in enumerate(shown.boxes):
        drawn.node(str(number), label, **_STYLE[kind])
    for start, end, label in shown.arrows:
        drawn.edge(str(start), str(end), label or None)
    if file is not None:
        _write(drawn, os.fspath(file), graphviz)
    return drawn


def _write(drawn: Any, file: str, graphviz: Any) -> None:
    kind = os.path.splitext(file)[1].lstrip(".").lower()
    if kind in ("dot", "gv"):
        with open(file, "w", encoding="utf-8") as out:
            out.write(drawn.source)
        return
    try:
        data = drawn.pipe(format=kind)
    except graphviz.ExecutableNotFound:
        raise RuntimeError(_MISSING) from None
    with open(file, "wb") as out:
        out.write(data)


def picture(tensors: Any, params: Any = None, show_shapes: bool = True) -> Picture:
    """The graph behind tensors as plain data; see `draw_graph`.

    Raises
    ------
    RuntimeError
        If no tensor requires a gradient.
    """
    roots = [t for t in ([tensors] if isinstance(tensors, Recorded) else tensors) if edge(t) is not None]
    if not roots:
        raise RuntimeError("there is no graph to draw: no tensor requires a gradient")
    drawing = _Drawing(_names(params), show_shapes)
    for root in roots:
        drawing.result(root)
    return drawing.picture


class _Drawing:
    """Walks a graph without recursion, each node once."""

    def __init__(self, names: dict[int, str], shapes: bool) -> None:
        self.names, self.shapes = names, shapes
        self.picture = Picture()
        self.numbers: dict[int, int] = {}

    def result(self, root: Any) -> None:
        if root._fn is None:
            self._number(root)
            return
        name = self.names.get(id(root), "result")
        box = self.picture.box("result", self._label(name, root._a.shape))
        made = node_of(root._fn)
        self._walk(made)
        self._arrow(made, box, root._fn)

    def _walk(self, first: Node) -> None:
        stack = [] if id(first) in self.numbers else [first]
        while stack:
            node = stack.pop()
            box = self._number(node)
            for behind in node.edges:
                if behind is None:
                    continue
                source = node_of(behind)
                if id(source) not in self.numbers:
                    self._number(source)
                    if isinstance(source, Node):
                        stack.append(source)
                self._arrow(source, box, behind)

    def _arrow(self, source: Any, to: int, behind: Any) -> None:
        many = isinstance(source, Node) and source.outputs is not None
        self.picture.arrows.append((self._number(source), to, str(output_of(behind)) if many else ""))

    def _number(self, source: Any) -> int:
        known = self.numbers.get(id(source))
        if known is None:
            if isinstance(source, Node):
                label = self._label(source.name(), source.shape if source.outputs is None else None)
                known = self.picture.box("node", label)
            else:
                label = self._label(self.names.get(id(source), "leaf"), source._a.shape)
                known = self.picture.box("leaf", label)
            self.numbers[id(source)] = known
        return known

    def _label(self, name: str, shape: Any) -> str:
        return f"{name}\n{tuple(shape)}" if self.shapes and shape is not None else name


def _names(params: Any) -> dict[int, str]:
    """Names by the identity of tensors."""
    if params is None:
        return {}
    if hasattr(params, "named_parameters"):
        params = params.named_parameters()
    pairs: Iterable[Any] = params.items() if isinstance(params, Mapping) else params
    return {id(tensor): name for name, tensor in pairs}


__all__ = ["Picture", "draw_graph", "picture"]
