"""What PGNAS draws: masks of operations or of slices, and candidates with inherited weights."""
