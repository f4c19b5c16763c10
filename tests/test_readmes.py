"""What the pages for readers say: commands that can be typed, files and options that exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bench.cli.main import _HEADINGS, main
from bench.cli.main import bench as group
from bench.cluster.file import ENGINES
from bench.data.config import DataConfig
from bench.options import fields
from bench.records.store import read
from bench.space.config import SpaceConfig
from bench.space.nas_bench_201.config import NasBench201Config
from bench.study import file as study_file
from bench.study.gate_file import GateConfig
from bench.tabular.config import TabularConfig
from bench.testing import MethodConformance
from bench.training.config import EvaluationConfig, SearchConfig

ROOT = Path(__file__).parents[1]
PACKAGES = ("analysis", "bench", "methods", "results", "tests")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("[a-z]*/**/README.md"))]
}
README = PAGES["README.md"]
PLACEHOLDERS = {
    "STUDY": "quickstart",
    "STUDY...": "quickstart",
    "KIND": "studies",
    "NAME": "vinnas",
}
PLUGIN = "methods.crisp"
"""Begins an override that needs the plug-in: see tests/testing/test_stranger.py."""


def blocks(page: str) -> Iterator[tuple[str, list[str]]]:
    """(language, lines) of every fenced or indented code block; the latter are of language ""."""
    lines: list[str] = []
    language: str | None = None
    for line in [*PAGES[page].splitlines(), ""]:
        if line.startswith("```"):
            if language is not None:
                yield language, lines
            language, lines = (line.removeprefix("```") if language is None else None), []
        elif language is not None:
            lines.append(line)
        elif line.startswith("    "):
            lines.append(line.removeprefix("    "))
        elif lines:
            yield "", lines
            lines = []


def words(page: str) -> list[str]:
    """What stands between backticks, outside of code blocks."""
    prose = re.sub(r"^```.*?^```|^    .*?$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    return [text.replace("\\|", "|") for text in re.findall(r"`([^`]+)`", prose)]


def typed(text: str) -> Iterator[list[str]]:
    """The arguments of each `bench` of a shell line: no comments, no explanation beside it."""
    for command in text.removeprefix("$ ").split(" && "):
        before_explanation = re.split(r" {2,}", command)[0]
        tokens = shlex.split(before_explanation, comments=True)
        if tokens and tokens[0].rpartition("/")[2] == "bench":
            yield [PLACEHOLDERS.get(token, token) for token in tokens[1:]]


def commands() -> list[tuple[str, list[str]]]:
    """(page, arguments) of every command of `bench` in every page, in code and in prose."""
    found = []
    for page in PAGES:
        lines = [line for _, lines in blocks(page) for line in lines if "bench " in line]
        lines += [text.replace("\n", " ") for text in words(page) if text.startswith("bench ")]
        found += [(page, arguments) for line in lines for arguments in typed(line)]
    return found


COMMANDS = commands()
RUNS = [c for c in COMMANDS if c[1][:1] == ["run"] and len(c[1]) > 1 and PLUGIN not in str(c)]
_SHORT = ("list", "show", "doctor", "completion", "status")
QUICK = [c for c in COMMANDS if c[1][0] in _SHORT and c[1][1:] and "--cluster" not in c[1]]
assert len(COMMANDS) > 40 and len(RUNS) > 8 and len(QUICK) > 5  # else they are not recognised


def name(command: Any) -> str:
    """The name of a command's test."""
    return f"{command[0]}: {' '.join(command[1])}" if isinstance(command, tuple) else str(command)


