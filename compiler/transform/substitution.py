"""Systems whose matrix is a Cholesky factor are solved by substitution.

Before::

    lower: f64[:, :] = cholesky(a)
    x: f64[:] = solve(lower, b)
    upper: f64[:, :] = view lower transpose
    y: f64[:] = solve(upper, x)

After::

    lower: f64[:, :] = cholesky(a)
    x: f64[:] = solve_lower(lower, b)
    upper: f64[:, :] = view lower transpose
    y: f64[:] = solve_upper(upper, x)

A general solver would factorise the factor. The adjoint of a substitution is one, and does not ask for the
adjoint of zeros. The diagonal of a factor is positive, so no system is singular. Only where nothing ever
writes to the factor: its upper triangle is zero then.
"""

from __future__ import annotations

from ..analysis.memory import Memory, is_reference
from ..ir.nodes import Call, CallFn, Function, Op, Value, View
from ..ir.walk import rewrite, walk


def substitution(fn: Function) -> Function:
    """Replace general solvers; the function itself where there are none."""
    calls = {op.name for op in walk(fn.body) if isinstance(op, Call)}
    if not {"cholesky", "solve"} <= calls:
        return fn
    triangles = _triangles(fn)

    def change(op: Op) -> list[Op] | None:
        if not isinstance(op, Call) or op.name != "solve" or op.args[0] not in triangles:
            return None
        name = "solve_upper" if triangles[op.args[0]] else "solve_lower"
        return [Call(op.args, op.outs, (), (name,), op.src)]

    return Function(fn.name, rewrite(fn.body, change))


def _triangles(fn: Function) -> dict[Value, bool]:
    """Cholesky factors that nothing writes to, and their transposes: whether they are upper triangles."""
    memory = Memory(fn)
    written = set(memory.written())
    for op in walk(fn.body):
        if isinstance(op, CallFn):
            written.update(*(memory.origins(a) for a in op.args if is_reference(a)))
    found: dict[Value, bool] = {}
    for op in walk(fn.body):
        if isinstance(op, Call) and op.name == "cholesky" and op.out not in written:
            found[op.out] = False
        elif isinstance(op, View) and op.kind == "transpose" and op.array in found:
            found[op.out] = found[op.array] ^ (op.spec == (1, 0))
    return found
