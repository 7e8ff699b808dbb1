"""The passes, in order: one line here adds one.

PRIMAL until nothing changes ─► NESTS, CLEANUP after each ─► derivatives ─► CLEANUP ─► REVERSED or FUSION
"""

from __future__ import annotations

from collections.abc import Callable

from .ir.nodes import Function
from .transform.ascend import ascend
from .transform.by_parts import by_parts
from .transform.checked_dce import checked_dce
from .transform.contract import contract
from .transform.counters import counters
from .transform.cse import cse
from .transform.dce import dce
from .transform.double_buffer import double_buffer
from .transform.exchange import exchange
from .transform.fold import fold
from .transform.fuse_loops import fuse_gathered, fuse_loops
from .transform.gather import gather
from .transform.interchange import interchange
from .transform.layout import layout
from .transform.licm import licm
from .transform.lift_checks import lift_checks
from .transform.log_shares import log_shares
from .transform.narrow import narrow
from .transform.products import products
from .transform.promote import promote, promote_all
from .transform.recurrences import recurrences
from .transform.restart import restart
from .transform.ring_rows import ring_rows
from .transform.rings import rings
from .transform.scalarise import scalarise
from .transform.select_branches import select_branches
from .transform.short_products import short_products
from .transform.sink import sink
from .transform.substitution import substitution
from .transform.sum_first import sum_first
from .transform.tabulate import tabulate
from .transform.unroll import unroll
from .transform.zero_between import zero_between
from .transform.zero_terms import zero_terms

Passes = tuple[Callable[..., Function], ...]

CLEANUP: Passes = (fold, select_branches, cse, licm, dce, scalarise)
PRIMAL_CLEANUP: Passes = (*CLEANUP[:4], checked_dce, *CLEANUP[5:])
PRIMAL: Passes = (
    narrow,
    counters,
    *CLEANUP[:2],
    rings,
    zero_terms,
    *PRIMAL_CLEANUP[2:-1],
    lift_checks,
    substitution,
    short_products,
    unroll,
    scalarise,
)
"""Loops are written out before the adjoint only: the loops that it makes should stay readable."""
FUSION: Passes = (fuse_loops, contract, promote)
NESTS: Passes = (
    tabulate,
    exchange,
    products,
    interchange,
    fuse_loops,
    recurrences,
    *FUSION,
    layout,
    log_shares,
)
"""Recurrences of whole columns are one nest only once their temporaries are fused away."""
REVERSED: Passes = (
    ascend,
    fuse_loops,
    double_buffer,
    contract,
    by_parts,
    gather,
    fuse_gathered,
    zero_between,
    restart,
    contract,
    ring_rows,
    promote_all,
    sink,
    sum_first,
)
LANES_BUDGET = 1000
"""Ops that all trips of a loop over few lanes may have if it is written out: there may be much between two
branches of the program."""


def unroll_lanes(fn: Function) -> Function:
    """Write out loops over few lanes too, which are long."""
    return unroll(fn, budget=LANES_BUDGET)


LANES: Passes = (*CLEANUP[:-1], unroll_lanes, scalarise)
