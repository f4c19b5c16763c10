"""What pytest does not collect: the tests of a package that is not installed."""

collect_ignore = ["stranger"]
