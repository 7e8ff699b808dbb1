"""The backward pass: cotangents flow from results to leaves, each node once, without recursion.

A node runs when the cotangents of all its uses have arrived; how many to wait for is counted first, over the
part of the graph that is reached. Cotangents are NumPy arrays, or values of the class that was recorded if
the graph of the derivative is wanted too. Every cotangent is summed and cast to what its edge leads to, so
rules need not.

What was saved is freed behind the pass. A sum of cotangents is kept in memory of the engine's own, because a
cotangent may be the same array as another one, or the user's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import hooks
from .anomaly import checked
from .gradients import ALONE, add_gradient, fitted, unshared
from .mode import mode
from .node import Node, Recorded, Scattered, node_of, output_of
from .quiet import quiet
from .record import settings

# Who wants to see each step of backward passes: the profiler puts a function here, called with a node or leaf
# and with what to do. Of several the first is called.
watchers: list[Callable[[Any, Callable[[], Any]], Any]] = []


def run(
    roots: Sequence[Any],
    cotangents: Sequence[Any],
    *,
    retain: bool = False,
    record: bool = False,
    targets: Sequence[Recorded] | None = None,
    accumulate: bool = True,
) -> list[Any]:
    """Send cotangents back from the edges `roots`.

    Parameters
    ----------
    roots, cotangents
        Edges, and for each an array, or a recorded value if `record`.
    retain
        Keep what was saved, for another pass.
    record
        Record the derivative's own operations.
    targets
        Values whose cotangents are wanted; without, all leaves reached.
    accumulate
        Add to the gradients of the leaves, of those among the targets if there are some; else only return.
        Other targets get theirs if they keep their gradient.

    Returns
    -------
    list
        The cotangents of the targets, None for those not reached; without targets or with `accumulate`,
        nothing of use.

    Raises
    ------
    RuntimeError
        If saved values have been freed or written to, or a rule gives a cotangent of a wrong shape.
    """
    before = mode.enabled
    mode.enabled = record
    try:
        sweep = _Sweep(retain, record, accumulate)
        _swept(sweep, roots, cotangents, targets)
        return unshared(sweep.found)
    finally:
        mode.enabled = before


class _Sweep:
    """One backward pass.

    Attributes
    ----------
    waiting
        Of how many uses of a node or leaf the cotangents have not arrived.
    arrived
        The sum of those that have; a list, one entry a result, for nodes with several results.
    owned
        The nodes whose sum is in memory of ours.
    wanted, needed
        The numbers of the targets by node or leaf, and the nodes that lead to one; None without targets.
    found
        The cotangents of the targets.
    """

    def __init__(self, retain: bool, record: bool, accumulate: bool) -> None:
        self.retain, self.record, self.accumulate = retain, record, accumulate
        self.waiting: dict[Any, int] = {}
        self.arrived: dict[Any, Any] = {}
        self.owned: set[Any] = set()
        self.wanted: dict[Any, list[int]] = {}
        self.needed: set[Any] | None = None
        self.targets: Sequence[Recorded] = ()
        self.found: list[Any] = []
        self.plain = not settings["trace"] and not watchers

    def run(
        self, roots: Sequence[Any], cotangents: Sequence[Any], targets: Sequence[Recorded] | None
    ) -> None:
        """Run the nodes, the latest ready first, and leaves as soon as they are."""
        nodes = list(dict.fromkeys([node_of(edge) for edge in roots]))
        self._count(nodes)
        if targets is not None:
            self._aim(nodes, targets)
        for edge, g in zip(roots, cotangents, strict=True):
            self._arrive(node_of(edge), output_of(edge), edge.__class__ is tuple, g)
        waiting, arrived, record = self.waiting, self.arrived, self.record
        free = not self.retain
        ready = [node for node in reversed(nodes) if not waiting[node]]
        while ready:
            node = ready.pop()
            if not isinstance(node, Node):
                self._leaf(node)
                continue
            g = arrived.pop(node, None)
            plain = self.plain and node.hooks is None and targets is None and g is not None
            if node.overwrites and g is not None and not record:
                whole = g = g if plain and node in self.owned else np.array(g)
            else:
                whole = None
            if plain:
                results = node.backward(g, *node.values(record))
                if free:
                    node.free()
            else:
                results = self._step(node, g)
                if results is None:
                    continue
            k = -1
            leaves: list[Any] = []
            for edge, result in zip(node.edges, results, strict=True):
                k += 1
                if edge is None:
                    continue
                many = edge.__class__ is tuple
                target = edge[0] if many else edge
                known = isinstance(target, Node)
                if result.__class__ is Scattered:
                    self._scatter(target, edge[1] if many else 0, many, result)
                elif result is not None:
                    if many:
                        shape, dtype = target.outputs[edge[1]]
                    elif known:
                        shape, dtype = target.shape, target.dtype
                    else:
                        shape, dtype = target._a.shape, target._a.dtype
                    if result.shape != shape or result.dtype is not dtype:
                        result = fitted(result, shape, dtype, node, k)
                    if many or target in arrived:
                        self._arrive(target, edge[1] if many else 0, many, result)
                    else:
                        arrived[target] = result
                        if result is whole:
                            self.owned.add(target)
                left = waiting[target] - 1
                if left:
                    waiting[target] = left
                elif known:
                    ready.append(target)
                else:
                    leaves.append(target)
            # Nothing here may refer to a cotangent that is to become a gradient.
            g = results = result = whole = None
            for leaf in leaves:
                self._leaf(leaf)

    def _count(self, nodes: list[Any]) -> None:
        """Count the uses of everything that is reached."""
        waiting = self.waiting
        waiting.update(dict.fromkeys(nodes, 0))
        stack = [node for node in nodes if isinstance(node, Node)]
        while stack:
            for edge in stack.pop().edges:
                if edge is None:
                    continue
                target = edge[0] if edge.__class__ is tuple else edge
                if target in waiting:
                    waiting[target] += 1
                else:
                    waiting[target] = 1
                    if isinstance(target, Node):
                        stack.append(target)

    def _aim(self, nodes: list[Any], targets: Sequence[Recorded]) -> None:
        """Note what is wanted and which nodes lead to it, and wait for uses by those only."""
        self.targets = targets
        self.found = [None] * len(targets)
        for i, target in enumerate(targets):
            self.wanted.setdefault(target if target._fn is None else node_of(target._fn), []).append(i)
        users: dict[Any, list[Node]] = {}
        for node in self.waiting:
            for edge in node.edges if isinstance(node, Node) else ():
                if edge is not None:
                    users.setdefault(node_of(edge), []).append(node)
        needed: set[Any] = set()
        stack = list(self.wanted)
        while stack:
            for user in users.get(stack.pop(), ()):
                if user not in needed:
                    needed.add(user)
                    stack.append(user)
        self.needed = needed
        self.waiting.update({t: sum(user in needed for user in by) for t, by in users.items()})

    def _arrive(self, target: Any, k: int, many: bool, g: Any) -> None:
        """Add a cotangent to those that have arrived at result k of a node."""
        arrived = self.arrived
        if many:
            slots = arrived.get(target)
            if slots is None:
                slots = arrived[target] = [None] * len(target.outputs)
            slots[k] = g if slots[k] is None else slots[k] + g
            return
        known = arrived.get(target)
        if known is None:
            arrived[target] = g
        elif self.record:
            arrived[target] = known + g
        elif target in self.owned:
            known += g
        else:
            total = arrived[target] = known + g
            if type(total) is np.ndarray:
                self.owned.add(target)

    def _scatter(self, target: Any, k: int, many: bool, part: Scattered) -> None:
        """Add a cotangent that is zero but for a part, in memory of our own."""
        known = self.arrived.get(target)
        shape, dtype = _kind(target, k)
        if many:
            self._arrive(target, k, True, part.added_to(np.zeros(shape, dtype)))
        elif known is not None and target in self.owned:
            part.added_to(known)
        else:
            # A sum of arrays without axes is a number: an array again.
            self.arrived[target] = part.added_to(np.zeros(shape, dtype) if known is None else np.array(known))
            self.owned.add(target)

    def _step(self, node: Node, g: Any) -> Any:
        """The cotangents that a node gives its operands, where hooks, targets or watchers are about.

        None says that none of them is wanted. A target is what arrived before the hooks on it, if others are
        behind it, and after them if it is the last: PyTorch does so.
        """
        parts = g if isinstance(g, list) else [g]
        needed = self.needed is None or node in self.needed
        if node in self.wanted and needed:
            self._capture(node, parts)
        if node.hooks is not None and (needed or node in self.wanted):
            hooks.on_results(node.hooks, parts, self.record)
        if not needed:
            if node in self.wanted:
                self._capture(node, parts)
            return None
        if node.hooks is not None:
            parts = hooks.before(node.hooks, parts, self.record)
        if all(part is None for part in parts) and not node.takes_nothing:
            return (None,) * len(node.edges)
        g = parts if isinstance(g, list) else parts[0]
        results = self._seen(node, lambda: node.backward(g, *node.values(self.record)))
        if not self.retain:
            node.free()
        if node.hooks is not None and hooks.AFTER in node.hooks:
            results = hooks.after(node.hooks, self._fitted(node, results), parts, self.record)
        return results

    def _fitted(self, node: Node, results: Any) -> list[Any]:
        """The cotangents of operands as they are sent on."""
        given: list[Any] = []
        for k, (edge, result) in enumerate(zip(node.edges, results, strict=True)):
            if edge is None or result is None:
                given.append(None)
                continue
            if result.__class__ is Scattered:
                result = result.added_to(np.zeros(*_kind(node_of(edge), output_of(edge))))
            shape, dtype = _kind(node_of(edge), output_of(edge))
            given.append(fitted(result, shape, dtype, node, k))
        return given

    def _seen(self, node: Any, step: Callable[[], Any]) -> Any:
        """A step of the pass, as those see it who asked for it."""
        if settings["trace"] and isinstance(node, Node):
            inner = step

            def step() -> Any:
                return checked(node, inner)

        return watchers[0](node, step) if watchers else step()

    def _capture(self, node: Node, parts: list[Any]) -> None:
        for i in self.wanted[node]:
            self.found[i] = parts[output_of(self.targets[i]._fn)]

    def _leaf(self, leaf: Any) -> None:
        """A leaf has got all its cotangents."""
        g = self.arrived.pop(leaf, None)
        if g is None:
            return
        aimed = self.wanted.get(leaf)
        if aimed is None and self.needed is not None:
            return
        more = leaf._more
        if more is not None and more.hooks:
            parts = [g]
            hooks.on_results(more.hooks, parts, self.record)
            g = parts.pop()
        if aimed is not None:
            for i in aimed:
                self.found[i] = g
        if not self.accumulate:
            return
        if self.plain and (more is None or (not more.hooks and not more.after)):
            ours = sys.getrefcount(g) <= ALONE
            add_gradient(leaf, g, self.record, ours)
        else:
            self._accumulate(leaf, g)

    def _accumulate(self, leaf: Any, g: Any) -> None:
        """Add to the gradient of a leaf that has hooks, or while somebody watches."""
        more = leaf._more
        lists = (None if more is None else more.hooks) or {}
        (g,) = hooks.before(lists, [g], self.record)
        self._seen(leaf, lambda: add_gradient(leaf, g, self.record, False))
        for hook in list((None if more is None else more.after) or ()):
            hook(leaf)
        hooks.after(lists, (), [g], self.record)


def _kind(target: Any, k: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and dtype of result k of a node, or of a leaf."""
    if not isinstance(target, Node):
        return target._a.shape, target._a.dtype
    return (target.shape, target.dtype) if target.outputs is None else target.outputs[k]


_swept = quiet(_Sweep.run)