def shown_studies() -> dict[str, str]:
    """name -> text of every study that a page shows from its first key on."""
    texts = ["\n".join(lines) for page in PAGES for _, lines in blocks(page)]
    return {yaml.safe_load(text)["name"]: text for text in texts if text.startswith("name: ")}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands are typed in an empty folder, beside the studies that the pages show."""
    monkeypatch.chdir(tmp_path)
    for study, text in shown_studies().items():
        (tmp_path / f"{study}.yaml").write_text(text)
    for text, file in re.findall(r"printf '(.*?)' > (\S+)", "\n".join(PAGES.values())):
        (tmp_path / file).write_text(text.replace("\\n", "\n"))


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_commands_parse(command: tuple[str, list[str]]) -> None:
    verb, *arguments = command[1]
    if verb in ("VERB", "--help"):
        return
    assert verb in group.commands, f"no verb {verb}"
    if not arguments or (arguments[0].startswith("--") and len(arguments) == 1):
        options = {name for option in group.commands[verb].params for name in option.opts}
        assert set(arguments) <= {*options, "--help"}
        return
    with group.commands[verb].make_context(verb, arguments) as context:
        for reference in click_references(context):
            known = reference in study_file.shipped() or Path(f"{reference}").is_file()
            assert known or (ROOT / reference / "records").is_dir(), reference


def click_references(context: click.Context) -> tuple[str, ...]:
    """The studies that a parsed command names."""
    references = context.params.get("references") or context.params.get("study") or ()
    return (references,) if isinstance(references, str) else tuple(references)


@pytest.mark.parametrize("command", RUNS, ids=name)
def test_every_run_would_run(
    command: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = list(command[1])
    if "--evaluation" in arguments:  # what the tuning before it writes, where it is kept here
        at = arguments.index("--evaluation") + 1
        settings = ROOT / arguments[at]
        arguments[at - 1 : at + 1] = ["--evaluation", str(settings)] if settings.exists() else []
    if arguments[1].startswith("--"):
        arguments.insert(1, "quickstart")
    if "--results" in arguments:
        arguments[arguments.index("--results") + 1] = "elsewhere"
    status, said = main([*arguments, "--dry-run", "--estimate", "none"]), capsys.readouterr()
    refused = re.search(r"there is no \S+ here, in |cannot be read: No such file", said.err)
    assert status == (2 if refused else 0), said.err  # images that are not on this machine
    assert re.search(r"\d+ trials, 0 finished", said.out)


@pytest.mark.parametrize("command", QUICK, ids=name)
def test_short_commands_run(
    command: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command[1]) == 0
    assert capsys.readouterr().out


def test_extras_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for text in PAGES.values() for extra in re.findall(r"'\.\[(.*?)\]'", text)}
    assert named <= set(project["optional-dependencies"])
    assert {"test", "tabular"} <= named


def test_it_is_short_and_in_order() -> None:
    assert len(README.splitlines()) <= 160
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == [
        "What came out",
        "Install and run",
        "What you get",
        "A study of your own",
        "A method of your own",
        "What makes it fair",
        "Commands",
        "Limits",
        "Citing and layout",
    ]


def test_the_table_is_the_committed_one() -> None:
    board = (ROOT / "results/collapse/leaderboard.md").read_text(encoding="utf-8")
    assert "\nGate: passed." in board
    table = re.search(r"^\| rank.*?\n\n", board, re.MULTILINE | re.DOTALL)
    assert table is not None and table.group() in README


def test_commands_stand_as_the_help_groups_them() -> None:
    listed = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    groups = dict(re.findall(r"^- (.*?): (.*)$", listed, re.MULTILINE))
    assert {heading: re.findall(r"`bench (\w+)", text) for heading, text in groups.items()} == {
        heading: [verb.name for verb in verbs] + ["VERB"] * ("shell" in heading)
        for heading, verbs in _HEADINGS.items()
    }


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
            assert file.exists(), target
            assert not anchor or anchor in anchors(str(file.relative_to(ROOT))), target


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page: str) -> None:
    parent = (ROOT / page).parent
    for text in words(page):
        first = text.partition("/")[0]
        is_path = re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", text) and "/" in text
        if (
            is_path
            and first in PACKAGES
            and not text.startswith(("results/STUDY", "results/quick"))
        ):
            assert (ROOT / text).exists() or (parent / text).exists(), text


@pytest.mark.parametrize("package", ["bench", "analysis"])
def test_the_tree_is_the_real_one(package: str) -> None:
    tree = PAGES[f"{package}/README.md"].partition("\n## Where things are\n")[2]
    lines = re.findall(r"^    ( *)(\S.*)$", tree, re.MULTILINE)
    named: set[Path] = set()
    folder = ROOT / package
    for indent, text in lines:
        words = re.split(r" {2,}", text)[0]
        parent = folder if indent else ROOT / package
        for word in re.findall(r"[\w./]+", words):
            path = parent / word
            found = path if path.exists() else path.with_suffix(".py")
            assert found.exists(), f"{word} in {parent.name}"
            named.add(found)
            if not indent:
                folder = found
    flat = {
        p for p in (ROOT / package).iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    unnamed = {p.name for p in flat - named} - {"__init__.py", "__main__.py"}
    assert not unnamed


def options(section: str) -> dict[str, str]:
    """Option -> default, as the table of a section of the study file has them."""
    manual = PAGES["bench/README.md"].partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (`.*?) \|([^|]*)\|", manual, re.MULTILINE)
    return {
        name: default.strip() for names, default in rows for name in re.findall(r"`(\w+)`", names)
    }


@pytest.mark.parametrize(
    ("section", "config"),
    [
        ("data", DataConfig),
        ("space", SpaceConfig),
        ("search", SearchConfig),
        ("evaluation", EvaluationConfig),
    ],
)
def test_every_option_is_in_the_manual_with_its_default(section: str, config: type) -> None:
    told = options(section)
    for name, field in fields(config).items():
        if (section, name) == ("data", "name"):
            continue
        assert name in told, name
        default = field.default
        if isinstance(default, (int, float)) and not isinstance(default, bool) and told[name]:
            assert float(told[name]) == default, name
        elif isinstance(default, (bool, str)) and told[name]:
            assert told[name] == str(default).lower(), name


def test_other_sections_are_in_the_manual() -> None:
    manual = PAGES["bench/README.md"]
    known = manual.partition("\n### Known accuracies\n")[2].partition("\n## ")[0]
    for name, field in fields(TabularConfig).items():
        assert name == "kind" or re.search(rf"`{name}`", known), name
        assert str(field.default) in known
    clusters = manual.partition("\n## Clusters\n")[2].partition("\n## ")[0]
    assert all(f"`{name}`" in clusters for engine in ENGINES.values() for name in fields(engine))
    gate = manual.partition("\n## The gate\n")[2].partition("\n## ")[0]
    assert all(f"      {name}: " in gate for name in fields(GateConfig))
    assert all(f"`{name}`" in manual for name in fields(NasBench201Config))
    (example,) = (lines for _, lines in blocks("bench/README.md") if lines[0] == "gate:")
    assert set(yaml.safe_load("\n".join(example))["gate"]) == {
        *fields(GateConfig), "cells", "levels", "evaluation"
    }  # fmt: skip


def test_the_shown_ablations_are_a_study(tmp_path: Path) -> None:
    (lines,) = (lines for _, lines in blocks("bench/README.md") if lines[0].startswith("methods:"))
    path = tmp_path / "shown.yaml"
    path.write_text("\n".join(["name: shown", "datasets: [digits]", "seeds: [0]", *lines]))
    study = study_file.load(str(path))
    assert len(study.variations) == 1 + 1 + 4


def test_the_shown_study_is_one() -> None:
    study = study_file.load("mine.yaml")
    assert len(study.trials) == len(study.labels) * len(study.seeds) > 3


def test_the_conformance_tests_are_explained() -> None:
    named = re.findall(r"^\| `(test_\w+)` \|", PAGES["methods/README.md"], re.MULTILINE)
    assert sorted(named) == sorted(n for n in dir(MethodConformance) if n.startswith("test_"))


def test_committed_studies_are_listed_with_what_their_records_say() -> None:
    page = PAGES["results/README.md"]
    lines = [line for line in page.splitlines() if line.startswith("| [")]
    rows = {line[3:].partition("]")[0]: line.strip("| ").split(" | ") for line in lines}
    studies = sorted(path.parent for path in (ROOT / "results").glob("*/records"))
    assert studies
    for study in studies:
        records = [read(path) for path in study.glob("records/*.json")]
        seeds, gate, hours, engine = rows[study.name][-4:]
        engines = Counter(record.provenance.engine_version for record in records)
        assert engine == ", ".join(f"{one} ({count})" for one, count in engines.items()), study.name
        rows_of = [(one.trial.label, one.trial.dataset, one.is_tuned) for one in records]
        per_method = Counter(rows_of).values()
        told = [int(number) for number in re.findall(r"\d+", seeds)]
        assert told == sorted({min(per_method), max(per_method)}), study.name
        verdict = study / "gate.json"
        state = json.loads(verdict.read_text())["passed"] if verdict.is_file() else None
        assert gate.startswith({True: "passed", False: "failed", None: "not run"}[state]), (
            study.name
        )
        spent = [
            datetime.fromisoformat(one.provenance.finished)
            - datetime.fromisoformat(one.provenance.started)
            for one in records
        ]
        assert hours == f"{sum(spent, timedelta()).total_seconds() / 3600:.1f}", study.name
    for path in (ROOT / "results").iterdir():
        assert not path.is_dir() or path.name == "quickstart" or path.name in page


@pytest.mark.parametrize("page", PAGES)
def test_no_diary(page: str) -> None:
    diary = r"\bround \d|this session|the session|told apart|METHODS\.md|\bone row a\b|we then"
    assert not re.search(diary, PAGES[page])
