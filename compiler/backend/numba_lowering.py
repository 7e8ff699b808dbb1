"""Numba's IR → LLVM's IR, shorter than Numba writes it.

    y = x[i, j]    Numba:   load x; store it in a slot; read its fields there; shape, strides → pointer; load
                   here:    data of x + (i * length 1 + j); load

A variable that is assigned once, before every use, is a value of LLVM's, and has no slot in memory.
The fields of an array are taken apart where it is assigned. LLVM would come to the same code, but Python
writes the text that it reads. What is not known here is left to Numba.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.core.analysis import compute_cfg_from_blocks, compute_use_defs, must_use_alloca
from numba.core.ir import Assign, Global
from numba.core.lowering import Lower as NumbaLower
from numba.core.types.containers import BaseTuple, Pair
from numba.core.unsafe.eh import exception_check
from numba.np.arrayobj import fix_integer_index, load_item, store_item

from .row_scopes import RowScopes

ARITHMETIC = frozenset((
    operator.add, operator.sub, operator.mul, operator.truediv, operator.iadd, operator.isub, operator.imul,
    operator.itruediv, operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
))  # fmt: skip
"""Operators that Numba has one implementation of for two types of numbers, whatever their values."""


STEPS_OF_LOOPS = frozenset(("getiter", "iternext", "pair_first", "pair_second"))
LOOP_PAIR = Pair(types.int64, types.boolean)


@dataclass(frozen=True, slots=True)
class Fields:
    """An array's fields, as values; `steps` is what one more of each index adds to the place, in `unit`s."""

    data: Any
    shape: list[Any]
    steps: list[Any]
    in_bytes: bool


