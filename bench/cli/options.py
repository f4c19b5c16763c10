"""What verbs share: form, exit statuses, types of values, the STUDY argument, some options."""

from __future__ import annotations

import contextlib
import functools
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import Context, Parameter, option

from bench.cli.completion import complete_study
from bench.errors import ConfigurationError, suggest

if TYPE_CHECKING:
    from analysis.common.operations import CollapseThresholds
    from bench.cluster.file import Cluster
    from bench.records.gather import Gathered
    from bench.records.store import Store
    from bench.study.model import Study

DONE, SOME_FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # exit statuses
Function = Callable[..., int]  # of a verb; it returns the exit status


class Verb(click.Command):
    """A verb; its epilog is a list of commands that can be typed as they stand."""

    def format_epilog(self, ctx: Context, formatter: click.HelpFormatter) -> None:
        """Write the examples line by line, never wrapped."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in (self.epilog or "").splitlines()))


def verb(name: str, *examples: str) -> Callable[[Function], Verb]:
    """Make a verb of a function, whose docstring is the help; examples begin after the verb."""
    lines = (f"bench {name} {example}".rstrip() for example in examples)
    return click.command(name, cls=Verb, epilog="\n".join(lines))


class OneOf(click.Choice[str]):
    """One of some words; for a wrong one the nearest is suggested."""

    def get_invalid_choice_message(self, value: object, ctx: Context | None) -> str:
        """What is said after the option's name."""
        return f"{value}: {suggest(str(value), self.choices)}"


