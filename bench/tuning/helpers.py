"""Further processes that work on the same tuning."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.run import processes


@contextlib.contextmanager
def working(count: int, target: Callable[..., object], *arguments: Any) -> Iterator[None]:
    """`count` processes beside this one that call `target(*arguments)`, silently but for errors.

    They are waited for at the end, and ended when it comes early. Whatever this process is - a
    command, a program, a notebook - is not run again: `target` and `arguments` are sent (pickled).
    """
    helpers = [processes.start(_call, (target, arguments)) for _ in range(count)]
    try:
        yield
        for helper in helpers:
            helper.join()
    finally:
        for helper in helpers:
            helper.kill()
            helper.join()


def _call(target: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    processes.end_with_parent()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            target(*arguments)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
