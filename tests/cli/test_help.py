"""Help as a new user reads it: in 80 columns, complete, with examples that can be typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support import studies

from bench.cli.main import bench as group
from bench.study.file import shipped

Bench = Callable[..., int]

WORKFLOW = {
    "Find out what there is": ["list", "show", "doctor", "speed"],
    "Make and run a study": ["init", "gate", "run", "status", "tune", "sync"],
    "Read the results": [
        "leaderboard",
        "claims",
        "analyze",
        "ablate",
        "report",
        "verify",
        "rerun",
        "calibrate",
    ],
    "Set up the shell": ["completion"],
}
VERBS = [verb for verbs in WORKFLOW.values() for verb in verbs]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_a_terminal_of_80_columns(
    verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*filter(None, [verb, "--help"])) == 0
    out = capsys.readouterr().out
    assert out and max(map(len, out.splitlines())) <= 80
    assert out.isascii()


def test_verbs_stand_below_headings_in_the_order_of_the_workflow(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench("--help")
    lines = capsys.readouterr().out.splitlines()
    sections: dict[str, list[str]] = {}
    for line in lines[lines.index("Find out what there is:") :]:
        if line.endswith(":"):
            section = sections[line[:-1]] = []
        elif line:
            section.append(line)
    assert all(len(line.split(maxsplit=1)) == 2 for line in sections["Make and run a study"])
    names = {heading: [line.split()[0] for line in rows] for heading, rows in sections.items()}
    assert {heading: names[heading] for heading in WORKFLOW} == WORKFLOW
    assert list(sections) == [*WORKFLOW, "Options", "Examples"]
    assert sorted(VERBS) == sorted(group.commands)


@pytest.mark.parametrize("verb", VERBS)
def test_every_parameter_is_explained_with_its_default(verb: str) -> None:
    command = group.commands[verb]
    context = click.Context(command, info_name=verb, show_default=True)
    needs_none = {"dry_run", "stale", "everything", "quick", "overrides", "evaluation"}
    needs_none |= {"from_mlflow", "timeout", "study", "pick", "into", "system_metrics", "shown"}
    needs_none |= {"until_decided"}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        assert record is not None and len(record[1]) > 10, parameter
        if isinstance(parameter, click.Option) and parameter.name not in needs_none:
            assert "default: " in record[1], parameter
        if isinstance(parameter.type, click.Choice):
            assert all(str(choice) in "".join(record) for choice in parameter.type.choices)


@pytest.mark.parametrize("verb", VERBS)
def test_examples_can_be_typed(verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench(verb, "--help")
    Path("slurm.yaml").write_text("engine: slurm\n")  # that of an example
    examples = capsys.readouterr().out.partition("\nExamples:\n")[2].splitlines()
    assert examples
    for example in examples:
        program, name, *arguments = shlex.split(re.split(" >>? ", example)[0])
        assert (program, name) == ("bench", verb)
        with group.commands[verb].make_context(verb, arguments) as context:
            names = context.params.get("references", ())
        assert all(name in shipped() or name.startswith("results/") for name in names)


HEAVY = ("torch", "mlflow", "optuna", "pandas", "numpy", "pydantic", "yaml", "analysis", "methods")


PROGRAM = f"""
import os, sys
from bench.cli.main import main
main(["--help"])
main(["run", "--help"])
os.environ.update(_BENCH_COMPLETE="bash_complete", COMP_WORDS="bench run ", COMP_CWORD="2")
main([])
os.environ.update(COMP_WORDS="bench leaderboard small.yaml --baseline ", COMP_CWORD="4")
main([])
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def test_neither_help_nor_completion_imports_anything_heavy() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=studies.environment(), capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert {"plain,quickstart", "plain,small.yaml", "plain,coin"} <= set(done.stdout.splitlines())
