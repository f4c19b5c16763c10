"""Several searches that differ in their seeds alone, as one program."""
