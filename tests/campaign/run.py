"""The campaign's command, from a checkout: `python tests/campaign/run.py --help`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:1] = [str(root), str(root / "tests")]
    from campaign.command import main

    sys.exit(main())
