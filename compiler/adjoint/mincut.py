"""The cheapest cut between a source and a sink of a small network: Dinic's algorithm.

Y. Dinitz, "Algorithm for solution of a problem of maximum flow in networks with power estimation" (1970);
that the residual network tells the minimal cut: L. R. Ford and D. R. Fulkerson, "Maximal flow through a
network" (1956).
"""

from __future__ import annotations

from collections import deque

INFINITE = 1 << 60


class Network:
    """Nodes are numbers; 0 is the source and 1 the sink."""

    SOURCE, SINK = 0, 1

    def __init__(self) -> None:
        self._to: list[int] = []  # edge k and its reverse k ^ 1 are neighbours
        self._room: list[int] = []
        self._edges: list[list[int]] = [[], []]

    def node(self) -> int:
        """A further node."""
        self._edges.append([])
        return len(self._edges) - 1

    def edge(self, tail: int, head: int, capacity: int) -> None:
        """Cutting tail from head costs this much."""
        for at, to, room in ((tail, head, capacity), (head, tail, 0)):
            self._edges[at].append(len(self._to))
            self._to.append(to)
            self._room.append(room)

    def source_side(self) -> set[int]:
        """The nodes on the side of the source in a cheapest cut: the smallest such side, so it is unique."""
        while True:
            level = self._levels()
            if level[self.SINK] < 0:
                return {node for node, distance in enumerate(level) if distance >= 0}
            following = [0] * len(self._edges)
            while self._augment(level, following):
                pass

    def _levels(self) -> list[int]:
        """Distance of every node from the source along edges with room; -1 if it is not reached."""
        level = [-1] * len(self._edges)
        level[self.SOURCE] = 0
        waiting = deque([self.SOURCE])
        while waiting:
            node = waiting.popleft()
            for edge in self._edges[node]:
                if self._room[edge] and level[self._to[edge]] < 0:
                    level[self._to[edge]] = level[node] + 1
                    waiting.append(self._to[edge])
        return level

    def _augment(self, level: list[int], following: list[int]) -> bool:
        """Send what fits along one shortest path; whether there was one."""
        path: list[int] = []
        node = self.SOURCE
        while node != self.SINK:
            edges = self._edges[node]
            while following[node] < len(edges):
                edge = edges[following[node]]
                if self._room[edge] and level[self._to[edge]] == level[node] + 1:
                    break
                following[node] += 1
            if following[node] < len(edges):
                path.append(edges[following[node]])
                node = self._to[path[-1]]
            elif path:
                node = self._to[path.pop() ^ 1]
                following[node] += 1
            else:
                return False
        amount = min(self._room[edge] for edge in path)
        for edge in path:
            self._room[edge] -= amount
            self._room[edge ^ 1] += amount
        return True
