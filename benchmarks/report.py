"""What was measured, for people and for programs: Markdown, JSON, a plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from .measure import Measured

PACKAGES = ("pullback", "numpy", "numba", "llvmlite", "scipy", "jax", "jaxlib", "torch", "autograd")
RIVALS = ("threads", "hand", "jax", "jax_loops", "torch", "autograd")


def machine(threads: int, clock: str = "wall") -> dict[str, Any]:
    """The processor, the system and the versions of all that took part."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads used": threads,
        "clock": clock,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES if _version(name)},
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def as_json(found: Sequence[Measured], about: dict[str, Any]) -> str:
    """Everything that was measured."""
    rows = [{**asdict(one), "cost": one.cost, "strict_cost": one.strict_cost} for one in found]
    return json.dumps({"machine": about, "results": rows}, indent=1) + "\n"


def mean(values: Sequence[float | None]) -> float | None:
    """The geometric mean of those that are there."""
    known = [value for value in values if value is not None]
    return geometric_mean(known) if known else None


def duration(seconds: float | None) -> str:
    """Seconds with a unit and three digits."""
    if seconds is None:
        return "–"
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def times(value: float | None) -> str:
    """A ratio."""
    return "–" if value is None else f"{value:.2f}"


def megabytes(count: int | None) -> str:
    """Bytes as MB."""
    return "–" if count is None else f"{count / 1e6:.1f}"


def _columns(found: Sequence[Measured]) -> list[str]:
    return [name for name in RIVALS if any(name in one.seconds for one in found)]


def _row(one: Measured, others: Sequence[str]) -> list[str]:
    peak = one.peak.get("pullback")
    ours = duration(one.seconds.get("pullback"))
    if "pullback" in one.skipped:
        ours = "refused"
    return [
        one.name + (" ✗" if one.wrong else ""),
        str(one.size),
        duration(one.seconds.get("primal")),
        duration(one.seconds.get("emitted")),
        ours,
        times(one.cost),
        times(one.strict_cost),
        *(times(one.ratio(name, "pullback")) for name in others),
        megabytes(peak),
        duration(one.first_call.get("pullback")),
    ]


def _mean(title: str, found: Sequence[Measured], others: Sequence[str]) -> list[str]:
    """The geometric means of the ratios of some rows."""
    means = [mean([one.ratio(name, "pullback") for one in found]) for name in others]
    return [
        f"**{title}**",
        *[""] * 4,
        *[times(mean([one.cost for one in found])), times(mean([one.strict_cost for one in found]))],
        *map(times, means),
        "",
        duration(mean([one.first_call.get("pullback") for one in found])),
    ]


