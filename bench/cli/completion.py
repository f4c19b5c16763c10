"""What TAB completes besides verbs, options and choices. Imports nothing heavy."""

from __future__ import annotations

from importlib import metadata, resources
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import CompletionItem

_SECTIONS = ("architectures", "data", "space", "search", "evaluation", "tabular", "gate")
TOPICS = (*_SECTIONS, "uncertainty")
"""What `bench show` explains besides what `bench list` lists: sections of the study file."""


def complete_study(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped studies and YAML files; where none fits, any path, as a folder may lead to some."""
    folder = Path(incomplete.rpartition("/")[0])
    paths = sorted(str(path) for end in ("yaml", "yml") for path in folder.glob(f"*.{end}"))
    shipped = [path.name for path in (resources.files("bench") / "studies").iterdir()]
    names = sorted(name.removesuffix(".yaml") for name in shipped if name.endswith(".yaml"))
    fitting = [CompletionItem(name) for name in names + paths if name.startswith(incomplete)]
    return fitting or [CompletionItem(incomplete, "file")]


def complete_method(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """Installed methods; bench.plugins, which lists them too, would import torch."""
    names = {entry.name for entry in metadata.entry_points(group="bench.methods")}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def complete_anything(
    context: Context, parameter: Parameter, incomplete: str
) -> list[CompletionItem]:
    """What `bench show` explains: methods, studies, spaces, data sets, topics."""
    from bench.data import registry

    methods = {item.value for item in complete_method(context, parameter, incomplete)}
    offered = complete_study(context, parameter, incomplete)
    studies = {item.value for item in offered if item.type == "plain"}  # the rest is for the shell
    names = methods | studies | set(TOPICS)
    names |= {name for name in registry.names() if ":" not in name}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
