"""Showing a page in the browser of the machine, where it has one."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

_SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


def show(path: Path) -> bool:
    """Open a file in the browser; whether there is one to open it in.

    On Linux without a screen there is none: a browser in the terminal would take it over.
    """
    if sys.platform.startswith("linux") and not any(map(os.environ.get, _SCREENS)):
        return False
    try:
        return webbrowser.open(path.absolute().as_uri())
    except webbrowser.Error:
        return False
