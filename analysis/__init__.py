"""Tables and figures as pure functions of records; needs no torch."""
