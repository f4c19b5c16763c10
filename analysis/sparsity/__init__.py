"""Parameters, zeros, and accuracy along the path of thresholds."""
