"""Running a record's trial again from the record alone, and comparing what comes out."""
