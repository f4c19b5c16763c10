"""Posterior tables of every trial: distributions, confidence against accuracy."""
