"""Differences of a study's variations from their base."""
