"""A small study file and the made-up method that it names, for tests of study, runner and CLI."""

from __future__ import annotations

import os
from pathlib import Path

PLUGIN = Path(__file__).parent / "plugin"

TEXT = """\
name: small
description: coins
methods:
  a: {method: coin}
  b: {method: coin, tosses: 2}
  c: {method: coin, tosses: 3}
datasets: [digits]
seeds: [0]
baseline: a
search: {epochs: 2}
"""


def write(folder: Path, text: str = TEXT) -> str:
    """The path of a study file in `folder`."""
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def environment(**variables: str) -> dict[str, str]:
    """The environment of a process that finds the made-up method and the modules of the tests."""
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(PLUGIN)]
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables}