class Whole(click.IntRange):
    """A whole number, at least `min` and, where there is one, at most `max`."""

    name = "n"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """The number, with one text for whatever is wrong with it."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            most = f", at most {self.max}" if self.max is not None else ""
            self.fail(f"{value}: must be a whole number, at least {self.min}{most}", param, ctx)


def share(value: str) -> float:
    """A number above 0 and up to 1. Raises click.BadParameter."""
    with contextlib.suppress(ValueError):
        if 0 < float(value) <= 1:
            return float(value)
    raise click.BadParameter(f"{value}: must be a share above 0 and up to 1")


def points(value: str) -> float:
    """A number of percentage points, at least 0. Raises click.BadParameter."""
    with contextlib.suppress(ValueError):
        if 0 <= float(value) <= 100:
            return float(value)
    raise click.BadParameter(f"{value}: must be a number of points, from 0 to 100")


COUNT = Whole(min=1)
SEEDS = Whole(min=1, max=1000)
PATH = click.Path(path_type=Path, readable=False)  # what uses a path says what is wrong with it
_folder = functools.partial(option, type=PATH, metavar="DIR")
RESULTS = Path("results")
results = _folder("--results", default=RESULTS, help="Where the studies' results are.")
data_root = _folder(
    "--data-root", show_default="$BENCH_DATA, ~/.cache/bench-data", help="Where data sets are."
)
output = _folder("--output", show_default="the study's results", help="Where to write.")
overrides = option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the study; repeatable."
)


def _refuse_absent_cuda(ctx: Context, parameter: Parameter, wanted: str) -> str:
    elsewhere = ctx.params.get("cluster") is not None  # it is looked for where trials run
    if wanted == "cuda" and not elsewhere and not ctx.resilient_parsing:
        from bench.run import machine

        machine.refuse_absent_cuda(wanted)
    return wanted


def _read_cluster(ctx: Context, parameter: Parameter, path: Path | None) -> Cluster | None:
    if path is None or ctx.resilient_parsing:
        return None
    from bench.cluster import file

    return file.load(path)


cluster = option(
    "--cluster",
    type=PATH,
    metavar="FILE",
    callback=_read_cluster,
    is_eager=True,
    show_default="this machine",
    help="Of a cluster to run on: Ray or SLURM.",
)
device_option = functools.partial(
    option,
    "--device",
    type=OneOf(("cpu", "cuda", "auto")),
    default="auto",
    callback=_refuse_absent_cuda,
)
device = device_option(help="Where to compute; auto prefers cuda.")
tracking_uri = option(
    "--tracking-uri", metavar="URI", show_default="mlflow.db in the results", help="MLflow server."
)
_threshold = functools.partial(option, type=share, show_default="0.75")
_of_type = _threshold("--collapse-type", help="Collapsed: one operation type has this share.")
_of_free = _threshold("--collapse-free", help="Collapsed: so many edges have no parameters.")
region = option(
    "--region",
    type=points,
    metavar="POINTS",
    show_default="0.5; that of --until-decided",
    help="Such differences are equivalent.",
)


def collapse(function: Function) -> Function:
    """--collapse-type and --collapse-free: from which share on tables call a cell collapsed."""
    return _of_type(_of_free(function))


def thresholds(shares: Mapping[str, float | None]) -> CollapseThresholds:
    """What --collapse-type and --collapse-free say, else the defaults."""
    from analysis.common.operations import CollapseThresholds

    given = {name.removeprefix("collapse_"): share for name, share in shares.items() if share}
    return CollapseThresholds(**given)


def find_program(name: str) -> str:
    """How a program of this installation is typed here: its path where the shell knows it not."""
    beside = Path(sys.executable).parent / name
    if shutil.which(name) or not beside.exists():
        return name
    with contextlib.suppress(ValueError):
        return str(beside.relative_to(Path.cwd()))
    return str(beside)


@dataclass(frozen=True)
class StudyArguments:
    """Which studies are meant (one, but for the leaderboard), and the folder of all results."""

    references: Sequence[str]
    overrides: Sequence[str]
    results: Path

    def type_each(self, verb: str) -> list[str]:
        """The command line of another verb about each of these studies."""
        # where a folder of records was named, a verb that trains needs its study
        names = [
            Path(name).resolve().name if Path(name).is_dir() else name for name in self.references
        ]
        return [replace(self, references=(name,)).type(verb) for name in names]

    def type(self, verb: str) -> str:
        """The command line of another verb about the same studies."""
        changes = [part for assignment in self.overrides for part in ("--set", assignment)]
        place = [] if self.results == RESULTS else ["--results", str(self.results)]
        return shlex.join([find_program("bench"), verb, *self.references, *changes, *place])

    def read(self) -> tuple[Study, Store]:
        """The study as its file has it, and its results. Raises ConfigurationError."""
        from bench.records import origin
        from bench.records.store import Store
        from bench.records.transfer.loading import load

        (reference,) = self.references
        study = load(reference, self.overrides, self.results)
        store = Store(self.results / study.name)
        origin.check(study, store.folder)
        return study, store

    def open(self, evaluation: Path | None = None, tuned: bool = True) -> tuple[Study, Store]:
        """The study with the seeds of `bench run --until-decided`, and its results.

        tuned: with the trials of the settings of `bench run --evaluation`, past and given. Raises
        ConfigurationError and, where the file of the seeds cannot be read, ResultsError.
        """
        from bench.records.gather import with_additions
        from bench.records.sequential import with_looks

        study, store = self.read()
        if not tuned:
            return with_looks(study, store.folder), store
        return with_additions(study, store.folder, evaluation), store

    def gather(
        self, uri: str | None = None, baseline: str | None = None, region: float | None = None
    ) -> Gathered:
        """The records to write tables from. Raises as bench.records.gather does."""
        from bench.records.gather import gather

        gathered = gather(self.references, self.results, self.overrides, uri, baseline)
        if region is None:
            return gathered
        return replace(gathered, facts=replace(gathered.facts, region=region))

    def gather_each(self) -> list[Gathered]:
        """The records of each study by itself, in the order given. Raises as `gather`."""
        from bench.records.gather import gather, take_once

        references = dict.fromkeys(self.references)
        return take_once(gather((one,), self.results, self.overrides) for one in references)

    def gather_all(self, region: float | None) -> list[Gathered]:
        """The records of every study in the folder of results, by name. Raises as `gather`."""
        from bench.study.file import shipped

        folders = sorted(path.parent for path in self.results.glob("*/records"))
        if not folders:
            raise ConfigurationError(f"no study has records in {self.results}")
        known = shipped()
        each = [
            replace(self, references=(folder.name,))
            if folder.name in known
            else replace(self, references=(str(folder),), overrides=())
            for folder in folders
        ]
        return [one.gather(region=region) for one in each]


def _list_references(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Of an argument that may be several; an empty text is most likely an unset variable."""
    references = (given,) if isinstance(given, str) else tuple(given or ())
    if "" in references:
        raise ConfigurationError("STUDY is empty")
    return references


def study(function: Function, several: bool = False, required: bool = True) -> Function:
    """STUDY (or STUDY...), --set and --results, handed to the verb as StudyArguments.

    Where STUDY is not required and not given, there are no references.
    """

    @functools.wraps(function)
    def with_study(references: Any, overrides: Any, results: Path, **others: Any) -> int:
        return function(StudyArguments(references, overrides, results), **others)

    text = "A shipped study (see bench list studies) or a YAML file"
    argument = click.argument(
        "references",
        nargs=-1 if several else 1,
        required=required,
        metavar="STUDY..." if several else "STUDY",
        callback=lambda ctx, parameter, given: _list_references(given),
        shell_complete=complete_study,
        help=f"{text}, or a folder with records/." if several else f"{text}.",
    )
    return argument(overrides(results(with_study)))


studies = functools.partial(study, several=True)
study_or_all = functools.partial(study, required=False)
formats = option(
    "--format",
    "formats",
    type=OneOf(("svg", "pdf")),
    multiple=True,
    show_default="PNG alone",
    help="Figures as this too; repeatable.",
)
