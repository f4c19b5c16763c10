"""Drawings of found cells."""
