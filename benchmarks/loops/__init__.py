"""Kernels in the style of NPBench and PolyBench, each reduced to one number."""
