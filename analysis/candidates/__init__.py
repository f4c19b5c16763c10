"""Candidates with inherited weights: guided by a posterior, and uniform."""
