"""Cells that one study has found, for another study to evaluate."""
