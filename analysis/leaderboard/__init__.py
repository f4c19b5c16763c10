"""Which method found the best networks, how sure that is, and what it cost."""
