"""Doing without a home folder and a user's name, as in containers that run as an unknown user."""

from __future__ import annotations

import atexit
import getpass
import os
import shutil
import tempfile
from pathlib import Path

_CACHES = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torchinductor"}
"""Variables of libraries that otherwise keep files in the home folder: name there."""


def make_do() -> None:
    """Give libraries a user's name and folders for their caches where the system has none.

    Processes started from here inherit both. What is made is removed at exit.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["USER"] = f"user{os.getuid()}"
    try:
        home: Path | None = Path.home()
    except RuntimeError:
        home = None
    if home is not None and os.access(home, os.W_OK | os.X_OK):
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix="bench-home-"))
    except OSError:
        return
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if home is None:
        os.environ["HOME"] = str(folder)
    for variable, name in _CACHES.items():
        os.environ.setdefault(variable, str(folder / name))
