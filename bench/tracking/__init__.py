"""MLflow: the facts of the records, for people to explore."""
