"""`python -m bench`: the same as the command `bench`."""

import sys

from bench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