class Lower(NumbaLower):  # type: ignore[misc]
    """Numba's, with shorter text for variables, elements of arrays, arithmetic and loops."""

    def _find_singly_assigned_variable(self) -> None:
        """Which variables never change (`_once`), and which need no slot (`_singly_assigned_vars`)."""
        super()._find_singly_assigned_variable()
        plain = not (self._disable_sroa_like_opt or self.func_ir.func_id.is_generator or catches(self.blocks))
        self._once = frozenset(assigned_once(self.blocks) if plain else ())
        self._fields: dict[str, Fields] = {}
        self._rows = RowScopes(self.blocks)
        self._implementations: dict[tuple[Any, ...], Any] = {}
        self._are_counted: dict[Any, bool] = {}
        self._singly_assigned_vars |= {name for name in self._once if not self._counted(self.typeof(name))}

    def _counted(self, kind: Any) -> bool:
        """Whether values of a type hold references that are counted."""
        if kind not in self._are_counted:
            self._are_counted[kind] = self.context.data_model_manager[kind].contains_nrt_meminfo()
        return self._are_counted[kind]

    def incref(self, typ: Any, val: Any) -> None:
        """Count a reference, if there is one."""
        if self._counted(typ):
            super().incref(typ, val)

    def decref(self, typ: Any, val: Any) -> None:
        """Give a reference back, if there is one."""
        if self._counted(typ):
            super().decref(typ, val)

    def delvar(self, name: str) -> None:
        """Forget a variable: nothing, where it holds no reference."""
        if self._counted(self.typeof(name)):
            super().delvar(name)

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Assign a variable, and take an array apart."""
        super().storevar(value, name, argidx)
        kind = self.typeof(name)
        if type(kind) is types.Array and name in self._once:
            self._fields[name] = self._take_apart(kind, value)

    def _take_apart(self, kind: Any, value: Any) -> Fields:
        model, builder = self.context.data_model_manager[kind], self.builder
        data, shape, strides = (
            builder.extract_value(value, model.get_field_position(field))
            for field in ("data", "shape", "strides")
        )
        lengths = [builder.extract_value(shape, axis) for axis in range(kind.ndim)]
        if kind.layout == "A":
            return Fields(
                data, lengths, [builder.extract_value(strides, axis) for axis in range(kind.ndim)], True
            )
        from_last = kind.layout == "C"
        inner = list(reversed(lengths[1:])) if from_last else lengths[:-1]
        steps = [None]  # None is one
        for length in inner:
            steps.append(length if steps[-1] is None else builder.mul(steps[-1], length))
        return Fields(data, lengths, list(reversed(steps)) if from_last else steps, False)

    def post_lower(self) -> None:
        """At the end: what lies in different rows."""
        super().post_lower()
        self._rows.tell(self.function)

    def _element(self, array: str, index: str) -> tuple[Any, list[Any]] | None:
        """The address of the element of an array at integers, one for each axis, and these; or None."""
        fields, kind = self._fields.get(array), self.typeof(index)
        if fields is None or self.context.enable_boundscheck:
            return None
        kinds = kind.types if isinstance(kind, BaseTuple) else (kind,)
        element = self.typeof(array).dtype
        if (
            not kinds
            or len(kinds) != len(fields.shape)
            or not isinstance(element, types.Number | types.Boolean)
        ):
            return None
        if not all(isinstance(part, types.Integer) for part in kinds):
            return None
        value, builder = self.loadvar(index), self.builder
        parts = parts_of(builder, value, len(kinds)) if isinstance(kind, BaseTuple) else [value]
        terms = []
        for part, part_kind, length, step in zip(parts, kinds, fields.shape, fields.steps, strict=True):
            place = fix_integer_index(self.context, builder, part_kind, part, length)
            terms.append(place if step is None else builder.mul(place, step))
        offset = functools.reduce(builder.add, terms)
        if fields.in_bytes:
            return cgutils.pointer_add(builder, fields.data, offset), []
        return builder.gep(fields.data, [offset]), parts

    def lower_getitem(self, resty: Any, expr: Any, value: Any, index: Any, signature: Any) -> Any:
        """`value[index]`."""
        found = self._element(value.name, index.name)
        if found is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        address, parts = found
        kind, builder = self.typeof(value.name), self.builder
        item = load_item(self.context, builder, kind, address)
        self._rows.note(builder.block.instructions[-1], value.name, parts)
        return self.context.cast(builder, item, kind.dtype, resty)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        """`target[index] = value`."""
        kind, given = self.typeof(target_var.name), self.typeof(value_var.name)
        scalar = isinstance(given, types.Number | types.Boolean)
        found = self._element(target_var.name, index_var.name) if scalar else None
        if found is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        address, parts = found
        cast, between, builder = self.context.cast, signature.args[2], self.builder
        value = cast(builder, self.loadvar(value_var.name), given, between)
        store_item(self.context, builder, kind, cast(builder, value, between, kind.dtype), address)
        self._rows.note(builder.block.instructions[-1], target_var.name, parts)
        return None

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """`left op right`: of numbers without the search for implementations for known values."""
        signature = self.fndesc.calltypes[expr]
        if op not in ARITHMETIC or not all(isinstance(kind, types.Number) for kind in signature.args):
            return super().lower_binop(resty, expr, op)
        values = [
            self.context.cast(self.builder, self.loadvar(side.name), self.typeof(side.name), kind)
            for side, kind in zip((expr.lhs, expr.rhs), signature.args, strict=True)
        ]
        implementation = self._implementations.get((op, signature.args))
        if implementation is None:
            known = self.context.typing_context.resolve_value_type(op)
            resolved = known.get_call_type(self.context.typing_context, signature.args, {})
            implementation = self.context.get_function(known, resolved)
            self._implementations[op, signature.args] = implementation
        return self.context.cast(
            self.builder, implementation(self.builder, values), signature.return_type, resty
        )

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        """Loops over a range whose step is one or minus one."""
        if expr.op in STEPS_OF_LOOPS:
            kind = self.typeof(expr.value.name)
            value = getattr(self, f"_{expr.op}")(kind, self.loadvar(expr.value.name))
            if value is not None:
                return value
        return super().lower_expr(resty, expr)

    def _lower_call_normal(self, fnty: Any, expr: Any, signature: Any) -> Any:
        """A call: `range` as the tuple of its bounds and its step."""
        if (
            getattr(fnty, "typing_key", None) is not range
            or signature.return_type != types.range_state64_type
        ):
            return super()._lower_call_normal(fnty, expr, signature)
        bounds = self.fold_call_args(fnty, signature, expr.args, expr.vararg, expr.kws)
        word = self.context.get_value_type(types.int64)
        start = word(0) if len(bounds) == 1 else bounds[0]
        step = bounds[2] if len(bounds) == 3 else word(1)
        return self._packed(types.range_state64_type, [start, bounds[0 if len(bounds) == 1 else 1], step])

    def _packed(self, kind: Any, parts: Sequence[Any]) -> Any:
        value = self.context.get_constant_undef(kind)
        for at, part in enumerate(parts):
            value = self.builder.insert_value(value, part, at)
        return value

    def _getiter(self, kind: Any, value: Any) -> Any:
        """Two slots: the next value, and how many there are."""
        if kind != types.range_state64_type:
            return None
        start, stop, step = parts_of(self.builder, value, 3)
        if not isinstance(step, llvm.Constant) or step.constant not in (1, -1):
            return None
        builder = self.builder
        count = builder.sub(stop, start) if step.constant == 1 else builder.sub(start, stop)
        slots = [cgutils.alloca_once(builder, part.type) for part in (start, count)]
        for part, slot in zip((start, count), slots, strict=True):
            builder.store(part, slot)
        return self._packed(types.range_iter64_type, [slots[0], stop, step, slots[1]])

    def _iternext(self, kind: Any, value: Any) -> Any:
        """The next value, and whether there is one; the branch is what LLVM knows loops by."""
        if kind != types.range_iter64_type:
            return None
        slot, _, step, counter = parts_of(self.builder, value, 4)
        if not isinstance(step, llvm.Constant):
            return None
        builder = self.builder
        item, count = builder.load(slot), builder.load(counter)
        there = builder.icmp_signed(">", count, count.type(0))
        with builder.if_then(there):
            builder.store(builder.add(item, step), slot)
            builder.store(builder.sub(count, count.type(1), flags=["nsw"]), counter)
        return self._packed(LOOP_PAIR, [item, there])

    def _pair_first(self, kind: Any, value: Any) -> Any:
        return parts_of(self.builder, value, 2)[0] if kind == LOOP_PAIR else None

    def _pair_second(self, kind: Any, value: Any) -> Any:
        return parts_of(self.builder, value, 2)[1] if kind == LOOP_PAIR else None


def catches(blocks: dict[int, Any]) -> bool:
    """Whether there is a `try`: what raises in it leaves a block in its middle, unseen by Numba's blocks."""
    steps = (step for block in blocks.values() for step in block.find_insts(Assign))
    return any(isinstance(step.value, Global) and step.value.value is exception_check for step in steps)


def assigned_once(blocks: dict[int, Any]) -> list[str]:
    """The variables with one assignment, which runs before every use, and in an earlier block or the same."""
    count = Counter(step.target.name for block in blocks.values() for step in block.find_insts(Assign))
    home = {step.target.name: label for label, block in blocks.items() for step in block.find_insts(Assign)}
    use_defs = compute_use_defs(blocks)
    above = compute_cfg_from_blocks(blocks).dominators()
    bad = set(must_use_alloca(blocks))
    for label, names in use_defs.usemap.items():
        bad |= {
            name for name in names if name in home and (home[name] >= label or home[name] not in above[label])
        }
    return [name for name, times in count.items() if times == 1 and name not in bad]


def parts_of(builder: Any, value: Any, count: int) -> list[Any]:
    """The parts of a tuple: what it was made of, where that is in sight."""
    known: dict[int, Any] = {}
    made = value
    while isinstance(made, llvm.instructions.InsertValue):
        known.setdefault(made.indices[0], made.operands[1])
        made = made.operands[0]
    return [known[at] if at in known else builder.extract_value(value, at) for at in range(count)]
