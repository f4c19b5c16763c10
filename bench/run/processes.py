"""Processes that this one starts and ends, on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

SPAWN = multiprocessing.get_context("spawn")


def start(target: Callable[..., object], arguments: tuple[Any, ...]) -> BaseProcess:
    """A new process that runs `target`; Ctrl-C reaches this process alone, which then ends it.

    It inherits a blocked SIGINT, so even while it is still importing. The resource tracker unblocks
    it as it starts: not from here.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = SPAWN.Process(target=target, args=arguments, daemon=True)
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
