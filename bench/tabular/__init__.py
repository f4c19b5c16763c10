"""Spaces whose every architecture's accuracy is known: providers of such tables, and truths."""
