"""`f.explain()`: what the compiler decided, in the user's lines and names."""

from __future__ import annotations

from collections.abc import Iterator

from ..adjoint.cost import SAVE
from ..adjoint.recover import Slot
from ..call.specialise import Specialisation
from ..errors import Src
from ..ir.nodes import For, Loop, Op, Region
from ..ir.types import carries_derivative
from ..pipeline import Compiled
from ..specs import ArraySpec
from .formulas import Formulas, own_cost


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
    formulas = Formulas(compiled.plan)
    loops = list(_loops(compiled, formulas))
    lines += [f"  {line}" for line in loops] or ["  none"]
    if found.code.recipe.parallel:
        lines += ["", "threads"]
        told = [f"{_line(d.loop.src)}  {d.text}" for d in compiled.decisions]
        lines += [f"  {line}" for line in dict.fromkeys(told)] or ["  none: no loop has work enough"]
    lines += ["", "values saved in the forward sweep"]
    slots = compiled.plan.slots if compiled.plan is not None else []
    lines += [f"  {_slot(s, formulas)}" for s in slots] or ["  none: no tape"]
    if len(slots) > 1:
        lines.append(f"  in all {formulas.total(slots)}")
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


def _loops(compiled: Compiled, formulas: Formulas) -> Iterator[str]:
    plan = compiled.plan
    for op, depth in _nested(compiled.optimised.entry.body, 0):
        saved = [
            s
            for s in (plan.slots if plan is not None else [])
            if any(_same_place(loop, op) for loop in s.loops)
        ]
        price = own_cost(op.body)
        cost = f"; about {price} additions an iteration" if price else ""
        if plan is not None and (
            (isinstance(op, For) and op.segments) or any(_same_place(loop, op) for loop in plan.checkpointed)
        ):
            what = "plan CHECKPOINT: cut into segments, each run again to be reversed"
            what += f"{cost}, twice" if price else ""
        elif plan is not None and any(_same_place(loop, op) for loop in plan.fused):
            what = f"plan FUSE: each iteration is reversed right after it has run, a tape of one{cost}"
        elif saved:
            names = ", ".join(dict.fromkeys(_saved_name(s) for s in saved))
            own = sum(_same_place(s.loops[-1], op) for s in saved)
            what = f"plan SAVE: the forward sweep saves {names}, {formulas.total(saved)}{cost}"
            what += f" and {own * SAVE} for the tape" if own else ""
        else:
            what = f"plan RE-EXECUTE, no tape: what the reverse needs is there or computed again{cost}"
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


def _slot(slot: Slot, formulas: Formulas) -> str:
    kind = "a growing list" if slot.is_list else "an array" if slot.loops else "a variable"
    where = (
        f", in the loop of line {slot.loops[-1].src.line}"
        if slot.loops and slot.loops[-1].src.line > 0
        else ""
    )
    return f"{_saved_name(slot)}: {slot.reason}; {kind} of {formulas.size(slot)}{where}"
