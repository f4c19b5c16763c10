"""What is compared: a study file, checked, and the trials that it expands into."""