def table(found: Sequence[Measured]) -> str:
    """The rows of one family with their geometric means, as Markdown."""
    others = _columns(found)
    head = ["case", "n", "primal", "own primal", "gradient", "cost", "strict cost"]
    head += [f"{name.replace('_', ' ')} / ours" for name in others] + ["peak MB", "first call"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in dict.fromkeys(one.name for one in found):
        sizes = [one for one in found if one.name == name]
        lines += [_row(one, others) for one in sizes]
        lines += [_mean(name, sizes, others)] if len(sizes) > 1 else []
    lines.append(_mean("geometric mean", found, others))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def remarks(found: Sequence[Measured]) -> list[str]:
    """What did not run, what was wrong, and what a reader should know."""
    said = []
    for one in found:
        reasons = {
            n: why for n, why in one.skipped.items() if why != "not written" and "installed" not in why
        }
        said += [f"- {one.name}: {name}: {why}" for name, why in reasons.items()]
        said += [f"- {one.name} ✗: {word}" for word in one.wrong]
        said += [f"- {one.name}: {one.note}"] if one.note else []
    return list(dict.fromkeys(said))


LEGEND = """\
*primal* is the function under `numba.njit`, *own primal* the code that pullback emits for it; *gradient* is
`pb.value_and_grad`, or `pb.jacobian` in rows about Jacobians. *cost* is gradient / primal, *strict cost*
gradient / the faster of the two primals. A column *X / ours* is the time of X for value and gradient in units
of pullback's: above 1, pullback is faster. *peak MB* is the memory that a gradient adds, *first call*
includes compiling with an empty cache. Times are medians of interleaved runs. Values and gradients agree
with those of the rivals, or with finite differences where there are none, unless a row has a ✗."""


def head(about: dict[str, Any]) -> list[str]:
    """Machine and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    clock = "processor time" if about["clock"] == "cpu" else "wall time"
    return [
        f"{about['processor']}, {about['cores']} cores, {about['threads used']} thread(s) used, {clock}, "
        f"{about['system']}; Python {about['python']}, {versions}."
    ]


def as_markdown(found: Sequence[Measured], about: dict[str, Any]) -> str:
    """Machine, versions, and a table for each family."""
    parts = [*head(about), LEGEND]
    for family in dict.fromkeys(one.family for one in found):
        rows = [one for one in found if one.family == family]
        parts += [f"## {family}", table(rows)]
        if said := remarks(rows):
            parts.append("\n".join(said))
    return "\n\n".join(parts) + "\n"


COMPILE_LEGEND = """\
What the first gradient takes, less the time of a later one, each in a process of its own in which the
library has been started by a tiny gradient. *cold*: compiled by pullback and Numba, with an empty cache.
*disk*: loaded from the disk cache. *jax*: `jax.jit` of `value_and_grad`."""


def compile_table(found: Sequence[Measured]) -> str:
    """First calls of one family with their geometric means, as Markdown."""
    rows = [["case", "cold", "disk", "jax", "cold / jax"], ["---", *["---:"] * 4]]
    kinds = ("cold", "disk", "jax")
    ratios = [compile_ratio(one) for one in found]
    for one, ratio in zip(found, ratios, strict=True):
        rows.append([one.name, *(duration(one.first_call.get(k)) for k in kinds), times(ratio)])
    means = [duration(mean([one.first_call.get(k) for one in found])) for k in kinds]
    rows.append(["**geometric mean**", *means, times(mean(ratios))])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def compile_ratio(one: Measured) -> float | None:
    """Our first call in units of JAX's."""
    cold, jax = one.first_call.get("cold"), one.first_call.get("jax")
    return cold / jax if cold and jax else None


def compile_line(one: Measured) -> str:
    """One row of first calls while it runs."""
    said = " ".join(f"{name} {duration(taken)}" for name, taken in one.first_call.items())
    trouble = "   ".join(["", *(f"{k}: {why}" for k, why in one.skipped.items() if why != "not written")])
    return f"{one.name:22} {said}  cold/jax {times(compile_ratio(one))}{trouble}"


def compile_markdown(found: Sequence[Measured], about: dict[str, Any]) -> str:
    """Machine, versions, and a table of first calls for each family."""
    parts = [*head(about), COMPILE_LEGEND]
    for family in dict.fromkeys(one.family for one in found):
        parts += [f"## {family}", compile_table([one for one in found if one.family == family])]
    if len({one.family for one in found}) > 1:
        parts.append(f"All: cold / jax {times(mean([compile_ratio(one) for one in found]))}, geometric mean.")
    return "\n\n".join(parts) + "\n"


def plot(found: Sequence[Measured], file: str) -> None:
    """Costs and the times of rivals: bars for one size of each case, lines against n for several."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(one.name for one in found))
    figure = _growth(found, names, pyplot) if len(names) < len(found) else _bars(found, pyplot)
    figure.savefig(file, bbox_inches="tight", dpi=150)
    pyplot.close(figure)


def _bars(found: Sequence[Measured], pyplot: Any) -> Any:
    others = ["primal", "pullback", *_columns(found)]
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.3 * len(found)))
    for place, name in enumerate(others):
        heights = [one.ratio(name, "primal") or float("nan") for one in found]
        positions = [row + 0.8 * (place / len(others) - 0.5) for row in range(len(found))]
        axes.barh(positions, heights, height=0.8 / len(others), label=name)
    axes.set_yticks(range(len(found)), [one.name for one in found])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("time of value and gradient in units of the function under njit")
    axes.legend()
    return figure


def _growth(found: Sequence[Measured], names: Sequence[str], pyplot: Any) -> Any:
    figure, grid = pyplot.subplots(len(names), 2, figsize=(9, 3 * len(names)), squeeze=False)
    for (left, right), name in zip(grid, names, strict=True):
        rows = [one for one in found if one.name == name]
        for rival in dict.fromkeys(key for one in rows for key in one.seconds):
            with_it = [one for one in rows if rival in one.seconds]
            sizes = [one.size for one in with_it]
            left.loglog(sizes, [one.seconds[rival] for one in with_it], "o-", label=rival)
            if all(rival in one.peak for one in with_it):
                right.loglog(sizes, [max(one.peak[rival], 1) / 1e6 for one in with_it], "o-", label=rival)
        left.set(title=name, xlabel="n", ylabel="seconds")
        right.set(title=name, xlabel="n", ylabel="MB at the peak")
        left.legend()
    return figure


def line(one: Measured) -> str:
    """One row while it runs."""
    said = " ".join(f"{name} {duration(taken)}" for name, taken in one.seconds.items())
    words = [f"{name}: {why}" for name, why in one.skipped.items() if why != "not written"]
    trouble = "   ".join(["", *words, *(f"WRONG: {word}" for word in one.wrong)])
    return f"{one.name:22} n={one.size:<6} cost {times(one.cost)}  {said}{trouble}"
