"""Verbs that read records and train nothing: tables, figures, a page, and a check of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from click import option

from bench.cli import options
from bench.cli.completion import complete_method
from bench.cli.options import DONE, SOME_FAILED, StudyArguments, verb


@verb("leaderboard", "quickstart --baseline random", "results/methods results/inheritance")
@options.studies
@option(
    "--baseline",
    metavar="METHOD",
    shell_complete=complete_method,
    show_default="the study's",
    help="The method that the others are compared with.",
)
@option("--from-mlflow", metavar="URI", help="Take the records from this MLflow server's runs.")
@options.collapse
@options.output
def leaderboard(
    arguments: StudyArguments,
    baseline: str | None,
    from_mlflow: str | None,
    output: Path | None,
    **shares: float | None,
) -> int:
    """Write the leaderboard again and print it.

    Several studies make one leaderboard where their records compare: the same data, space, budget
    and evaluation on a data set.
    """
    from bench.cli import plain_analysis as analysis

    gathered = arguments.gather(from_mlflow, baseline)
    folder = output or gathered.folder
    paths = analysis.write_leaderboard(
        folder,
        gathered.records,
        gathered.facts,
        thresholds=_thresholds(shares),
        files=gathered.files,
    )
    print(paths[0].read_text(encoding="utf-8"))
    print("\n".join(map(str, paths)))
    return DONE


@verb("analyze", "quickstart", "quickstart --collapse-type 0.9")
@options.study
@options.collapse
def analyze(arguments: StudyArguments, **shares: float | None) -> int:
    """Write all tables and figures again, print their paths."""
    from bench.cli import plain_analysis as analysis

    return _write_tables(arguments, partial(analysis.write_all, thresholds=_thresholds(shares)))


@verb("ablate", "vinnas-ablation")
@options.study
def ablate(arguments: StudyArguments) -> int:
    """Write how a study's variations differ from its base.

    For studies that have a base and ablations.
    """
    from bench.cli import plain_analysis as analysis

    return _write_tables(arguments, analysis.write_ablation)


@verb("report", "quickstart", "quickstart --output /tmp/page")
@options.study
@options.collapse
@options.output
def report(arguments: StudyArguments, output: Path | None, **shares: float | None) -> int:
    """Write one web page with everything in it."""
    from bench.cli import plain_analysis as analysis

    gathered = arguments.gather()
    path = analysis.write_report(
        output or gathered.folder,
        gathered.records,
        gathered.failed,
        gathered.facts,
        thresholds=_thresholds(shares),
        files=gathered.files,
    )
    print(path)
    return DONE


@verb("verify", "quickstart", "quickstart --all")
@options.study
@option("--all", "everything", is_flag=True, help="Every table and figure, not the leaderboard.")
@options.collapse
def verify(arguments: StudyArguments, everything: bool, **shares: float | None) -> int:
    """Check that the leaderboard is what the records say.

    Writes its files anew elsewhere and compares them. Exit status 1 where one differs.
    """
    from bench.cli import plain_analysis as analysis
    from bench.records import verify as verification

    gathered = arguments.gather()
    write = partial(
        analysis.write_all if everything else analysis.write_leaderboard,
        records=gathered.records,
        facts=gathered.facts,
        thresholds=_thresholds(shares),
        files=gathered.files,
    )
    wrong, compared = verification.compare(gathered.folder, write)
    for line in wrong:
        print(line)
    right = f"{compared - len(wrong)} of {compared} files are what the records say"
    print(f"{gathered.facts.name}: {right} ({gathered.folder})")
    return SOME_FAILED if wrong else DONE


def _write_tables(arguments: StudyArguments, write: Callable[..., Sequence[Path]]) -> int:
    from bench.run import session

    study, store = arguments.open()
    standing = session.finished_or_error(study, store)
    for path in session.write_study_tables(study, store, standing, write):
        print(path)
    return DONE


def _thresholds(shares: Mapping[str, float | None]) -> dict[str, float]:
    """The shares of --collapse-type and --collapse-free that are given."""
    return {name.removeprefix("collapse_"): share for name, share in shares.items() if share}
