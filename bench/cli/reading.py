"""Verbs that read records and train nothing: tables, figures, a page, and a check of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from click import option

from bench.cli import options
from bench.cli.claims import find_wrong_blocks
from bench.cli.completion import complete_method
from bench.cli.options import DONE, SOME_FAILED, StudyArguments, thresholds, verb
from bench.errors import ConfigurationError

if TYPE_CHECKING:
    from bench.records.facts import StudyFacts
    from bench.records.gather import Gathered
    from bench.records.schema import FinishedRecord


@verb(
    "leaderboard",
    "quickstart --baseline random",
    "results/collapse results/vinnas-parts --region 1",
)
@options.studies
@option(
    "--baseline",
    metavar="METHOD",
    shell_complete=complete_method,
    show_default="the study's",
    help="The method that the others are compared with.",
)
@option(
    "--columns",
    metavar="NAME,...",
    callback=lambda ctx, parameter, given: tuple(dict.fromkeys(given.split(","))) if given else (),
    show_default="method, accuracy, shift, verdict, nonzero, search",
    help="Columns of the LaTeX table.",
)
@option("--from-mlflow", metavar="URI", help="Take the records from this MLflow server's runs.")
@options.collapse
@options.region
@options.output
def leaderboard(
    arguments: StudyArguments,
    baseline: str | None,
    columns: Sequence[str],
    from_mlflow: str | None,
    output: Path | None,
    region: float | None,
    **shares: float | None,
) -> int:
    """Write the leaderboard again and print its main columns.

    Several studies make one leaderboard where their records compare: the same data, space, budget
    and evaluation on a data set.
    """
    import analysis
    from bench.cli import summary

    gathered = arguments.gather(from_mlflow, baseline, region)
    folder = output or gathered.folder
    paths = analysis.write_leaderboard(
        folder,
        gathered.records,
        gathered.facts,
        thresholds=thresholds(shares),
        files=gathered.files,
        columns=columns,
    )
    lines = summary.describe(gathered.records, gathered.facts, arguments, thresholds(shares))
    print("\n".join([*lines, "", *map(str, paths)]))
    return DONE


@verb("analyze", "quickstart", "quickstart --collapse-type 0.9")
@options.study
@options.formats
@options.collapse
@options.region
def analyze(
    arguments: StudyArguments, formats: Sequence[str], region: float | None, **shares: float | None
) -> int:
    """Write all tables and figures again, print their paths."""
    import analysis

    write = partial(analysis.write_all, thresholds=thresholds(shares), formats=formats)
    return _write_tables(arguments, write, region)


@verb("ablate", "vinnas-ablation")
@options.study
@options.region
def ablate(arguments: StudyArguments, region: float | None) -> int:
    """Write how a study's variations differ from its base.

    For studies that have a base and ablations.
    """
    import analysis

    return _write_tables(arguments, analysis.write_ablation, region)


@verb("report", "quickstart --open", "quickstart --output /tmp/page", "--all --open")
@options.study_or_all
@option("--all", "everything", is_flag=True, help="Each study with records, and index.html.")
@option("--open", "shown", is_flag=True, help="Show it in the browser, too.")
@options.collapse
@options.region
@options.output
def report(
    arguments: StudyArguments,
    everything: bool,
    output: Path | None,
    region: float | None,
    shown: bool,
    **shares: float | None,
) -> int:
    """Write one web page with everything in it.

    With --all one for each study that has records, and results/index.html, which compares them.
    """
    import analysis
    from bench.cli import browser
    from bench.run import session

    if everything == bool(arguments.references) or (everything and output):
        raise ConfigurationError("name one STUDY, or --all alone, without --output")
    chosen = thresholds(shares)
    studies = arguments.gather_all(region) if everything else [arguments.gather(region=region)]
    for own in studies:
        path = analysis.write_report(
            output or own.folder,
            own.records,
            own.failed,
            own.facts,
            thresholds=chosen,
            files=own.files,
        )
        print(path)
        if output is None:
            session.send_tables([*own.records, *own.failed], own.folder)
    if everything:
        path = analysis.write_index(arguments.results, studies, thresholds=chosen)
        print(path)
    if shown and not browser.show(path):
        print(f"no browser here to open it in: {path.absolute().as_uri()}")
    return DONE


@verb("verify", "quickstart", "quickstart --all", "--all")
@options.study_or_all
@option("--all", "everything", is_flag=True, help="Every table and figure, not these alone.")
@options.collapse
@options.region
def verify(
    arguments: StudyArguments, everything: bool, region: float | None, **shares: float | None
) -> int:
    """Check that leaderboard and claims are what the records say.

    Of STUDY, or of each shipped study that has records. Writes their files anew elsewhere and
    compares them, and so the sentences about claims in README.md here and in the folder of
    results. Exit status 1 where one differs.
    """
    from bench.study.file import shipped

    if arguments.references:
        studies = [arguments.gather(region=region)]
    else:
        known, studies = shipped(), []
        for one in arguments.gather_all(region):
            if one.facts.name in known:
                studies.append(one)
            else:
                print(f"{one.folder}: not checked, name the study's file")
    right = [_verify(own, everything, shares) for own in studies]
    blocks = list(find_wrong_blocks(arguments, [own.facts.name for own in studies], shares))
    for line in blocks:
        print(line)
    return DONE if all(right) and not blocks else SOME_FAILED


def _verify(study: Gathered, everything: bool, shares: Mapping[str, float | None]) -> bool:
    """Whether a study's files are what its records say; what is not is printed."""
    import analysis
    from bench.records import verify as verification

    write_leaderboard = partial(
        analysis.write_all if everything else analysis.write_leaderboard,
        records=study.records,
        facts=study.facts,
        thresholds=thresholds(shares),
        files=study.files,
    )

    def write(folder: Path) -> list[Path]:
        claims = analysis.write_claims(folder, [study], thresholds=thresholds(shares))
        return list(dict.fromkeys([*write_leaderboard(folder), *claims]))

    wrong, compared = verification.compare(study.folder, write)
    for line in wrong:
        print(line)
    right = f"{compared - len(wrong)} of {compared} files are what the records say"
    print(f"{study.facts.name}: {right} ({study.folder})", flush=True)
    return not wrong


