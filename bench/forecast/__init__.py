"""What a run will cost before it is run: `bench run --dry-run`. The door is `forecast`."""
