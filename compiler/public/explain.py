"""`f.explain()`: what the compiler decided, in the user's lines and names."""

from __future__ import annotations

from collections.abc import Iterator

from ..adjoint.build import Plan
from ..adjoint.recover import Slot
from ..call.specialise import Specialisation
from ..errors import Src
from ..ir.nodes import Const, Dim, For, Loop, Op, Region, Value
from ..ir.types import carries_derivative
from ..ir.walk import walk
from ..pipeline import Compiled
from ..specs import ArraySpec

ITEMSIZE = {"bool": 1, "complex64": 8, "complex128": 16}


def explained(found: Specialisation) -> str:
    """The text for one specialisation."""
    compiled = found.compiled()
    lines = [f"{found.target.fn.__qualname__}, at {found.target.src}", ""]
    lines += ["arguments"]
    lines += [f"  {line}" for line in _arguments(found, compiled)]
    written = [found._name(k) for k in sorted(found.code.mutated)]
    if written:
        lines.append(f"  copied on entry, because the function writes to it: {', '.join(written)}")
    lines += ["", "loops"]
    loops = list(_loops(compiled))
    lines += [f"  {line}" for line in loops] or ["  none"]
    if found.code.recipe.parallel:
        lines += ["", "threads"]
        told = [f"{_line(d.loop.src)}  {d.text}" for d in compiled.decisions]
        lines += [f"  {line}" for line in dict.fromkeys(told)] or ["  none: no loop has work enough"]
    lines += ["", "values saved in the forward sweep"]
    slots = compiled.plan.slots if compiled.plan is not None else []
    lines += [f"  {_slot(s, compiled)}" for s in slots] or ["  none: no tape"]
    if found.was_loaded:
        lines += ["", f"the code came from the disk cache: {found.path}"]
    return "\n".join(lines) + "\n"


def _arguments(found: Specialisation, compiled: Compiled) -> Iterator[str]:
    wrt = set(found.code.recipe.wrt)
    active = compiled.plan.active_params if compiled.plan is not None else []
    for k, leaf in enumerate(found.leaf_specs):
        kind = leaf.spec.dtype
        if isinstance(leaf.spec, ArraySpec):
            kind += f"[{', '.join(':' * leaf.spec.rank)}]"
        if not carries_derivative(found.code.leaves[k]):
            why = f"constant: {leaf.spec.dtype} carries no derivative"
        elif k not in wrt:
            why = "constant: not among the differentiated arguments"
        elif k < len(active) and not active[k]:
            why = "gradient zero: the result does not depend on it"
        else:
            why = "active"
        yield f"{leaf.name}: {kind}  {why}"
    for capture in found.code.captures:
        name = ".".join(str(step[1]) for step in capture.path)
        yield f"{name}: {capture.spec.dtype}  constant: read from outside of the function at every call"


def _loops(compiled: Compiled) -> Iterator[str]:
    plan = compiled.plan
    for op, depth in _nested(compiled.optimised.entry.body, 0):
        saved = [
            s
            for s in (plan.slots if plan is not None else [])
            if any(_same_place(loop, op) for loop in s.loops)
        ]
        if plan is not None and (
            (isinstance(op, For) and op.segments) or any(_same_place(loop, op) for loop in plan.checkpointed)
        ):
            what = "plan CHECKPOINT: cut into segments, each run again to be reversed"
        elif plan is not None and any(_same_place(loop, op) for loop in plan.fused):
            what = "plan FUSE: each iteration is reversed right after it has run"
        elif saved:
            names = ", ".join(dict.fromkeys(_saved_name(s) for s in saved))
            what = f"plan SAVE: the forward sweep saves {names}"
        else:
            what = (
                "plan RE-EXECUTE, no tape: everything that the reverse needs is still there or computed again"
            )
        yield f"{'  ' * depth}{_line(op.src)}  {what}"


def _nested(region: Region, depth: int) -> Iterator[tuple[Loop, int]]:
    for op in region.ops:
        if isinstance(op, Loop):
            yield op, depth
        for inner in op.regions:
            yield from _nested(inner, depth + isinstance(op, Loop))


def _same_place(a: Op, b: Op) -> bool:
    return type(a) is type(b) and a.src == b.src


def _line(src: Src) -> str:
    return f"line {src.line}  {src.text}" if src.line > 0 else "(generated)"


def _saved_name(slot: Slot) -> str:
    if slot.copied is not None:
        return f"copies of {slot.copied.name or 'an array'}"
    return slot.value.name or "a temporary"


def _slot(slot: Slot, compiled: Compiled) -> str:
    name = _saved_name(slot)
    size = (
        ITEMSIZE.get(slot.value.dtype, 0)
        or int("".join(c for c in slot.value.dtype if c.isdigit()) or 64) // 8
    )
    counts = [_trips(loop, compiled.plan) for loop in slot.loops]
    if slot.copied is not None:
        counts.append(f"size of {slot.copied.name or 'the array'}")
    formula = "·".join([str(size), *counts]) if counts else str(size)
    kind = "a growing list" if slot.is_list else "an array" if slot.loops else "a variable"
    where = (
        f", in the loop of line {slot.loops[-1].src.line}"
        if slot.loops and slot.loops[-1].src.line > 0
        else ""
    )
    return f"{name}: {slot.reason}; {kind} of {formula} bytes{where}"


def _trips(loop: Loop, plan: Plan | None) -> str:
    """The trip count as a formula, where it is a simple one."""
    if not isinstance(loop, For):
        return "trips"
    names = _names(plan)
    low, high = names.get(loop.lo, ""), names.get(loop.hi, "")
    if not high:
        return f"trips(line {loop.src.line})"
    return high if low == "0" else f"({high} - {low})" if low else f"trips(line {loop.src.line})"


def _names(plan: Plan | None) -> dict[Value, str]:
    if plan is None or plan.recover is None:
        return {}
    found: dict[Value, str] = {p: p.name for p in plan.recover.body.params if p.name}
    for op in walk(plan.recover.body):
        if isinstance(op, Const):
            found[op.out] = str(op.value)
        elif isinstance(op, Dim) and op.args[0].name:
            found[op.out] = (
                f"len({op.args[0].name})" if op.axis == 0 else f"{op.args[0].name}.shape[{op.axis}]"
            )
        elif len(op.outs) == 1 and op.out.name:
            found.setdefault(op.out, op.out.name)
    return found
