"""How many operations are alive, by epoch."""