@verb("calibrate", "", "--seed 1 --output /tmp/calibration")
@option("--seed", type=options.Whole(min=0), default=0, help="Of the simulations.")
@options.region
@option(
    "--output",
    type=options.PATH,
    metavar="DIR",
    default=Path("results/calibration"),
    help="Where to write.",
)
def calibrate(seed: int, region: float | None, output: Path) -> int:
    """Simulate how often intervals and tests are right.

    Draws random cells of NAS-Bench-201, whose accuracies are known, and counts how often the
    leaderboard's intervals have the true mean in them and its tests find a difference. Needs the
    extra `tabular`.
    """
    import analysis
    from bench.records import population
    from bench.study.model import REGION
    from bench.tabular.config import TabularConfig
    from bench.tabular.providers import tables

    populations = [population.describe(table) for table in tables(TabularConfig()).values()]
    chosen = REGION if region is None else region
    for path in analysis.write_calibration(output, populations, seed, chosen):
        print(path)
    return DONE


def _write_tables(
    arguments: StudyArguments, write: Callable[..., Sequence[Path]], region: float | None
) -> int:
    from bench.run import session

    def write_with_region(
        folder: Path, records: Sequence[FinishedRecord], facts: StudyFacts
    ) -> Sequence[Path]:
        chosen = facts.region if region is None else region
        return write(folder, records, replace(facts, region=chosen))

    study, store = arguments.open()
    standing = session.finished_or_error(study, store)
    for path in session.write_study_tables(study, store, standing, write_with_region):
        print(path)
    session.send_tables(standing.recorded, store.folder)
    return DONE
