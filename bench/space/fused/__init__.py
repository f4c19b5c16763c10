"""The super-network's cells, with the edges of a stage merged into few large operations."""
