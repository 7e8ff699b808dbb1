"""Scalar primitives and library calls; importing anything from here fills PRIMS and CALLS."""

from . import registry as registry
