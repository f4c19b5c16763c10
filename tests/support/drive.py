"""`bench`, with trials that take milliseconds and without MLflow: for tests of whole processes."""

import functools
import sys

from bench.cli.main import main
from bench.run import session

if __name__ == "__main__":
    session.Settings = functools.partial(session.Settings, execute="support.tiny_trials:run")
    session.Tracker.log = lambda self, record: None
    session.Tracker.complete = lambda self, records: None
    sys.exit(main())
