"""What the profiler has seen: events, their tree, and averages over events of one name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from .table import format_time, table


class Interval:
    """From when to when, in microseconds."""

    __slots__ = ("end", "start")

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """How long, in microseconds."""
        return self.end - self.start


class Timed:
    """What events and averages have in common: times in microseconds, also as text."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        """The mean time of a call, as text."""
        return format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        """The time of all calls, as text."""
        return format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """The time of all calls without those within them, as text."""
        return format_time(self.self_cpu_time_total)


class FunctionEvent(Timed):
    """One call.

    Attributes
    ----------
    name, key
        Of the operation, `"aten::mul"` for example.
    time_range
        When it ran.
    thread
        Where it ran.
    cpu_parent, cpu_children
        The call that it was made in, and those made in it.
    input_shapes
        Shapes of the arguments, with `record_shapes`.
    cpu_memory_usage
        Bytes of its results, with `profile_memory`.
    stack
        Lines of the code that called it, with `with_stack`.
    flops
        Multiplications and additions, with `with_flops`, where they are known.
    """

    def __init__(self, id: int, name: str, thread: int, start: float, end: float) -> None:
        self.id, self.name, self.thread = id, name, thread
        self.time_range = Interval(start, end)
        self.count = 1
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.input_shapes: list[list[int]] = []
        self.cpu_memory_usage = 0
        self.stack: list[str] = []
        self.flops = 0
        self.is_user_annotation = False

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """How long it took."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """How long it took without the calls within it."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes of its results that no call within it has made."""
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def __repr__(self) -> str:
        children = [child.id for child in self.cpu_children]
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start} end_us={self.time_range.end} cpu_children={children} "
            f"thread={self.thread} input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg(Timed):
    """Sums over the events of one key; attributes as those of `FunctionEvent`."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.flops = 0
        self.input_shapes: Any = ""
        self.stack: list[str] = []
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def add(self, other: Any) -> FunctionEventAvg:
        """Add an event, or an average."""
        if self.key is None:
            self.key, self.input_shapes, self.stack = other.key, other.input_shapes, other.stack
            self.cpu_parent, self.cpu_children = other.cpu_parent, other.cpu_children
        self.count += other.count
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.flops += other.flops
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class EventList(list[Any]):
    """Events or averages, as a list that prints as a table."""

    def __init__(
        self, events: Iterable[Any] = (), *, profile_memory: bool = False, with_flops: bool = False
    ) -> None:
        super().__init__(events)
        self._memory, self._flops = profile_memory, with_flops

    def __str__(self) -> str:
        return self.table()

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events, in microseconds."""
        return float(sum(event.self_cpu_time_total for event in self))

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int | None = 75,
        max_name_column_width: int | None = 55,
        max_shapes_column_width: int | None = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as a table.

        Parameters
        ----------
        sort_by
            An attribute to sort by, the largest first: `"self_cpu_time_total"`, `"cpu_time_total"`,
            `"cpu_time"`, `"count"`, `"cpu_memory_usage"`, `"self_cpu_memory_usage"`; the order of first calls
            without.
        row_limit
            How many rows to print; -1 for all.
        max_src_column_width, max_name_column_width, max_shapes_column_width
            Widths of columns at most; None for any.
        header
            A line on top.
        top_level_events_only
            Leave out calls made within others.
        time_unit
            "s", "ms" or "us" for all times; each has its own without.

        Returns
        -------
        str

        Raises
        ------
        AttributeError
            If events have no attribute `sort_by`.
        """
        return table(
            self,
            sort_by=sort_by,
            limit=row_limit,
            widths=(max_name_column_width, max_shapes_column_width, max_src_column_width),
            header=header,
            memory=self._memory,
            flops=self._flops,
            top=top_level_events_only,
            unit=time_unit,
        )

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events of each name as one entry, in the order of first calls.

        Parameters
        ----------
        group_by_input_shapes
            An entry for each name and shapes of arguments.
        group_by_stack_n
            An entry for each name and so many lines of the calling code.
        group_by_overload_name
            Has no effect: functions have no overloads here.

        Returns
        -------
        EventList
        """
        groups: dict[Any, FunctionEventAvg] = {}
        for event in self:
            key = [event.key, event.is_user_annotation]
            if group_by_input_shapes:
                key.append(str(event.input_shapes))
            key += event.stack[:group_by_stack_n]
            groups.setdefault(tuple(key), FunctionEventAvg()).add(event)
        for average in groups.values():
            average.stack = average.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = ""
        return EventList(groups.values(), profile_memory=self._memory, with_flops=self._flops)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events, under the key "Total"."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        total.key = "Total"
        return total

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events to a file that `ui.perfetto.dev` and `chrome://tracing` show.

        Parameters
        ----------
        path
            The file, JSON.
        """
        pid = os.getpid()
        spans = []
        for event in self:
            told = {"Input Dims": event.input_shapes} if event.input_shapes else {}
            spans.append(
                {
                    "ph": "X", "cat": "user_annotation" if event.is_user_annotation else "cpu_op",
                    "name": event.name, "pid": pid, "tid": event.thread, "ts": event.time_range.start,
                    "dur": event.time_range.elapsed_us(), "args": told,
                }
            )  # fmt: skip
        named = [{"ph": "M", "name": "process_name", "pid": pid, "args": {"name": "CPU functions"}}]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"displayTimeUnit": "ms", "traceEvents": [*named, *spans]}, file)

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        """Write the stacks of the events with their times, as flame graphs are made from; see `with_stack`.

        Parameters
        ----------
        path
            The file.
        metric
            "self_cpu_time_total".

        Raises
        ------
        ValueError
            For another metric.
        """
        if metric != "self_cpu_time_total":
            raise ValueError("metric should be one of: ['self_cpu_time_total']")
        clean = str.maketrans(" ;\t\n", "____")
        with open(path, "w", encoding="utf-8") as file:
            for event in self:
                if event.stack and int(event.self_cpu_time_total) > 0:
                    lines = ";".join(line.translate(clean) for line in reversed(event.stack))
                    file.write(f"{lines} {int(event.self_cpu_time_total)}\n")


def tree(events: list[FunctionEvent]) -> list[FunctionEvent]:
    """The events with parents and children set, in the order of their start.

    An operation that does nothing but another of the same name stands for both.
    """
    by_thread: dict[int, list[FunctionEvent]] = {}
    events = sorted(events, key=lambda e: (e.time_range.start, -e.time_range.end))
    for event in events:
        open_ = by_thread.setdefault(event.thread, [])
        while open_ and event.time_range.end > open_[-1].time_range.end:
            open_.pop()
        if open_:
            event.cpu_parent = open_[-1]
            open_[-1].cpu_children.append(event)
        open_.append(event)
    kept = []
    for event in events:
        parent = event.cpu_parent
        twin = parent is not None and parent.name == event.name and parent.cpu_children == [event]
        if twin and not event.is_user_annotation:
            assert parent is not None
            parent.cpu_children = event.cpu_children
            for child in event.cpu_children:
                child.cpu_parent = parent
        else:
            kept.append(event)
    return kept


__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "tree"]
