"""`bench` with the campaign's worker processes: `python -m campaign.drive run STUDY ...`."""

import functools
import sys

from bench.cli.main import main
from bench.run import session

if __name__ == "__main__":
    session.Settings = functools.partial(session.Settings, execute="campaign.trials:run")
    sys.exit(main())
