"""The command line: `bench VERB ...`."""
