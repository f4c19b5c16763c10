"""A campaign against the product: kills, bad input and faults, with a table of what came of it."""
