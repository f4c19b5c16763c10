"""Which operations searches select, whether they are all alike, and what foretells it."""
