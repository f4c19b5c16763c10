"""One `bench run`: trials on worker processes, with progress; records, MLflow kept up to date."""
