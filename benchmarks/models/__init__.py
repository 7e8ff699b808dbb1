"""Simulators and likelihoods, as scientists write them."""
