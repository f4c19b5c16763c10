"""What a tuning tried and what it gained."""
