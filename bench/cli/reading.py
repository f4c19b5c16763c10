"""Verbs that read records and train nothing: tables, figures, a page, and a check of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
    import analysis

    gathered = arguments.gather(from_mlflow, baseline)
    folder = output or gathered.folder
    facts = _collapsed_at(gathered.study, shares)
    paths = analysis.write_leaderboard(folder, gathered.records, facts, gathered.names)
    print(paths[0].read_text(encoding="utf-8"))
    print("\n".join(map(str, paths)))
    return DONE


@verb("analyze", "quickstart", "quickstart --collapse-type 0.9")
@options.study
@options.collapse
def analyze(arguments: StudyArguments, **shares: float | None) -> int:
    """Write all tables and figures again, print their paths."""
    import analysis

    def write(folder: Path, records: Any, facts: Mapping[str, Any]) -> Sequence[Path]:
        return analysis.write_all(folder, records, _collapsed_at(facts, shares))

    return _write_tables(arguments, write)


@verb("ablate", "vinnas-ablation")
@options.study
def ablate(arguments: StudyArguments) -> int:
    """Write how a study's variations differ from its base.

    For studies that have a base and ablations.
    """
    import analysis

    return _write_tables(arguments, analysis.write_ablation)


@verb("report", "quickstart", "quickstart --output /tmp/page")
@options.study
@options.collapse
@options.output
def report(arguments: StudyArguments, output: Path | None, **shares: float | None) -> int:
    """Write one web page with everything in it."""
    import analysis

    found = arguments.gather()
    folder = output or found.folder
    facts = _collapsed_at(found.study, shares)
    print(analysis.write_report(folder, found.records, found.failed, facts, found.names))
    return DONE


@verb("verify", "quickstart", "quickstart --all")
@options.study
@option("--all", "everything", is_flag=True, help="Every table and figure, not the leaderboard.")
@options.collapse
def verify(arguments: StudyArguments, everything: bool, **shares: float | None) -> int:
    """Check that the leaderboard is what the records say.

    Writes its files anew elsewhere and compares them. Exit status 1 where one differs.
    """
    import analysis
    from bench.records import verify as verification

    gathered = arguments.gather()
    facts = _collapsed_at(gathered.study, shares)
    write = analysis.write_all if everything else analysis.write_leaderboard
    wrong, compared = verification.differing(
        gathered.folder, lambda folder: write(folder, gathered.records, facts, gathered.names)
    )
    for line in wrong:
        print(line)
    right = f"{compared - len(wrong)} of {compared} files are what the records say"
    print(f"{gathered.study['name']}: {right} ({gathered.folder})")
    return SOME_FAILED if wrong else DONE


def _write_tables(arguments: StudyArguments, write: Callable[..., Sequence[Path]]) -> int:
    from bench.run import session

    study, store = arguments.open()
    standing = session.finished_or_error(study, store)
    for path in session.tables(study, store, standing, write):
        print(path)
    return DONE


def _collapsed_at(facts: Mapping[str, Any], shares: Mapping[str, float | None]) -> dict[str, Any]:
    """A study's facts with the shares of --collapse-type and --collapse-free that are given."""
    given = {name.removeprefix("collapse_"): share for name, share in shares.items() if share}
    return {**facts, "collapsed_at": given}
