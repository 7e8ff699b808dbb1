"""The profiler's table, laid out as PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Widths = tuple[int | None, int | None, int | None]
_UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}
_WIDTH = 12


def format_time(us: float, unit: str | None = None) -> str:
    """Microseconds as text, in a unit that fits unless one is given."""
    if unit is None:
        unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / _UNITS[unit]:.3f}{unit}"


def format_memory(nbytes: int) -> str:
    """A number of bytes as text."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        if abs(nbytes) >= 1024**power:
            return f"{nbytes / 1024**power:.2f} {unit}"
    return f"{nbytes} B"


def _share(us: float, total: float) -> str:
    return f"{us * 100.0 / total:.2f}%" if total else "NaN"


def _cut_end(text: str, width: int | None) -> str:
    return text[: width - 3] + "..." if width is not None and len(text) >= width - 3 else text


def _cut_start(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    text = text[len(text) - width :]
    return "..." + text[3:] if len(text) > 3 else text


class _Column:
    """A heading, a width, and what stands in the row of an event."""

    def __init__(self, title: str, width: int, cell: Callable[[Any], Any], side: str = ">") -> None:
        self.title, self.width, self.cell, self.side = title, width, cell, side

    def put(self, value: Any) -> str:
        return f"{value: {self.side}{self.width}}  "


def table(
    events: Sequence[Any],
    *,
    sort_by: str | None,
    limit: int,
    widths: Widths,
    header: str | None,
    memory: bool,
    flops: bool,
    top: bool,
    unit: str | None,
) -> str:
    """Events as text; see `EventList.table`."""
    if not events:
        return ""
    if sort_by is not None:
        events = sorted(events, key=lambda event: getattr(event, sort_by), reverse=True)
    total = sum(event.self_cpu_time_total for event in events)
    columns = _columns(events, total, widths, memory, flops, unit)
    stacked = columns[-1].title == "Source Location"
    rule = "".join("-" * column.width + "  " for column in columns)
    lines = []
    if header is not None:
        lines += ["=" * (len(rule) - 2), header]
    if top:
        lines += ["=" * (len(rule) - 2), "This report only display top-level ops statistics"]
    lines += [rule, "".join(column.put(column.title) for column in columns), rule]
    rows = [event for event in events if not (top and event.cpu_parent is not None)]
    for event in rows if limit < 0 else rows[:limit]:
        lines.append("".join(column.put(column.cell(event)) for column in columns))
        if stacked:
            lines += _rest_of_stack(event, columns)
    lines += [rule, f"Self CPU time total: {format_time(total, unit)}", ""]
    return "\n".join(lines)


def _columns(
    events: Sequence[Any], total: float, widths: Widths, memory: bool, flops: bool, unit: str | None
) -> list[_Column]:
    """The columns that these events fill."""
    names, shapes, sources = widths

    def timed(title: str, attribute: str) -> _Column:
        return _Column(title, _WIDTH, lambda e: format_time(getattr(e, attribute), unit))

    columns = [
        _Column("Name", _fit((e.key for e in events), names), lambda e: _cut_end(e.key, names)),
        _Column("Self CPU %", _WIDTH, lambda e: _share(e.self_cpu_time_total, total)),
        timed("Self CPU", "self_cpu_time_total"),
        _Column("CPU total %", _WIDTH, lambda e: _share(e.cpu_time_total, total)),
        timed("CPU total", "cpu_time_total"),
        timed("CPU time avg", "cpu_time"),
    ]
    if memory:
        columns += [
            _Column("CPU Mem", _WIDTH, lambda e: format_memory(e.cpu_memory_usage)),
            _Column("Self CPU Mem", _WIDTH, lambda e: format_memory(e.self_cpu_memory_usage)),
        ]
    columns.append(_Column("# of Calls", _WIDTH, lambda e: e.count))
    if any(e.input_shapes for e in events):
        width = _fit((str(e.input_shapes) for e in events), shapes)
        columns.append(_Column("Input Shapes", width, lambda e: str(e.input_shapes)[:width]))
    if flops and any(e.flops for e in events):
        columns.append(_flops(events))
    if any(e.stack for e in events):
        width = _fit((line for e in events for line in e.stack), sources)
        columns.append(
            _Column("Source Location", width, lambda e: _cut_start(e.stack[0], width) if e.stack else "", "<")
        )
    return columns


def _fit(texts: Any, most: int | None) -> int:
    width = max(len(text) for text in texts) + 4
    return width if most is None else min(width, most)


def _flops(events: Sequence[Any]) -> _Column:
    least = min(e.flops for e in events if e.flops)
    power = max(0, min(int(math.log10(least) / 3), 5))
    title = "Total " + ("FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "PFLOPs")[power]
    return _Column(title, _WIDTH, lambda e: f"{e.flops / 1000**power:8.3f}" if e.flops else "--")


def _rest_of_stack(event: Any, columns: list[_Column]) -> list[str]:
    """The lines below a row: the calling code but for its first line, and an empty one."""
    blank = "".join(column.put("") for column in columns[:-1])
    last = columns[-1]
    return [blank + last.put(_cut_start(line, last.width)) for line in [*event.stack[1:], ""]]


__all__ = ["format_memory", "format_time", "table"]
