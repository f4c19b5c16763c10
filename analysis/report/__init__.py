"""One web page with everything about a study."""
