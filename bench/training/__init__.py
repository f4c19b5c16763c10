"""The one trainer, for search and for evaluation."""
