"""What finished trials leave behind, and what can be said of it without running anything."""
