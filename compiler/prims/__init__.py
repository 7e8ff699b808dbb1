"""Scalar primitives and library calls with their rules; importing any of them fills the tables."""

from . import registry as registry
